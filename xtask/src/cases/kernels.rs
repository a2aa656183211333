//! Debian's kernels, from their own disks, up to an init on a root behind xen-blkfront: so pvgrub gave everything back
//! as it found it.

use super::{Case, Tier};
use crate::kernels::Kernel;
use crate::material::Image;

/// The cases.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kernel in Kernel::ALL {
        cases.push(Case::pvgrub(format!("kernel/{}", kernel.name()), Tier::Quick, move |stage| {
            let image = Image::new(kernel).usual_menu();
            let config = stage.pvgrub_on(&image)?;
            let report = stage.boots(&config)?;
            report.has("release", kernel.release())?;
            report.has("root", "/dev/xvda1 ext4 ro")?;
            report.has("cpus", "1 ")
        }));
    }
    // More than one CPU and more memory: the next kernel brings the other CPUs up itself.
    cases.push(Case::pvgrub("kernel/four-cpus", Tier::Full, |stage| {
        let image = Image::new(Kernel::Cloud).usual_menu();
        let mut config = stage.pvgrub_on(&image)?.memory(512);
        config.vcpus = 4;
        stage.boots(&config)?.has("cpus", "4 ")
    }));
    cases.push(Case::pvgrub("kernel/balloon", Tier::Full, |stage| {
        let image = Image::new(Kernel::Cloud).usual_menu();
        let mut config = stage.pvgrub_on(&image)?;
        config.maxmem = Some(512);
        stage.boots(&config)?.has("release", Kernel::Cloud.release())
    }));
    cases
}
