//! Other families: Fedora's grub.cfg with Boot Loader Specification entries, systemd-boot's, extlinux, unified kernel
//! images, and menu.lst.

use std::path::Path;

use anyhow::{Result, ensure};

use super::driver::{DOWN, ENTER, Person, UP};
use super::{CLOUD, GENERIC, MACHINE, empty, pair, runs};
use crate::cases::{Case, QUIET, Stage, Tier};
use crate::kernels::Kernel;
use crate::material::{BOOT_UUID, Image, Layout, ROOT_UUID, Uki, grubenv, ramdisk};
use crate::{menus, sh, tools};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::pvgrub("guests/fedora/saved", Tier::Quick, fedora_saved),
        Case::pvgrub("guests/fedora/second", Tier::Full, fedora_second),
        Case::pvgrub("guests/fedora/next", Tier::Full, fedora_next),
        Case::pvgrub("guests/fedora/edit", Tier::Full, fedora_edit),
        Case::pvgrub("guests/fedora/hidden", Tier::Full, fedora_hidden),
        Case::pvgrub("guests/xfs", Tier::Full, fedora_on_xfs),
        Case::pvgrub("guests/alpine/default", Tier::Quick, alpine_default),
        Case::pvgrub("guests/alpine/second", Tier::Full, alpine_second),
        Case::pvgrub("guests/alpine/edit", Tier::Full, alpine_edit),
        Case::pvgrub("guests/extlinux/debian", Tier::Full, extlinux_debian),
        Case::pvgrub("guests/bls/default", Tier::Full, bls_default),
        Case::pvgrub("guests/bls/second", Tier::Full, bls_second),
        Case::pvgrub("guests/bls/edit", Tier::Full, bls_edit),
        Case::pvgrub("guests/bls/forced", Tier::Full, bls_forced),
        Case::pvgrub("guests/bls/tries", Tier::Full, bls_tries),
        Case::pvgrub("guests/bls/xbootldr", Tier::Full, bls_xbootldr),
        Case::pvgrub("guests/uki/default", Tier::Quick, uki_default),
        Case::pvgrub("guests/uki/second", Tier::Full, uki_second),
        Case::pvgrub("guests/uki/edit", Tier::Full, uki_edit),
        Case::pvgrub("guests/menu-lst/saved", Tier::Full, menu_lst_saved),
        Case::pvgrub("guests/menu-lst/edit", Tier::Full, menu_lst_edit),
        Case::pvgrub("guests/menu-lst/forced", Tier::Full, menu_lst_forced),
        Case::pvgrub("guests/menu-lst/command-line", Tier::Full, menu_lst_command_line),
    ]
}

const NEWER: &str = "6.7.4-200.fc39.x86_64";
const OLDER: &str = "6.5.6-300.fc39.x86_64";

/// A disk as Fedora's installer leaves it: /boot is a volume of its own, with grub.cfg and the entries. The newer kernel's has its command
/// line in it, as kernel-install writes it since Fedora 30-odd; the older one's takes grubenv's, as before.
fn fedora(variables: &[(&str, &str)]) -> Result<Image> {
    fedora_in(Layout::ExtBoot, "ext2", variables)
}

/// The same, with another file system in the first volume, and GRUB's name for it.
fn fedora_in(layout: Layout, module: &str, variables: &[(&str, &str)]) -> Result<Image> {
    let mut image = empty().layout(layout);
    for (version, kernel) in [(NEWER, Kernel::Cloud), (OLDER, Kernel::Generic)] {
        let (linux, initrd) = pair(kernel)?;
        let options = match version {
            NEWER => format!("root=UUID={ROOT_UUID} ro {QUIET}"),
            _ => "$kernelopts".to_owned(),
        };
        let entry = format!(
            "title Fedora Linux ({version}) 39 (Server Edition)\nversion {version}\nlinux /vmlinuz-{version}\n\
             initrd /initramfs-{version}.img $tuned_initrd\noptions {options} $tuned_params pick={version}\n\
             grub_users $grub_users\ngrub_arg --unrestricted\ngrub_class fedora\n"
        );
        image = image
            .boot_file(&format!("vmlinuz-{version}"), linux)
            .boot_file(&format!("initramfs-{version}.img"), initrd)
            .boot_file(&format!("loader/entries/{MACHINE}-{version}.conf"), entry);
    }
    let cfg = include_str!("fedora.cfg").replace("BOOT-UUID", BOOT_UUID).replace("ROOT-UUID", ROOT_UUID);
    let cfg = cfg.replace("insmod ext2", &format!("insmod {module}"));
    let kernelopts = format!("root=UUID={ROOT_UUID} ro {QUIET}");
    let variables: Vec<(&str, &str)> =
        [("kernelopts", kernelopts.as_str())].into_iter().chain(variables.iter().copied()).collect();
    Ok(image.boot_file("grub2/grub.cfg", cfg).boot_file("grub2/grubenv", grubenv(&variables)))
}

