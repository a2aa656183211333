//! pvgrub booting pvgrub booting Linux: it must find at its start what it leaves to the next.

use anyhow::Result;

use super::{Case, MENU, Stage, Tier};
use crate::kernels::Kernel;
use crate::material::Image;

/// The cases.
pub fn cases() -> Vec<Case> {
    vec![Case::pvgrub("chain/pvgrub", Tier::Quick, chain)]
}

fn chain(stage: &mut Stage) -> Result<()> {
    let image = Image::new(Kernel::Cloud);
    let linux = image.entry("Linux", Kernel::Cloud, "pick=chained");
    let mut image = image.menu(
        "timeout 1\ntitle Another pvgrub\nroot (hd0,0)\nkernel /boot/pvgrub (hd0,0)/boot/grub/second.lst\n",
    );
    image.files.push(("boot/grub/second.lst".into(), format!("timeout 1\n{linux}").into_bytes()));
    image.files.push(("boot/pvgrub".into(), std::fs::read(stage.kernel("pvgrub"))?));
    let config = stage.pvgrub_on(&image)?;
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["/boot/grub/menu.lst"], MENU)?;
    stage.lab.expect(&guest, &["/boot/grub/second.lst"], MENU)?;
    stage.reports(&guest)?.has("cmdline", "pick=chained")
}
