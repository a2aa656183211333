//! What a script needs of the world around it.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

/// Files, devices, clock and screen, as the program that runs a script has them.
///
/// Paths are `(DEVICE)/PATH`: where a script leaves the device out, the variable `root` was put in. The host resolves them.
/// Whatever it answers is hostile input to the script, and the other way round.
pub trait Host {
    /// A whole file of at most `most` bytes.
    fn read(&mut self, path: &str, most: usize) -> Result<Vec<u8>, HostError>;

    /// These bytes of a volume, whatever they are. A host may not give any.
    fn read_blocks(&mut self, _device: &str, _bytes: Range<u64>) -> Result<Vec<u8>, HostError> {
        Err(HostError::Refused("block lists are not read".into()))
    }

    /// What a path leads to, symbolic links followed.
    fn info(&mut self, path: &str) -> Result<Info, HostError>;

    /// Whether a file that is to be loaded is there. A host that only tells what a script comes to may say so of any.
    fn is_file(&mut self, path: &str) -> Result<(), HostError> {
        match self.info(path)? {
            Info { directory: true, .. } => Err(HostError::NotAFile),
            _ => Ok(()),
        }
    }

    /// The same, and the path by which that file is known from then on, whatever becomes of the device's name.
    fn to_load(&mut self, path: &str) -> Result<String, HostError> {
        self.is_file(path).map(|()| path.into())
    }

    /// Names in a directory, in its own order, and whether each is a directory.
    fn list(&mut self, path: &str) -> Result<Vec<(String, bool)>, HostError>;

    /// The volumes there are, without parentheses: `hd0`, `hd0,msdos1`.
    fn devices(&mut self) -> Vec<String>;

    /// Volumes that have a file, a label or a UUID, at most `most`; those of `hints` are looked at first. A hint that ends in a
    /// comma means the partitions of that disk, too.
    fn search(&mut self, by: By, key: &str, hints: &[String], most: usize) -> Vec<String>;

    /// The partitions of a disk (`hd0`) that has a GPT, by their numbers.
    fn gpt(&mut self, _disk: &str) -> Result<Vec<GptPartition>, HostError> {
        Err(HostError::NoDevice)
    }

    /// Something about a volume; `None` where it has no such thing.
    fn probe(&mut self, device: &str, what: Probe) -> Result<Option<String>, HostError>;

    /// Makes a device of this name of the file at `path`, an image: from then on it is among the others, first of all. A host may not have such devices.
    fn loopback(&mut self, _name: &str, _path: &str) -> Result<(), HostError> {
        Err(HostError::Refused("there are no devices made of files".into()))
    }

    /// Takes the name away again.
    fn unloop(&mut self, _name: &str) -> Result<(), HostError> {
        Err(HostError::NoDevice)
    }

    /// Shows text. It comes as the script has it: the host makes it fit for a terminal.
    fn print(&mut self, text: &str);

    /// Waits for so many seconds; `true` if somebody broke it off, which only happens if it is `interruptible`.
    fn sleep(&mut self, seconds: u32, interruptible: bool) -> bool;

    /// Whether somebody wants the script to end. It is asked now and then while a script runs.
    fn is_broken_off(&mut self) -> bool {
        false
    }

    /// Date and time, UTC.
    fn now(&mut self) -> Option<DateTime>;

    /// Writes a whole environment block back to its file, whose length it keeps.
    fn write_env(&mut self, path: &str, block: &[u8]) -> Result<(), HostError>;

    /// The entries of the Boot Loader Specification beneath a directory (`(hd0,1)/loader/entries`), in the order in which the
    /// menu shall have them. `variable` is what the script has set, for values that name it (`$kernelopts`).
    fn bls(&mut self, directory: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Bls, HostError>;

    /// A line from the keyboard (`read`); `None` if there is nobody to type one.
    fn line(&mut self, silent: bool) -> Option<String>;
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Info {
    /// It is a directory.
    pub directory: bool,
    /// Bytes of a file; 0 if the host can't say without fetching it.
    pub size: u64,
    /// When it was written, in seconds since 1970; `None` if that isn't known.
    pub modified: Option<i64>,
}

/// Why the host can't do as it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostError {
    /// There is no such file or directory.
    NotFound,
    /// There is no such device.
    NoDevice,
    /// The device has no file system that is known.
    NoFileSystem,
    /// It is a directory, or no file of the usual kind.
    NotAFile,
    /// It is larger than what was asked for.
    TooLarge,
    /// There is a device of that name already.
    Exists,
    /// The host won't; why.
    Refused(String),
    /// It went wrong; how.
    Failed(String),
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A file with this path.
    File,
    /// A file system with this label.
    Label,
    /// A file system with this UUID, whatever the case of its letters.
    Uuid,
    /// A partition of a GPT with this name.
    PartLabel,
    /// A partition with this UUID, as Linux calls it PARTUUID.
    PartUuid,
}

/// A partition of a GPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GptPartition {
    /// Its name, without parentheses: `hd0,gpt3`.
    pub device: String,
    /// Its type, in lower case.
    pub system: String,
    /// Its own UUID, in lower case.
    pub uuid: String,
    /// Its attributes.
    pub attributes: u64,
}