/// The saved entry is an id, and not the first of the list.
fn fedora_saved(stage: &mut Stage) -> Result<()> {
    let image = fedora(&[("saved_entry", &format!("{MACHINE}-{OLDER}"))])?;
    let config = stage.guest(&image, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(OLDER)?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Generic)?;
    report.has("cmdline", &format!("root=UUID={ROOT_UUID} ro"))?;
    report.has("cmdline", &format!("pick={OLDER}"))
}

/// As those of its family have /boot that come from RHEL.
fn fedora_on_xfs(stage: &mut Stage) -> Result<()> {
    let image = fedora_in(Layout::XfsBoot, "xfs", &[("saved_entry", &format!("{MACHINE}-{OLDER}"))])?;
    let config = stage.guest(&image, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(OLDER)?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Generic)?;
    report.has("cmdline", &format!("pick={OLDER}"))
}

/// The newest stands first.
fn fedora_second(stage: &mut Stage) -> Result<()> {
    let image = fedora(&[("saved_entry", &format!("{MACHINE}-{NEWER}"))])?;
    let config = stage.guest(&image, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(NEWER)?;
    person.types(DOWN)?;
    person.marked(OLDER)?;
    person.types(ENTER)?;
    runs(&person.comes_up()?, Kernel::Generic)
}

fn fedora_next(stage: &mut Stage) -> Result<()> {
    let image = fedora(&[("saved_entry", "0"), ("next_entry", "1")])?;
    let disk = stage.image(&image)?;
    let config = stage.pvgrub().disk("xvda", &disk);
    runs(&Person::at(stage, &config)?.comes_up()?, Kernel::Generic)?;
    runs(&Person::at(stage, &config)?.comes_up()?, Kernel::Cloud)
}

fn fedora_edit(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&fedora(&[("saved_entry", "0")])?, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(NEWER)?;
    person.edits("vmlinuz")?;
    person.appends_to("linux", " pick=edited")?;
    person.boots_it()?;
    person.comes_up()?.has("cmdline", "pick=edited")
}

/// After a start that went well the menu hides itself. The next ones are not said to have gone well: the menu shows, and they are counted.
fn fedora_hidden(stage: &mut Stage) -> Result<()> {
    let saved = format!("{MACHINE}-{NEWER}");
    let image = fedora(&[
        ("saved_entry", &saved),
        ("menu_auto_hide", "1"),
        ("boot_success", "1"),
        ("boot_counter", "1"),
    ])?;
    let disk = stage.image(&image)?;
    let config = stage.pvgrub().disk("xvda", &disk);
    let report = Person::at(stage, &config)?.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    let mut person = Person::at(stage, &config)?;
    person.marked(NEWER)?;
    runs(&person.comes_up()?, Kernel::Cloud)?;
    // No try is left: the entry behind the first one.
    let mut person = Person::at(stage, &config)?;
    person.marked(OLDER)?;
    runs(&person.comes_up()?, Kernel::Generic)
}

/// A disk as Alpine's setup leaves it: /boot is a volume of its own, with extlinux.conf at its top, as update-extlinux of its syslinux
/// package writes it with hidden=1, timeout=3, a serial port, and default=virt.
fn alpine() -> Result<Image> {
    let mut image = empty().layout(Layout::ExtBoot);
    let mut conf = String::from(
        "# Generated by update-extlinux 6.04_pre1-r15\nSERIAL 0 115200\nDEFAULT menu.c32\nPROMPT 0\n\
         MENU TITLE Alpine/Linux Boot Menu\nMENU HIDDEN\n\
         MENU AUTOBOOT Alpine will be booted automatically in # seconds.\nTIMEOUT 30\n",
    );
    for (flavour, kernel) in [("lts", Kernel::Generic), ("virt", Kernel::Cloud)] {
        let (linux, initrd) = pair(kernel)?;
        let default = if flavour == "virt" { "  MENU DEFAULT\n" } else { "" };
        conf += &format!(
            "LABEL {flavour}\n{default}  MENU LABEL Linux {flavour}\n  LINUX vmlinuz-{flavour}\n  INITRD initramfs-{flavour}\n  \
             APPEND root=UUID={ROOT_UUID} modules=sd-mod,usb-storage,ext4 {QUIET} rootfstype=ext4\n\n"
        );
        image = image
            .boot_file(&format!("vmlinuz-{flavour}"), linux)
            .boot_file(&format!("initramfs-{flavour}"), initrd);
    }
    conf += "MENU SEPARATOR\n\nLABEL reboot\n  MENU LABEL Reboot\n  COM32 reboot.c32\n\n\
             LABEL poweroff\n  MENU LABEL Poweroff\n  COM32 poweroff.c32\n\n";
    Ok(image.boot_file("extlinux.conf", conf))
}

fn alpine_default(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&alpine()?, "")?;
    let mut person = Person::at(stage, &config)?;
    // The menu is hidden, but not the way to it.
    let screen = person.reads("Alpine will be booted automatically in ")?;
    ensure!(screen.has("Esc shows the menu.") && screen.choice().is_none(), "{screen}");
    let report = person.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    report.has("cmdline", "modules=sd-mod,usb-storage,ext4")
}

