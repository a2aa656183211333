//! Where a guest's menu is looked for, and which one counts where there are several.
//!
//! The rule: what GRUB, or whatever the distribution boots by, would take on that guest today. Three witnesses for the order: the
//! configuration inside Debian's `grub-xen-host` (pvboot, then `/boot/grub/grub.cfg`, then `/grub/grub.cfg`), Xen's
//! `docs/misc/x86-xenpv-bootloader.pandoc` (the two places of pvboot), and `pygrub` (grub.cfg, then Syslinux, then menu.lst).
//! docs/menus.md has the same table.
//!
//! The order is of ranks first: [`PLACES`] from the top, each on all volumes of a disk, in the order of partitions; then the next disk.
//! So an ESP with only a stub on the first partition gives way to the real grub.cfg on the second, and a disk with data on it never
//! overrides the one before it.

use Format::{BootLoaderSpec, ChainLoad, GrubScript, MenuLst, Syslinux, UnifiedImages};

/// How to read what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A boot loader that is a Xen PV kernel itself: to be started in our place.
    ChainLoad,
    /// GRUB 2's shell.
    GrubScript,
    /// A directory of entries: [`bls`](crate::bls).
    BootLoaderSpec,
    /// A directory of unified kernel images (`*.efi`). They are shown in one menu with the entries of the specification.
    UnifiedImages,
    /// [`extlinux`](crate::extlinux).
    Syslinux,
    /// GRUB 0.97's: [`Menu::parse`](crate::Menu::parse).
    MenuLst,
}

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From the volume's root: a file, or a directory for the two formats that are one. A `*` is any one name, in the order of names.
    pub path: &'static str,
    /// What is there.
    pub format: Format,
}

const fn place(path: &'static str, format: Format) -> Place {
    Place { path, format }
}

/// All places, the first one that is there counts.
pub const PLACES: [Place; 32] = [
    // Put there by hand, for exactly this: "the user wishes to manage the PV boot loader from within the guest". Both paths, in this
    // order, since /boot may be a file system of its own.
    place("/boot/xen/pvboot-x86_64.elf", ChainLoad),
    place("/xen/pvboot-x86_64.elf", ChainLoad),
    // Written anew with each kernel by everybody who has GRUB 2. `grub2` is the directory of Fedora, RHEL, SUSE and their kin; where
    // both are there, `grub` is what an older system (RHEL 6), or a command from a Debian manual, left behind: the other way round,
    // Debian, Arch, Alpine and Gentoo never make a `grub2`.
    place("/boot/grub2/grub.cfg", GrubScript),
    place("/boot/grub/grub.cfg", GrubScript),
    place("/grub2/grub.cfg", GrubScript),
    place("/grub/grub.cfg", GrubScript),
    // Fedora's until 33, RHEL's until 8, when installed for EFI: then this is the only one. Debian's and newer ones are stubs that lead to
    // one of those above, which was found before, unless it is on another disk.
    place("/EFI/*/grub.cfg", GrubScript),
    place("/efi/EFI/*/grub.cfg", GrubScript),
    place("/boot/efi/EFI/*/grub.cfg", GrubScript),
    // systemd-boot. After grub.cfg, since Fedora's and RHEL's has a command that shows these very entries, and says with which variables;
    // before the rest, since whoever has systemd-boot has nothing newer.
    place("/loader/entries", BootLoaderSpec),
    place("/EFI/Linux", UnifiedImages),
    place("/boot/loader/entries", BootLoaderSpec),
    place("/boot/EFI/Linux", UnifiedImages),
    place("/efi/loader/entries", BootLoaderSpec),
    place("/efi/EFI/Linux", UnifiedImages),
    place("/boot/efi/loader/entries", BootLoaderSpec),
    place("/boot/efi/EFI/Linux", UnifiedImages),
    // The Syslinux family. Alpine writes /boot/extlinux.conf, Debian's extlinux and u-boot-menu /boot/extlinux/. Each name first beneath
    // /boot, then at the root, as Syslinux looks for them.
    place("/boot/extlinux/extlinux.conf", Syslinux),
    place("/boot/extlinux.conf", Syslinux),
    place("/extlinux/extlinux.conf", Syslinux),
    place("/extlinux.conf", Syslinux),
    place("/boot/syslinux/syslinux.cfg", Syslinux),
    place("/syslinux/syslinux.cfg", Syslinux),
    place("/syslinux.cfg", Syslinux),
    // GRUB 0.97. Last of what an installed system has: a menu.lst from before an upgrade stays for ever, and names kernels that are gone,
    // while those that keep it up to date (grub-legacy-ec2, pv-grub-menu, Amazon's) do so on systems without a grub.cfg, or with one that
    // lists the same kernels. RHEL's grub.conf is the file, its menu.lst a link to it.
    place("/boot/grub/menu.lst", MenuLst),
    place("/boot/grub/grub.conf", MenuLst),
    place("/grub/menu.lst", MenuLst),
    place("/grub/grub.conf", MenuLst),
    // Installers. Those that have a grub.cfg, too, have the same entries in it.
    place("/boot/isolinux/isolinux.cfg", Syslinux),
    place("/isolinux/isolinux.cfg", Syslinux),
    place("/isolinux.cfg", Syslinux),
    // SUSE's.
    place("/boot/x86_64/loader/isolinux.cfg", Syslinux),
];

