//! xenbus: how a frontend and its backend find each other and agree.
//!
//! Each device has a directory for either end. The toolstack makes both; each end writes its `state` in its own and
//! reads the other's (public/io/xenbus.h, and the state diagram in io/blkif.h).
//!
//! # Example
//!
//! The beginning of a front half of one's own, here over the keys that the toolstack writes for a disk:
//!
//! ```
//! use platform_xen::xenbus::{Fault, Frontend, XenbusState, devices};
//! # use platform_xen::hal::{DomId, HalRef};
//! # use platform_xen::xenstore::Xenstore;
//! # use platform_xen_fake::peer::{Blkback, Contents, Lie, Machine, Offer, Store, Xenstored};
//! # let (machine, store) = (Machine::new(), Store::new());
//! # let channel = Xenstored::start(&machine, &store, 5);
//! # Blkback::start(&machine, &store, 5, 51712, Contents::new(), Offer::default(), Lie::None);
//! # let hal: HalRef = machine.clone();
//! # let xs = Xenstore::open(hal.clone(), channel)?;
//!
//! assert_eq!(devices(&xs, "vbd")?, ["51712"]);
//! let front = Frontend::new(hal, xs, "vbd", "51712")?;
//! assert_eq!(front.backend_id(), DomId(0));
//! assert_eq!(front.number("virtual-device")?, Some(51712));
//! assert_eq!(front.state()?, XenbusState::Initialising);
//! assert!(front.offered("feature-flush-cache")? <= 1); // what makes no sense counts as 0
//!
//! // What the backend needs to know, with our new state, in one transaction; and back again.
//! front.publish(&[("event-channel".into(), "9".into())], XenbusState::Initialised)?;
//! front.unpublish()?;
//! # Ok::<(), Fault>(())
//! ```

mod device;
mod error;
mod frontend;
mod group;
mod shutdown;

pub(crate) use device::{AFTER, KEEPS};
pub use device::{Device, Progress};
pub use error::{DeviceError, Fault};
pub use frontend::{Frontend, Step, devices};
pub use group::Group;
pub(crate) use group::directories;
pub use platform_xen_sys::xenbus::XenbusState;
pub use shutdown::{Shutdown, ShutdownRequest};
