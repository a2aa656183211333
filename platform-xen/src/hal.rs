//! What a driver needs of the machine: pages, grants, event channels, time.
//!
//! Drivers see Xen only through [`Hal`]. The kernel implements it on the real machine; tests implement it over
//! fake peers in one process, so that every driver runs on a host, against peers that lie.
//!
//! Two ideas hold it together:
//! - **Waiting is cooperative.** [`Hal::wait`] is the one place where a driver gives up the processor. No lock is
//!   ever held across it.
//! - **A page that a peer may still write is never given back.** Freeing is refused to whoever can't first end the
//!   grant, see [`Hal::end_grant`] and [`Hal::replace_page`].
//!
//! # Example
//!
//! A page lent to another domain, and an event sent to it; on Xen `hal` would be `machine::hal()`:
//!
//! ```
//! use core::time::Duration;
//! use platform_xen::hal::{DomId, HalRef};
//! use platform_xen::shared::GrantedPages;
//!
//! fn greet(hal: &HalRef, peer: DomId) -> Result<bool, Box<dyn std::error::Error>> {
//!     let mut pages = GrantedPages::alloc(hal, 1, peer, true)?;
//!     pages.window().write(0, b"hello");
//!     let port = hal.alloc_unbound(peer)?;
//!     // The peer must be told of `pages.grants()` and `port` now, by xenstore as a rule.
//!     hal.notify(port);
//!     let answered = hal.wait(&[port], Some(hal.now() + Duration::from_secs(1)));
//!     hal.close(port);
//!     pages.end().expect("the peer has not mapped it");
//!     Ok(answered)
//! }
//!
//! let machine = platform_xen_fake::peer::Machine::new();
//! assert_eq!(greet(&(machine.clone() as HalRef), DomId(0)).unwrap(), false);
//! assert_eq!((machine.live_pages(), machine.live_grants(), machine.open_ports()), (0, 0, 0));
//! ```

use alloc::sync::Arc;
use core::fmt;
use core::ops::{Add, Sub};
use core::ptr::NonNull;
use core::time::Duration;

use platform_xen_sys::addr::Mfn;
use platform_xen_sys::errno::Errno;

/// A domain's number, as grants and event channels name a peer (`domid_t`, xen.h). dom0 is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomId(pub u16);

/// One of our event channels (`evtchn_port_t`, event_channel.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub u32);

/// An entry of our grant table: what a peer is told, to map one page of ours (`grant_ref_t`,
/// grant_table.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantRef(pub u32);

