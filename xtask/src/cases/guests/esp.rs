//! What systemd-boot would read on an EFI system partition: entries of the Boot Loader Specification, and unified kernel images.

use std::path::Path;

use anyhow::{Result, ensure};

use super::driver::{ENTER, Person};
use super::{CLOUD, GENERIC, MACHINE, empty, pair, runs};
use crate::cases::{Case, QUIET, Stage, Tier};
use crate::kernels::Kernel;
use crate::material::{Image, Layout, ROOT_UUID, Uki, ramdisk};
use crate::{menus, sh, tools};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::pvgrub("guests/bls/default", Tier::Full, bls_default),
        Case::pvgrub("guests/bls/second", Tier::Full, bls_second),
        Case::pvgrub("guests/bls/edit", Tier::Full, bls_edit),
        Case::pvgrub("guests/bls/forced", Tier::Full, bls_forced),
        Case::pvgrub("guests/bls/tries", Tier::Full, bls_tries),
        Case::pvgrub("guests/bls/xbootldr", Tier::Full, bls_xbootldr),
        Case::pvgrub("guests/uki/default", Tier::Quick, uki_default),
        Case::pvgrub("guests/uki/second", Tier::Full, uki_second),
        Case::pvgrub("guests/uki/edit", Tier::Full, uki_edit),
    ]
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
