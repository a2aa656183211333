//! What a label does: its kernel, or which of Syslinux's own programs it starts.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::model::{Boot, Kind};
use super::path::Paths;
use crate::text::{first_word, short, usable, words};

/// The most ramdisks of an entry.
const MAX_INITRDS: usize = 64;
/// The most files that are read as one.
const MAX_FILES: usize = 16;

/// How the kind of file is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Type {
    /// `KERNEL`: its name tells.
    #[default]
    Any,
    /// `LINUX`.
    Linux,
    /// `COM32`, `COMBOOT`: one of Syslinux's programs.
    Com32,
    /// `CONFIG`.
    Config,
    /// `LOCALBOOT`.
    Local,
    /// `BOOT`, `BSS`, `PXE`, `FDIMAGE`: programs for a BIOS.
    Bios,
}

impl Type {
    /// The one that this word of a configuration means.
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            "kernel" => Self::Any,
            "linux" => Self::Linux,
            "com32" | "comboot" => Self::Com32,
            "config" => Self::Config,
            "localboot" => Self::Local,
            "boot" | "bss" | "pxe" | "fdimage" => Self::Bios,
            _ => return None,
        })
    }
}

/// What is to be started, in words: a program's name and its arguments.
pub(super) struct Command<'a> {
    pub kind: Type,
    /// What stands behind `KERNEL` (or the like).
    pub kernel: &'a str,
    /// `APPEND`, or the global one.
    pub append: &'a str,
    /// `INITRD`.
    pub initrd: &'a str,
    pub sysappend: u32,
}

/// What it does, or the label of which it does the same.
pub(super) enum Outcome {
    Kind(Kind),
    /// Another label, with words behind it.
    Label(String),
}

impl Command<'_> {
    pub fn outcome(&self, paths: &Paths) -> Outcome {
        let (file, more) = first_word(self.kernel);
        // `.linux vmlinuz` is the same as `LINUX vmlinuz`.
        if let Some(kind) = file.strip_prefix('.').and_then(Type::of) {
            return Command { kind, kernel: more, ..*self }.outcome(paths);
        }
        let name = file.rsplit(['/', '\\', ':']).next().unwrap_or(file).to_ascii_lowercase();
        let args = joined(more, self.append);
        let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
        let refused = |why: &str| Outcome::Kind(Kind::Refused(format!("`{}`: {why}", short(file))));
        match (self.kind, suffix) {
            (Type::Local, _) => Outcome::Kind(Kind::LocalBoot),
            (Type::Config, _) => Outcome::Kind(config(file, &[], &args, paths)),
            (Type::Any, "c32" | "com") | (Type::Com32, _) => self.program(&name, &args, paths),
            (Type::Any, "0" | "bin" | "bs" | "bss" | "img") | (Type::Bios, _) => {
                refused("a Xen PV domain has no BIOS, and starts no boot sectors")
            }
            _ if name == "memdisk" => refused("a Xen PV domain has no BIOS, which memdisk needs"),
            _ => Outcome::Kind(self.linux(file, &args, paths).unwrap_or_else(Kind::Refused)),
        }
    }

    fn linux(&self, file: &str, args: &str, paths: &Paths) -> Result<Kind, String> {
        let mut boot = Boot { kernel: paths.resolve(file)?, sysappend: self.sysappend, ..Boot::default() };
        let mut lists = Vec::new();
        for word in words(args) {
            match word.strip_prefix("initrd=") {
                Some(list) => lists.push(list),
                None => boot.args = joined(&boot.args, word),
            }
        }
        lists.push(self.initrd);
        // The first one counts: what `INITRD` says stands behind `APPEND`'s words.
        let list = lists.into_iter().find(|list| !list.is_empty()).unwrap_or("");
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if boot.initrds.len() >= MAX_INITRDS {
                return Err(format!("more than {MAX_INITRDS} initrds"));
            }
            boot.initrds.push(paths.resolve(name)?);
        }
        usable(&boot.args)?;
        Ok(Kind::Boot(boot))
    }

    /// One of Syslinux's programs.
    fn program(&self, name: &str, args: &str, paths: &Paths) -> Outcome {
        let refused = |why: &str| Outcome::Kind(Kind::Refused(format!("`{}`: {why}", short(name))));
        let name = name.strip_suffix(".c32").unwrap_or(name);
        match name {
            "menu" | "vesamenu" => {
                // Several files are read one after the other, as one. `~` is the main configuration.
                let files: Vec<&str> = words(args).filter(|file| *file != "~").collect();
                let own = words(args).last() == Some("~");
                match files.split_first().filter(|_| !own) {
                    None => Outcome::Kind(Kind::Menu(0)),
                    Some((file, more)) => Outcome::Kind(config(file, more, "", paths)),
                }
            }
            "reboot" => Outcome::Kind(Kind::Reboot),
            "poweroff" | "poweroff.com" => Outcome::Kind(Kind::Halt),
            "linux" => {
                let (file, more) = first_word(args);
                Outcome::Kind(self.linux(file, more, paths).unwrap_or_else(Kind::Refused))
            }
            // `LABEL64 [-- LABEL32 …]`: the domain has 64 bits.
            "ifcpu64" => Outcome::Label(args.split("--").next().unwrap_or("").trim().to_owned()),
            // `-pxe- COMMAND -iso- COMMAND -sys- COMMAND`
            "whichsys" => {
                let marker = if paths.is_network() { "-pxe-" } else { "-sys-" };
                let mut after = words(args).skip_while(|word| *word != marker).skip(1);
                let ends = |word: &&str| !(word.starts_with('-') && word.ends_with('-') && word.len() > 2);
                let command: Vec<&str> = after.by_ref().take_while(ends).collect();
                Outcome::Label(command.join(" "))
            }
            "mboot" => refused(
                "it starts hypervisors and other multiboot kernels, which can't run in a Xen PV domain",
            ),
            "chain" if is_first_disk(args) => Outcome::Kind(Kind::LocalBoot),
            "chain" => refused("a Xen PV domain has no BIOS, and starts no boot sectors"),
            _ => refused("a program of Syslinux, which only Syslinux can run"),
        }
    }
}

/// Whether `chain.c32` is to start what the first disk starts: its master boot record (partition 0 means it, too), and nothing else is asked for.
/// A partition's boot sector, or a file, may be any system's.
fn is_first_disk(args: &str) -> bool {
    let args: Vec<&str> = words(args).filter(|word| *word != "swap").collect();
    matches!(args.as_slice(), ["hd0"] | ["hd0", "0"])
}

fn config(file: &str, more: &[&str], directory: &str, paths: &Paths) -> Kind {
    if more.len() > MAX_FILES {
        return Kind::Refused(format!("more than {MAX_FILES} files"));
    }
    let directory = match first_word(directory).0 {
        "" => Ok(paths.directory().to_owned()),
        directory => paths.resolve(directory),
    };
    let more: Result<Vec<String>, String> = more.iter().map(|file| paths.resolve(file)).collect();
    match (paths.resolve(file), more, directory) {
        (Ok(file), Ok(more), Ok(directory)) => Kind::Config { file, more, directory },
        (Err(why), ..) | (_, Err(why), _) | (.., Err(why)) => Kind::Refused(why),
    }
}

/// Both, with a space between if there is something on both sides.
pub(super) fn joined(a: &str, b: &str) -> String {
    if a.is_empty() || b.is_empty() { format!("{a}{b}") } else { format!("{a} {b}") }
}