/// The menu is hidden until a key comes.
fn alpine_second(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&alpine()?, "pvgrub.timeout=30")?;
    let mut person = Person::at(stage, &config)?;
    person.wakes("Linux virt")?;
    person.types(UP)?;
    person.marked("Linux lts")?;
    person.types(ENTER)?;
    runs(&person.comes_up()?, Kernel::Generic)
}

fn alpine_edit(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&alpine()?, "pvgrub.timeout=30")?;
    let mut person = Person::at(stage, &config)?;
    person.wakes("Linux virt")?;
    person.edits("vmlinuz-virt")?;
    person.appends_to("linux", " pick=edited")?;
    person.boots_it()?;
    person.comes_up()?.has("cmdline", "pick=edited")
}

/// extlinux.conf as Debian's u-boot-update writes it, /boot on the root.
fn extlinux_debian(stage: &mut Stage) -> Result<()> {
    let mut image =
        empty().file("boot/extlinux/extlinux.conf", menus::text("debian-12/extlinux/extlinux.conf")?);
    for (version, kernel) in [(CLOUD, Kernel::Cloud), (GENERIC, Kernel::Generic)] {
        let (linux, initrd) = pair(kernel)?;
        image = image
            .file(&format!("boot/vmlinuz-{version}"), linux)
            .file(&format!("boot/initrd.img-{version}"), initrd);
    }
    let config = stage.guest(&image, "pvgrub.timeout=20")?;
    let mut person = Person::at(stage, &config)?;
    person.wakes(CLOUD)?;
    person.chooses(&format!("{CLOUD} (rescue target)"))?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    report.has("cmdline", "single")
}

/// An EFI system partition as Debian 13's bootctl and kernel-install leave it.
fn bls() -> Result<Image> {
    let mut image = empty().layout(Layout::Esp);
    for path in menus::text("debian-13/bls/files")?.lines() {
        let kernel = if path.contains(CLOUD) { Kernel::Cloud } else { Kernel::Generic };
        let (linux, initrd) = pair(kernel)?;
        image = match path {
            _ if path.starts_with("loader/") => {
                image.boot_file(path, menus::text(&format!("debian-13/bls/{path}"))?)
            }
            _ if path.ends_with("/linux") => image.boot_file(path, linux),
            _ if path.contains("/initrd") => image.boot_file(path, initrd),
            // Programs for the firmware.
            _ => image,
        };
    }
    Ok(image)
}

fn bls_default(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&bls()?, "")?;
    let report = Person::at(stage, &config)?.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    report.has("cmdline", &format!("systemd.machine_id={MACHINE}"))
}

