//! All the network cards of a domain.

use alloc::format;

use crate::hal::HalRef;
use crate::net::config::Config;
use crate::net::nic::Nic;
use crate::xenbus::{DeviceError, Group, directories};
use crate::xenstore::Xenstore;

/// The cards, in the order of their handles.
pub type Nics = Group<Nic>;

impl Nics {
    /// Finds every card under `device/vif`, names it, and begins to connect it. One that fails doesn't keep the others from
    /// working.
    ///
    /// # Errors
    /// If xenstore can't be asked at all.
    pub fn begin(hal: &HalRef, xs: &Xenstore, config: &Config) -> Result<Nics, DeviceError> {
        let mut directories = directories(xs, "vif", "network cards")?;
        // The toolstack names them by the handle. What isn't a number comes last; to be named all the same.
        directories.sort_by_key(|directory| directory.parse::<u32>().map_or(u64::MAX, u64::from));
        let made = directories.iter().enumerate().map(|(number, directory)| {
            Nic::named(hal.clone(), xs.clone(), directory, format!("eth{number}"), config.clone())
        });
        Ok(Group::of(hal, made.collect(), |nic| nic.info().handle))
    }

    /// As [`begin`](Nics::begin), and waits until each is connected or has failed.
    ///
    /// # Errors
    /// As [`begin`](Nics::begin).
    pub fn connect(hal: &HalRef, xs: &Xenstore, config: &Config) -> Result<Nics, DeviceError> {
        let nics = Nics::begin(hal, xs, config)?;
        nics.settle_all();
        Ok(nics)
    }
}
