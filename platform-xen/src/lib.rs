//! A unikernel base for Xen PV domains.
#![cfg_attr(not(test), no_std)]
extern crate alloc;