/// What to say of a volume. The words are GRUB's: `msdos`, `gpt`, `ext2`, `fat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The driver of the disk.
    Driver,
    /// The kind of partition table that it is a partition of.
    PartMap,
    /// The file system's kind.
    FileSystem,
    /// The file system's UUID.
    Uuid,
    /// The file system's label.
    Label,
    /// The partition's UUID.
    PartUuid,
}

/// Date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct DateTime {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

impl DateTime {
    /// Date and time of a moment in seconds since 1970 (days to dates as in Hinnant's "chrono-compatible low-level date algorithms").
    pub fn of(seconds: u64) -> Self {
        let (days, rest) = (seconds / 86400, seconds % 86400);
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let small = |number: u64| u8::try_from(number).unwrap_or(0);
        Self {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: small(month),
            day: small(day_of_year - (153 * from_march + 2) / 5 + 1),
            hour: small(rest / 3600),
            minute: small(rest / 60 % 60),
            second: small(rest % 60),
        }
    }

    /// The day's name.
    pub fn weekday(&self) -> &'static str {
        const NAMES: [&str; 7] =
            ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
        // Sakamoto's way: January and February count to the year before.
        const SHIFT: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let month = usize::from(self.month.clamp(1, 12)) - 1;
        let year = u32::from(self.year).saturating_sub(u32::from(month < 2));
        let shift = SHIFT.get(month).copied().unwrap_or(0);
        let day = year + year / 4 - year / 100 + year / 400 + shift + u32::from(self.day);
        NAMES.get(day as usize % 7).copied().unwrap_or("Sunday")
    }
}

/// What is in a directory of entries of the Boot Loader Specification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bls {
    /// The entries, in their order.
    pub entries: Vec<BlsEntry>,
    /// Files that are none, and why: for the user.
    pub notes: Vec<String>,
}

/// What the name of an entry's file says of its tries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// As they stand there: `+2-1`.
    pub text: String,
    /// What is left, in words: shown behind the title.
    pub left: String,
}

/// An entry that a file of the Boot Loader Specification describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlsEntry {
    /// The file's name without `.conf`, and without the counters of its tries.
    pub id: String,
    /// The counters in the file's name, if it has any.
    pub counters: Option<Counters>,
    /// `title`.
    pub title: String,
    /// `linux`: a path on the volume of the entry.
    pub linux: String,
    /// `options`, joined by spaces, with the values of variables in it. As in Fedora's GRUB the commands of the entry are made of it
    /// as it is, and run.
    pub options: String,
    /// `initrd`, in their order.
    pub initrds: Vec<String>,
    /// `grub_class`.
    pub classes: Vec<String>,
    /// `grub_hotkey`.
    pub hotkey: Option<String>,
    /// `grub_users`; with `None`, anybody may boot it.
    pub users: Option<String>,
    /// `devicetree`.
    pub devicetree: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::DateTime;
    use alloc::format;

    #[test]
    fn dates() {
        let is = |seconds, text: &str| {
            let d = DateTime::of(seconds);
            let found = format!(
                "{}-{:02}-{:02} {:02}:{:02}:{:02}",
                d.year, d.month, d.day, d.hour, d.minute, d.second
            );
            assert_eq!(found, text);
        };
        is(0, "1970-01-01 00:00:00");
        is(951_782_400 - 1, "2000-02-28 23:59:59");
        is(951_782_400, "2000-02-29 00:00:00");
        is(1_795_824_001, "2026-11-28 00:00:01");
        is(u64::MAX / 86400 * 2, &{
            let d = DateTime::of(u64::MAX / 86400 * 2);
            format!("{}-{:02}-{:02} {:02}:{:02}:{:02}", d.year, d.month, d.day, d.hour, d.minute, d.second)
        });
    }
}
