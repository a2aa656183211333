//! The devices of one kind: found when first asked for.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::hal::HalRef;
use crate::xenbus::{Device, DeviceError, Group};

use spin::Mutex;

/// What is known of the devices of one kind.
enum Found<T> {
    /// Nobody has asked yet.
    Nothing,
    /// A thread is connecting them.
    Soon,
    /// Here they are.
    All(Arc<T>),
}

/// The same, for whoever asks.
pub(super) struct Known<T>(Mutex<Found<T>>);

impl<D: Device> Known<Group<D>> {
    pub(super) fn nothing() -> Self {
        Known(Mutex::new(Found::Nothing))
    }

    #[cfg(feature = "blkfront")]
    pub(super) fn forget(&self) {
        *self.0.lock() = Found::Nothing;
    }

    pub(super) fn connected(&self) -> Option<Arc<Group<D>>> {
        match &*self.0.lock() {
            Found::All(all) => Some(all.clone()),
            _ => None,
        }
    }

    /// What there is; the first who asks has it found.
    pub(super) fn get(
        &self,
        hal: &HalRef,
        find: impl FnOnce() -> Result<Group<D>, DeviceError>,
    ) -> Result<Arc<Group<D>>, DeviceError> {
        loop {
            match &mut *self.0.lock() {
                Found::All(all) => return Ok(all.clone()),
                Found::Soon => {}
                found => {
                    *found = Found::Soon;
                    break;
                }
            }
            hal.wait(&[], Some(hal.now() + Duration::from_millis(20)));
        }
        let all = find().map(Arc::new);
        *self.0.lock() = all.as_ref().map_or(Found::Nothing, |all| Found::All(all.clone()));
        all
    }

    pub(super) fn quiesce(&self) -> Vec<DeviceError> {
        self.connected().map_or(Vec::new(), |all| all.quiesce_each())
    }

    pub(super) fn reconnect(&self) -> Result<(), DeviceError> {
        self.connected().map_or(Ok(()), |all| all.reconnect())
    }
}
