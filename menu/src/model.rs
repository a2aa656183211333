//! What a menu says, as values.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use pvgrub_net::{Digest, Server};

use crate::color::Colors;
use crate::network::NetLines;

/// A whole `menu.lst`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Menu {
    /// What stands before the first `title`.
    pub settings: Settings,
    /// The entries in the order of the file; `default` and `fallback` count them from 0.
    pub entries: Vec<Entry>,
    /// Lines before the first `title` that were passed over, and what was dropped.
    pub notes: Vec<Note>,
}

/// Settings of the whole menu.
#[derive(Debug, Clone, core::default::Default, PartialEq, Eq)]
pub struct Settings {
    /// The entry that is booted when nobody chooses.
    pub default: Default,
    /// Seconds until that happens; `None`: the menu waits for ever.
    pub timeout: Option<u32>,
    /// Entries to try, in this order, when the default one fails.
    pub fallback: Vec<usize>,
    /// Show only a short line until Esc is pressed.
    pub hidden: bool,
    /// Colours of the screen.
    pub colors: Option<Colors>,
    /// What is to be done with the network before anything is fetched.
    pub net: NetLines,
}

/// The entry that is booted when nobody chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// This one, counted from 0. It may not exist.
    Entry(usize),
    /// The one named in the file `default` in the menu's own directory; see [`crate::parse_saved_default`].
    Saved,
}

impl core::default::Default for Default {
    fn default() -> Self {
        Self::Entry(0)
    }
}

/// One entry of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its title, cleaned for a terminal.
    pub title: String,
    /// What choosing it does, or why it can't be chosen.
    pub target: Result<Target, Blocked>,
    /// What is to be done with the network before.
    pub net: NetLines,
    /// Lines of it that were passed over, because they make no difference here.
    pub notes: Vec<Note>,
}

/// What choosing an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Boot a kernel.
    Boot(Box<Boot>),
    /// Show another menu.
    Config(ConfigFile),
    /// Show the menu that the DHCP server names (`dhcp --with-configfile`).
    OfferedConfig,
    /// Switch the domain off.
    Halt,
    /// Start the domain anew.
    Reboot,
}

/// A kernel and what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// The kernel's file.
    pub kernel: FileRef,
    /// Its command line, without the file's name.
    pub args: String,
    /// The initial ramdisk.
    pub initrd: Option<FileRef>,
    /// Multiboot modules (they exclude an initrd: the later command wins, as in PV-GRUB).
    pub modules: Vec<Module>,
    /// A list of digests (`sha256sums`): every file of the entry that has none of its own must be in it.
    pub sums: Option<FileRef>,
}

/// A `module` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its file.
    pub file: FileRef,
    /// Its command line: the whole of the line after `module`, the file's name included, as multiboot has it.
    pub args: String,
    /// A gzip file is to be unpacked: `module`. As it is: `modulenounzip`.
    pub unzip: bool,
}

/// A `configfile` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// The other menu.
    pub file: FileRef,
}

/// A file on some volume, or some server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRef {
    /// The volume or server; `None`: the one the menu itself came from.
    pub device: Option<Device>,
    /// The path, from the volume's root if it begins with `/`; else (only without a device) from the menu's own directory.
    pub path: String,
    /// What the file must be.
    pub digest: Option<Digest>,
}

/// How a menu names a volume or a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// What stands between the parentheses of `(hd0,0)`.
    Name(String),
    /// A file system's UUID (`uuid` lines, as Ubuntu's GRUB had them).
    Uuid(String),
    /// `(nd)`: the TFTP server that DHCP or `tftpserver` names.
    Network,
    /// `(http,boot.example)`, or what a URL begins with.
    Server(Box<Server>),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "({name})"),
            Self::Uuid(uuid) => write!(f, "(UUID={uuid})"),
            Self::Network => f.write_str("(nd)"),
            Self::Server(server) => server.fmt(f),
        }
    }
}

impl fmt::Display for FileRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(device) = &self.device {
            write!(f, "{device}")?;
        }
        f.write_str(&self.path)
    }
}

/// Something about a line that the reader may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Line number, from 1.
    pub line: u32,
    /// What, in words; cleaned for a terminal.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

/// Why an entry can't be booted. The text is for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// The entry has `lock` or `password`.
    Locked {
        /// Line number, from 1.
        line: u32,
        /// Which of the two.
        command: &'static str,
    },
    /// The menu has `lock` or `password` before the first entry.
    MenuLocked {
        /// Line number, from 1.
        line: u32,
        /// Which of the two.
        command: &'static str,
    },
    /// A command that a guest's boot loader can't obey, or does not yet.
    Unsupported {
        /// Line number, from 1.
        line: u32,
        /// The command's name.
        command: String,
        /// Why, for instance "a Xen PV domain has no boot sector to run".
        why: &'static str,
    },
    /// A word that is no command of menu.lst.
    Unknown {
        /// Line number, from 1.
        line: u32,
        /// The word, cleaned.
        command: String,
    },
    /// A command whose arguments make no sense.
    Argument {
        /// Line number, from 1.
        line: u32,
        /// What is wrong, cleaned.
        what: String,
    },
    /// Nothing in the entry boots anything.
    NoKernel,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { line, command } => write!(
                f,
                "line {line}: the entry is locked (`{command}`); pvgrub can't ask for passwords yet, so it stays locked"
            ),
            Self::MenuLocked { line, command } => write!(
                f,
                "line {line}: the menu is locked (`{command}`); pvgrub can't ask for passwords yet, so it stays locked"
            ),
            Self::Unsupported { line, command, why } => write!(f, "line {line}: `{command}`: {why}"),
            Self::Unknown { line, command } => write!(f, "line {line}: `{command}` is no command"),
            Self::Argument { line, what } => write!(f, "line {line}: {what}"),
            Self::NoKernel => f.write_str("the entry has no `kernel` line, so there is nothing to boot"),
        }
    }
}

impl core::error::Error for Blocked {}
