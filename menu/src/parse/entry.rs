//! An entry of menu.lst.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::lock::{NO_PASSWORD, password};
use super::{MAX_LINE, net_line};
use crate::auth::{Access, Secret};
use crate::blocked::Blocked;
use crate::clean::clean;
use crate::command::{Command, LOOKS};
use crate::file::{device, file_ref};
use crate::lines::Line;
use crate::model::{Boot, ConfigFile, Device, Entry, FileRef, Module, Note, Pause, Target};
use crate::network::NetLines;
use crate::words::{SHA256, digest, note, short, split, words};

/// The most `module` lines: their list, with its end, fills one page.
const MAX_MODULES: usize = 255;
/// The longest title, in bytes.
const MAX_TITLE: usize = 512;

/// The most `pause` lines of an entry.
const MAX_PAUSES: usize = 32;
/// The most passwords of an entry.
const MAX_PASSWORDS: usize = 8;

/// What its `lock` and `password` lines mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locks {
    /// The menu has a password.
    Menu,
    /// It has none, so that nothing opens a `lock`.
    NoPassword,
    /// Nothing: whoever wrote these lines may do all.
    Open,
}

/// An entry whose lines are being read.
pub(super) struct OpenEntry {
    title: String,
    /// Any line beneath the title.
    pub any: bool,
    /// `boot`, `configfile` and the like end what is obeyed of an entry.
    done: bool,
    device: Option<Device>,
    kernel: Option<(FileRef, String)>,
    initrd: Option<FileRef>,
    source: String,
    locks: Locks,
    access: Access,
    passwords: Vec<Secret>,
    modules: Vec<Module>,
    sums: Option<FileRef>,
    net: NetLines,
    other: Option<Target>,
    /// `savedefault`.
    saves: bool,
    pauses: Vec<Pause>,
    blocked: Option<Blocked>,
    notes: Vec<Note>,
}

impl OpenEntry {
    pub fn new(title: &[u8], locks: Locks) -> Self {
        let title = title.get(..MAX_TITLE).unwrap_or(title);
        Self {
            title: clean(&String::from_utf8_lossy(title)),
            any: false,
            done: false,
            device: None,
            kernel: None,
            initrd: None,
            source: String::new(),
            locks,
            access: Access::Unrestricted,
            passwords: Vec::new(),
            modules: Vec::new(),
            sums: None,
            net: NetLines::default(),
            other: None,
            saves: false,
            pauses: Vec::new(),
            blocked: None,
            notes: Vec::new(),
        }
    }

    pub fn line(&mut self, line: &Line, command: Command, args: &[u8]) {
        self.any = true;
        self.source.push_str(&String::from_utf8_lossy(&line.bytes));
        self.source.push('\n');
        if let Command::Lock(command) = command {
            // A lock counts wherever it stands, also after `boot`.
            if let Err(why) = self.lock(line, command, args)
                && !matches!(self.blocked, Some(Blocked::Locked { .. }))
            {
                self.blocked = Some(Blocked::Locked { line: line.number, command, why });
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

    fn lock(&mut self, line: &Line, command: &str, args: &[u8]) -> Result<(), &'static str> {
        match (self.locks, command) {
            (Locks::Open, _) => {}
            (Locks::NoPassword, "lock") => return Err(NO_PASSWORD),
            (Locks::Menu, "lock") => self.access = Access::Superusers,
            _ if self.passwords.len() >= MAX_PASSWORDS => return Err("it has too many passwords"),
            _ => self.passwords.push(password(line, args)?.0),
        }
        Ok(())
    }

    fn obey(&mut self, line: &Line, command: Command, args: &[u8]) -> Result<(), Blocked> {
        let wrong = |what: String| Blocked::Argument { line: line.number, what };
        if line.cut {
            return Err(wrong(format!("the line is longer than {MAX_LINE} bytes")));
        }
        let name = || short(&String::from_utf8_lossy(split(&line.bytes).0));
        match command {
            Command::SaveDefault if args.is_empty() => {
                self.saves = true;
                return Ok(());
            }
            Command::Pause if self.pauses.len() < MAX_PAUSES => {
                self.pauses.push(pause(&String::from_utf8_lossy(args)).map_err(wrong)?);
                return Ok(());
            }
            Command::Pause => return Err(wrong(format!("more than {MAX_PAUSES} `pause`"))),
            Command::Harmless(LOOKS) => return Ok(()),
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
            Command::Find => {
                let (root, file) = find(args).map_err(wrong)?;
                if root {
                    self.device = Some(Device::With(file.to_owned()));
                }
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
                self.other = Some(Target::Config(ConfigFile { file, ..ConfigFile::default() }));
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
            Command::SaveDefault => {
                let text =
                    "`savedefault` saves the entry it stands in; what follows it is passed over".into();
                note(&mut self.notes, line.number, text);
            }
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
                digest = crate::words::digest(word).map_err(wrong)?.0;
                rest = after.trim_start_matches(' ');
            } else if word.starts_with("--") {
                return Err(wrong(format!("`kernel` has no option `{}`", short(word))));
            } else {
                let file = file_ref(word, self.device.as_ref()).map_err(wrong)?;
                return Ok((FileRef { digest, ..file }, after.trim_matches(' ')));
            }
        }
    }

    pub fn close(self) -> Entry {
        let target = match (self.blocked, self.other, self.kernel) {
            (Some(blocked), _, _) => Err(blocked),
            (_, Some(other), _) => Ok(other),
            (_, _, Some((kernel, args))) => Ok(Target::Boot(Box::new(Boot {
                kernel,
                args,
                initrds: self.initrd.into_iter().collect(),
                modules: self.modules,
                sums: self.sums,
                profile: None,
                counter: None,
            }))),
            (None, None, None) => Err(Blocked::NoKernel),
        };
        let entry = Entry::new(&self.title, target);
        Entry {
            source: self.source,
            access: self.access,
            passwords: self.passwords,
            net: self.net,
            notes: self.notes,
            saves: self.saves,
            pauses: self.pauses,
            ..entry
        }
    }
}

/// `[--set-root] FILE`: whether the root is to be set, and the file.
pub(crate) fn find(args: &str) -> Result<(bool, &str), String> {
    let mut options = words(args).take_while(|word| word.starts_with("--"));
    let root = options.any(|word| word == "--set-root");
    let file = words(args).find(|word| !word.starts_with("--"));
    let file = file.filter(|file| file.starts_with('/') && file.len() <= 300);
    Ok((root, file.ok_or("`find` needs a path that begins with /")?))
}

/// `[--wait=SECONDS] MESSAGE`; the option is GRUB4DOS's.
fn pause(args: &str) -> Result<Pause, String> {
    let (wait, message) = match args.strip_prefix("--wait=") {
        None => (None, args),
        Some(rest) => {
            let (digits, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let seconds =
                digits.parse().map_err(|_| format!("`pause --wait={}`: no seconds", short(digits)))?;
            (Some(seconds), rest)
        }
    };
    // Ctrl-G is there to beep.
    Ok(Pause { message: clean(&message.replace('\x07', "")).trim().to_owned(), wait })
}
