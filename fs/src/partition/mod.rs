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
    },
}

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
