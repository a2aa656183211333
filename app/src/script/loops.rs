//! Devices that a script made of files: GRUB 2's `loopback`.

use pvgrub_fs::{Disk, Disks, Numbering, Volume, split_device};
use pvgrub_menu::{Device, FileRef};
use pvgrub_script::HostError;

use super::names::{self, Wrong};
use crate::config::Home;

/// The most of them at a time.
const MOST: usize = 16;
/// The longest name, in bytes.
const MAX_NAME: usize = 255;

/// The names of devices that a shell knows besides those of the disks, the newest first.
#[derive(Debug, Clone)]
pub struct Loops {
    made: Vec<Loop>,
    /// How partitions are counted.
    pub counting: Numbering,
}

#[derive(Debug, Clone)]
struct Loop {
    name: String,
    /// The file, as [`Disks::images`] names it; `None`: on paper, without any disk.
    image: Option<String>,
}

impl Loops {
    /// None yet.
    pub fn new(counting: Numbering) -> Self {
        Self { made: Vec::new(), counting }
    }

    /// Whether there may be one more of this name.
    pub fn check(&self, name: &str) -> Result<(), HostError> {
        match () {
            () if self.find(name).is_some() => Err(HostError::Exists),
            () if name.len() > MAX_NAME => {
                Err(HostError::Refused(format!("a device's name has at most {MAX_NAME} bytes")))
            }
            () if self.made.len() >= MOST => {
                Err(HostError::Refused(format!("at most {MOST} devices can be made of files")))
            }
            () => Ok(()),
        }
    }

    /// Adds one.
    pub fn add(&mut self, name: &str, image: Option<&Disk>) {
        let image = image.map(|disk| disk.name.clone());
        self.made.insert(0, Loop { name: name.to_owned(), image });
    }

    /// Takes one away; `false` if there is none of this name.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.made.len();
        self.made.retain(|have| have.name != name);
        self.made.len() < before
    }

    fn find(&self, name: &str) -> Option<&Loop> {
        self.made.iter().find(|have| have.name == name)
    }

    /// What stands before a device's comma, if that is one of these names; and what stands behind it.
    fn split<'n>(&self, device: &'n str) -> Option<(&Loop, Option<&'n str>)> {
        let (name, part) = device.split_once(',').map_or((device, None), |(name, part)| (name, Some(part)));
        Some((self.find(name)?, part))
    }

    /// Whether this device, without parentheses, is only known by its name.
    pub fn is_absent(&self, device: &str) -> bool {
        self.split(device).is_some_and(|(found, _)| found.image.is_none())
    }

    /// Whether this device is one of these.
    pub fn has(&self, device: &str) -> bool {
        self.split(device).is_some()
    }

    /// The volume of this name, `loop` or `loop,msdos1`, or any other. Of several with the same label or UUID, that on the menu's own
    /// disk.
    pub fn volume<'d>(&self, device: &str, home: &Home<'d>, disks: &'d Disks) -> Result<&'d Volume, Wrong> {
        let Some((found, part)) = self.split(device) else {
            return names::volume(device, home, disks, self.counting).ok_or(Wrong::NoDevice);
        };
        let disk = found.disk(disks).ok_or(Wrong::NoDevice)?;
        let device = format!("({device})");
        let volume = disk.volume(part, self.counting, &device);
        volume.map_err(|why| match disk.problems().first().filter(|_| disk.volumes().len() < 2) {
            Some(problem) => Wrong::Name(problem.to_string()),
            None => Wrong::Name(why.to_string()),
        })
    }

    /// Another name of a file that is on one of these devices, which means it also when the device's name is taken away, or given to another:
    /// for [`file_ref`].
    pub fn lasting(&self, path: &str, home: &Home<'_>, disks: &Disks) -> Option<String> {
        let (device, rest) = split_device(path);
        let device = device.filter(|device| self.has(device) && !names::is_server(device))?;
        let volume = self.volume(device, home, disks).ok()?;
        let all = disks.images().flat_map(Disk::volumes);
        let number =
            all.enumerate().find(|(_, have)| std::ptr::eq(*have, volume)).map(|(number, _)| number)?;
        Some(format!("{LASTING}{number}){rest}"))
    }

    /// The volumes of a hint of `search`, if it is about one of these: `loop,` means all of that device.
    pub fn hinted<'d>(&self, hint: &str, disks: &'d Disks) -> Option<Vec<&'d Volume>> {
        let (found, part) = self.split(hint)?;
        let disk = found.disk(disks)?;
        Some(match part {
            Some("") => disk.volumes().iter().collect(),
            part => disk.volume(part, self.counting, hint).ok().into_iter().collect(),
        })
    }

    /// All their volumes, with their names.
    pub fn volumes<'d>(&self, disks: &'d Disks) -> Vec<(String, &'d Volume)> {
        let of = |found: &Loop| {
            let name = found.name.clone();
            let volumes = found.disk(disks).into_iter().flat_map(Disk::volumes);
            volumes.map(move |volume| (names::within(&name, volume, self.counting), volume))
        };
        self.made.iter().flat_map(of).collect()
    }
}

/// What a lasting name begins with; behind it stands which of all volumes of images it is. Images stay, in their order. No device that a
/// script can load from is called so in the end: what it makes itself gets another lasting name.
const LASTING: &str = "(image ";

/// What a lasting name means, if it is one.
pub fn file_ref(path: &str, disks: &Disks) -> Option<FileRef> {
    let (number, path) = path.strip_prefix(LASTING)?.split_once(')')?;
    let volume = disks.images().flat_map(Disk::volumes).nth(number.parse().ok()?)?;
    Some(FileRef { device: Some(Device::Name(volume.name.clone())), path: path.to_owned(), digest: None })
}

impl Loop {
    fn disk<'d>(&self, disks: &'d Disks) -> Option<&'d Disk> {
        let image = self.image.as_ref()?;
        disks.images().find(|disk| disk.name == *image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_how_many() {
        let mut loops = Loops::new(Numbering::Grub2);
        for number in 0..MOST {
            assert_eq!(loops.check(&format!("loop{number}")), Ok(()));
            loops.add(&format!("loop{number}"), None);
        }
        assert!(matches!(loops.check("more"), Err(HostError::Refused(_))));
        assert_eq!(loops.check("loop3"), Err(HostError::Exists));
        assert!(loops.has("loop3,1") && loops.is_absent("loop3,msdos1") && !loops.has("loop,3"));
        assert!(loops.remove("loop3") && !loops.remove("loop3"));
        assert_eq!(loops.check("loop3"), Ok(()));
        assert!(matches!(loops.check(&"x".repeat(MAX_NAME + 1)), Err(HostError::Refused(_))));
    }
}
