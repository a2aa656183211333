//! GRUB 2's shell, as grub.cfg is written for it.
//!
//! Not a pattern matcher for what grub-mkconfig writes: the language itself, by the grammar of GRUB 2.06, with the commands
//! that a guest's boot loader can obey. What it can't obey it refuses by name; docs/grub-cfg.md has the list.
//!
//! Everything here is pure. A program gives a [`Host`] for files, devices and the screen, and gets
//!
//! 1. from [`Shell::run_config`]: [`Shell::entries`] and [`Shell::settings`];
//! 2. from [`Shell::run_entry`]: an [`Outcome`]: what to boot, another menu, or why there is nothing to boot.
//!
//! A script is hostile input: its time, memory, depth and output are bounded ([`Limits`]); text that comes out of it
//! (titles, output, errors) is not cleaned for a terminal. Nothing here panics on any bytes.
//!
//! GRUB's strings are bytes; here they are UTF-8. What a file has that is no UTF-8 becomes U+FFFD when it is read, and
//! a kernel's command line with such a character in it is refused.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod ast;
mod code;
mod commands;
mod exec;
mod expand;
mod files;
pub mod grubenv;
mod host;
mod lexer;
mod limits;
mod menu;
mod number;
mod options;
mod parser;
mod regex;
mod settings;
mod shell;
mod text;
mod vars;
mod wildcard;

pub use commands::names as commands;
pub use commands::usage;
pub use host::{Bls, BlsEntry, By, Counters, DateTime, GptPartition, Host, HostError, Info, Probe};
pub use limits::{Bound, Limits};
pub use menu::{Boot, Diagnostic, Entry, Initrd, Module, Outcome, Secret, Settings, TimeoutStyle};
pub use parser::{SyntaxError, check};
pub use shell::Shell;
