//! Virtual network cards: the front half of the network protocol (public/io/netif.h).
//!
//! There are two rings, and one event channel for both. All data goes through pages of ours whose grants stay as long as the
//! card is connected, with one copy each way, so that nothing is mapped or granted for a frame:
//! - **To be received**, up to 256 pages are out at a time. The backend copies frames into them, and each goes out again
//!   as soon as it was emptied. There are few at first, and more when the backend runs out of them.
//! - **To be sent**, a frame is copied to pages that the backend can only read; they are made as they are needed.
//!
//! A frame of more than a page takes several slots, and one that is still to be cut into TCP segments (GSO) another slot
//! that says so. The two rings answer differently: one that was sent is answered by its id, in any order; one to be
//! received in the slot of its request, since a slot with extra information has no room for an id.
//!
//! One queue is used, and neither multicast control, the control ring nor XDP.
//!
//! # Example
//!
//! On Xen the cards are `devices::get()?.nics()?`. Here the other end of the cable is a test's:
//!
//! ```
//! use platform_xen::hal::Hal;
//! use platform_xen::net::{Config, Nics, TxInfo};
//! # use core::time::Duration;
//! # use platform_xen::hal::HalRef;
//! # use platform_xen::xenbus::DeviceError;
//! # use platform_xen::xenstore::Xenstore;
//! # use platform_xen_fake::peer::netback::{Lie, Offer};
//! # use platform_xen_fake::peer::{Machine, Netback, Store, Xenstored};
//! # let (machine, store) = (Machine::new(), Store::new());
//! # let channel = Xenstored::start(&machine, &store, 5);
//! # let wire = Netback::start(&machine, &store, 5, 0, Offer::default(), Lie::None);
//! # let hal: HalRef = machine.clone();
//! # let xs = Xenstore::open(hal.clone(), channel).unwrap();
//!
//! let nics = Nics::connect(&hal, &xs, &Config::default())?;
//! let nic = nics.get("eth0").expect("it is connected");
//!
//! let mut frame = vec![0xff; 60];
//! frame[6..12].copy_from_slice(&nic.info().mac);
//! assert!(nic.send(&frame, TxInfo::default())?); // false: no room now
//! nic.flush(); // several frames, one event
//!
//! // The loop of whoever waits for frames.
//! let until = hal.now() + Duration::from_secs(1);
//! let mut came = Vec::new();
//! while nic.receive(&mut came)?.is_none() && hal.now() < until {
//!     if !nic.ask_for_events()? {
//!         hal.wait(nic.port().as_slice(), Some(until));
//!     }
//! }
//! assert!(came.is_empty()); // nobody has sent anything
//! assert_eq!(wire.take_sent()[0].bytes, frame);
//! # Ok::<(), DeviceError>(())
//! ```

mod chain;
mod config;
mod connect;
mod nic;
mod nics;
mod queue;
mod rx;
mod tx;
mod wire;

pub use config::{Config, Counters, GsoType, Offloads, RxInfo, TxInfo};
pub use nic::{Nic, NicInfo};
pub use nics::Nics;
