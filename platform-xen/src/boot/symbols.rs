//! What the link script says of the image.

use platform_xen_sys::Vaddr;
use platform_xen_sys::mmu::PteFlags;

unsafe extern "C" {
    static __image_base: u8;
    static __text_end: u8;
    static __rodata_end: u8;
    static __image_end: u8;
    static __boot_stack_bottom: u8;
}

/// The image's parts, each a whole number of pages: code, constants, data.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// Where code begins; PFN 0 is mapped here at entry.
    pub base: Vaddr,
    /// Where constants begin.
    pub text_end: Vaddr,
    /// Where data begins.
    pub rodata_end: Vaddr,
    /// The end.
    pub end: Vaddr,
    /// Lowest page of the boot stack: not mapped once we run on our own.
    pub boot_stack: Vaddr,
}

impl Image {
    /// The linker's addresses.
    #[must_use]
    pub fn get() -> Image {
        let at = |symbol: *const u8| Vaddr(symbol as u64);
        Image {
            base: at(&raw const __image_base),
            text_end: at(&raw const __text_end),
            rodata_end: at(&raw const __rodata_end),
            end: at(&raw const __image_end),
            boot_stack: at(&raw const __boot_stack_bottom),
        }
    }

    /// How a page of the image is to be mapped: `None` outside of it, and for the page under the boot stack.
    #[must_use]
    pub fn rights(&self, va: Vaddr, nx: PteFlags) -> Option<PteFlags> {
        let read = PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED;
        if va < self.base || va >= self.end || va == self.boot_stack {
            None
        } else if va < self.text_end {
            Some(read)
        } else if va < self.rodata_end {
            Some(read | nx)
        } else {
            Some(read | nx | PteFlags::WRITABLE | PteFlags::DIRTY)
        }
    }
}
