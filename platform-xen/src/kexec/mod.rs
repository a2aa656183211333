//! Becoming another kernel: runs a [`Plan`](pvgrub_handover::plan::Plan).
//!
//! [`run`] is the order of things, over the small trait [`Machine`]: on Xen it is hypercalls, in tests a hypervisor in
//! a process that enforces the PV rules. So what runs on Xen is what the tests ran.
//!
//! Until [`Step::CloseOwnPorts`](pvgrub_handover::plan::Step) a failure is undone and comes back as an error. From
//! there on nothing can fail but by a fault of Xen, and then the domain ends with reason `crash`.
//!
//! A program uses [`Handover`], which needs no unsafe code of it.
//!
//! # Example
//!
//! A kernel that came as ramdisk is started with this domain's command line; `examples/chain` is this program.
//!
//! ```no_run
//! # #[cfg(feature = "bare")]
//! # fn chain() -> Result<core::convert::Infallible, Box<dyn std::error::Error>> {
//! use platform_xen::kexec::Handover;
//! use platform_xen::mm::{self, PageBuf};
//! use platform_xen::boot;
//! use pvgrub_handover::image::{self, Limits};
//!
//! let start = boot::start();
//! let ramdisk = PageBuf::of_boot_ramdisk().ok_or("there is no ramdisk")?;
//! let mut file = &ramdisk[..start.mod_len as usize];
//! let limits = Limits { domain: start.nr_pages * 4096, free: mm::stats().free * 4096 };
//! let kernel = image::load(&mut file, limits, &mut |pages| PageBuf::zeroed(pages * 4096), &mut |_, _| {})?;
//! drop(ramdisk);
//! // What a user can change fails here, while all devices still work.
//! let handover = Handover::prepare(kernel, None, start.cmd_line())?;
//! Ok(handover.run()?) // never returns but for an error
//! # }
//! ```

mod machine;
mod reserve;
mod sequence;
mod trampoline;

#[cfg(feature = "bare")]
mod hand_over;
#[cfg(feature = "bare")]
mod stopwatch;
#[cfg(feature = "bare")]
mod tables;
#[cfg(feature = "bare")]
mod xen;

pub use machine::{Machine, Segment, WritePage};
pub use reserve::plan_reserve;
pub use sequence::{Failed, run};
pub use trampoline::{Parameters, code};

#[cfg(feature = "bare")]
pub use hand_over::{Error, Handover, check};
