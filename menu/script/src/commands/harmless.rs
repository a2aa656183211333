//! Commands that change nothing about what a Xen domain boots, and those that none can obey.

use alloc::format;

use crate::code;
use crate::exec::{Call, Exec, Run};

/// Passed over. The network has its addresses by itself; SUSE's `hiddenentry` is seen in no menu.
const HARMLESS: &[&str] = &[
    "acpi",
    "at_keyboard",
    "background_color",
    "background_image",
    "badram",
    "btrfs-get-default-subvol",
    "btrfs-info",
    "btrfs-list-subvols",
    "cutmem",
    "drivemap",
    "gdbstub",
    "hdparm",
    "hiddenentry",
    "iorw",
    "keymap",
    "loadfont",
    "lsfonts",
    "lsmod",
    "lspci",
    "nativedisk",
    "net_bootp",
    "net_bootp6",
    "net_dhcp",
    "net_ipv6_autoconf",
    "play",
    "rmmod",
    "sendkey",
    "serial",
    "setpci",
    "spkmodem",
    "terminal",
    "terminal_input",
    "terminal_output",
    "terminfo",
    "vbeinfo",
    "vbetest",
    "version",
    "videoinfo",
    "videotest",
];

const HYPERVISOR: &str = "a Xen domain is a guest, it can't start a hypervisor or a multiboot system";
const FIRMWARE: &str = "a Xen PV domain has no firmware";
pub(super) const SECTOR: &str = "a Xen PV domain has no boot sector to run";
const OTHER: &str = "this is no system that a Xen PV domain can run";
const DEVICE: &str = "encrypted disks are not supported";
const PRIORITY: &str =
    "the priorities of partitions are not written here; choose an entry that names its kernel";
const HIDDEN: &str = "it is not offered here";

/// Refused, and why.
const REFUSED: &[(&str, &str)] = &[
    ("appleloader", FIRMWARE),
    ("bootloader", HIDDEN),
    ("cmosclean", FIRMWARE),
    ("cmosdump", FIRMWARE),
    ("cmostest", FIRMWARE),
    ("crc", HIDDEN),
    ("cryptomount", DEVICE),
    ("extract_entries_configfile", HIDDEN),
    ("extract_entries_source", HIDDEN),
    ("freedos", SECTOR),
    ("fwsetup", FIRMWARE),
    ("gptpriority", PRIORITY),
    ("hashsum", HIDDEN),
    ("hexdump", HIDDEN),
    ("kfreebsd", OTHER),
    ("knetbsd", OTHER),
    ("kopenbsd", OTHER),
    ("legacy_configfile", "a menu.lst must be named in the domain's configuration"),
    ("legacy_initrd", HIDDEN),
    ("legacy_kernel", HIDDEN),
    ("legacy_source", "a menu.lst must be named in the domain's configuration"),
    ("md5sum", HIDDEN),
    ("module2", HYPERVISOR),
    ("multiboot", HYPERVISOR),
    ("multiboot2", HYPERVISOR),
    ("ntldr", SECTOR),
    ("parttool", "partitions are read only"),
    ("plan9", OTHER),
    ("sha1sum", HIDDEN),
    ("sha256sum", HIDDEN),
    ("sha512sum", HIDDEN),
    ("smbios", FIRMWARE),
    ("truecrypt", SECTOR),
    ("verify_detached", "signatures by GPG can't be checked"),
    ("xen_hypervisor", HYPERVISOR),
    ("xen_initrd", HYPERVISOR),
    ("xen_module", HYPERVISOR),
    ("xnu_kernel", OTHER),
    ("xnu_kernel64", OTHER),
    ("zfskey", DEVICE),
];

pub(crate) fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name)
}

pub(crate) fn refusal(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, why)| *why)
}

pub(crate) fn nothing(_: &mut Exec, _: &Call) -> Run {
    Ok(0)
}

/// All that there are modules for is here.
pub(crate) fn insmod(exec: &mut Exec, call: &Call) -> Run {
    if call.args.is_empty() {
        return exec.fail(code::BAD_ARGUMENT, "one argument expected");
    }
    Ok(0)
}

pub(crate) fn refuse(exec: &mut Exec, call: &Call) -> Run {
    refuse_since(exec, call, refusal(&call.name).unwrap_or(HIDDEN))
}

/// Refuses a command, and says why.
pub(super) fn refuse_since(exec: &mut Exec, call: &Call, why: &str) -> Run {
    let why = format!("`{}`: {why}", call.name);
    if exec.sh.refused.is_none() {
        exec.sh.refused = Some(why.clone());
    }
    exec.fail(code::NOT_IMPLEMENTED, &why)
}

/// `cpuid -l`: the processor knows 64 bits. Of anything else nothing is known.
pub(crate) fn cpuid(exec: &mut Exec, call: &Call) -> Run {
    match call.args.first().map_or("-l", |arg| arg.as_str()) {
        "-l" | "--long-mode" | "-p" | "--pae" => Ok(0),
        _ => exec.no(),
    }
}
