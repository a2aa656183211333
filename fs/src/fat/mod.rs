//! FAT12, FAT16 and FAT32.

mod bpb;

use alloc::rc::Rc;

use crate::probe::Identity;
use crate::region::Region;
use crate::{Error, FileSystem};

pub(crate) use bpb::looks_like_fat;

pub(crate) fn identify(_region: &Region, head: &[u8]) -> Result<Option<Identity>, Error> {
    Ok(bpb::Bpb::parse(head).map(|bpb| bpb.identity()))
}

pub(crate) fn open(_region: Region) -> Result<Rc<dyn FileSystem>, Error> {
    Err(Error::Unsupported("FAT: being built".into()))
}
