//! GRUB 0.97's command line: which words are its own, and what they come to together.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::blocked::Blocked;
use crate::file::device;
use crate::lines::Lines;
use crate::model::{Device, Entry, Menu};
use crate::parse::{MAX_LINE, find};
use crate::words::{split, words};

/// What a line that somebody typed asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// `root`, `rootnoverify`, `uuid`: the volume of names without one.
    Root,
    /// `find`
    Find,
    /// `kernel`
    Kernel,
    /// `initrd`
    Initrd,
    /// `module`, `modulenounzip`
    Module,
    /// `sha256sums`
    Sums,
    /// `dhcp`, `bootp`, `ifconfig`, `tftpserver`
    Net,
    /// `cat`
    Cat,
    /// `configfile`
    ConfigFile,
    /// `pause`
    Pause,
    /// `displaymem`
    Memory,
    /// `boot`
    Boot,
    /// `halt`
    Halt,
    /// `reboot`
    Reboot,
    /// One of GRUB 0.97's that does nothing here: why.
    Refused(&'static str),
    /// None of GRUB 0.97's.
    Other,
}

/// Sorted by name: what is done, and how it is used.
const DONE: &[(&str, Word, &str)] = &[
    ("boot", Word::Boot, "boot: what `kernel` has named"),
    ("bootp", Word::Net, "bootp: as dhcp"),
    ("cat", Word::Cat, "cat FILE: shows a text"),
    ("configfile", Word::ConfigFile, "configfile FILE: another menu"),
    ("dhcp", Word::Net, "dhcp [--with-configfile]: an address by DHCP, and the menu that the server names"),
    ("displaymem", Word::Memory, "displaymem: the domain's memory"),
    (
        "find",
        Word::Find,
        "find [--set-root] FILE: the volumes that have it; the first of them becomes the root",
    ),
    ("halt", Word::Halt, "halt: switches the domain off"),
    (
        "ifconfig",
        Word::Net,
        "ifconfig [--address=A] [--mask=M] [--gateway=G] [--server=S]: the first network card",
    ),
    ("initrd", Word::Initrd, "initrd FILE: the ramdisk; behind kernel"),
    (
        "kernel",
        Word::Kernel,
        "kernel FILE [ARGUMENT...]: a kernel and its command line; then initrd, then boot",
    ),
    ("module", Word::Module, "module FILE [ARGUMENT...]: behind kernel; gzip is unpacked"),
    ("modulenounzip", Word::Module, "modulenounzip FILE [ARGUMENT...]: behind kernel, as it is"),
    ("pause", Word::Pause, "pause [--wait=SECONDS] [MESSAGE]: waits for a key"),
    ("reboot", Word::Reboot, "reboot: starts the domain anew"),
    ("root", Word::Root, "root [DEVICE]: where files without a device are: (hd0,0) is the first partition"),
    ("rootnoverify", Word::Root, "rootnoverify [DEVICE]: as root"),
    ("sha256sums", Word::Sums, "sha256sums FILE: each file without a digest of its own must be in this list"),
    ("tftpserver", Word::Net, "tftpserver SERVER: what (nd) means"),
    ("uuid", Word::Root, "uuid UUID: the root is the volume of this UUID"),
];

const NO_BIOS: &str = "a Xen PV domain has no BIOS and no boot sectors";
const NO_WRITE: &str = "disks are only read here";
const ONE_CONSOLE: &str = "the screen is always the domain's console; the key t in the list changes its kind";
const MENU_ONLY: &str = "it belongs into a menu, before the first title";
const ENTRY_ONLY: &str = "it belongs into an entry of a menu";
const LOOKS: &str = "there is nothing of the kind to change here";

/// What is refused, and why.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &[
            "chainloader",
            "map",
            "geometry",
            "embed",
            "install",
            "setup",
            "ioprobe",
            "impsprobe",
            "vbeprobe",
            "testvbe",
            "displayapm",
        ],
        NO_BIOS,
    ),
    (&["makeactive", "hide", "unhide", "partnew", "parttype"], NO_WRITE),
    (&["serial", "terminal", "terminfo", "device"], ONE_CONSOLE),
    (&["default", "fallback", "timeout", "hiddenmenu", "color", "setkey", "title"], MENU_ONLY),
    (&["lock", "password", "savedefault"], ENTRY_ONLY),
    (
        &[
            "debug",
            "quiet",
            "verbose",
            "pager",
            "splashimage",
            "gfxmenu",
            "foreground",
            "background",
            "shade",
            "viewport",
        ],
        LOOKS,
    ),
    (&["uppermem"], "the domain's memory is what Xen says (displaymem)"),
    (&["rarp"], "no server answers RARP any more; use `dhcp`"),
    (&["md5crypt"], "the password would stand on the screen; `openssl passwd -1` makes such a hash"),
    (&["blocklist", "fstest"], "files are read by their names; lists of blocks mean nothing here"),
    (&["read"], "memory is not shown"),
    (&["testload"], "`boot` reads all files before it starts anything"),
    (&["quit"], "Esc goes back to the menu"),
];

