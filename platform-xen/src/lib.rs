//! A unikernel base for Xen PV domains.
//!
//! Without features it is what also runs in a process on a host: drivers over [`hal::Hal`], and the logic of the rest.
//! With `bare` it is a kernel: [`boot`] takes over from the domain builder, and calls the program's `main`.
#![cfg_attr(not(test), no_std)]
extern crate alloc;

#[cfg(feature = "abi")]
pub mod abi;
pub mod block;
pub mod boot;
pub mod console;
#[cfg(feature = "bare")]
pub mod cpu;
#[cfg(feature = "bare")]
mod cpu_state;
pub mod devices;
#[cfg(feature = "bare")]
pub mod entropy;
#[cfg(feature = "bare")]
pub mod events;
#[cfg(any(feature = "archive", test))]
pub mod files;
pub mod grant;
pub mod hal;
pub mod held;
#[cfg(feature = "bare")]
pub mod hypercall;
#[cfg(feature = "kexec")]
pub mod kexec;
#[cfg(feature = "bare")]
pub mod local;
#[cfg(feature = "bare")]
pub mod logger;
#[cfg(feature = "bare")]
pub mod machine;
pub mod mm;
pub mod net;
#[cfg(feature = "no-std-runtime")]
mod no_std;
#[cfg(feature = "bare")]
pub mod panic;
mod pool;
pub mod ring;
#[cfg(any(feature = "bare", test))]
#[cfg_attr(not(feature = "bare"), expect(dead_code, reason = "only threads use all of it"))]
mod scheduler;
pub mod shared;
#[cfg(feature = "bare")]
mod shared_info;
#[cfg(feature = "net")]
pub mod tcpip;
#[cfg(feature = "bare")]
pub mod thread;
pub mod time;
#[cfg(any(feature = "abi", test))]
mod vectored;
#[cfg(any(feature = "abi", test))]
pub mod words;
pub mod xenbus;
pub mod xenstore;
