//! What a kernel gets besides its command line: an initrd, or modules in a package (docs/decisions/0022-module.md).

use pvgrub_handover::image::{PAGE, gunzip, unpacked_len};
use pvgrub_handover::modules::{Module, Package};
use pvgrub_handover::plan::Initrd;
use pvgrub_menu::{Boot, FileRef};
use pvgrub_net::Digest;

use crate::input::{FileSource, Input};
use crate::load::{Loader, Named};
use crate::machine::{Machine, Place};
use crate::timings::Timings;

/// An initrd or a package of modules, in memory.
#[derive(Debug)]
pub struct Ramdisk<P> {
    /// Whole pages, zeroes after its end.
    #[cfg_attr(not(target_os = "hermit"), expect(dead_code, reason = "on Linux nothing is booted"))]
    pub pages: P,
    /// Its length and kind.
    pub initrd: Initrd,
    /// The files in it.
    #[cfg_attr(target_os = "hermit", expect(dead_code, reason = "only Linux says what would be booted"))]
    pub files: Vec<Named>,
}

/// The files that a menu's entry names besides its kernel, opened.
pub struct Wanted<'a> {
    parts: Vec<Part<'a>>,
    /// They stand on `module` lines.
    modules: bool,
}

/// One file of it.
struct Part<'a> {
    file: Input<'a>,
    named: Named,
    /// What the file must be.
    digest: Option<Digest>,
    cmdline: &'a str,
    /// As a module, a gzip file is unpacked.
    unzip: bool,
    /// It is unpacked while it is read, to so many bytes.
    unpacked: Option<u64>,
}

/// The same files, when it is known what becomes of them. Without a package they are the initrd, one after the other, if there
/// are any.
pub struct Fitted<'a> {
    parts: Vec<Part<'a>>,
    package: Option<Package<'a>>,
}

impl<'a> Wanted<'a> {
    /// Opens by `open` what `boot` names; its second argument: the file may be read more than once, and in any order.
    pub fn open(
        boot: &'a Boot,
        mut open: impl FnMut(&FileRef, bool) -> Result<(Input<'a>, Named, Option<Digest>), String>,
    ) -> Result<Self, String> {
        let initrds = boot.initrds.iter().map(|file| (file, "", false));
        let modules = boot.modules.iter().map(|module| (&module.file, module.args.as_str(), module.unzip));
        let part = |(file, cmdline, unzip)| {
            let (file, named, digest) = open(file, unzip)?;
            Ok(Part { file, named, digest, cmdline, unzip, unpacked: None })
        };
        let parts = initrds.chain(modules).map(part).collect::<Result<_, String>>()?;
        Ok(Self { parts, modules: !boot.modules.is_empty() })
    }

    /// The same, behind these.
    #[must_use]
    pub fn after(mut self, before: Vec<(Input<'a>, Named)>) -> Self {
        let part =
            |(file, named)| Part { file, named, digest: None, cmdline: "", unzip: false, unpacked: None };
        self.parts.splice(0..0, before.into_iter().map(part));
        self
    }

    /// Decides what they become for a kernel of this system.
    pub fn for_kernel(self, guest_os: &str, timings: &Timings) -> Result<Fitted<'a>, String> {
        let Self { mut parts, modules } = self;
        let linux = guest_os.eq_ignore_ascii_case("linux");
        if linux && modules && parts.len() > 1 {
            return Err(format!(
                "the kernel is Linux, which takes one initrd, and there are {} `module` lines: join the files to one \
                 and name that by `initrd`",
                parts.len()
            ));
        }
        if linux || !modules {
            return Ok(Fitted { parts, package: None });
        }
        for part in parts.iter_mut().filter(|part| part.unzip) {
            let len = unpacked_len(&mut FileSource { file: &part.file, timings });
            part.unpacked = len.map_err(|why| format!("{}: {why}", part.named.name))?;
        }
        let module = |part: &Part<'a>| Module {
            len: part.unpacked.unwrap_or(part.named.len),
            cmdline: part.cmdline.as_bytes(),
        };
        let package = Package::new(parts.iter().map(module)).map_err(|why| why.to_string())?;
        Ok(Fitted { parts, package: Some(package) })
    }
}

