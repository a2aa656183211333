//! The targets.

mod archives;
mod block;
mod console;
mod digests;
mod disks;
mod formats;
mod grants;
mod http;
mod kernels;
mod menus;
mod net;
mod offers;
mod packets;
mod places;
mod plans;
mod scripts;
mod tftp;
mod xenbus;
mod xenstore;

use crate::Target;

/// All of them.
pub const ALL: [&Target; 29] = [
    &disks::PARTITIONS,
    &disks::EXT,
    &disks::FAT,
    &disks::ISO,
    &disks::XFS,
    &disks::BTRFS,
    &menus::MENU,
    &formats::BLS,
    &formats::EXTLINUX,
    &formats::UKI,
    &scripts::SCRIPT,
    &places::PLACES,
    &offers::OFFER,
    &tftp::TFTP,
    &http::HTTP,
    &digests::DIGESTS,
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
