//! Where paths on a btrfs lead to, as SUSE's and Fedora's GRUB have it. A host looks for them in the default subvolume first anyway; here is
//! what a script says besides.

use alloc::format;
use alloc::string::{String, ToString};

use crate::code;
use crate::exec::{Call, Exec, Run};
use crate::host::Probe;

/// A directory of a device in whose place a subvolume is.
#[derive(Debug, Clone)]
pub(crate) struct Mount {
    device: String,
    /// Without slashes around it.
    directory: String,
    subvolume: String,
}

/// The most of them, and the longest of their words.
const MOST: usize = 16;
const LONGEST: usize = 4096;

/// `btrfs-mount-subvol (DEVICE) DIRECTORY SUBVOLUME`, the subvolume by its path from the top level.
pub(crate) fn mount(exec: &mut Exec, call: &Call) -> Run {
    let [device, directory, subvolume] = call.args.as_slice() else {
        return exec.fail(code::BAD_ARGUMENT, "three arguments expected");
    };
    let device = device.strip_prefix('(').and_then(|name| name.strip_suffix(')'));
    let Some(device) = device else { return exec.fail(code::BAD_ARGUMENT, "device name required") };
    let (directory, subvolume) = (directory.trim_matches('/'), subvolume.trim_matches('/'));
    let mounts = &mut exec.sh.mounts;
    mounts.retain(|mount| mount.device != device || mount.directory != directory);
    if mounts.len() >= MOST || [device, directory, subvolume].iter().any(|word| word.len() > LONGEST) {
        return exec.fail(code::BAD_ARGUMENT, "too many subvolumes are mounted");
    }
    let [device, directory, subvolume] = [device, directory, subvolume].map(ToString::to_string);
    exec.sh.mounts.push(Mount { device, directory, subvolume });
    Ok(0)
}

/// What is behind `directory` in `path`: nothing, or what begins with a slash.
fn beneath<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    let rest = path.strip_prefix('/')?.strip_prefix(directory)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

impl Exec<'_> {
    /// Where a path of a device leads, with what was mounted and `btrfs_subvol`.
    pub(crate) fn on_btrfs(&mut self, device: &str, path: &str) -> String {
        let mounted = self.sh.mounts.iter().filter(|mount| mount.device == device);
        let under = mounted.filter_map(|mount| Some((mount, beneath(path, &mount.directory)?)));
        if let Some((mount, rest)) = under.max_by_key(|(mount, _)| mount.directory.len()) {
            return format!("/{}{rest}", mount.subvolume);
        }
        let subvolume = self.get("btrfs_subvol").unwrap_or_default();
        let subvolume = subvolume.trim_matches('/');
        if subvolume.is_empty() || !path.starts_with('/') || beneath(path, subvolume).is_some() {
            return path.into();
        }
        match self.host.probe(device, Probe::FileSystem) {
            Ok(Some(kind)) if kind == "btrfs" => format!("/{subvolume}{path}"),
            _ => path.into(),
        }
    }
}