impl Fitted<'_> {
    /// What the kernel is to be told of.
    pub fn initrd(&self) -> Option<Initrd> {
        match &self.package {
            Some(package) => Some(Initrd { len: package.len(), package: true }),
            None => {
                let (last, others) = self.parts.split_last()?;
                // Hostile lengths: too much of them is told when there is no memory for it.
                let before =
                    others.iter().fold(0, |sum: u64, part| sum.saturating_add(padded(part.named.len)));
                Some(Initrd::plain(before.saturating_add(last.named.len)))
            }
        }
    }

    /// Reads all files to where they will lie, best of all `place`.
    pub fn read<M: Machine>(
        self,
        loader: &mut Loader<'_, M>,
        place: Option<Place>,
    ) -> Result<Option<Ramdisk<M::Pages>>, String> {
        let Some(initrd) = self.initrd() else { return Ok(None) };
        let count = usize::try_from(initrd.len.div_ceil(PAGE)).ok();
        let get = |count| match place {
            Some(place) => loader.machine.pages_in(count, place),
            None => loader.machine.pages(count),
        };
        let mut pages = count.and_then(get).ok_or_else(|| {
            let (need, free) = (initrd.len.div_ceil(1 << 20), loader.machine.memory().free >> 20);
            let names: Vec<&str> = self.parts.iter().map(|part| part.named.name.as_str()).collect();
            let names = names.join(", ");
            format!("{names}: {need} MiB are needed and {free} MiB are free: give the domain more memory")
        })?;
        let places = match &self.package {
            Some(package) => package.fill(&mut pages),
            None => split(&mut pages, self.parts.iter().map(|part| part.named.len)),
        };
        let places = places.ok_or("internal error: the memory for the initrd is too small")?;
        for (number, (part, place)) in self.parts.iter().zip(places).enumerate() {
            let label = match (initrd.package, number) {
                (true, _) => format!("module {}", number + 1),
                (false, 0) => "initrd".to_owned(),
                (false, _) => format!("initrd {}", number + 1),
            };
            part.read(place, &label, loader)?;
        }
        let files = self.parts.into_iter().map(|part| part.named).collect();
        Ok(Some(Ramdisk { pages, initrd, files }))
    }
}

/// Linux looks for the next archive of an initrd where the last one ended, in steps of four bytes of zero, as GRUB 2 joins them.
fn padded(len: u64) -> u64 {
    len.checked_next_multiple_of(4).unwrap_or(u64::MAX)
}

/// Places of these lengths, one after the other; what is between and behind them becomes zero.
fn split(pages: &mut [u8], lens: impl Iterator<Item = u64>) -> Option<Vec<&mut [u8]>> {
    let (mut places, mut rest) = (Vec::new(), pages);
    let mut pad = 0;
    for len in lens {
        let (gap, behind) = rest.split_at_mut_checked(pad)?;
        gap.fill(0);
        let (place, behind) = behind.split_at_mut_checked(usize::try_from(len).ok()?)?;
        pad = usize::try_from(padded(len) - len).ok()?;
        places.push(place);
        rest = behind;
    }
    rest.fill(0);
    Some(places)
}

impl Part<'_> {
    fn read<M: Machine>(
        &self,
        place: &mut [u8],
        label: &str,
        loader: &mut Loader<'_, M>,
    ) -> Result<(), String> {
        let (timings, keys) = (loader.timings, loader.keys());
        let read = |show: &mut dyn FnMut(u64)| {
            if self.unpacked.is_some() {
                return gunzip(&mut FileSource { file: &self.file, timings }, place, &mut |done, _| {
                    show(done)
                });
            }
            self.file.read_whole(place, self.digest, &mut |done| {
                show(done);
                if keys.is_broken_off() { Err("broken off".to_owned()) } else { Ok(()) }
            })
        };
        loader.showing(label, self.named.len, read).map_err(|why| format!("{}: {why}", self.named.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initrds_are_joined_in_steps_of_four() {
        let mut pages = [0xff; 32];
        let places = split(&mut pages, [5, 8, 3].into_iter()).unwrap();
        for (place, byte) in places.into_iter().zip([1, 2, 3]) {
            place.fill(byte);
        }
        assert_eq!(pages[..20], [1, 1, 1, 1, 1, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 0]);
        assert!(pages[20..].iter().all(|byte| *byte == 0));
        assert!(split(&mut [0; 8], [5, 1].into_iter()).is_none());
        assert!(split(&mut [0; 8], [u64::MAX, 1].into_iter()).is_none());
    }
}
