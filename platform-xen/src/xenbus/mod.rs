//! xenbus: how a frontend and its backend find each other and agree.
//!
//! Each device has a directory for either end. The toolstack makes both; each end writes its `state` in its own and
//! reads the other's (public/io/xenbus.h, and the state diagram in io/blkif.h).

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
