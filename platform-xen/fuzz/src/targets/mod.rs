//! The targets.

mod archives;
mod block;
mod console;
mod disks;
mod grants;
mod kernels;
mod menus;
mod net;
mod packets;
mod places;
mod plans;
mod xenbus;
mod xenstore;

use crate::Target;

/// All of them.
pub const ALL: [&Target; 18] = [
    &disks::PARTITIONS,
    &disks::EXT,
    &disks::FAT,
    &menus::MENU,
    &places::PLACES,
    &archives::ARCHIVE,
    &kernels::BZIMAGE,
    &kernels::ELF,
    &kernels::NOTES,
    &plans::LAYOUT,
    &plans::PLAN,
    &xenstore::XENSTORE,
    &xenbus::XENBUS,
    &block::BLOCK,
    &net::NET,
    &packets::PACKETS,
    &console::CONSOLE,
    &grants::GRANTS,
];

/// The one of this name.
pub fn by_name(name: &str) -> Option<&'static Target> {
    ALL.into_iter().find(|target| target.name == name)
}