impl Word {
    /// What the line asks for.
    #[must_use]
    pub fn of(line: &str) -> Self {
        let line = Lines::new(line.as_bytes(), MAX_LINE).next();
        let name = line.as_ref().map_or(&b""[..], |line| split(&line.bytes).0);
        let done = DONE.iter().find(|(known, ..)| known.as_bytes() == name).map(|(_, word, _)| *word);
        let refused = || {
            let found = REFUSED.iter().find(|(names, _)| names.iter().any(|known| known.as_bytes() == name));
            found.map(|(_, why)| Self::Refused(why))
        };
        done.or_else(refused).unwrap_or(Self::Other)
    }

    /// The words that are obeyed, sorted.
    pub fn names() -> impl Iterator<Item = &'static str> {
        DONE.iter().map(|(name, ..)| *name)
    }

    /// How the word of this name is used, or why it is refused; nothing of those that aren't GRUB 0.97's.
    #[must_use]
    pub fn usage(name: &str) -> Option<String> {
        let done = DONE.iter().find(|(known, ..)| *known == name).map(|(_, _, usage)| (*usage).to_string());
        done.or_else(|| match Self::of(name) {
            Self::Refused(why) => Some(format!("{name}: {why}")),
            _ => None,
        })
    }
}

/// What was typed so far: lines as those of an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    lines: Vec<(Word, String)>,
    root: Option<Device>,
}

impl Typed {
    /// The volume or server of names without one; `None`: the one that the menu is on.
    #[must_use]
    pub fn root(&self) -> Option<&Device> {
        self.root.as_ref()
    }

    /// Whether there is a kernel to boot.
    #[must_use]
    pub fn has_kernel(&self) -> bool {
        self.lines.iter().any(|(word, _)| *word == Word::Kernel)
    }

    /// These lines and one more, and the entry that they come to. The target of one without a kernel is [`Blocked::NoKernel`]. Nothing is
    /// collected by words that aren't an entry's.
    ///
    /// # Errors
    /// What is wrong with the line, for the user.
    pub fn with(&self, word: Word, line: &str) -> Result<(Self, Entry), String> {
        if line.ends_with('\\') {
            return Err("a line that goes on is for menus".into());
        }
        if matches!(word, Word::Initrd | Word::Module) && !self.has_kernel() {
            return Err("Error 19: first `kernel FILE`, then what is loaded with it".into());
        }
        let mut next = self.clone();
        next.lines.retain(|(have, _)| match word {
            // A kernel begins anew, as in GRUB.
            Word::Kernel => !matches!(have, Word::Kernel | Word::Initrd | Word::Module),
            Word::Initrd => !matches!(have, Word::Initrd | Word::Module),
            Word::Module => *have != Word::Initrd,
            Word::Sums => *have != Word::Sums,
            _ => true,
        });
        next.lines.push((word, line.into()));
        next.drop_roots();
        let text: Vec<&str> = next.lines.iter().map(|(_, line)| line.as_str()).collect();
        let entry = Menu::parse_entry("", &text.join("\n"));
        match &entry.target {
            Ok(_) | Err(Blocked::NoKernel) => {}
            Err(Blocked::Argument { what, .. }) => return Err(what.clone()),
            Err(why) => return Err(why.to_string()),
        }
        if word == Word::Root {
            next.root = root(line)?.or(next.root);
        }
        Ok((next, entry))
    }

    /// Of roots that follow each other the last counts: so there is an end of lines, however many are typed.
    fn drop_roots(&mut self) {
        let lines = core::mem::take(&mut self.lines);
        for line in lines {
            if line.0 == Word::Root && self.lines.last().is_some_and(|(word, _)| *word == Word::Root) {
                self.lines.pop();
            }
            self.lines.push(line);
        }
    }
}

/// The device that a `root` or `uuid` line names, if it does.
fn root(line: &str) -> Result<Option<Device>, String> {
    let bytes = Lines::new(line.as_bytes(), MAX_LINE).next().map(|line| line.bytes).unwrap_or_default();
    let (name, args) = split(&bytes);
    let args = String::from_utf8_lossy(args);
    match words(&args).next() {
        Some(word) if name == b"uuid" => Ok(Some(Device::Uuid(word.into()))),
        Some(word) => device(word).map(Some),
        None => Ok(None),
    }
}

