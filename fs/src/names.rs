//! Names of volumes: GRUB's devices, Linux's devices, labels and UUIDs.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::time::Duration;

use crate::{Disk, Disks, Error, PartitionKind, Volume};

/// How the number after the comma counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// GRUB 0.97: `(hd0,0)` is the first partition.
    Legacy,
    /// GRUB 2: `(hd0,1)` is the first partition.
    Grub2,
}

/// What a name means.
#[derive(Clone, Debug)]
pub struct Resolved<'a> {
    /// The volume.
    pub volume: &'a Volume,
    /// Others with the same label or identifier, as far as their disks have answered.
    pub others: Vec<&'a Volume>,
}

/// The device that a file name begins with, if it does, and the rest: `(hd0,0)/boot/x` → (`hd0,0`, `/boot/x`).
pub fn split_device(name: &str) -> (Option<&str>, &str) {
    let inner = name.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    inner.map_or((None, name), |(device, path)| (Some(device), path))
}

/// Sorts disks' names into the order of their virtual device numbers: xvda, xvda1, xvdb, …, xvdz, xvdaa.
pub fn device_order(a: &str, b: &str) -> Ordering {
    let key = |name: &str| {
        let letters = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (stem, number) = name.split_at(letters);
        (stem.len(), String::from(stem), number.parse::<u64>().unwrap_or(0))
    };
    key(a).cmp(&key(b))
}

impl Disks {
    /// The volume that `name` means. With or without parentheses:
    /// - `hd0`: the first disk, when it has no partition table; `hd0,0`, `hd0,1`: its partitions, counted as `numbering`
    ///   says; `hd0,msdos1`, `hd0,gpt2`: counted from 1 in that kind of table;
    /// - the disk may be named instead: `xvda,1`, `xen/xvda,msdos1`;
    /// - `xvda1`, `/dev/xvda1`, `LABEL=root`, `UUID=…`, `PARTUUID=…`, `PARTLABEL=…`: as Linux has it;
    /// - the name of a volume in a file that was asked for: [`Disks::image`].
    ///
    /// On a disk without a partition table, as a device that is itself a partition of the guest's (xvda1 with no xvda),
    /// `(hd0,0)` means that whole device: menus written for the guest say so.
    pub fn resolve(&self, name: &str, numbering: Numbering) -> Result<&Volume, Error> {
        self.resolve_near(name, numbering, None).map(|resolved| resolved.volume)
    }

    /// As [`Disks::resolve`]. Of several volumes with the label or the identifier that `name` says, the first on the disk
    /// of `home` is taken, else the first in the order of disks: so none can take the place of one on the disk
    /// that the name was read from.
    pub fn resolve_near(
        &self,
        name: &str,
        numbering: Numbering,
        home: Option<&Volume>,
    ) -> Result<Resolved<'_>, Error> {
        let trimmed = name.trim();
        let inner = trimmed.strip_prefix('(').and_then(|n| n.strip_suffix(')')).unwrap_or(trimmed);
        // A file's name may end with a blank.
        if let Some(volume) = self.image_volume(name).or_else(|| self.image_volume(inner)) {
            return Ok(Resolved { volume, others: Vec::new() });
        }
        if let Some((key, value)) = inner.split_once('=') {
            return self.by_identity(key, value, home);
        }
        let volume = self.by_place(inner, numbering, trimmed)?;
        Ok(Resolved { volume, others: Vec::new() })
    }

    fn by_place(&self, inner: &str, numbering: Numbering, trimmed: &str) -> Result<&Volume, Error> {
        let (disk, partition) = match inner.split_once(',') {
            Some((disk, partition)) => (disk.trim(), Some(partition.trim())),
            None => (inner, None),
        };
        let plain = disk.strip_prefix("/dev/").or_else(|| disk.strip_prefix("xen/")).unwrap_or(disk);
        if partition.is_none()
            && let Some(volume) = self.by_name(plain)
        {
            return Ok(volume);
        }
        let index = match plain.strip_prefix("hd").and_then(|n| n.parse::<usize>().ok()) {
            Some(number) => (number < self.disks().len()).then_some(number),
            None => self.disks().iter().position(|d| d.name == plain),
        };
        let disk = index
            .and_then(|index| self.disks().get(index))
            .ok_or_else(|| Error::NotFound(format!("disk {disk} (there are {})", self.disks().len())))?;
        disk.volume(partition, numbering, trimmed)
    }

    fn by_name(&self, name: &str) -> Option<&Volume> {
        let mut disks = self.disks().iter().filter(|disk| name.starts_with(&disk.name));
        disks.find_map(|disk| disk.volumes().iter().find(|volume| volume.name == name))
    }

    fn by_identity(&self, key: &str, value: &str, home: Option<&Volume>) -> Result<Resolved<'_>, Error> {
        let value = value.trim_matches('"');
        let same = |have: Option<&str>| have.is_some_and(|have| have.eq_ignore_ascii_case(value));
        let fits = |v: &&Volume| match key {
            // Labels have case; identifiers do not.
            "LABEL" => v.label.as_deref() == Some(value),
            "UUID" => same(v.uuid.as_deref()),
            "PARTUUID" => same(v.partition.as_ref().map(|p| p.partuuid.as_str())),
            "PARTLABEL" => v.partition.as_ref().is_some_and(|p| match &p.kind {
                PartitionKind::Gpt { name, .. } => name == value,
                PartitionKind::Msdos { .. } => false,
            }),
            _ => false,
        };
        let at_home = home.and_then(|home| self.disks().get(home.disk)?.volumes().iter().find(fits));
        let volume = at_home.or_else(|| self.each_volume().find(fits));
        let volume = volume.ok_or_else(|| Error::NotFound(format!("a volume with {key}={value}")))?;
        // They are only told of: nobody waits for a disk for that.
        let ready = self.disks().iter().filter(|disk| disk.is_ready(Duration::ZERO));
        let others = ready.flat_map(Disk::volumes).filter(fits).filter(|v| !core::ptr::eq(*v, volume));
        Ok(Resolved { volume, others: others.collect() })
    }
}

