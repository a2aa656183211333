//! Xen's public ABI for 64-bit x86 PV guests, as Rust types: layouts, numbers, flags.
//!
//! There is no logic here beyond trivial conversions, and no unsafe code. Each item names the public header it comes
//! from (as installed by Debian's `libxen-dev` under `/usr/include/xen`); `tests/headers.rs` lets a C compiler check
//! every layout and constant against those headers, or against a table that was made from them.
//!
//! Memory that Xen or another domain writes while we run must not be read through plain references to these types:
//! take the address of a field and read it through an atomic or a volatile access.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod addr;
pub mod block;
pub mod console;
pub mod elfnote;
pub mod errno;
pub mod event;
pub mod grant;
pub mod hypercall;
pub mod memory;
pub mod mmu;
pub mod net;
pub mod ring;
pub mod sched;
pub mod shared_info;
pub mod start_info;
pub mod vcpu;
pub mod version;
pub mod vm_assist;
pub mod xenbus;
pub mod xenstore;

pub use addr::{Maddr, Mfn, PAGE_SHIFT, PAGE_SIZE, Pfn, Vaddr};
pub use hypercall::DomId;