fn bls_second(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&bls()?, "pvgrub.timeout=30")?;
    let mut person = Person::at(stage, &config)?;
    // Titles that are the same get their versions.
    person.wakes(&format!("({CLOUD})"))?;
    person.chooses(&format!("({GENERIC})"))?;
    runs(&person.comes_up()?, Kernel::Generic)
}

fn bls_edit(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&bls()?, "pvgrub.timeout=30")?;
    let mut person = Person::at(stage, &config)?;
    person.wakes(&format!("({CLOUD})"))?;
    person.goes_to(&format!("({GENERIC})"))?;
    person.edits(&format!("{GENERIC}/linux"))?;
    person.appends_to("linux", " pick=edited")?;
    person.boots_it()?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Generic)?;
    report.has("cmdline", &format!("systemd.machine_id={MACHINE} pick=edited"))
}

fn bls_forced(stage: &mut Stage) -> Result<()> {
    let extra = format!("pvgrub.entry={MACHINE}-{GENERIC} pvgrub.append=pick=forced pvgrub.timeout=1");
    let config = stage.guest(&bls()?, &extra)?;
    let report = Person::at(stage, &config)?.comes_up()?;
    runs(&report, Kernel::Generic)?;
    report.has("cmdline", "pick=forced")
}

/// The generic kernel's entry has three tries: two boots take one each.
fn bls_tries(stage: &mut Stage) -> Result<()> {
    let image = bls()?;
    let disk = stage.image(&image)?;
    let extra = format!("pvgrub.entry={MACHINE}-{GENERIC} pvgrub.timeout=1");
    let config = stage.pvgrub().extra(&extra).disk("xvda", &disk);
    for counters in ["+2-1", "+1-2"] {
        runs(&Person::at(stage, &config)?.comes_up()?, Kernel::Generic)?;
        let names = esp_names(&image, &stage.file(0), "loader/entries")?;
        let wanted = [format!("{MACHINE}-{GENERIC}{counters}.conf"), format!("{MACHINE}-{CLOUD}.conf")];
        ensure!(names == wanted, "{names:?}, not {wanted:?}");
    }
    // Without dom0's leave it is booted all the same.
    let before = esp_names(&image, &stage.file(0), "loader/entries")?;
    let config = stage.pvgrub().extra(&extra).disk("xvda", &disk.read_only());
    let mut person = Person::at(stage, &config)?;
    person.reads("not counted down")?;
    runs(&person.comes_up()?, Kernel::Generic)?;
    ensure!(before == esp_names(&image, &stage.file(0), "loader/entries")?, "it was counted");
    Ok(())
}

/// What mtools finds in a directory of the ESP of this disk, once fsck.fat has found nothing to mend there.
fn esp_names(image: &Image, disk: &Path, directory: &str) -> Result<Vec<String>> {
    let esp = image.volume_before_root(disk)?;
    sh::output(tools::command("usr/sbin/fsck.fat")?.arg("-n").arg(esp.path()))?;
    let path = format!("::/{directory}");
    let list = sh::output(tools::command("usr/bin/mdir")?.args(["-b", "-i"]).arg(esp.path()).arg(&path))?;
    let name = |line: &str| line.rsplit('/').next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = list.lines().map(name).filter(|name| !name.is_empty()).collect();
    names.sort();
    Ok(names)
}

