//! Becoming another kernel: runs a [`Plan`](pvgrub_handover::plan::Plan).
//!
//! [`sequence`] is the order of things, over the small trait [`Machine`]: on Xen it is hypercalls, in tests a
//! hypervisor in a process that enforces the PV rules. So what runs on Xen is what the tests ran.
//!
//! Until [`Step::CloseOwnPorts`](pvgrub_handover::plan::Step) a failure is undone and comes back as an error. From
//! there on nothing can fail but by a fault of Xen, and then the domain ends with reason `crash`.

mod machine;
mod sequence;
mod trampoline;

pub use machine::{Machine, Segment, WritePage};
pub use sequence::{Failed, run};
pub use trampoline::{Parameters, code};
