//! Debian: grub.cfg as its own grub-mkconfig writes it.

use anyhow::{Result, ensure};

use super::driver::{ESC, Person};
use super::{CLOUD, GENERIC, empty, pair, runs};
use crate::cases::{Case, MENU, Stage, Tier};
use crate::kernels::Kernel;
use crate::material::{Image, grubenv};
use crate::menus;

const TITLE: &str = "Debian GNU/Linux";
const ADVANCED: &str = "Advanced options for Debian GNU/Linux";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::pvgrub("guests/debian/default", Tier::Quick, default),
        Case::pvgrub("guests/debian/screens", Tier::Full, screens),
        Case::pvgrub("guests/debian/submenu", Tier::Full, submenu),
        Case::pvgrub("guests/debian/edit", Tier::Quick, edit),
        Case::pvgrub("guests/debian/edit-left", Tier::Full, edit_left),
        Case::pvgrub("guests/debian/command-line", Tier::Full, command_line),
        Case::pvgrub("guests/debian/saved", Tier::Full, saved),
        Case::pvgrub("guests/debian/next", Tier::Full, next),
        Case::pvgrub("guests/debian/savedefault", Tier::Full, savedefault),
        Case::pvgrub("guests/debian/forced", Tier::Full, forced),
        Case::pvgrub("guests/debian/forced-missing", Tier::Full, forced_missing),
        Case::pvgrub("guests/debian/13", Tier::Full, trixie),
    ]
}

/// The two kernels, and what the tools of `variant` wrote.
pub(super) fn disk(variant: &str) -> Result<Image> {
    let mut image = empty();
    for (version, kernel) in [(CLOUD, Kernel::Cloud), (GENERIC, Kernel::Generic)] {
        let (linux, initrd) = pair(kernel)?;
        image = image
            .file(&format!("boot/vmlinuz-{version}"), linux)
            .file(&format!("boot/initrd.img-{version}"), initrd);
    }
    Ok(image
        .file("boot/grub/grub.cfg", menus::text(&format!("{variant}/grub.cfg"))?)
        .file("boot/grub/grubenv", grubenv(&[])))
}

/// The same with another grubenv.
fn with(mut image: Image, variables: &[(&str, &str)]) -> Image {
    image.files.retain(|(path, _)| path != "boot/grub/grubenv");
    image.file("boot/grub/grubenv", grubenv(variables))
}

/// Nobody is there: the countdown's entry.
fn default(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&disk("debian-12/default")?, "")?;
    let mut person = Person::at(stage, &config)?;
    let menu = person.marked(TITLE)?;
    ensure!(menu.has(ADVANCED), "no submenu:\n{menu}");
    let report = person.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    report.has("cmdline", &format!("root=UUID={} ro quiet", crate::material::ROOT_UUID))?;
    report.has("root", "/dev/xvda1 ext4 ro")
}

/// The last rows of a list that nothing is asked in and that does not count down.
const KEYS: [&str; 3] = [
    "Up, Down or the entry's number: choose.  Enter: boot.  Esc: back.",
    "e: edit.  c: command line.  r: read disks again.  ^L: redraw.  t: plain text.",
    "",
];
const HEADLINE: &str = concat!("pvgrub ", env!("CARGO_PKG_VERSION"), "   xvda1:/boot/grub/grub.cfg");

/// Whole screens: menu, submenu, editor, command line, as a person sees them.
fn screens(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&disk("debian-12/default")?, "pvgrub.timeout=-1")?;
    let mut person = Person::at(stage, &config)?;
    let first = format!(">  0  {TITLE}");
    let second = format!("   1  {ADVANCED} ->");
    person.looks(&[HEADLINE, "", &first, &second], &KEYS)?;
    person.types("e")?;
    person.looks(
        &[
            &format!("Editing entry 0: {TITLE}"),
            "",
            &format!(" setparams '{TITLE}'"),
            "",
            "  load_video",
            "  insmod gzio",
            "  if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi",
            "  insmod part_msdos",
            "  insmod ext2",
            "  search --no-floppy --fs-uuid --set=root 6f1c5a0e-5d1b-4c8e-9d5a-3b1e7a9c0d4\\",
            " 2",
            &format!("  echo 'Loading Linux {CLOUD} ...'"),
            &format!("  linux /boot/vmlinuz-{CLOUD} root=UUID=6f1c5a0e-5d1b-4c8e-9d5a-\\"),
            " 3b1e7a9c0d42 ro  quiet",
            "  echo 'Loading initial ramdisk ...'",
            &format!("  initrd /boot/initrd.img-{CLOUD}"),
        ],
        &[
            "^X or F10: boot this.  Esc: back without the changes.  ^C: command line.",
            "Arrows, Home, End, ^A, ^E: move.  ^K, ^U, ^W: cut.  ^Y: paste.  Tab: complete.",
        ],
    )?;
    person.types(ESC)?;
    person.marked(TITLE)?;
    person.types("c")?;
    person.looks(
        &[HEADLINE, "", "pvgrub>"],
        &["Tab: complete.  Up: earlier lines.  PageUp: scroll.  Esc: back."],
    )?;
    person.types(ESC)?;
    person.chooses(ADVANCED)?;
    let within = format!("{HEADLINE}: {ADVANCED}");
    person.looks(
        &[
            &within,
            "",
            &format!(">  0  {TITLE}, with Linux {CLOUD}"),
            &format!("   1  {TITLE}, with Linux {CLOUD} (recovery mode)"),
            &format!("   2  {TITLE}, with Linux {GENERIC}"),
            &format!("   3  {TITLE}, with Linux {GENERIC} (recovery mode)"),
        ],
        &KEYS,
    )?;
    let Person { stage, guest } = person;
    stage.ends_when_asked(&guest)
}

