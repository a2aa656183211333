//! All that this domain has by way of xenstore: its disks and network cards, and the toolstack's wishes.
//!
//! On Xen there is one [`Devices`], made at the start; with std too:
//!
//! ```no_run
//! # #[cfg(all(feature = "bare", feature = "blkfront"))]
//! # fn first() -> Result<(), Box<dyn std::error::Error>> {
//! use platform_xen::devices;
//!
//! let devices = devices::get().ok_or("dom0 has no xenstore at its start")?;
//! println!("this is domain {}", devices.xenstore().read_number("domid")?);
//! for disk in devices.disks()?.iter() {
//!     println!("{}: {} bytes", disk.name(), disk.info().size);
//! }
//! # Ok(())
//! # }
//! ```

use alloc::string::String;
#[cfg(any(feature = "blkfront", feature = "netfront"))]
use alloc::sync::Arc;
use alloc::vec::Vec;

#[cfg(feature = "blkfront")]
use crate::block::{Config, Disks};
use crate::hal::HalRef;
#[cfg(feature = "netfront")]
use crate::net::{self, Nics};
use crate::xenbus::{DeviceError, Fault, KEEPS, Shutdown};
use crate::xenstore::{Channel, Xenstore, XsError};

use spin::Mutex;

#[cfg(any(feature = "blkfront", feature = "netfront"))]
mod known;
#[cfg(any(feature = "blkfront", feature = "netfront"))]
use known::Known;

/// Bytes at the start of a disk that tell what it is.
#[cfg(feature = "blkfront")]
const FIRST_READ: usize = 32 << 10;

/// The devices.
///
/// # Example
///
/// In a process, with a toolstack that asks for the end. (On Xen a thread of the platform's polls this.)
///
/// ```
/// # #[cfg(feature = "blkfront")]
/// # fn main() -> Result<(), platform_xen::xenbus::DeviceError> {
/// use platform_xen::devices::Devices;
/// use platform_xen::xenbus::ShutdownRequest;
/// use platform_xen_fake::peer::{Blkback, Contents, Lie, Machine, Offer, Store, Xenstored};
///
/// let (machine, store) = (Machine::new(), Store::new());
/// let channel = Xenstored::start(&machine, &store, 5);
/// Blkback::start(&machine, &store, 5, 51712, Contents::new(), Offer::default(), Lie::None);
///
/// let devices = Devices::start(machine.clone(), channel);
/// assert!(devices.disks()?.get("xvda").is_some());
///
/// store.write("/local/domain/5/control/shutdown", "reboot");
/// let wish = (0..20).find_map(|_| {
///     machine.settle(); // as if the domain slept
///     devices.shutdown().poll()
/// });
/// assert_eq!(wish, Some(ShutdownRequest::Reboot));
///
/// // Before another kernel runs: nothing of ours is left with any backend.
/// assert_eq!(devices.quiesce_all()?, []);
/// assert_eq!(machine.live_grants(), 0);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "blkfront"))]
/// # fn main() {}
/// ```
pub struct Devices {
    #[cfg(any(feature = "blkfront", feature = "netfront"))]
    hal: HalRef,
    xs: Xenstore,
    shutdown: Shutdown,
    #[cfg(feature = "blkfront")]
    disks: Known<Disks>,
    #[cfg(feature = "netfront")]
    nics: Known<Nics>,
    begun: Mutex<Begun>,
    /// What was said of backends that kept pages of ours.
    keepers: Mutex<Vec<DeviceError>>,
}

/// Whether xenstore is open and the toolstack is listened to.
enum Begun {
    Yes,
    /// Why not, until somebody was told.
    #[cfg_attr(
        not(any(feature = "blkfront", feature = "netfront")),
        expect(dead_code, reason = "told to whoever asks for devices")
    )]
    No(Option<DeviceError>),
}

fn xenstore_error(error: XsError) -> DeviceError {
    DeviceError { device: String::from("this domain"), fault: Fault::Xenstore(error) }
}

impl Devices {
    /// Opens xenstore and begins to listen to the toolstack. Devices are connected when they are first asked for, and whoever
    /// asks first is also told if xenstore doesn't answer or makes no sense; asking again tries again.
    pub fn start(hal: HalRef, channel: Channel) -> Devices {
        let xs = Xenstore::unopened(hal.clone(), channel);
        let shutdown = Shutdown::new(xs.clone());
        let devices = Devices {
            #[cfg(any(feature = "blkfront", feature = "netfront"))]
            hal,
            xs,
            shutdown,
            #[cfg(feature = "blkfront")]
            disks: Known::nothing(),
            #[cfg(feature = "netfront")]
            nics: Known::nothing(),
            begun: Mutex::new(Begun::No(None)),
            keepers: Mutex::new(Vec::new()),
        };
        if let Err(error) = devices.revive() {
            log::error!("{error}");
            *devices.begun.lock() = Begun::No(Some(error));
        }
        devices
    }

