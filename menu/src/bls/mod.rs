//! The Boot Loader Specification ([UAPI.1](https://uapi-group.org/specifications/specs/boot_loader_specification/)), type 1: a
//! directory of small files, one for each entry.
//!
//! Two programs read such files, and not alike: systemd-boot, by the specification; and the command `blscfg` of Fedora's and RHEL's
//! GRUB, which sorts by file names and puts variables into the values. [`Flavour`] says whose way it is.
//!
//! ```
//! use pvgrub_menu::bls::{Flavour, List};
//!
//! let mut list = List::new(Flavour::SystemdBoot);
//! list.add("debian-6.1.conf", b"title Debian\nversion 6.1\nlinux /debian/6.1/linux\noptions ro\n");
//! list.add("debian-6.12+2-1.conf", b"title Debian\nversion 6.12\nlinux /debian/6.12/linux\noptions ro\n");
//! list.sort();
//! assert_eq!(list.titles(), ["Debian (6.12) (2 tries left)", "Debian (6.1)"]);
//! ```

mod entry;
mod list;
mod loader_conf;
mod tries;
mod vars;
pub mod version;

pub use entry::{Entry, Image, Skipped};
pub use list::{Flavour, List};
pub use loader_conf::{LoaderConf, Timeout, glob};
pub use tries::{Tries, counted_down, counted_names};
pub use vars::Lookup;

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Where the directory with the entries may be on a volume, in the order of precedence. `/loader/entries` is on a `/boot` or an ESP of
/// its own (XBOOTLDR is such a volume, too); the others are for a volume that has those as directories.
pub const DIRECTORIES: [&str; 4] =
    ["/loader/entries", "/boot/loader/entries", "/efi/loader/entries", "/boot/efi/loader/entries"];

/// Where a file that an entry names may be, the first that is there: `directory` is the one with the entry, out of [`DIRECTORIES`].
///
/// Paths are "relative to the root of the file system containing the boot entry snippet", says the specification. Where `/boot` is no
/// file system of its own, Fedora writes `/boot/vmlinuz`, and `kernel-install` writes `/TOKEN/VERSION/linux` and means `/boot`.
pub fn places(directory: &str, path: &str) -> Vec<String> {
    match directory.strip_suffix("/loader/entries") {
        None | Some("") => vec![path.into()],
        Some(boot) => vec![path.into(), format!("{boot}{path}")],
    }
}
