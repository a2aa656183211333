//! One disk: what it is, and reading and writing it.

use alloc::format;
use alloc::string::String;

use spin::Mutex;

use crate::block::ahead;
use crate::block::buffer::Buffer;
use crate::block::config::{Config, Used};
use crate::block::name::device_name;
use crate::block::queue::Queue;
use crate::block::request::Op;
use crate::block::transfer::Stop;
use crate::hal::{HalRef, Port};
use crate::xenbus::{Device, DeviceError, Fault, Frontend, Progress};
use crate::xenstore::{Watch, Xenstore};

/// What a disk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its name: `xvda`, `xvdb1`.
    pub name: String,
    /// The number that the name stands for.
    pub number: u32,
    /// Bytes in it.
    pub size: u64,
    /// Bytes in a sector: a power of two from 512 to 4096.
    pub sector_size: u32,
    /// Whether writes are refused.
    pub read_only: bool,
}

/// A disk. Any number of threads may read and write at once.
pub struct Disk {
    pub(super) hal: HalRef,
    pub(super) front: Frontend,
    pub(super) name: String,
    pub(super) handle: u16,
    config: Mutex<Config>,
    pub(super) progress: Progress,
    pub(super) inner: Mutex<Inner>,
    pub(super) ahead: ahead::Slot,
}

pub(super) struct Inner {
    pub(super) info: Info,
    pub(super) queue: Option<Queue>,
    /// Transfers under way.
    pub(super) users: usize,
    /// On the backend's state, while connected.
    pub(super) watch: Option<Watch>,
    /// No new transfers: it is being closed, or not yet open.
    pub(super) closed: bool,
    pub(super) can_flush: bool,
}

impl Disk {
    /// The disk that the toolstack put into `device/vbd/<name>`. It is not connected yet.
    ///
    /// # Errors
    /// [`Fault::NoBackend`], [`Fault::BadKey`], or xenstore's.
    pub fn new(hal: HalRef, xs: Xenstore, directory: &str, config: Config) -> Result<Disk, DeviceError> {
        let made = Frontend::new(hal.clone(), xs, "vbd", directory).and_then(|front| {
            let key = "virtual-device";
            let number = match front.number(key)? {
                Some(number) => u32::try_from(number).map_err(|_| Fault::BadKey(key))?,
                None => directory.parse().map_err(|_| Fault::BadKey(key))?,
            };
            Ok((front, number))
        });
        let name = |number: Option<u32>| number.map_or_else(|| format!("vbd {directory}"), device_name);
        let (front, number) =
            made.map_err(|fault| DeviceError { device: name(directory.parse().ok()), fault })?;
        let info = Info { name: name(Some(number)), number, size: 0, sector_size: 512, read_only: true };
        let inner = Inner { info, queue: None, users: 0, watch: None, closed: true, can_flush: false };
        // The handle's 16 bits are the low ones of the number, as Linux does it.
        let (config, inner) = (Mutex::new(config), Mutex::new(inner));
        Ok(Disk {
            hal,
            front,
            name: name(Some(number)),
            handle: number as u16,
            config,
            progress: Progress::default(),
            inner,
            ahead: ahead::Slot::default(),
        })
    }

    /// What it is; size and sector size are right once it was connected.
    pub fn info(&self) -> Info {
        self.inner.lock().info.clone()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was used of the protocol so far.
    pub fn used(&self) -> Used {
        self.inner.lock().queue.as_ref().map(Queue::snapshot).unwrap_or_default()
    }

    /// The event channel on which its backend announces answers, while there is one.
    pub(super) fn port(&self) -> Option<Port> {
        self.inner.lock().queue.as_ref().map(Queue::port)
    }

    /// Whether it can be read.
    pub fn is_connected(&self) -> bool {
        self.inner.lock().queue.as_ref().is_some_and(|queue| queue.dead.is_none())
    }

    /// Changes what is used, from the next connect on.
    pub fn configure(&self, config: Config) {
        *self.config.lock() = config;
    }

    /// The configuration.
    pub fn config(&self) -> Config {
        self.config.lock().clone()
    }

    /// Reads `into.len()` bytes from byte `offset` of the disk; neither need be a multiple of anything. Whole pages of
    /// `into` that begin where a sector begins are read without a copy, if the disk works in place.
    ///
    /// # Errors
    /// [`Fault::OutOfRange`], [`Fault::Io`], [`Fault::NotConnected`], and whatever ends the connection: [`Fault::Gone`] within a few
    /// seconds, [`Fault::Timeout`] after [`Config::silence`], [`Fault::PeerMisbehaved`].
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), DeviceError> {
        self.read_to_end(offset, into, None)
    }

    /// As [`read`](Disk::read), but it ends soon after `stop` gives `true`; it is asked every tenth of a second. What is under
    /// way then is waited for a few seconds; if the backend takes longer, the connection is given up, and the next such read
    /// makes a new one.
    ///
    /// # Errors
    /// As [`read`](Disk::read); [`Fault::Interrupted`].
    pub fn read_unless(
        &self,
        offset: u64,
        into: &mut [u8],
        stop: &dyn Fn() -> bool,
    ) -> Result<(), DeviceError> {
        if stop() {
            return Err(self.error(Fault::Interrupted));
        }
        let given_up = |inner: &Inner| inner.queue.as_ref()?.dead.clone();
        if given_up(&self.inner.lock()) == Some(Fault::Interrupted) {
            self.reconnect()?;
        }
        self.read_to_end(offset, into, Some(stop))
    }

    fn read_to_end(&self, offset: u64, into: &mut [u8], stop: Stop<'_>) -> Result<(), DeviceError> {
        if self.read_from_ahead(offset, into, stop) {
            return Ok(());
        }
        // SAFETY: `into` is ours until `transfer` returns, which it does once nothing is in flight.
        let buffer = unsafe { Buffer::new(into.as_mut_ptr(), into.len()) };
        self.transfer(Op::Read, offset, &buffer, stop).map_err(|fault| self.error(fault))
    }

    /// Writes whole sectors, of [`Info::sector_size`] bytes, from byte `offset` of the disk. What was written is on stable storage
    /// after a [`flush`](Disk::flush).
    ///
    /// # Errors
    /// As [`read`](Disk::read); [`Fault::ReadOnly`], [`Fault::Unaligned`].
    pub fn write(&self, offset: u64, from: &[u8]) -> Result<(), DeviceError> {
        self.forget_ahead();
        // SAFETY: a write only reads the buffer, while we have it.
        let buffer = unsafe { Buffer::new(from.as_ptr().cast_mut(), from.len()) };
        self.transfer(Op::Write, offset, &buffer, None).map_err(|fault| self.error(fault))
    }

    /// Waits until all that was written is on stable storage, if the backend knows how to do that.
    ///
    /// # Errors
    /// As [`read`](Disk::read).
    pub fn flush(&self) -> Result<(), DeviceError> {
        if !self.inner.lock().can_flush {
            return Ok(());
        }
        // SAFETY: no bytes.
        let buffer = unsafe { Buffer::new(core::ptr::NonNull::dangling().as_ptr(), 0) };
        self.transfer(Op::Flush, 0, &buffer, None).map_err(|fault| self.error(fault))
    }
}
