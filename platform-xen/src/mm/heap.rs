//! The heap: large blocks are frames of their own, small ones share blocks that talc divides.
//!
//! A block whose last piece is freed goes back to the frame allocator at once, so memory that a program used early on
//! is there for its buffers later. Large blocks are page-aligned, and so can be granted to a disk's backend as they are.

use super::frames::{End, free_frames, with};
use super::layout::{direct, direct_pfn};
use super::runs::Run;
use crate::local::Local;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;
use platform_xen_sys::{PAGE_SIZE, Pfn, Vaddr};
use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::GlobalAllocSource;

/// From this size on, in bytes, a block has frames of its own.
const LARGE: usize = 64 * 1024;
/// Size of the blocks that small pieces share.
const BLOCK: usize = 256 * 1024;

/// Whole frames as an allocator.
#[derive(Debug, Clone, Copy)]
struct Blocks {
    end: End,
}

fn pages(size: usize) -> u64 {
    size.div_ceil(PAGE_SIZE) as u64
}

fn run_of(ptr: *mut u8, size: usize) -> Run {
    let pfn = direct_pfn(Vaddr(ptr as u64)).expect("a block of the heap");
    Run::new(pfn.0, pages(size))
}

// SAFETY: frames that are allocated belong to nobody else, and are mapped where `direct` says until they are freed.
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let n = pages(layout.size());
        let align = pages(layout.align());
        // Addresses are aligned as frame numbers are, as the direct map begins at a root-table slot.
        let Some(n_all) = n.checked_add(align - 1) else { return null_mut() };
        with(|mm| {
            let Some(run) = mm.alloc(n_all, self.end) else { return null_mut() };
            let start = run.start.next_multiple_of(align);
            for rest in [Run::new(run.start, start - run.start), Run::new(start + n, run.end() - start - n)] {
                if rest.len > 0 {
                    // SAFETY: just allocated, not needed.
                    unsafe { mm.free(rest) };
                }
            }
            direct(Pfn(start)).0 as *mut u8
        })
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller gives the block up.
        unsafe { free_frames(run_of(ptr, layout.size())) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let old = run_of(ptr, layout.size());
        let new = pages(new_size);
        if new <= old.len {
            if new < old.len {
                // SAFETY: the caller gives the end of the block up.
                unsafe { free_frames(Run::new(old.start + new, old.len - new)) };
            }
            return ptr;
        }
        if with(|mm| mm.alloc_exactly(Run::new(old.end(), new - old.len))) {
            return ptr;
        }
        // SAFETY: the caller's block is `layout.size()` bytes long, the new one larger.
        unsafe {
            let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else { return null_mut() };
            let to = self.alloc(new_layout);
            if !to.is_null() {
                core::ptr::copy_nonoverlapping(ptr, to, layout.size());
                self.dealloc(ptr, layout);
            }
            to
        }
    }
}

type Small = Talc<GlobalAllocSource<Blocks>, DefaultBinning>;

static SMALL: Local<Small> =
    Local::new(Talc::new(GlobalAllocSource::with_block_size(Blocks { end: End::Low }, BLOCK)));
const LARGE_BLOCKS: Blocks = Blocks { end: End::High };

/// The heap, for use as `#[global_allocator]` and under `sys_malloc`.
pub struct Heap;

const fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE || layout.align() >= PAGE_SIZE
}

// SAFETY: both halves are allocators, and which of them has a block follows from its layout alone.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not 0, as the caller promises.
        unsafe {
            if is_large(layout) {
                LARGE_BLOCKS.alloc(layout)
            } else {
                SMALL.borrow().allocate(layout).map_or(null_mut(), |p| p.as_ptr())
            }
        }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the block came from the half that its layout says.
        unsafe {
            if is_large(layout) {
                LARGE_BLOCKS.dealloc(ptr, layout)
            } else {
                SMALL.borrow().deallocate(ptr, layout)
            }
        }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(new_size, layout.align()) else { return null_mut() };
        // SAFETY: as above; a block that changes halves is copied.
        unsafe {
            match (is_large(layout), is_large(new)) {
                (true, true) => return LARGE_BLOCKS.realloc(ptr, layout, new_size),
                (false, false) if SMALL.borrow().try_realloc_in_place(ptr, layout, new_size) => return ptr,
                _ => {}
            }
            let to = self.alloc(new);
            if !to.is_null() {
                core::ptr::copy_nonoverlapping(ptr, to, layout.size().min(new_size));
                self.dealloc(ptr, layout);
            }
            to
        }
    }
}
