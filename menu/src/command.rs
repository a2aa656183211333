//! The commands of menu.lst: which are obeyed, which make no difference here, which can't be obeyed.

/// What a command means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Title,
    // Of the whole menu.
    Default,
    Timeout,
    Fallback,
    HiddenMenu,
    Color,
    SetKey,
    // Of an entry.
    Root,
    Uuid,
    Find,
    Kernel,
    Initrd,
    Module,
    ModuleNoUnzip,
    Boot,
    ConfigFile,
    Halt,
    Reboot,
    Sums,
    SaveDefault,
    Pause,
    // Of the menu or an entry.
    Dhcp,
    IfConfig,
    TftpServer,
    /// `lock` or `password`.
    Lock(&'static str),
    /// Passing it over changes nothing about what is booted; why.
    Harmless(&'static str),
    /// An entry with it can't be obeyed; why.
    Unsupported(&'static str),
    Unknown,
}

const NO_BIOS: &str = "a Xen PV domain has no BIOS and no boot sectors";
const NO_RARP: &str = "no server answers RARP any more; use `dhcp`";
const NO_SHELL: &str = "it belongs on the command line (the key c), not into a menu";
const NO_WRITE: &str = "partitions are never changed";
const ONE_CONSOLE: &str = "the screen is always the domain's console";
/// The reason of which nobody needs to be told: nothing is missing.
pub(crate) const LOOKS: &str = "only for looks";

impl Command {
    /// The meaning of the word `name`.
    pub fn of(name: &[u8]) -> Self {
        // What locks is recognised however it is written: an unlocked menu by a slip would be the worse mistake.
        if name.eq_ignore_ascii_case(b"lock") {
            return Self::Lock("lock");
        }
        if name.eq_ignore_ascii_case(b"password") {
            return Self::Lock("password");
        }
        match name {
            b"title" => Self::Title,
            b"default" => Self::Default,
            b"timeout" => Self::Timeout,
            b"fallback" => Self::Fallback,
            b"hiddenmenu" => Self::HiddenMenu,
            b"color" => Self::Color,
            b"setkey" => Self::SetKey,
            b"pause" => Self::Pause,
            b"root" | b"rootnoverify" => Self::Root,
            b"uuid" => Self::Uuid,
            b"find" => Self::Find,
            b"kernel" => Self::Kernel,
            b"initrd" => Self::Initrd,
            b"module" => Self::Module,
            b"modulenounzip" => Self::ModuleNoUnzip,
            b"boot" => Self::Boot,
            b"configfile" => Self::ConfigFile,
            b"halt" => Self::Halt,
            b"reboot" => Self::Reboot,
            b"savedefault" => Self::SaveDefault,
            b"makeactive" | b"hide" | b"unhide" | b"partnew" | b"parttype" => Self::Harmless(NO_WRITE),
            b"serial" | b"terminal" | b"terminfo" | b"device" => Self::Harmless(ONE_CONSOLE),
            b"quiet" | b"debug" | b"pager" | b"clear" | b"echo" | b"help" | b"splashimage" | b"gfxmenu"
            | b"foreground" | b"background" | b"shade" | b"viewport" | b"displaymem" | b"displayapm"
            | b"verbose" => Self::Harmless(LOOKS),
            b"uppermem" => Self::Harmless("the domain's memory is what Xen says"),
            b"chainloader" | b"map" | b"geometry" | b"embed" | b"install" | b"setup" | b"ioprobe"
            | b"impsprobe" | b"vbeprobe" | b"testvbe" => Self::Unsupported(NO_BIOS),
            b"bootp" | b"dhcp" => Self::Dhcp,
            b"ifconfig" => Self::IfConfig,
            b"tftpserver" => Self::TftpServer,
            b"rarp" => Self::Unsupported(NO_RARP),
            b"sha256sums" => Self::Sums,
            b"blocklist" | b"cat" | b"cmp" | b"dump" | b"fstest" | b"md5crypt" | b"read" | b"testload"
            | b"quit" => Self::Unsupported(NO_SHELL),
            _ => Self::Unknown,
        }
    }
}
