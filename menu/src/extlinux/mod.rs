//! The menus of the Syslinux family: `extlinux.conf`, `syslinux.cfg`, `isolinux.cfg`, `pxelinux.cfg/default`; and those that U-Boot
//! reads.
//!
//! What is known of the format is from Syslinux's own documents (`doc/syslinux.txt`, `doc/menu.txt`, `doc/pxelinux.txt`,
//! `doc/extlinux.txt`), and of its habits where they say nothing: from how Syslinux 6 and U-Boot behave.
//!
//! ```
//! use pvgrub_menu::extlinux::{Config, Kind, Paths};
//!
//! let text = b"DEFAULT lts\nTIMEOUT 30\nLABEL lts\n  MENU LABEL Linux ^lts\n  LINUX vmlinuz-lts\n  INITRD initramfs-lts\n  APPEND ro\n";
//! let config = Config::parse(text, &Paths::beside("/boot/extlinux.conf"), &mut |path| Err(format!("no {path}"))).unwrap();
//! let item = config.item(config.default.as_ref().unwrap()).unwrap();
//! let Kind::Boot(boot) = &item.kind else { panic!() };
//! assert_eq!((item.title.as_str(), boot.kernel.as_str()), ("Linux lts", "/boot/vmlinuz-lts"));
//! assert_eq!((boot.initrds.as_slice(), boot.args.as_str()), (&["/boot/initramfs-lts".to_string()][..], "ro"));
//! ```

mod command;
mod display;
mod finish;
mod menu_line;
mod model;
mod parse;
mod path;
mod pxe;

pub use display::display;
pub use model::{Boot, Choice, Config, Item, Kind, Menu, Wait};
pub use parse::Read;
pub use path::Paths;
pub use pxe::{Facts, search_list};
