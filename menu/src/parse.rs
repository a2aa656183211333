//! `menu.lst` → [`Menu`].

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use pvgrub_net::Digest;

use crate::clean::clean;
use crate::color::Colors;
use crate::command::Command;
use crate::file::{device, file_ref};
use crate::lines::{Line, Lines};
use crate::model::{
    Blocked, Boot, ConfigFile, Default, Device, Entry, FileRef, Menu, Module, Note, Settings, Target,
};
use crate::network::NetLines;

/// The largest menu that is read, in bytes. GRUB's own memory for it was 32 KiB.
pub const MAX_TEXT: usize = 256 * 1024;
/// The most entries of a menu; more are dropped, with a note.
pub const MAX_ENTRIES: usize = 1000;
/// The longest line, in bytes. GRUB had 1,500; a kernel's command line under Xen has at most 1,023.
pub const MAX_LINE: usize = 4096;
/// The most notes kept of a menu, and of an entry.
const MAX_NOTES: usize = 32;
/// The most `module` lines: their list, with its end, fills one page.
const MAX_MODULES: usize = 255;
/// The most fallback entries (GRUB has 8).
const MAX_FALLBACKS: usize = 32;
/// The longest title, in bytes.
const MAX_TITLE: usize = 512;

/// Why a text is no menu at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseError {
    /// More than [`MAX_TEXT`] bytes.
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// It holds zero bytes, so it is some binary file.
    Binary,
    /// No `title` in it.
    NoEntries,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => {
                write!(f, "the menu has {bytes} bytes; pvgrub reads at most {} KiB", MAX_TEXT / 1024)
            }
            Self::Binary => f.write_str("this is no menu.lst: it has zero bytes in it, as binary files do"),
            Self::NoEntries => f.write_str("the menu has no entries (no line begins with `title`)"),
        }
    }
}

impl core::error::Error for ParseError {}

impl Menu {
    /// Reads a menu. An entry that can't be obeyed is in the result with its reason; it does not spoil the others.
    pub fn parse(text: &[u8]) -> Result<Self, ParseError> {
        if text.len() > MAX_TEXT {
            return Err(ParseError::TooLarge { bytes: text.len() });
        }
        if text.contains(&0) {
            return Err(ParseError::Binary);
        }
        let mut menu = Self::default();
        let mut locked = None;
        let mut open: Option<OpenEntry> = None;
        for line in Lines::new(text, MAX_LINE) {
            let (name, args) = split(&line.bytes);
            let command = Command::of(name);
            if command == Command::Title {
                menu.close(open.take());
                open = Some(OpenEntry::new(args));
            } else if let Some(entry) = &mut open {
                entry.line(&line, command, args);
            } else if let Command::Lock(command) = command {
                locked.get_or_insert(Blocked::MenuLocked { line: line.number, command });
            } else {
                menu.setting(&line, command, args);
            }
        }
        menu.close(open.take());
        if menu.entries.is_empty() {
            return Err(ParseError::NoEntries);
        }
        if let Some(locked) = locked {
            for entry in &mut menu.entries {
                entry.target = Err(locked.clone());
            }
        }
        Ok(menu)
    }

    fn close(&mut self, open: Option<OpenEntry>) {
        // A title with no lines beneath it is no entry, and does not count: as in GRUB.
        let Some(open) = open.filter(|open| open.any) else { return };
        if self.entries.len() < MAX_ENTRIES {
            self.entries.push(open.close());
        } else {
            let text = format!("more than {MAX_ENTRIES} entries; the rest is dropped");
            if self.notes.last().is_none_or(|note| note.text != text) {
                note(&mut self.notes, 0, text);
            }
        }
    }

    /// A line before the first title. None of these can spoil the menu.
    fn setting(&mut self, line: &Line, command: Command, args: &[u8]) {
        let Ok(args) = core::str::from_utf8(args) else {
            return note(&mut self.notes, line.number, "passed over: it is not UTF-8".to_owned());
        };
        let understood = match command {
            Command::Default
            | Command::Timeout
            | Command::Fallback
            | Command::HiddenMenu
            | Command::Color => set(&mut self.settings, command, args).is_some(),
            Command::Harmless(_) => true,
            Command::Dhcp | Command::IfConfig | Command::TftpServer => {
                if let Err(why) = net_line(&mut self.settings.net, command, args) {
                    note(&mut self.notes, line.number, format!("passed over: {why}"));
                }
                true
            }
            _ => {
                let name = String::from_utf8_lossy(split(&line.bytes).0);
                let text = format!("`{}` passed over: it means nothing before the first title", short(&name));
                return note(&mut self.notes, line.number, text);
            }
        };
        if !understood {
            note(&mut self.notes, line.number, format!("passed over: `{}` makes no sense", short(args)));
        }
    }
}

/// Obeys a line about the network; whether the menu that DHCP names is wanted.
fn net_line(net: &mut NetLines, command: Command, args: &str) -> Result<bool, String> {
    match command {
        Command::Dhcp => net.dhcp(args),
        Command::IfConfig => net.ifconfig(args).map(|()| false),
        _ => net.tftpserver(args).map(|()| false),
    }
}

