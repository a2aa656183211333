//! Fedora: a grub.cfg with Boot Loader Specification entries, grubenv, a menu that hides itself.

use anyhow::Result;

use super::driver::{DOWN, ENTER, Person};
use super::{MACHINE, empty, pair, runs};
use crate::cases::{Case, QUIET, Stage, Tier};
use crate::kernels::Kernel;
use crate::material::{BOOT_UUID, Image, Layout, ROOT_UUID, grubenv};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::pvgrub("guests/fedora/saved", Tier::Quick, fedora_saved),
        Case::pvgrub("guests/fedora/second", Tier::Full, fedora_second),
        Case::pvgrub("guests/fedora/next", Tier::Full, fedora_next),
        Case::pvgrub("guests/fedora/edit", Tier::Full, fedora_edit),
        Case::pvgrub("guests/fedora/hidden", Tier::Full, fedora_hidden),
        Case::pvgrub("guests/xfs", Tier::Full, fedora_on_xfs),
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
