//! A unikernel base for Xen PV domains: what stands between a Rust program and Xen.
//!
//! A program that links this crate is a kernel: `xl create` starts it as a 64-bit PV domain, with no operating system under
//! it. The crate has what such a domain needs (entry, memory, threads, clock, console, xenstore) and what it may ask for
//! (disks, network cards, TCP/IP, files, becoming another kernel). Without the feature `bare` it is no kernel but what runs
//! in a process too: the same drivers, over the trait [`hal::Hal`], for tests against peers that lie.
//!
//! # A program with std
//!
//! An ordinary program, for the target `x86_64-unknown-hermit`: std calls the functions of the Hermit ABI, and the feature
//! `abi` has them. Of Xen the program knows this line:
//!
//! ```
//! #[cfg(target_os = "hermit")]
//! use platform_xen as _; // links the kernel in
//!
//! fn main() {
//!     let names: Vec<String> = std::env::args().skip(1).collect();
//!     println!("hello from a domain of its own; arguments: {names:?}");
//! }
//! ```
//!
//! `std::net` wants the feature `net`, disks in `/dev` want `blkfront`, `/tmp`, `/boot` and `/mnt` want `files`; `std` is all of
//! it. std for this target is built from its sources: `cargo xtask new DIR` begins a workspace that does it.
//!
//! # A program without std
//!
//! Stable Rust, with the `core` and `alloc` that come with the compiler for `x86_64-unknown-linux-gnu`. With the feature
//! `no-std-runtime` the allocator and the panic handler are here, and `platform_main` is called on the first thread once memory,
//! clock, console and xenstore work. When it returns, the domain powers off.
//!
//! ```no_run
//! #![no_std]
//! #![no_main]
//! # extern crate std; // here the panic handler and the allocator are std's
//!
//! extern crate alloc;
//!
//! # #[cfg(feature = "bare")]
//! use platform_xen::{console, mm};
//!
//! # #[cfg(feature = "bare")]
//! // SAFETY: no other symbol has this name.
//! #[unsafe(no_mangle)]
//! fn platform_main() {
//!     let text = alloc::format!("hello; {} frames of 4 KiB are free\n", mm::stats().free);
//!     console::write_text(text.as_bytes());
//! }
//! ```
//!
//! # How either is linked
//!
//! This crate's link script lays the program out; its build script tells that of the program which arguments the linker needs
//! (for the Hermit target `-Txen.ld` alone). In `main` of the program's `build.rs`:
//!
//! ```
//! // None where platform-xen is no dependency: a program with std runs on Linux as well.
//! for arg in std::env::var("DEP_PLATFORM_XEN_LINK_ARGS").unwrap_or_default().split_whitespace() {
//!     println!("cargo:rustc-link-arg-bins={arg}");
//! }
//! ```
//!
//! And `panic = "abort"` in the profile: nothing unwinds.
//!
//! # Features
//!
//! Nothing is in a program that it does not ask for, but what every domain needs.
//!
//! | feature | brings | and with it |
//! |---|---|---|
//! | `bare` | the kernel itself; the others ask for it | |
//! | `abi` | the Hermit ABI, on which std stands ([`abi`]) | `bare` |
//! | `no-std-runtime` | allocator and panic handler for a program without std | `bare` |
//! | `blkfront` | disks among the [`devices`]; with `abi` they are in `/dev` | |
//! | `volumes` | [`block::DiskDevice`], by which `pvgrub-fs` reads partitions and file systems | `blkfront` |
//! | `netfront` | network cards among the [`devices`] | |
//! | `net` | [`tcpip`]; with `abi` std's sockets | `netfront` |
//! | `archive` | [`files`]: a tree in memory, cpio and tar | |
//! | `files` | `/tmp`, `/boot`, `/mnt` for std | `abi`, `archive`, `volumes` |
//! | `embedded-io` | [`console::Console`], a reader and writer of that crate | `bare` |
//! | `kexec` | [`kexec`]: becoming another kernel | |
//! | `std` | all that a program with std can have | `abi`, `files`, `net` |
//! | `hook` | for tests alone: something runs before each access of shared memory | |
//!
//! # The command line
//!
//! `extra` in the domain's configuration for xl, at most 1,023 bytes. Words are divided at white space, but not within double
//! quotes ([`words`]).
//!
//! | word | | heard with |
//! |---|---|---|
//! | `loglevel=debug` | messages of the crate `log` on the console: `off`, `error`, `warn` (the usual), `info`, `debug`, `trace` | any |
//! | `env=NAME=VALUE` | the environment | `abi` |
//! | `tmp=64M` | the most that `/tmp` may hold, in bytes; K, M, G; a quarter of the memory if nothing is said | `files` |
//! | `ip=…` | an interface's addresses ([`tcpip::Setup`]); DHCP and IPv6 routers if nothing is said | `abi` and `net` |
//! | `--` | all that follow are arguments | `abi` |
//! | any other | an argument; the first, the program's name, is always `kernel` | `abi` |
//!
//! `loglevel=` is an argument as well. A program without std has the line as it is: [`boot::start()`], and [`words::Words`] to divide it.
//!
//! # Where things are
//!
//! | | |
//! |---|---|
//! | the domain at its start, and its end | [`boot`], [`panic`](mod@panic) |
//! | memory: buffers of whole frames, the address space | [`mm`] |
//! | threads, time, random numbers | [`thread`], [`time`], [`entropy`] |
//! | the console, messages on it | [`console`], [`logger`], [`held`] |
//! | all devices of this domain | [`devices`] |
//! | the toolstack's tree, and devices in it | [`xenstore`], [`xenbus`] |
//! | disks, network cards | [`block`], [`net`] |
//! | sockets over them | [`tcpip`] |
//! | files without a disk | [`files`] |
//! | becoming another kernel | [`kexec`] |
//! | what std stands on | [`abi`], [`words`] |
//! | a driver of your own: the machine, pages that a peer may write, rings | [`hal`], [`shared`], [`ring`], [`grant`] |
//! | below all that | [`hypercall`], [`events`], [`machine`], [`cpu`], [`local`] |
//!
//! # The rules
//!
//! - **One vCPU, cooperative threads.** A thread runs until it waits; whatever the domain has, one vCPU is used. A loop that never
//!   waits keeps all others from running, the one that hears `xl shutdown` too: call [`thread::yield_now`] in it.
//! - **No upcalls.** Xen never calls into the program; waiting is SCHEDOP_poll with a deadline. So nothing interrupts
//!   anything, and code between two waits needs no lock. A lock that spins (crate `spin`) must not be held across a wait: nobody would
//!   ever let go of it. [`thread::Lock`] may.
//! - **Nothing unwinds.** A panic says why on the console and ends the domain as crashed.
//! - **The peer is hostile.** A backend, xenstored or the console's daemon that breaks its protocol gives an error
//!   ([`xenbus::Fault::PeerMisbehaved`]), never undefined behaviour. A page that a peer may still write is not freed.
//! - **Stacks don't grow.** What is around a stack is not mapped: one that runs over ends the domain, and `xl dmesg` has the
//!   address. The first thread has 1 MiB.
//!
//! Times are [`Duration`](core::time::Duration)s and, on the monotonic clock, [`hal::Nanos`]; sizes and offsets are bytes unless a name says
//! sectors, pages or frames (4 KiB).
//!
//! # In a process
//!
//! The drivers need a [`hal::Hal`] and no Xen. The examples in this manual run over the crate `platform-xen-fake`: a machine, a
//! xenstored, and backends for disks and cards, in one process with a virtual clock. That is how a driver of your own is tested, too.
//!
//! # Sources
//!
//! Each module names what it follows: Xen's public headers (`xen/include/public`, here `io/…`), its documents (`docs/misc`,
//! `docs/man`), RFCs. Layouts and numbers are in the crate `platform-xen-sys`, compared with Xen's own headers by its tests.
//! Everything was tried on Xen 4.17.
#![cfg_attr(not(test), no_std)]
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc)]
// The manual is the kernel's, with all its parts; without them it names things that are not there.
#![cfg_attr(
    not(all(feature = "std", feature = "kexec", feature = "embedded-io")),
    allow(rustdoc::broken_intra_doc_links)
)]
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