/// How to read a file of which only its name is known: one that somebody names, or one at the place of another format. By what is in it
/// if that is plain, else by its name. (There are grub.conf files with GRUB 2's shell in them, and a server may call a menu anything.)
pub fn guess(name: &str, bytes: &[u8]) -> Format {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    if bytes.starts_with(b"\x7fELF") {
        return ChainLoad;
    }
    if bytes.starts_with(b"MZ") {
        return UnifiedImages;
    }
    let beginning = bytes.get(..GUESSED).unwrap_or(bytes);
    // grub4dos has variables, too: `set` does not make it GRUB 2's.
    if has(beginning, b"title") && has(beginning, b"kernel") && !has(beginning, b"menuentry") {
        return MenuLst;
    }
    for line in beginning.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'=')).unwrap_or(line.len());
        let (word, rest) = line.split_at(end);
        match word.to_ascii_lowercase().as_slice() {
            b"menuentry" | b"submenu" | b"function" | b"insmod" | b"if" | b"set" | b"search.fs_uuid" => {
                return GrubScript;
            }
            b"label" | b"ui" | b"append" | b"say" | b"prompt" | b"ontimeout" => return Syslinux,
            b"menu" | b"include" if !rest.is_empty() => return Syslinux,
            // Both GRUB 0.97 and the specification have titles; an entry of the latter has its kernel in a line `linux`.
            b"kernel" | b"root" | b"rootnoverify" | b"uuid" | b"hiddenmenu" | b"fallback" => return MenuLst,
            b"linux" | b"options" | b"machine-id" | b"sort-key" | b"efi" | b"uki" => return BootLoaderSpec,
            _ => {}
        }
    }
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    match name {
        "grub.cfg" => GrubScript,
        "extlinux.conf" | "syslinux.cfg" | "isolinux.cfg" | "default" => Syslinux,
        _ if suffix == "cfg" => GrubScript,
        _ => MenuLst,
    }
}

/// Whether a line begins with this word.
fn has(text: &[u8], word: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| {
        let rest = line.trim_ascii_start().strip_prefix(word);
        rest.is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_whitespace))
    })
}

/// Bytes that are looked at.
const GUESSED: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn rank(path: &str) -> usize {
        PLACES.iter().position(|place| place.path == path).unwrap_or_else(|| panic!("no {path}"))
    }

    #[test]
    fn each_place_once_and_from_the_root() {
        let mut paths: Vec<&str> = PLACES.iter().map(|place| place.path).collect();
        assert!(paths.iter().all(|path| path.starts_with('/') && !path.ends_with('/')));
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), PLACES.len());
        for directory in crate::bls::DIRECTORIES {
            assert_eq!(PLACES[rank(directory)].format, BootLoaderSpec);
        }
    }

    #[test]
    fn guesses() {
        for (name, text, expected) in [
            ("/boot/grub/grub.conf", "# x\n\nif loadfont x ; then\n", GrubScript),
            ("/boot/grub/grub.conf", "default=0\ntitle A\n\troot (hd0,0)\n\tkernel /a\n", MenuLst),
            ("menu.lst", "set name=A\ntimeout 10\n title %name%\n kernel /a\n", MenuLst),
            ("x", "set title=A\nmenuentry a {\n  title b\n  kernel c\n}\n", GrubScript),
            ("x", "DEFAULT menu.c32\nPROMPT 0\n", Syslinux),
            ("x", "default l0\nmenu title U-Boot menu\n", Syslinux),
            ("x.conf", "title A\nversion 1\nlinux /a\n", BootLoaderSpec),
            ("x.conf", "title UEFI Shell\nefi /shellx64.efi\n", BootLoaderSpec),
            ("grub.cfg", "timeout=5\n", GrubScript),
            ("my.cfg", "", GrubScript),
            ("pxelinux.cfg/default", "default a\n", Syslinux),
            ("menu.lst", "timeout 5\n", MenuLst),
            ("pvboot", "\x7fELF", ChainLoad),
            ("a.efi", "MZ", UnifiedImages),
        ] {
            assert_eq!(guess(name, text.as_bytes()), expected, "{name} {text:?}");
        }
        // The fixtures are what they are.
        for (text, expected) in [
            (&include_bytes!("../tests/samples/debian.lst")[..], MenuLst),
            (include_bytes!("../tests/samples/ubuntu.lst"), MenuLst),
            (include_bytes!("../tests/menus/bls/kernel-install.conf"), BootLoaderSpec),
            (include_bytes!("../tests/menus/extlinux/alpine.conf"), Syslinux),
            (include_bytes!("../tests/menus/extlinux/u-boot.conf"), Syslinux),
            (include_bytes!("../tests/menus/extlinux/pxe.cfg"), Syslinux),
            (include_bytes!("../tests/menus/grub-cfg/fedora.cfg"), GrubScript),
            (include_bytes!("../tests/menus/grub-cfg/esp-stub.cfg"), GrubScript),
        ] {
            assert_eq!(guess("x", text), expected);
        }
    }

    /// The witnesses' orders.
    #[test]
    fn as_others_have_it() {
        let debian = [
            "/boot/xen/pvboot-x86_64.elf",
            "/xen/pvboot-x86_64.elf",
            "/boot/grub/grub.cfg",
            "/grub/grub.cfg",
        ];
        let pygrub = ["/boot/grub/grub.cfg", "/grub/grub.cfg", "/boot/extlinux.conf", "/boot/grub/menu.lst"];
        let pygrub_grub =
            ["/boot/grub/menu.lst", "/boot/grub/grub.conf", "/grub/menu.lst", "/grub/grub.conf"];
        for order in [debian, pygrub, pygrub_grub] {
            assert!(order.map(rank).is_sorted(), "{order:?}");
        }
    }
}
