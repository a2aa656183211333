//! Memory: frames, the address space, the heap, stacks.
//!
//! The rule that makes a handover computable: **a frame is writable at one address at most, and that address follows
//! from its number.** Data of the image is writable in the image, frames of the p2m in the p2m, a stack's frames in its
//! slot, and everything else in the direct map ([`layout`]). Page tables are readable in the direct map and writable
//! nowhere. [`writable_address`] answers for any frame, by looking at the tables themselves.

#[cfg(feature = "bare")]
mod frames;
#[cfg(feature = "bare")]
pub mod heap;
#[cfg(feature = "bare")]
mod init;
pub mod layout;
#[cfg(feature = "bare")]
mod mapping;
#[cfg(feature = "bare")]
pub mod p2m;
#[cfg(feature = "bare")]
mod page_buf;
pub mod runs;
#[cfg(feature = "bare")]
mod space;
#[cfg(feature = "bare")]
pub mod stack;

#[cfg(feature = "bare")]
pub use frames::{End, Stats, alloc_frames, alloc_zeroed_frames, free_frames, stats};
#[cfg(feature = "bare")]
pub(crate) use frames::{setup, with};
#[cfg(feature = "bare")]
pub(crate) use mapping::map_shared;
#[cfg(feature = "bare")]
pub use mapping::{
    map_page, map_special, mfn_of, p2m, page, replace_frame, root, set_direct, writable_address,
};
#[cfg(feature = "bare")]
pub use page_buf::PageBuf;
#[cfg(feature = "bare")]
pub use space::MapError;
#[cfg(all(feature = "bare", feature = "kexec"))]
pub(crate) use space::Space;
