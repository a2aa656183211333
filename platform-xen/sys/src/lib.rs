//! Raw ABI of Xen PV: no logic.
#![no_std]
