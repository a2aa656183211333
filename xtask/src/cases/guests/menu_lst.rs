//! menu.lst: what GRUB 0.97 saved, edited and typed.

use anyhow::Result;

use super::driver::Person;
use crate::cases::{Case, QUIET, Stage, Tier};
use crate::kernels::Kernel;
use crate::material::Image;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::pvgrub("guests/menu-lst/saved", Tier::Full, menu_lst_saved),
        Case::pvgrub("guests/menu-lst/edit", Tier::Full, menu_lst_edit),
        Case::pvgrub("guests/menu-lst/forced", Tier::Full, menu_lst_forced),
        Case::pvgrub("guests/menu-lst/command-line", Tier::Full, menu_lst_command_line),
    ]
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
