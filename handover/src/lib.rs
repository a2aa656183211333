//! From a kernel image, an initrd and the memory of this domain to a handover plan: pure data, no Xen calls.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod image;
pub mod kernel;
pub mod modules;
pub mod plan;
