//! What goes wrong ends at the menu, with a message; and the next try works.

use anyhow::Result;

use super::{Case, MENU, Stage, Tier};
use crate::kernels::Kernel;
use crate::lab::Guest;
use crate::material::Image;

/// The cases.
pub fn cases() -> Vec<Case> {
    vec![
        Case::pvgrub("failure/no-disk", Tier::Quick, no_disk),
        Case::pvgrub("failure/no-menu", Tier::Full, no_menu),
        Case::pvgrub("failure/truncated-kernel", Tier::Full, |stage| {
            spoilt(stage, Kernel::Cloud, |kernel| kernel.truncate(kernel.len() / 2))
        }),
        Case::pvgrub("failure/flipped-bit", Tier::Full, |stage| {
            // xz has a checksum; lz4, as Linux packs itself with it, has none.
            spoilt(stage, Kernel::Generic, |kernel| {
                let middle = kernel.len() / 2;
                kernel[middle] ^= 0x10;
            })
        }),
        Case::pvgrub("failure/too-little-memory", Tier::Full, too_little_memory),
        Case::pvgrub("failure/long-command-line", Tier::Full, long_command_line),
        Case::pvgrub("failure/disk-vanishes", Tier::Full, disk_vanishes),
    ]
}

fn no_disk(stage: &mut Stage) -> Result<()> {
    let guest = stage.lab.create(&stage.pvgrub())?;
    stage.lab.expect(&guest, &["This domain has no disk"], MENU)?;
    stage.ends_when_asked(&guest)
}

fn no_menu(stage: &mut Stage) -> Result<()> {
    let config = stage.pvgrub_on(&Image::new(Kernel::Cloud))?;
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["No menu was found"], MENU)?;
    stage.ends_when_asked(&guest)
}

/// An entry with a spoilt kernel fails; then the user takes the other one.
fn spoilt(stage: &mut Stage, which: Kernel, spoil: fn(&mut Vec<u8>)) -> Result<()> {
    let mut kernel = std::fs::read(which.image()?)?;
    spoil(&mut kernel);
    let image = Image::new(Kernel::Cloud);
    let good = image.entry("Good", Kernel::Cloud, "pick=Good");
    let bad = image.entry("Spoilt", Kernel::Cloud, "").replace("/boot/vmlinuz-cloud", "/boot/spoilt");
    let mut image = image.menu(format!("timeout 1\n{bad}{good}"));
    image.files.push(("boot/spoilt".into(), kernel));
    let config = stage.pvgrub_on(&image)?;
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["Booting entry 0 by itself"], MENU)?;
    back_at_menu(stage, &guest, "/boot/spoilt: ")?;
    stage.lab.keys("1\r")?;
    stage.reports(&guest)?.has("cmdline", "pick=Good")
}

/// The menu is drawn again, with a message that has this text.
fn back_at_menu(stage: &mut Stage, guest: &Guest, message: &str) -> Result<()> {
    stage.lab.expect(guest, &["\x1b[2J"], 120)?;
    stage.lab.expect(guest, &[message], MENU).map(|_| ())
}

fn too_little_memory(stage: &mut Stage) -> Result<()> {
    let config = stage.pvgrub_on(&Image::new(Kernel::Generic).usual_menu())?.memory(48);
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["Booting entry 0 by itself"], MENU)?;
    back_at_menu(stage, &guest, "emory")?;
    stage.ends_when_asked(&guest)
}

/// 1,024 bytes of command line are one more than the next kernel can be given.
fn long_command_line(stage: &mut Stage) -> Result<()> {
    let image = Image::new(Kernel::Cloud);
    let fixed = image.entry("x", Kernel::Cloud, "");
    let args =
        fixed.lines().find_map(|line| line.strip_prefix("kernel /boot/vmlinuz-cloud ")).unwrap_or_default();
    let room = 1024 - args.trim_end().len() - 1;
    let entry = image.entry("Too long", Kernel::Cloud, &"x".repeat(room));
    let fits = image.entry("Fits", Kernel::Cloud, &"x".repeat(room - 1));
    let config = stage.pvgrub_on(&image.menu(format!("timeout 1\n{entry}{fits}")))?;
    let guest = stage.lab.create(&config)?;
    back_at_menu(stage, &guest, "1023")?;
    stage.lab.keys("1\r")?;
    stage.reports(&guest)?.has("cmdline", &"x".repeat(room - 1))
}

/// dom0 takes the disk away while the menu stands there.
fn disk_vanishes(stage: &mut Stage) -> Result<()> {
    let image = Image::new(Kernel::Cloud);
    let entry = image.entry("The disk goes", Kernel::Cloud, "");
    let config = stage.pvgrub_on(&image.menu(format!("default 0\n{entry}")))?;
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &[">  0  The disk goes"], MENU)?;
    // The guest may agree or not; xl says then that it was not asked nicely enough. What counts is that it is gone.
    let (_, said) = stage.lab.sh_status(&format!("xl block-detach {} xvda --force", guest.domid), 60)?;
    stage.lab.keys("\r")?;
    stage.lab.expect(&guest, &["Booting entry 0"], MENU)?;
    back_at_menu(stage, &guest, "xvda").map_err(|error| error.context(format!("block-detach: {said}")))?;
    stage.ends_when_asked(&guest)
}
