//! A unikernel base for Xen PV domains.
#![cfg_attr(not(test), no_std)]
extern crate alloc;

pub mod grant;
pub mod hal;
pub mod ring;
pub mod shared;
pub mod xenstore;