/// Obeys a command of the whole menu; `None` if its arguments make no sense.
fn set(settings: &mut Settings, command: Command, args: &str) -> Option<()> {
    let mut words = words(args);
    match command {
        Command::Default => {
            let word = words.next();
            let saved = word == Some("saved");
            settings.default = if saved { Default::Saved } else { Default::Entry(number(word)?) };
        }
        // A negative number is GRUB's way of saying "no timeout".
        Command::Timeout => {
            let word = words.next()?;
            let seconds = || Some(u32::try_from(number(Some(word))?).unwrap_or(u32::MAX));
            settings.timeout = if word.starts_with('-') { None } else { Some(seconds()?) };
        }
        Command::Fallback => {
            let list: Vec<usize> = words.map_while(|w| number(Some(w))).take(MAX_FALLBACKS).collect();
            settings.fallback = Some(list).filter(|list| !list.is_empty())?;
        }
        Command::Color => settings.colors = Some(Colors::parse(args)?),
        _ => settings.hidden = true,
    }
    Some(())
}

/// An entry whose lines are being read.
struct OpenEntry {
    title: String,
    /// Any line beneath the title.
    any: bool,
    /// `boot`, `configfile` and the like end what is obeyed of an entry.
    done: bool,
    device: Option<Device>,
    kernel: Option<(FileRef, String)>,
    initrd: Option<FileRef>,
    modules: Vec<Module>,
    sums: Option<FileRef>,
    net: NetLines,
    other: Option<Target>,
    blocked: Option<Blocked>,
    notes: Vec<Note>,
}

impl OpenEntry {
    fn new(title: &[u8]) -> Self {
        let title = title.get(..MAX_TITLE).unwrap_or(title);
        Self {
            title: clean(&String::from_utf8_lossy(title)),
            any: false,
            done: false,
            device: None,
            kernel: None,
            initrd: None,
            modules: Vec::new(),
            sums: None,
            net: NetLines::default(),
            other: None,
            blocked: None,
            notes: Vec::new(),
        }
    }

    fn line(&mut self, line: &Line, command: Command, args: &[u8]) {
        self.any = true;
        if let Command::Lock(command) = command {
            // Locked is locked: this reason goes before all others, also after `boot`.
            if !matches!(self.blocked, Some(Blocked::Locked { .. })) {
                self.blocked = Some(Blocked::Locked { line: line.number, command });
            }
            return;
        }
        if self.done || self.blocked.is_some() {
            return;
        }
        if let Err(blocked) = self.obey(line, command, args) {
            self.blocked = Some(blocked);
        }
    }

    fn obey(&mut self, line: &Line, command: Command, args: &[u8]) -> Result<(), Blocked> {
        let wrong = |what: String| Blocked::Argument { line: line.number, what };
        if line.cut {
            return Err(wrong(format!("the line is longer than {MAX_LINE} bytes")));
        }
        let name = || short(&String::from_utf8_lossy(split(&line.bytes).0));
        match command {
            Command::Harmless(why) => {
                note(&mut self.notes, line.number, format!("`{}` passed over: {why}", name()));
                return Ok(());
            }
            Command::Unsupported(why) => {
                return Err(Blocked::Unsupported { line: line.number, command: name(), why });
            }
            Command::Unknown => return Err(Blocked::Unknown { line: line.number, command: name() }),
            _ => {}
        }
        // File names and command lines are handed on as they stand, so a doubtful character is not replaced in silence.
        let args = core::str::from_utf8(args)
            .map_err(|_| wrong(format!("the arguments of `{}` are not UTF-8", name())))?;
        if args.chars().any(char::is_control) {
            return Err(wrong(format!("there is a control character in the arguments of `{}`", name())));
        }
        match command {
            // `root` alone shows the current one, in GRUB.
            Command::Root => {
                if let Some(word) = words(args).next() {
                    self.device = Some(device(word).map_err(wrong)?);
                }
            }
            Command::Uuid => {
                let word = words(args).next().filter(|w| w.len() <= 64);
                let word = word.ok_or_else(|| wrong("`uuid` needs a file system's UUID".to_owned()))?;
                self.device = Some(Device::Uuid(word.to_owned()));
            }
            Command::Kernel => {
                let (file, rest) = self.kernel_line(line, args)?;
                self.kernel = Some((file, rest.to_owned()));
            }
            Command::Initrd => {
                let (digest, args) = digest(args).map_err(wrong)?;
                let mut words = words(args);
                let word = words.next().ok_or_else(|| wrong("`initrd` needs a file".to_owned()))?;
                let file = file_ref(word, self.device.as_ref()).map_err(wrong)?;
                self.initrd = Some(FileRef { digest, ..file });
                self.modules.clear();
                if words.next().is_some() {
                    let text = "only the first file of `initrd` is used, as in GRUB 0.97".to_owned();
                    note(&mut self.notes, line.number, text);
                }
            }
            Command::Module | Command::ModuleNoUnzip => {
                let (digest, args) = digest(args).map_err(wrong)?;
                let word = words(args).next().ok_or_else(|| wrong(format!("`{}` needs a file", name())))?;
                if self.modules.len() >= MAX_MODULES {
                    return Err(wrong(format!("more than {MAX_MODULES} modules")));
                }
                let file = file_ref(word, self.device.as_ref()).map_err(wrong)?;
                let unzip = command == Command::Module;
                let file = FileRef { digest, ..file };
                self.modules.push(Module { file, args: args.to_owned(), unzip });
                self.initrd = None;
            }
            Command::ConfigFile => {
                let word = words(args).next().ok_or_else(|| wrong("`configfile` needs a file".to_owned()))?;
                let file = file_ref(word, self.device.as_ref()).map_err(wrong)?;
                self.other = Some(Target::Config(ConfigFile { file }));
                self.done = true;
            }
            Command::Sums => {
                let word = words(args).next().ok_or_else(|| wrong("`sha256sums` needs a file".to_owned()))?;
                self.sums = Some(file_ref(word, self.device.as_ref()).map_err(wrong)?);
            }
            Command::Dhcp | Command::IfConfig | Command::TftpServer => {
                if net_line(&mut self.net, command, args).map_err(wrong)? {
                    self.other = Some(Target::OfferedConfig);
                    self.done = true;
                }
            }
            Command::Halt => (self.other, self.done) = (Some(Target::Halt), true),
            Command::Reboot => (self.other, self.done) = (Some(Target::Reboot), true),
            Command::Boot => self.done = true,
            // Settings of the menu that stand below a title: too late to set anything, and no reason not to boot.
            _ => {
                let text = format!("`{}` passed over: it belongs before the first title", name());
                note(&mut self.notes, line.number, text);
            }
        }
        Ok(())
    }

