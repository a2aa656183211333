//! Boot menus: text to entries, keys to state, state to screen.
//!
//! Everything here is pure. The program that uses it brings the bytes of a `menu.lst`, the bytes a terminal sent and the
//! time since some start, and writes the text it gets back to the terminal:
//!
//! 1. [`Menu::parse`]: the text of GRUB 0.97's `menu.lst` → [`Menu`], a list of [`Entry`].
//! 2. [`key::Decoder`]: bytes from the terminal → [`Key`].
//! 3. [`Ui`]: keys and time → [`Action`] ("boot entry 2").
//! 4. [`Ui::paint`]: the state → text for an ANSI terminal, or for one that can only print lines.
//!
//! ```
//! use core::time::Duration;
//! use pvgrub_menu::{Action, Key, Look, Menu, Ui};
//!
//! let menu = Menu::parse(b"timeout 5\ntitle Debian\nroot (hd0,0)\nkernel /vmlinuz ro\ninitrd /initrd.img\n").unwrap();
//! let mut ui = Ui::new(&menu, "pvgrub: (hd0,0)/boot/grub/menu.lst", Look::default(), Duration::ZERO);
//! let mut text = String::new();
//! ui.paint(&mut text, Duration::ZERO);
//! assert!(matches!(ui.key(Key::Enter, Duration::ZERO), Action::Boot { entry: 0, .. }));
//! ```
//!
//! The menu is hostile input: it is bounded in size, entries and notes; text is cleaned of control and escape characters
//! before it can reach a terminal; nothing here panics on any bytes.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod append;
pub mod auth;
mod autoboot;
mod blocked;
pub mod bls;
mod buffer;
mod clean;
mod color;
mod command;
pub mod extlinux;
mod file;
mod forced;
mod guard;
pub mod key;
mod keymap;
mod layout;
mod lines;
mod md5crypt;
mod model;
mod network;
mod order;
mod parse;
pub mod places;
mod plain;
pub mod progress;
mod screen;
mod settings;
mod shacrypt;
mod submenu;
mod text;
mod typed;
mod ui;
mod words;
mod wrong;

pub use append::append;
pub use auth::{Access, Secret};
pub use blocked::Blocked;
pub use clean::{clean, cut, width};
pub use color::{Color, Colors};
pub use file::file_ref;
pub use guard::Memory;
pub use key::Key;
pub use keymap::KeyMap;
pub use model::{Boot, ConfigFile, Device, Entry, FileRef, Menu, Module, Note, Pause, Target};
pub use network::NetLines;
pub use order::{Attempts, entry_by_path, parse_saved_default, with_saved_default};
pub use parse::{MAX_ENTRIES, MAX_LINE, MAX_TEXT, ParseError};
pub use settings::{Default, HelpBody, HelpText, Settings, TimeoutStyle};
pub use typed::{Typed, Word, argument, find_line};
pub use ui::{Action, Cause, Look, Style, Ui};
