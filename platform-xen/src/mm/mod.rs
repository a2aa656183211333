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
pub mod init;
pub mod layout;
#[cfg(feature = "bare")]
mod mapping;
#[cfg(feature = "bare")]
pub mod p2m;
#[cfg(feature = "bare")]
mod page_buf;
pub mod runs;
#[cfg(feature = "bare")]
pub mod space;
#[cfg(feature = "bare")]
pub mod stack;

#[cfg(feature = "bare")]
pub use frames::{
    End, Mm, Stats, alloc_frames, alloc_zeroed_frames, boot_ramdisk, free_frames, kept_start_info, run_slots,
    setup, stats, with,
};
#[cfg(feature = "bare")]
pub use mapping::{
    map_page, map_shared, map_special, mfn_of, p2m, page, replace_frame, set_direct, unmap_special,
    writable_address,
};
#[cfg(feature = "bare")]
pub use page_buf::PageBuf;