/// Into the submenu, out of it, in again, and the other kernel.
fn submenu(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&disk("debian-12/default")?, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(TITLE)?;
    person.chooses(ADVANCED)?;
    person.marked(&format!("with Linux {CLOUD}"))?;
    let menu = person.screen();
    ensure!(menu.has(&format!("with Linux {GENERIC} (recovery mode)")), "an entry is missing:\n{menu}");
    person.types(ESC)?;
    person.marked(ADVANCED)?;
    person.types("\r")?;
    person.chooses(&format!("with Linux {GENERIC}"))?;
    runs(&person.comes_up()?, Kernel::Generic)
}

/// A word at the end of the linux line.
fn edit(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&disk("debian-12/default")?, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(TITLE)?;
    person.edits("insmod gzio")?;
    person.appends_to("linux", " pick=edited")?;
    person.boots_it()?;
    let report = person.comes_up()?;
    report.has("cmdline", "pick=edited")?;
    runs(&report, Kernel::Cloud)
}

/// What was typed is gone when the editor is left by Esc.
fn edit_left(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&disk("debian-12/default")?, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(TITLE)?;
    person.edits("insmod gzio")?;
    person.appends_to("linux", " pick=edited")?;
    person.types(ESC)?;
    person.marked(TITLE)?;
    person.types("\r")?;
    let report = person.comes_up()?;
    ensure!(!report.get("cmdline")?.contains("pick="), "it boots what was given up");
    runs(&report, Kernel::Cloud)
}

/// By hand, line by line.
fn command_line(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&disk("debian-12/default")?, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(TITLE)?;
    person.types("c")?;
    person.reads("pvgrub>")?;
    person.types("ls /boot\r")?;
    person.reads(&format!("initrd.img-{GENERIC}"))?;
    for line in [
        format!("linux /boot/vmlinuz-{CLOUD} root=/dev/xvda1 ro quiet mitigations=off pick=typed"),
        format!("initrd /boot/initrd.img-{CLOUD}"),
        "boot".to_owned(),
    ] {
        person.types(&format!("{line}\r"))?;
    }
    let report = person.comes_up()?;
    report.has("cmdline", "pick=typed")
}

/// grub-set-default's choice, an id.
fn saved(stage: &mut Stage) -> Result<()> {
    let image = with(disk("debian-12/saved")?, &[("saved_entry", "custom-rescue")]);
    let config = stage.guest(&image, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked("My own rescue")?;
    person.comes_up()?.has("cmdline", "pick=custom")
}

/// grub-reboot's choice goes before the saved one, and only once.
fn next(stage: &mut Stage) -> Result<()> {
    let image =
        with(disk("debian-12/default")?, &[("saved_entry", "0"), ("next_entry", &format!("{ADVANCED}>2"))]);
    let disk = stage.image(&image)?;
    let config = stage.pvgrub().disk("xvda", &disk);
    let first = Person::at(stage, &config)?.comes_up()?;
    runs(&first, Kernel::Generic)?;
    let second = Person::at(stage, &config)?.comes_up()?;
    runs(&second, Kernel::Cloud)
}

/// GRUB_SAVEDEFAULT: what somebody chose is what the next start boots.
fn savedefault(stage: &mut Stage) -> Result<()> {
    let disk = stage.image(&disk("debian-12/saved")?)?;
    let config = stage.pvgrub().disk("xvda", &disk);
    let mut person = Person::at(stage, &config)?;
    let title = format!("with Linux {GENERIC}");
    person.chooses(&title)?;
    runs(&person.comes_up()?, Kernel::Generic)?;
    let mut again = Person::at(stage, &config)?;
    again.marked(&title)?;
    runs(&again.comes_up()?, Kernel::Generic)
}

/// What dom0 says holds, whatever the menu says.
fn forced(stage: &mut Stage) -> Result<()> {
    let entry = format!("pvgrub.entry=\"{ADVANCED}>2\" pvgrub.append=pick=forced pvgrub.timeout=1");
    let config = stage.guest(&disk("debian-12/default")?, &entry)?;
    let report = Person::at(stage, &config)?.comes_up()?;
    runs(&report, Kernel::Generic)?;
    report.has("cmdline", "pick=forced")
}

/// What dom0 names isn't there: it is told, nothing is booted by itself, and a person can choose.
fn forced_missing(stage: &mut Stage) -> Result<()> {
    let extra = format!("pvgrub.entry=\"{ADVANCED}>gone\" pvgrub.append=pick=forced pvgrub.timeout=1");
    let config = stage.guest(&disk("debian-12/default")?, &extra)?;
    let mut person = Person::at(stage, &config)?;
    // In the console's log, beneath what was on the screen before.
    person.stage.lab.expect(
        &person.guest,
        &["this menu has no entry gone, so nothing is booted by itself"],
        MENU,
    )?;
    person.sees("what there is", MENU, |screen| {
        let text = screen.text().split_whitespace().collect::<Vec<_>>().join(" ");
        text.contains("no entry gone") && text.contains(&format!("There are: 0 {TITLE}, with Linux"))
    })?;
    person.stays(5)?;
    person.chooses(GENERIC)?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Generic)?;
    report.has("cmdline", "pick=forced")
}

/// Debian 13's GRUB 2.12, on a GPT.
fn trixie(stage: &mut Stage) -> Result<()> {
    let image = disk("debian-13/default")?.layout(crate::material::Layout::Esp);
    let config = stage.guest(&image, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(TITLE)?;
    let report = person.comes_up()?;
    runs(&report, Kernel::Cloud)?;
    report.has("root", "/dev/xvda2 ext4 ro")
}
