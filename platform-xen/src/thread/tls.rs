//! Thread-local storage: variant II of the ELF TLS ABI, the static block that initial-exec code expects.

use alloc::alloc::{alloc_zeroed, dealloc};
use core::alloc::Layout;
use core::ptr::NonNull;

unsafe extern "C" {
    static __tdata_start: u8;
    static __tdata_size: u8;
    static __tbss_start: u8;
    static __tbss_size: u8;
}

/// Alignment of the block, as in the link script.
const ALIGN: usize = 64;
/// Bytes from the thread pointer on: it points to itself, the rest is spare.
const TCB: usize = 64;

/// One thread's variables.
pub struct Tls {
    block: NonNull<u8>,
    layout: Layout,
    pointer: u64,
}

// SAFETY: the block belongs to this value alone.
unsafe impl Send for Tls {}

impl Tls {
    /// A fresh copy of the template; `None` if there is no memory.
    #[must_use]
    pub fn new() -> Option<Tls> {
        let address = |symbol: *const u8| symbol as usize;
        let (data, data_size) = (address(&raw const __tdata_start), address(&raw const __tdata_size));
        let (bss, bss_size) = (address(&raw const __tbss_start), address(&raw const __tbss_size));
        let start = if data_size == 0 { bss } else { data };
        let end = if bss_size == 0 { data + data_size } else { bss + bss_size };
        let size = end.saturating_sub(start).next_multiple_of(ALIGN);
        let layout = Layout::from_size_align(size + TCB, ALIGN).ok()?;
        // SAFETY: the size is not zero.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        // SAFETY: the block is large enough for the template and, behind it, the pointer to itself.
        let pointer = unsafe {
            core::ptr::copy_nonoverlapping(data as *const u8, block.as_ptr(), data_size);
            let pointer = block.add(size);
            pointer.cast::<u64>().write(pointer.as_ptr() as u64);
            pointer.as_ptr() as u64
        };
        Some(Tls { block, layout, pointer })
    }

    /// What the base of segment fs must be.
    #[must_use]
    pub fn pointer(&self) -> u64 {
        self.pointer
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout; the thread is gone.
        unsafe { dealloc(self.block.as_ptr(), self.layout) }
    }
}