/// A moment of the monotonic clock, in nanoseconds since some fixed moment before the program began: on Xen, the machine's
/// boot.
///
/// ```
/// use core::time::Duration;
/// use platform_xen::hal::Nanos;
///
/// let start = Nanos(5_000);
/// assert_eq!(start + Duration::from_micros(2), Nanos(7_000));
/// assert_eq!(start - Nanos(7_000), Duration::ZERO); // saturates
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Add<Duration> for Nanos {
    type Output = Nanos;

    /// Saturates: "never" is `Nanos(u64::MAX)`.
    fn add(self, d: Duration) -> Nanos {
        Nanos(self.0.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Nanos {
    type Output = Duration;

    /// Saturates at zero.
    fn sub(self, earlier: Nanos) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Why the machine did not give what a driver asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HalError {
    /// No free pages.
    OutOfMemory,
    /// The grant table is full and Xen lets it grow no further.
    OutOfGrants,
    /// No free event channel.
    OutOfPorts,
    /// The frame can't be granted: v1 entries hold 32 bits of frame number.
    FrameTooHigh,
    /// Xen refused.
    Refused(Errno),
}

impl fmt::Display for HalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HalError::OutOfMemory => f.write_str("out of memory"),
            HalError::OutOfGrants => f.write_str("the grant table is full"),
            HalError::OutOfPorts => f.write_str("no free event channel"),
            HalError::FrameTooHigh => f.write_str("a frame above 16 TiB can't be granted"),
            HalError::Refused(errno) => write!(f, "Xen refused ({errno})"),
        }
    }
}

impl core::error::Error for HalError {}

/// The peer still has the page mapped: the grant lives on, and so must the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillInUse;

/// The machine under the drivers.
///
/// # Safety
/// Drivers rely on these for memory safety:
/// - [`alloc_pages`](Hal::alloc_pages) returns memory that nothing else uses until it is freed.
/// - [`end_grant`](Hal::end_grant) returns `Ok` only when the peer can no longer reach the page.
/// - [`replace_page`](Hal::replace_page) returns `Ok` only when the peer can no longer reach the memory at that
///   address.
pub unsafe trait Hal: Send + Sync {
    /// `n` zeroed pages, one after another in virtual memory, page-aligned. Drivers use
    /// [`SharedPages`](crate::shared::SharedPages), which gives them back.
    ///
    /// # Errors
    /// [`HalError::OutOfMemory`].
    fn alloc_pages(&self, n: usize) -> Result<NonNull<u8>, HalError>;

    /// Takes back what [`alloc_pages`](Hal::alloc_pages) gave.
    ///
    /// # Safety
    /// `first` and `n` are those of one `alloc_pages`, nothing uses the pages any more, and no grant of them lives.
    unsafe fn free_pages(&self, first: NonNull<u8>, n: usize);

    /// The machine frame behind the page that holds this address; `None` if it isn't writable memory of ours that
    /// [`replace_page`](Hal::replace_page) could take back.
    fn mfn_of(&self, address: *const u8) -> Option<Mfn>;

    /// Lets `peer` map the frame.
    ///
    /// # Safety
    /// From now on, until [`end_grant`](Hal::end_grant) has returned `Ok` or [`replace_page`](Hal::replace_page) has put
    /// another frame there, the peer reads the frame and, unless `readonly`, writes it at any moment: it is the
    /// caller's, nothing in it is secret, and it is reached through [`SharedMem`](crate::shared::SharedMem) or not at
    /// all. It is not given back meanwhile.
    ///
    /// # Errors
    /// [`HalError::OutOfGrants`], [`HalError::FrameTooHigh`].
    unsafe fn grant(&self, peer: DomId, frame: Mfn, readonly: bool) -> Result<GrantRef, HalError>;

    /// Ends a grant.
    ///
    /// # Errors
    /// [`StillInUse`]: the peer has it mapped now. Nothing has changed.
    fn end_grant(&self, grant: GrantRef) -> Result<(), StillInUse>;

    /// Leaves a grant that could not be ended to the machine, which ends it once the peer has let go. Its page is used for
    /// nothing any more.
    fn abandon_grant(&self, _grant: GrantRef) {}

    /// Puts another frame, its contents undefined, under the page at this page-aligned address. The old frame, which
    /// a peer may still write, is used for nothing any more. This is how a buffer is taken back from a backend that
    /// hangs. One of the pages [reserved](Hal::reserve) is used up.
    ///
    /// # Safety
    /// The caller owns the page, and nothing depends on its contents or its frame number.
    ///
    /// # Errors
    /// If none was reserved and there is no other frame, or Xen refuses; nothing has changed.
    unsafe fn replace_page(&self, page: NonNull<u8>) -> Result<(), HalError>;

    /// Sets up to `n` pages aside for [`replace_page`](Hal::replace_page), and says how many it could. Who lends a peer a
    /// page that somebody waits for reserves one before, so that it can be taken back whatever else takes memory
    /// meanwhile.
    fn reserve(&self, n: usize) -> usize;

    /// Gives up `n` reserved pages that were not used.
    fn unreserve(&self, n: usize);

    /// A new event channel that `peer` may bind to, masked for upcalls and polled by [`wait`](Hal::wait).
    ///
    /// # Errors
    /// [`HalError::OutOfPorts`].
    fn alloc_unbound(&self, peer: DomId) -> Result<Port, HalError>;

    /// Sends an event. An unbound or closed port is no error.
    fn notify(&self, port: Port);

    /// Closes a port and forgets its pending bit.
    fn close(&self, port: Port);

    /// Waits until one of the ports has had an event or the deadline has passed; `false` means the deadline. Other
    /// threads run meanwhile.
    ///
    /// - An event that came before the call and was not yet consumed ends the wait at once.
    /// - An event wakes every thread that waits on its port, then is consumed.
    /// - It may return `true` without an event: look again, wait again.
    fn wait(&self, ports: &[Port], deadline: Option<Nanos>) -> bool;

    /// Wakes every other thread that waits on the port, as an event would: a driver calls it when one thread has
    /// taken off the ring what another waits for.
    fn wake(&self, port: Port);

    /// The monotonic clock.
    fn now(&self) -> Nanos;
}

/// How drivers hold the machine.
pub type HalRef = Arc<dyn Hal>;