/// What a `find` line looks for, and whether the root is to be set.
///
/// # Errors
/// What is wrong with it, for the user.
pub fn find_line(line: &str) -> Result<(bool, String), String> {
    let (root, file) = find(line.split_once(' ').map_or("", |(_, args)| args))?;
    Ok((root, file.into()))
}

/// The first word behind the first of this line.
#[must_use]
pub fn argument(line: &str) -> Option<&str> {
    line.split_whitespace().nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Target;

    /// What these lines come to.
    fn typed(lines: &[&str]) -> Result<(Typed, Entry), String> {
        let mut result = (Typed::default(), Menu::parse_entry("", ""));
        for line in lines {
            result = result.0.with(Word::of(line), line)?;
        }
        Ok(result)
    }

    fn boot(lines: &[&str]) -> crate::Boot {
        match typed(lines).unwrap().1.target {
            Ok(Target::Boot(boot)) => *boot,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_come_to_an_entry() {
        let lines = ["root (hd0,1)", "kernel /k a  b", "root=(hd1,0)", "initrd /i"];
        let found = boot(&lines);
        assert_eq!((found.kernel.to_string().as_str(), found.args.as_str()), ("(hd0,1)/k", "a  b"));
        assert_eq!(found.initrds[0].to_string(), "(hd1,0)/i");
        assert_eq!(typed(&lines).unwrap().0.root(), Some(&Device::Name("hd1,0".into())));
        // `root` alone changes nothing.
        assert_eq!(typed(&["uuid ab-cd", "root"]).unwrap().0.root(), Some(&Device::Uuid("ab-cd".into())));
        let found = boot(&["kernel /k", "module /m x", "module /n", "initrd /i"]);
        assert!(found.modules.is_empty() && found.initrds.len() == 1);
        let found = boot(&["kernel /k", "initrd /i", "module /m x"]);
        assert!(found.modules.len() == 1 && found.initrds.is_empty());
    }

    #[test]
    fn a_kernel_begins_anew() {
        let found = boot(&["kernel /k", "initrd /i", "kernel /l"]);
        assert!(found.initrds.is_empty() && found.kernel.path == "/l");
    }

    #[test]
    fn what_is_wrong_is_said_and_not_kept() {
        assert!(typed(&["initrd /i"]).unwrap_err().contains("Error 19"));
        for line in ["kernel", "root hd0,0", "kernel /k \\", "kernel --foo /k", "uuid", "module"] {
            assert!(typed(&["kernel /k", line]).is_err(), "{line}");
        }
        assert!(!typed(&["root (hd0,0)"]).unwrap().0.has_kernel());
    }

    #[test]
    fn there_is_an_end_of_lines() {
        let mut typed = Typed::default();
        for _ in 0..500 {
            for line in ["root (hd0,0)", "kernel /k", "sha256sums /s", "root (hd0,1)", "initrd /i"] {
                typed = typed.with(Word::of(line), line).unwrap().0;
            }
        }
        assert!(typed.lines.len() < 8, "{}", typed.lines.len());
    }

    #[test]
    fn words() {
        assert!(DONE.is_sorted_by(|(a, ..), (b, ..)| a < b));
        for (name, word, usage) in DONE {
            assert_eq!(Word::of(name), *word);
            assert!(usage.starts_with(name) && usage.len() < 110, "{usage}");
            assert_ne!(crate::command::Command::of(name.as_bytes()), crate::command::Command::Unknown);
        }
        for name in REFUSED.iter().flat_map(|(names, _)| *names) {
            assert!(matches!(Word::of(name), Word::Refused(_)), "{name} stands twice");
            assert_ne!(
                crate::command::Command::of(name.as_bytes()),
                crate::command::Command::Unknown,
                "{name}"
            );
        }
        assert_eq!(Word::of("\tkernel=/k"), Word::Kernel);
        for line in ["", "# kernel", "ls", "kernels /k", "linux /k"] {
            assert_eq!(Word::of(line), Word::Other, "{line}");
        }
        assert!(Word::usage("chainloader").unwrap().contains("BIOS"));
        assert_eq!(Word::usage("ls"), None);
        assert_eq!(find_line("find --set-root /k"), Ok((true, "/k".into())));
        assert_eq!(find_line("find  /k"), Ok((false, "/k".into())));
        assert!(find_line("find").is_err() && find_line("find k").is_err());
    }
}