    /// `kernel [--type=TYPE] [--no-mem-option] [--sha256=DIGEST] FILE [ARGS]`
    fn kernel_line<'a>(&mut self, line: &Line, args: &'a str) -> Result<(FileRef, &'a str), Blocked> {
        let wrong = |what: String| Blocked::Argument { line: line.number, what };
        let mut rest = args;
        let mut digest = None;
        loop {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            if word.is_empty() {
                return Err(wrong("`kernel` needs a file".to_owned()));
            }
            if word == "--no-mem-option" || word.starts_with("--type=") {
                let text = format!("`{}` passed over: the kernel's own notes say what it is", short(word));
                note(&mut self.notes, line.number, text);
                rest = after.trim_start_matches(' ');
            } else if word.starts_with(SHA256) {
                digest = self::digest(word).map_err(wrong)?.0;
                rest = after.trim_start_matches(' ');
            } else if word.starts_with("--") {
                return Err(wrong(format!("`kernel` has no option `{}`", short(word))));
            } else {
                let file = file_ref(word, self.device.as_ref()).map_err(wrong)?;
                return Ok((FileRef { digest, ..file }, after.trim_matches(' ')));
            }
        }
    }

    fn close(self) -> Entry {
        let target = match (self.blocked, self.other, self.kernel) {
            (Some(blocked), _, _) => Err(blocked),
            (_, Some(other), _) => Ok(other),
            (_, _, Some((kernel, args))) => Ok(Target::Boot(Box::new(Boot {
                kernel,
                args,
                initrd: self.initrd,
                modules: self.modules,
                sums: self.sums,
            }))),
            (None, None, None) => Err(Blocked::NoKernel),
        };
        Entry { title: self.title, target, net: self.net, notes: self.notes }
    }
}

/// Before a file: what it must be.
const SHA256: &str = "--sha256=";

/// Takes `--sha256=DIGEST` from the beginning of a line's arguments.
fn digest(args: &str) -> Result<(Option<Digest>, &str), String> {
    let Some(rest) = args.strip_prefix(SHA256) else { return Ok((None, args)) };
    let (digits, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let digest = Digest::parse(digits)
        .ok()
        .ok_or_else(|| format!("`{}` is no SHA-256: 64 hexadecimal digits", short(digits)))?;
    Ok((Some(digest), rest.trim_start_matches(' ')))
}

/// A line's first word and the rest; spaces or `=` stand between, as GRUB accepts both.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|b| matches!(b, b' ' | b'=')).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let start = rest.iter().position(|b| !matches!(b, b' ' | b'=')).unwrap_or(rest.len());
    (name, rest.split_at(start).1)
}

pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// A number as GRUB reads it: decimal, or hexadecimal after `0x`.
fn number(word: Option<&str>) -> Option<usize> {
    let word = word?;
    match word.strip_prefix("0x") {
        Some(hex) => usize::from_str_radix(hex, 16).ok(),
        None if word.starts_with('+') => None,
        None => word.parse().ok(),
    }
}

/// Text of the file, cleaned and cut, to be quoted in a sentence.
pub(crate) fn short(text: &str) -> String {
    crate::clean::cut(&clean(text), 40)
}

fn note(notes: &mut Vec<Note>, line: u32, text: String) {
    if notes.len() < MAX_NOTES {
        notes.push(Note { line, text });
    }
}