impl Disk {
    /// The volume of this name behind the comma, as [`Disks::resolve`] counts them: `1`, `msdos1`, `gpt2`; or the whole of it. `name` is what it is called
    /// in errors.
    ///
    /// Without a partition table each name means the whole, but of a file only none does.
    pub fn volume(&self, part: Option<&str>, numbering: Numbering, name: &str) -> Result<&Volume, Error> {
        let disk = &self.name;
        let whole = self.volumes().iter().find(|volume| volume.partition.is_none());
        let parts = || self.volumes().iter().filter(|volume| volume.partition.is_some());
        let Some(part) = part else {
            return whole
                .ok_or_else(|| Error::NotFound(format!("{name}: {disk} has partitions, and none is named")));
        };
        if let Some(whole) = whole.filter(|_| !self.is_partitioned() && !self.is_image()) {
            return Ok(whole);
        }
        let bad = || Error::NotFound(format!("{name}: '{part}' is no partition's name"));
        let number = |text: &str| text.parse::<u32>().map_err(|_| bad());
        let (number, table) = if let Some(n) = part.strip_prefix("msdos") {
            (number(n)?, Some(false))
        } else if let Some(n) = part.strip_prefix("gpt") {
            (number(n)?, Some(true))
        } else if numbering == Numbering::Legacy {
            (number(part)?.checked_add(1).ok_or_else(bad)?, None)
        } else {
            (number(part)?, None)
        };
        let fits = |v: &&Volume| {
            v.partition.as_ref().is_some_and(|p| {
                let gpt = matches!(p.kind, PartitionKind::Gpt { .. });
                p.number == number && table.is_none_or(|wanted| wanted == gpt)
            })
        };
        parts().find(fits).ok_or_else(|| {
            let have: Vec<&str> = parts().map(|v| v.name.as_str()).collect();
            let have = if have.is_empty() { "no partitions".into() } else { have.join(", ") };
            Error::NotFound(format!("{name}: {disk} has {have}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_split_from_paths() {
        assert_eq!(split_device("(hd0,0)/boot/vmlinuz"), (Some("hd0,0"), "/boot/vmlinuz"));
        assert_eq!(split_device("/boot/vmlinuz"), (None, "/boot/vmlinuz"));
        assert_eq!(split_device("(hd0"), (None, "(hd0"));
    }

    #[test]
    fn disks_in_order() {
        let mut names = ["xvdaa", "xvdb", "xvda10", "xvda2", "xvda", "xvdz"];
        names.sort_by(|a, b| device_order(a, b));
        assert_eq!(names, ["xvda", "xvda2", "xvda10", "xvdb", "xvdz", "xvdaa"]);
    }
}
