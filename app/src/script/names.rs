//! GRUB 2's names of volumes and files, and what stands behind them here.

use pvgrub_fs::{Disks, Numbering, Partition, PartitionKind, Volume, split_device};
use pvgrub_menu::bls::{self, Image};
use pvgrub_menu::{Device, FileRef};
use pvgrub_net::Server;
use pvgrub_script::{BlsEntry, Counters};

use super::loops::Loops;
use crate::config::Home;

/// Why a name leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is no such device.
    NoDevice,
    /// It is no name at all; why.
    Name(String),
}

/// The kind of a partition's table, as GRUB has it.
pub fn table(partition: &Partition) -> &'static str {
    match partition.kind {
        PartitionKind::Msdos { .. } => "msdos",
        PartitionKind::Gpt { .. } => "gpt",
    }
}

/// A volume's name, without parentheses: `hd0,msdos1`, or `hd0,0`.
pub fn of(volume: &Volume, counting: Numbering) -> String {
    within(&format!("hd{}", volume.disk), volume, counting)
}

/// The same on a disk of this name.
pub fn within(disk: &str, volume: &Volume, counting: Numbering) -> String {
    match (&volume.partition, counting) {
        (Some(part), Numbering::Grub2) => format!("{disk},{}{}", table(part), part.number),
        (Some(part), Numbering::Legacy) => format!("{disk},{}", part.number.saturating_sub(1)),
        (None, _) => disk.to_owned(),
    }
}

/// The volume of this name. Of several with the same label or UUID, that on the menu's own disk.
pub fn volume<'d>(
    device: &str,
    home: &Home<'d>,
    disks: &'d Disks,
    counting: Numbering,
) -> Option<&'d Volume> {
    disks.resolve_near(device, counting, home.volume()).ok().map(|resolved| resolved.volume)
}

/// The volumes that a hint of `search` means: `hd0,msdos1`; `hd0,` all of that disk.
pub fn hinted<'d>(hint: &str, home: &Home<'d>, disks: &'d Disks, counting: Numbering) -> Vec<&'d Volume> {
    let Some(disk) = hint.strip_suffix(',') else {
        return volume(hint, home, disks, counting).into_iter().collect();
    };
    let disk = disk.strip_prefix("xen/").unwrap_or(disk);
    let numbered = disk.strip_prefix("hd").and_then(|number| number.parse::<usize>().ok());
    let found = match numbered {
        Some(number) => disks.disks().get(number),
        None => disks.disks().iter().find(|have| have.name == disk),
    };
    found.into_iter().flat_map(|disk| disk.volumes()).collect()
}

/// Whether a device is a server: `tftp,10.0.0.1`, `http`, `nd`.
pub fn is_server(device: &str) -> bool {
    let scheme = device.split_once(',').map_or(device, |(scheme, _)| scheme);
    matches!(scheme, "tftp" | "http" | "https" | "nd" | "pxe")
}

/// A server's name, without parentheses. It tells no password.
pub fn server_name(server: &Server) -> String {
    let text = server.to_string();
    text.split_once("://")
        .map_or_else(|| text.clone(), |(scheme, host)| format!("{scheme},{}", host.trim_end_matches('/')))
}

/// What a path of a script means: `(hd0,msdos1)/boot/x`, `(tftp,10.0.0.1)/x`, a URL. Volumes are under their own name then, whatever
/// way of counting partitions is usual where it is read.
pub fn file_ref(path: &str, home: &Home<'_>, disks: &Disks, loops: &Loops) -> Result<FileRef, Wrong> {
    let (device, rest) = split_device(path);
    match device {
        // The menu's own server, with the password that its URL may have.
        Some(device) if matches!(home, Home::Net(place) if server_name(&place.server) == device) => {
            let Home::Net(place) = home else { return Err(Wrong::NoDevice) };
            Ok(FileRef {
                device: Some(Device::Server(Box::new(place.server.clone()))),
                path: rest.into(),
                digest: None,
            })
        }
        Some(device) if !is_server(device) && !path.contains("://") => {
            let volume = loops.volume(device, home, disks)?;
            let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
            Ok(FileRef { device: Some(Device::Name(volume.name.clone())), path, digest: None })
        }
        _ => pvgrub_menu::file_ref(path, None).map_err(Wrong::Name),
    }
}

/// The same where there is no disk at all: the name as it is written.
pub fn absent(path: &str) -> FileRef {
    let (device, rest) = split_device(path);
    FileRef { device: device.map(|name| Device::Name(name.to_owned())), path: rest.to_owned(), digest: None }
}

/// The device, without parentheses, and the directory that a script at `home` begins with as `root` and `prefix`.
pub fn start(home: &Home<'_>, disks: &Disks, counting: Numbering) -> (String, String) {
    let directory =
        |path: &str| path.rsplit_once('/').map_or(String::new(), |(directory, _)| directory.to_owned());
    match home {
        Home::Volume(volume, path) => {
            let root = of(volume, counting);
            (root.clone(), format!("({root}){}", directory(path)))
        }
        Home::Net(place) => {
            let root = server_name(&place.server);
            (root.clone(), format!("({root}){}", directory(&place.path)))
        }
        Home::Host => {
            let root =
                disks.volumes().first().map_or_else(|| "hd0".to_owned(), |volume| of(volume, counting));
            (root.clone(), format!("({root})/boot/grub"))
        }
    }
}

/// An entry of the Boot Loader Specification as GRUB's shell takes it.
pub fn bls_entry(entry: bls::Entry, variable: bls::Lookup<'_>) -> BlsEntry {
    let linux = match entry.image {
        Image::Linux(path) | Image::Efi(path) | Image::Uki(path, _) => path,
    };
    let name = entry.file.get(..entry.file.len().saturating_sub(".conf".len())).unwrap_or_default();
    let counters = |tries: bls::Tries| Counters {
        text: name.get(entry.id.len()..).unwrap_or_default().to_owned(),
        left: tries.to_string(),
    };
    BlsEntry {
        counters: entry.tries.map(counters),
        id: entry.id,
        title: entry.title,
        linux,
        options: entry.options.or_else(|| variable("default_kernelopts")).unwrap_or_default(),
        initrds: entry.initrds,
        classes: entry.classes,
        hotkey: entry.hotkey,
        users: entry.users,
        devicetree: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_volumes() {
        assert!(is_server("tftp,10.0.0.1") && is_server("http") && is_server("nd"));
        assert!(!is_server("hd0,msdos1") && !is_server("tftpboot"));
        let disks = Disks::new();
        assert_eq!(
            file_ref("(hd0,msdos1)/x", &Home::Host, &disks, &Loops::new(Numbering::Grub2)),
            Err(Wrong::NoDevice)
        );
        let file =
            file_ref("(http,boot.example)/x", &Home::Host, &disks, &Loops::new(Numbering::Grub2)).unwrap();
        assert_eq!(file.to_string(), "http://boot.example/x");
    }
}
