//! ext2, ext3 and ext4.

mod csum;
mod features;
mod superblock;

use alloc::rc::Rc;
use alloc::string::ToString;

use crate::bytes::{field, le32};
use crate::probe::Identity;
use crate::region::Region;
use crate::{Content, Error, FileSystem, Guid};

/// Recognises a superblock in the first blocks of a volume. One with unknown features is recognised too.
pub(crate) fn identify(head: &[u8]) -> Option<Identity> {
    let bytes = field(head, superblock::OFFSET as usize, superblock::SIZE);
    if !superblock::has_magic(bytes) {
        return None;
    }
    let generation = features::generation(le32(bytes, 0x5c), le32(bytes, 0x60), le32(bytes, 0x64));
    let uuid = Guid::from_bytes(field(bytes, 0x68, 16)).map(|g| g.to_string());
    Some(Identity::new(Content::Ext(generation), crate::bytes::label(field(bytes, 0x78, 16)), uuid))
}

pub(crate) fn open(_region: Region) -> Result<Rc<dyn FileSystem>, Error> {
    Err(Error::Unsupported("ext: being built".into()))
}