/// The newer kernel's entry is on the ESP, the other's on XBOOTLDR, and the ESP's loader.conf names the latter.
fn bls_xbootldr(stage: &mut Stage) -> Result<()> {
    let mut image = bls()?.layout(Layout::Xbootldr);
    let (there, esp) = image.boot_files.into_iter().partition(|(path, _)| path.contains(GENERIC));
    (image.files, image.boot_files) = (there, esp);
    image.boot_files.retain(|(path, _)| path != "loader/loader.conf");
    let image = image.boot_file("loader/loader.conf", format!("default *-{GENERIC}*\ntimeout 30\n"));
    let config = stage.guest(&image, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(&format!("({GENERIC})"))?;
    person.reads(&format!("({CLOUD})"))?;
    person.types(ENTER)?;
    runs(&person.comes_up()?, Kernel::Generic)
}

/// Two unified kernel images, and nothing else that is a menu.
fn uki() -> Result<Image> {
    let mut image = empty().layout(Layout::Esp).boot_file("loader/loader.conf", "timeout 3\n");
    for (version, kernel) in [(CLOUD, Kernel::Cloud), (GENERIC, Kernel::Generic)] {
        let cmdline = format!("root=UUID={ROOT_UUID} ro {QUIET} pick={version}");
        let made = Uki {
            kernel,
            name: &format!("guest-{version}"),
            ramdisk: Some(&ramdisk(kernel)?),
            cmdline: &cmdline,
            title: &format!("Debian of {version}"),
            version: Some(version),
            profiles: &[],
        }
        .make()?;
        image = image.boot_file(&format!("EFI/Linux/debian-{version}.efi"), std::fs::read(made)?);
    }
    Ok(image)
}

fn uki_default(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&uki()?, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(&format!("Debian of {CLOUD}"))?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    report.has("cmdline", &format!("pick={CLOUD}"))
}

fn uki_second(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&uki()?, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(&format!("Debian of {CLOUD}"))?;
    person.chooses(&format!("Debian of {GENERIC}"))?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Generic)?;
    report.has("cmdline", &format!("pick={GENERIC}"))
}

fn uki_edit(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&uki()?, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(&format!("Debian of {CLOUD}"))?;
    person.edits("EFI/Linux")?;
    person.appends_to("linux", " pick=edited")?;
    person.boots_it()?;
    person.comes_up()?.has("cmdline", "pick=edited")
}

/// `default saved`, and the file that GRUB 0.97's grub-set-default writes.
fn menu_lst_saved(stage: &mut Stage) -> Result<()> {
    let image = two("default saved\ntimeout 2").file("boot/grub/default", "1\n#\n#\n# do not edit\n");
    let config = stage.guest(&image, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked("Second")?;
    person.comes_up()?.has("cmdline", "pick=Second")
}

fn menu_lst_edit(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&two("default 0\ntimeout 60"), "")?;
    let mut person = Person::at(stage, &config)?;
    person.goes_to("Second")?;
    person.edits("pick=Second")?;
    person.appends_to("kernel", " pick=edited")?;
    person.boots_it()?;
    person.comes_up()?.has("cmdline", "pick=Second pick=edited")
}

fn menu_lst_forced(stage: &mut Stage) -> Result<()> {
    let image = two("default 0\ntimeout 300");
    let config = stage.guest(&image, "pvgrub.entry=Second pvgrub.append=pick=forced pvgrub.timeout=1")?;
    let report = Person::at(stage, &config)?.comes_up()?;
    report.has("cmdline", "pick=Second")?;
    report.has("cmdline", "pick=forced")
}

/// By hand, as people did it in PV-GRUB.
fn menu_lst_command_line(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&two("default 0\ntimeout 60"), "pvgrub.append=pick=forced")?;
    let mut person = Person::at(stage, &config)?;
    person.marked("First")?;
    person.types("c")?;
    person.reads("pvgrub>")?;
    for (line, said) in [
        ("find /boot/grub/menu.lst", "(hd0,0)"),
        ("root (hd0,9)", "Error 22: "),
        ("root (hd0,0)", "(hd0,0) is xvda1: ext4"),
        ("kernel /boot/none", "Error 15: "),
    ] {
        person.types(&format!("{line}\r"))?;
        person.reads(said)?;
    }
    let name = Kernel::Cloud.name();
    person.types(&format!("kernel /boot/vmlinuz-{name} root=/dev/xvda1 ro {QUIET} pick=typed\r"))?;
    person.reads(&format!("xvda1:/boot/vmlinuz-{name}: "))?;
    person.types(&format!("initrd /boot/initrd-{name}.img\r"))?;
    person.reads(&format!("xvda1:/boot/initrd-{name}.img: "))?;
    person.types("boot\r")?;
    person.comes_up()?.has("cmdline", "pick=typed pick=forced")
}

/// A menu.lst with two entries under `head`.
pub(super) fn two(head: &str) -> Image {
    let image = Image::new(Kernel::Cloud);
    let entries: Vec<String> = ["First", "Second"]
        .iter()
        .map(|title| image.entry(title, Kernel::Cloud, &format!("pick={title}")))
        .collect();
    image.menu(format!("{head}\n\n{}", entries.concat()))
}
