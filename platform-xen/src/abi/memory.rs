//! `sys_malloc` and its like: the heap.

use crate::mm::heap::Heap;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;

/// A block; null if there is no memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_malloc(size: usize, align: usize) -> *mut u8 {
    match Layout::from_size_align(size, align) {
        // SAFETY: the size is not zero.
        Ok(layout) if size != 0 => unsafe { Heap.alloc(layout) },
        _ => null_mut(),
    }
}

/// A block of another size with the same contents; null if there is no memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_realloc(ptr: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8 {
    match Layout::from_size_align(size, align) {
        // SAFETY: the block is std's, of this layout; the new size is not zero.
        Ok(layout) if new_size != 0 => unsafe { Heap.realloc(ptr, layout, new_size) },
        _ => null_mut(),
    }
}

/// Gives a block back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_free(ptr: *mut u8, size: usize, align: usize) {
    if let Ok(layout) = Layout::from_size_align(size, align) {
        // SAFETY: the block is std's, of this layout.
        unsafe { Heap.dealloc(ptr, layout) }
    }
}