    /// An error if xenstore is not open, after another try if the last one's error is known.
    #[cfg(any(feature = "blkfront", feature = "netfront"))]
    fn begin(&self) -> Result<(), DeviceError> {
        match &mut *self.begun.lock() {
            Begun::Yes => return Ok(()),
            Begun::No(why) => why.take().map_or(Ok(()), Err)?,
        }
        self.revive()
    }

    fn listen(&self) -> Result<(), DeviceError> {
        // A toolstack that refuses these is no reason to go without disks.
        let tolerate = |done, without: &str| match done {
            Err(error @ (XsError::Server(_) | XsError::BadValue)) => {
                log::warn!("{without}: {error}");
                Ok(())
            }
            other => other.map_err(xenstore_error),
        };
        // They would send events that nobody reads.
        tolerate(self.xs.reset_watches().map(drop), "watches of a former kernel may be left")?;
        tolerate(self.shutdown.start(), "the toolstack's wishes are not heard")
    }

    /// xenstore.
    pub fn xenstore(&self) -> &Xenstore {
        &self.xs
    }

    /// The toolstack's wishes: poll it after events on its port.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// The disks, connected when first asked for.
    ///
    /// # Errors
    /// If xenstore fails; a disk that fails is in [`Disks::failed`].
    #[cfg(feature = "blkfront")]
    pub fn disks(&self) -> Result<Arc<Disks>, DeviceError> {
        let disks = self.begin_disks(false)?;
        disks.settle_all();
        Ok(disks)
    }

    /// The disks, which need not be connected yet: [`Disks::settle`] waits for one of them. `again`: after another look, as
    /// [`disks_again`](Devices::disks_again).
    ///
    /// # Errors
    /// As [`disks`](Devices::disks).
    #[cfg(feature = "blkfront")]
    pub fn begin_disks(&self, again: bool) -> Result<Arc<Disks>, DeviceError> {
        if again {
            self.give_back()?;
        }
        self.disks.get(&self.hal, || {
            // What each is asked first is its partition table.
            let config = Config { first_read: FIRST_READ, ..Config::default() };
            self.begin().and_then(|()| Disks::begin(&self.hal, &self.xs, &config))
        })
    }

    /// Whether the toolstack gave network cards, whatever becomes of them. No, while xenstore is not open.
    #[cfg(feature = "netfront")]
    pub fn has_nics(&self) -> bool {
        let open = matches!(*self.begun.lock(), Begun::Yes);
        open && crate::xenbus::devices(&self.xs, "vif").is_ok_and(|vifs| !vifs.is_empty())
    }

    /// The network cards, connected when first asked for.
    ///
    /// # Errors
    /// If xenstore fails; a card that fails is in [`Nics::failed`].
    #[cfg(feature = "netfront")]
    pub fn nics(&self) -> Result<Arc<Nics>, DeviceError> {
        let nics = self.begin_nics()?;
        nics.settle_all();
        Ok(nics)
    }

    /// The network cards, which need not be connected yet: [`Nics::settle`] waits for one of them.
    ///
    /// # Errors
    /// As [`nics`](Devices::nics).
    #[cfg(feature = "netfront")]
    pub fn begin_nics(&self) -> Result<Arc<Nics>, DeviceError> {
        self.nics.get(&self.hal, || {
            self.begin().and_then(|()| Nics::begin(&self.hal, &self.xs, &net::Config::default()))
        })
    }

    /// The disks, after another look at what the toolstack gave: all are given back and connected anew, and xenstore
    /// before them if it was of no more use. For a user who asks to try again; whoever still has a
    /// [`Disk`](crate::block::Disk) of before gets errors from it.
    ///
    /// # Errors
    /// As [`disks`](Devices::disks).
    #[cfg(feature = "blkfront")]
    pub fn disks_again(&self) -> Result<Arc<Disks>, DeviceError> {
        self.give_back()?;
        self.disks()
    }

    #[cfg(feature = "blkfront")]
    fn give_back(&self) -> Result<(), DeviceError> {
        if !self.xs.is_usable() {
            self.revive()?;
        }
        if let Some(disks) = self.disks.connected() {
            // A backend that is gone can't be left in order; the new look will say so.
            let errors = disks.quiesce_each();
            errors.iter().for_each(|error| log::warn!("{error}"));
            self.note_keepers(&errors);
            self.disks.forget();
        }
        Ok(())
    }

