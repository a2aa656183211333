//! What a menu says, as values.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use pvgrub_net::{Digest, Server};

use crate::auth::{Access, Secret};
use crate::blocked::Blocked;
use crate::clean::clean;
use crate::key::Key;
use crate::network::NetLines;
use crate::settings::Settings;

/// A whole menu.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Menu {
    /// What holds for all of it.
    pub settings: Settings,
    /// The entries in their order; `default` and `fallback` count them from 0.
    pub entries: Vec<Entry>,
    /// Lines outside of entries that were passed over, and what was dropped.
    pub notes: Vec<Note>,
}

/// One entry of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its title, cleaned for a terminal.
    pub title: String,
    /// Its name for `default` (GRUB 2's `--id`, the file of a BLS entry, extlinux's label).
    pub id: Option<String>,
    /// GRUB 2's `--class`.
    pub classes: Vec<String>,
    /// The key that boots it at once: [`Key::Char`], [`Key::Function`] and their like.
    pub hotkey: Option<Key>,
    /// Who may boot it.
    pub access: Access,
    /// `password` lines of a menu.lst's entry: whoever boots it is asked for each.
    pub passwords: Vec<Secret>,
    /// What the editor shows of it: the lines beneath its title, or the body of a script.
    pub source: String,
    /// Booting it makes it the one that `default saved` means (menu.lst's `savedefault`).
    pub saves: bool,
    /// What is to be shown, and waited for, before anything is done (menu.lst's `pause`).
    pub pauses: Vec<Pause>,
    /// It leads to another menu, though its target doesn't say so: GRUB 2's `submenu`.
    pub submenu: bool,
    /// Words on it for the user, shown while it is marked; may have several lines.
    pub help: String,
    /// What choosing it does, or why it can't be chosen.
    pub target: Result<Target, Blocked>,
    /// What is to be done with the network before.
    pub net: NetLines,
    /// Lines of it that were passed over, because they make no difference here.
    pub notes: Vec<Note>,
}

impl Entry {
    /// An entry that anybody may boot, and of which nothing else is known. The title is cleaned.
    #[must_use]
    pub fn new(title: &str, target: Result<Target, Blocked>) -> Self {
        Self {
            title: clean(title),
            id: None,
            classes: Vec::new(),
            hotkey: None,
            access: Access::Unrestricted,
            passwords: Vec::new(),
            source: String::new(),
            saves: false,
            pauses: Vec::new(),
            submenu: false,
            help: String::new(),
            target,
            net: NetLines::default(),
            notes: Vec::new(),
        }
    }
}

/// A `pause` line: a message, and a wait for a key. Esc goes back to the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The message, cleaned for a terminal.
    pub message: String,
    /// Seconds until it goes on without a key; `None`: never.
    pub wait: Option<u32>,
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
    /// Show a menu within this one. Esc comes back.
    Submenu(Box<Menu>),
    /// Go back to a menu that this one is within, so many menus up. 0: stay.
    Up(usize),
    /// Something that only the program knows how to do, under a number of its own: the body of a GRUB 2 entry.
    Script(usize),
    /// Go on with what the domain's disks have, as if this menu hadn't been: `LOCALBOOT`, GRUB's `exit`.
    Disks,
    /// Switch the domain off.
    Halt,
    /// Start the domain anew.
    Reboot,
}

/// A kernel and what it is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boot {
    /// The kernel's file.
    pub kernel: FileRef,
    /// Its command line, without the file's name.
    pub args: String,
    /// The parts of the initial ramdisk, which come one after the other in memory as GRUB 2 joins them.
    pub initrds: Vec<FileRef>,
    /// Multiboot modules (they exclude an initrd: the later command wins, as in PV-GRUB).
    pub modules: Vec<Module>,
    /// Of a unified kernel image, which of its profiles (the first, if nothing is said).
    pub profile: Option<u32>,
    /// A list of digests (`sha256sums`): every file of the entry that has none of its own must be in it.
    pub sums: Option<FileRef>,
    /// The file whose name has the counters of this entry: it is renamed when the entry is booted.
    pub counter: Option<FileRef>,
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFile {
    /// The other menu.
    pub file: FileRef,
    /// Files that are read behind it, as one with it (Syslinux).
    pub more: Vec<FileRef>,
    /// What names in it are relative to, if not the file's own directory (Syslinux): a path from the volume's root, or a URL.
    pub directory: Option<String>,
}

/// A file on some volume, or some server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// Whichever volume has this file (`find --set-root`, as patched GRUBs and GRUB4DOS have it).
    With(String),
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
            Self::With(path) => write!(f, "(with {path})"),
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
    /// Line number, from 1; 0: of none.
    pub line: u32,
    /// What, in words; cleaned for a terminal.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.text),
            line => write!(f, "line {line}: {}", self.text),
        }
    }
}
