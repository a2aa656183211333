//! Becoming another kernel: runs a [`Plan`](pvgrub_handover::plan::Plan).
//!
//! [`run`] is the order of things, over the small trait [`Machine`]: on Xen it is hypercalls, in tests a hypervisor in
//! a process that enforces the PV rules. So what runs on Xen is what the tests ran.
//!
//! Until [`Step::CloseOwnPorts`](pvgrub_handover::plan::Step) a failure is undone and comes back as an error. From
//! there on nothing can fail but by a fault of Xen, and then the domain ends with reason `crash`.
//!
//! A program uses [`Handover`], which needs no unsafe code of it.

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