    /// Leaves every device as the toolstack made it: disks and cards closed and their backends ready for the next kernel,
    /// grants ended, ports closed, watches dropped, xenstore's rings empty. All is tried even if something fails.
    ///
    /// What a backend would not do is no error: the next kernel may wait for it better than we can. But while it keeps a
    /// page of ours mapped, no other kernel may get that page: ask how many grants live.
    ///
    /// # Errors
    /// The first failure of xenstore.
    pub fn quiesce_all(&self) -> Result<Vec<DeviceError>, DeviceError> {
        let errors = self.quiesce_each();
        self.note_keepers(&errors);
        let shutdown = self.shutdown.stop().map_err(xenstore_error);
        let xs = self.xs.quiesce().map_err(xenstore_error);
        let (xenstores, backends): (Vec<_>, Vec<_>) =
            errors.into_iter().partition(|error| matches!(error.fault, Fault::Xenstore(_)));
        xenstores.into_iter().try_for_each(Err).and(shutdown).and(xs)?;
        Ok(backends)
    }

    fn quiesce_each(&self) -> Vec<DeviceError> {
        #[cfg_attr(
            not(any(feature = "blkfront", feature = "netfront")),
            expect(unused_mut, reason = "no devices")
        )]
        let mut errors = Vec::new();
        #[cfg(feature = "blkfront")]
        errors.append(&mut self.disks.quiesce());
        #[cfg(feature = "netfront")]
        errors.append(&mut self.nics.quiesce());
        errors
    }

    fn note_keepers(&self, errors: &[DeviceError]) {
        let mut keepers = self.keepers.lock();
        for error in errors {
            if error.fault == KEEPS && !keepers.contains(error) {
                keepers.push(error.clone());
            }
        }
    }

    /// The devices whose backends kept pages of ours mapped when they were closed, now or earlier; each may have let go
    /// since. Such pages are set aside, and no other kernel may get them: see [`quiesce_all`](Devices::quiesce_all).
    pub fn keepers(&self) -> Vec<DeviceError> {
        self.keepers.lock().clone()
    }

    /// Takes everything up again after [`quiesce_all`](Devices::quiesce_all), when the handover was given up.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn reconnect_all(&self) -> Result<(), DeviceError> {
        let listening = self.revive();
        if !self.xs.is_usable() {
            return listening;
        }
        let done = Ok(());
        #[cfg(feature = "blkfront")]
        let done = done.and(self.disks.reconnect());
        #[cfg(feature = "netfront")]
        let done = done.and(self.nics.reconnect());
        done.and(listening)
    }

    /// xenstore again, and ears for the toolstack.
    fn revive(&self) -> Result<(), DeviceError> {
        self.xs.reconnect(self.xs.channel()).map_err(xenstore_error)?;
        self.listen()?;
        *self.begun.lock() = Begun::Yes;
        Ok(())
    }
}

#[cfg(feature = "bare")]
mod bare {
    use alloc::boxed::Box;
    use alloc::sync::Arc;

    use super::Devices;
    use crate::boot::start::Start;
    use crate::hal::Port;
    use crate::local::Local;
    use crate::xenbus::ShutdownRequest;
    use crate::xenstore::Channel;
    use crate::{machine, mm, panic, thread};

    static DEVICES: Local<Option<Arc<Devices>>> = Local::new(None);

    /// Bytes of stack for the thread that listens to the toolstack.
    const STACK: usize = 64 << 10;

    /// The devices of this domain; none if it has no xenstore, as dom0 at its start.
    #[must_use]
    pub fn get() -> Option<Arc<Devices>> {
        DEVICES.borrow().clone()
    }

    /// Where start_info says that xenstore is.
    fn channel(start: &Start) -> Option<Channel> {
        let (mfn, port) = start.store?;
        let page = mm::map_shared(mfn).inspect_err(|error| log::error!("xenstore's page: {error}")).ok()?;
        Some(Channel { page, port: Port(port) })
    }

    /// Opens xenstore, and starts a thread that ends the domain when the toolstack asks for it. A domain without
    /// works all the same.
    pub(crate) fn setup(start: &Start) {
        let Some(channel) = channel(start) else { return };
        let devices = Arc::new(Devices::start(machine::hal(), channel));
        *DEVICES.borrow() = Some(devices.clone());
        if thread::spawn(STACK, Box::new(move || listen(&devices))).is_err() {
            log::warn!("no memory to listen to the toolstack");
        }
    }

    fn listen(devices: &Devices) {
        loop {
            match devices.shutdown().poll() {
                Some(ShutdownRequest::PowerOff) => panic::end(panic::Ending::PowerOff),
                Some(ShutdownRequest::Reboot) => panic::end(panic::Ending::Reboot),
                None => _ = thread::wait_ports(&[devices.shutdown().port()], None),
            }
        }
    }
}

#[cfg(feature = "bare")]
pub use bare::get;
#[cfg(feature = "bare")]
pub(crate) use bare::setup;
