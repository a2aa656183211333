//! Guests as distributions make them: their own menus, and a person at the console who chooses, edits, and is asked for
//! passwords.

mod btrfs;
mod debian;
mod driver;
mod esp;
mod extlinux;
mod fedora;
mod loopback;
mod medium;
mod menu_lst;
mod passwords;

use anyhow::Result;

use super::{Case, Report, Stage};
use crate::kernels::Kernel;
use crate::lab::Config;
use crate::material::{self, Image};

/// Names of the two kernels of a guest, as the generated menus have them: not those of today's archive.
const CLOUD: &str = "6.1.0-18-cloud-amd64";
const GENERIC: &str = "6.1.0-18-amd64";
/// The generated menus' machine.
const MACHINE: &str = "5d0c1b7e2f9a4c83b6e4a1d07f3c92ab";

/// The cases.
pub fn cases() -> Vec<Case> {
    [
        btrfs::cases(),
        debian::cases(),
        esp::cases(),
        extlinux::cases(),
        fedora::cases(),
        loopback::cases(),
        medium::cases(),
        menu_lst::cases(),
        passwords::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A kernel and its ramdisk.
fn pair(kernel: Kernel) -> Result<(Vec<u8>, Vec<u8>)> {
    Ok((std::fs::read(kernel.image()?)?, std::fs::read(material::ramdisk(kernel)?)?))
}

/// A disk without kernels and menu.
fn empty() -> Image {
    let mut image = Image::new(Kernel::Cloud);
    image.kernels.clear();
    image
}

/// An error unless this kernel runs.
fn runs(report: &Report, kernel: Kernel) -> Result<()> {
    report.has("release", kernel.release())?;
    let cloud = report.get("release")?.contains("cloud");
    anyhow::ensure!(cloud == (kernel == Kernel::Cloud), "the other kernel runs: {}", report.get("release")?);
    Ok(())
}

impl Stage<'_> {
    /// pvgrub on this disk with `extra`.
    fn guest(&mut self, image: &Image, extra: &str) -> Result<Config> {
        Ok(self.pvgrub_on(image)?.extra(extra))
    }
}
