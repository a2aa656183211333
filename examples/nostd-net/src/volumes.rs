//! What is on the first volume of the disks.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use platform_xen::block::DiskDevice;
use platform_xen::devices;

/// A line with the names in its root directory, or why there are none.
pub fn listing() -> Result<String, String> {
    let devices = devices::get().ok_or("there is no xenstore")?;
    let found = devices.disks().map_err(|why| why.to_string())?;
    let mut disks = pvgrub_fs::Disks::new();
    for disk in found.iter() {
        disks.add_later(disk.name(), Rc::new(DiskDevice::new(disk.clone(), found.clone())));
    }
    let volumes = disks.volumes();
    let volume = volumes.iter().find(|volume| volume.is_readable()).ok_or("no volume can be read")?;
    let entries = volume.open().and_then(|files| files.read_dir("/")).map_err(|why| why.to_string())?;
    let names = entries.iter().map(|entry| format!(" {}", entry.name)).collect::<String>();
    Ok(format!("{} has{names}", volume.name))
}
