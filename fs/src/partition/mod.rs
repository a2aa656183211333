//! Partition tables: MBR with logical partitions, and GPT.

mod gpt;
mod mbr;

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cache::Cache;
use crate::{Error, Guid};

/// One partition, as its table describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its number as Linux counts: from 1; logical ones from 5.
    pub number: u32,
    /// What the table says of it.
    pub kind: PartitionKind,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Its size in bytes.
    pub size: u64,
    /// The identifier that Linux calls PARTUUID.
    pub partuuid: String,
}

/// The table's own words for a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionKind {
    /// In an MBR.
    Msdos {
        /// The type byte.
        system: u8,
        /// Marked to be booted.
        active: bool,
    },
    /// In a GPT.
    Gpt {
        /// The type.
        system: Guid,
        /// The name, which may be empty.
        name: String,
        /// The attributes; those from bit 48 on mean what the type says.
        attributes: u64,
    },
}

/// What boot loaders share a partition for, one of each on a disk ([UAPI.1, "The
/// Partitions"](https://uapi-group.org/specifications/specs/boot_loader_specification/#the-partitions)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// EFI's system partition.
    Esp,
    /// The extended boot loader partition: `/boot`, where the ESP is too small.
    Xbootldr,
}

impl PartitionKind {
    /// What the type says that the partition is for.
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Msdos { system: 0xef, .. } => Some(Role::Esp),
            Self::Msdos { system: 0xea, .. } => Some(Role::Xbootldr),
            Self::Gpt { system: Guid(ESP), .. } => Some(Role::Esp),
            Self::Gpt { system: Guid(XBOOTLDR), .. } => Some(Role::Xbootldr),
            _ => None,
        }
    }
}

/// `c12a7328-f81f-11d2-ba4b-00a0c93ec93b`
const ESP: [u8; 16] = 0xc12a7328_f81f_11d2_ba4b_00a0c93ec93b_u128.to_be_bytes();
/// `bc13c2ff-59e6-4262-a352-b275fd6f7172`
const XBOOTLDR: [u8; 16] = 0xbc13c2ff_59e6_4262_a352_b275fd6f7172_u128.to_be_bytes();

/// A disk's table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// By number, ascending.
    pub(crate) partitions: Vec<Partition>,
    /// What is wrong with the table though it could be used.
    pub(crate) notes: Vec<String>,
}

/// Reads the partition table. `None`: the disk has none, so it may be a file system as a whole.
pub(crate) fn read(disk: &Rc<Cache>) -> Result<Option<Table>, Error> {
    // As Linux does, a GPT counts only under an MBR that announces it: a file system made on a whole disk can leave the
    // backup of an older GPT at the disk's end.
    let Some(mbr) = mbr::read(disk)? else { return Ok(None) };
    if !mbr.protective {
        return Ok(Some(mbr.table));
    }
    match gpt::read(disk) {
        Ok(Some(table)) => Ok(Some(table)),
        Ok(None) if !mbr.table.partitions.is_empty() => Ok(Some(mbr.table)),
        Ok(None) => {
            Err(Error::corrupt("the MBR announces a GPT, but neither the GPT nor its backup is sound"))
        }
        Err(error) => Err(error),
    }
}

/// Whether a partition has the byte `at` of the disk in it, even one of type 0, which is none to Linux.
///
/// So it is on media that are ISO 9660 and can be written to a stick as well ("isohybrid"): a partition begins with the
/// medium or right behind the tables, and has the volume's descriptors in it.
pub(crate) fn has_within(disk: &Rc<Cache>, table: &Table, at: u64) -> Result<bool, Error> {
    let listed = table.partitions.iter().any(|p| p.start <= at && at - p.start < p.size);
    Ok(listed || mbr::has_within(disk, at)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn roles() {
        for (guid, role, written) in [
            (ESP, Role::Esp, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"),
            (XBOOTLDR, Role::Xbootldr, "bc13c2ff-59e6-4262-a352-b275fd6f7172"),
        ] {
            assert_eq!(Guid(guid).to_string(), written);
            let kind = PartitionKind::Gpt { system: Guid(guid), name: String::new(), attributes: 0 };
            assert_eq!(kind.role(), Some(role));
        }
        let byte = |system| PartitionKind::Msdos { system, active: false }.role();
        assert_eq!([0xea, 0xef, 0x83].map(byte), [Some(Role::Xbootldr), Some(Role::Esp), None]);
    }
}
