//! Our own image: was it loaded whole, is .bss zero, what is in the hypercall page.

use crate::hash::Hash;
use crate::start::Escaped;
use crate::{Machine, line};
use core::fmt;

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_start: u8;
    static __rodata_end: u8;
    static __data_start: u8;
    static __data_end: u8;
    static __bss_start: u8;
    static __bss_end: u8;
    static HYPERCALL_PAGE: u8;
}

/// Bytes between two of the link script's symbols.
macro_rules! between {
    ($start:ident, $end:ident) => {{
        let (start, end) = (&raw const $start, &raw const $end);
        // SAFETY: both symbols bound a range of our image that nobody writes while the slice lives.
        unsafe { core::slice::from_raw_parts(start, end.addr() - start.addr()) }
    }};
}

/// What was found before anything was written.
pub struct Image {
    hashes: [u64; 3],
    gaps_nonzero: usize,
    bss_nonzero: usize,
    page: [u8; 4096],
}

impl Image {
    /// To be called first.
    pub fn look() -> Image {
        let hash = |bytes| {
            let mut hash = Hash::new();
            hash.bytes(bytes);
            hash.0
        };
        let hashes = [
            hash(between!(__text_start, __text_end)),
            hash(between!(__rodata_start, __rodata_end)),
            hash(between!(__data_start, __data_end)),
        ];
        let nonzero = |bytes: &[u8]| bytes.iter().filter(|b| **b != 0).count();
        let page_end = (&raw const HYPERCALL_PAGE).wrapping_add(4096);
        // SAFETY: between the hypercall page and the next segment there are only bytes of our image.
        let behind_page = unsafe {
            core::slice::from_raw_parts(page_end, (&raw const __rodata_start).addr() - page_end.addr())
        };
        let gaps_nonzero = nonzero(between!(__text_end, HYPERCALL_PAGE))
            + nonzero(behind_page)
            + nonzero(between!(__rodata_end, __data_start))
            + nonzero(between!(__data_end, __bss_start));
        let bss_nonzero = nonzero(between!(__bss_start, __bss_end));
        // SAFETY: the page is part of our image, and nobody writes it.
        let page = unsafe { (&raw const HYPERCALL_PAGE).cast::<[u8; 4096]>().read() };
        Image { hashes, gaps_nonzero, bss_nonzero, page }
    }

    /// Prints it.
    pub fn report(&self, machine: &mut Machine) {
        for (name, hash) in ["text", "rodata", "data"].iter().zip(self.hashes) {
            line!(machine.out, "image.{name} hash {hash:#x}");
        }
        line!(machine.out, "image.gaps nonzero {}", self.gaps_nonzero);
        line!(machine.out, "image.bss nonzero {}", self.bss_nonzero);
        let mut hash = Hash::new();
        hash.bytes(&self.page);
        line!(machine.out, "hypercall_page hash {:#x}", hash.0);
        line!(machine.out, "hypercall_page starts {}", Escaped(&self.page[..4]));
        // Ordinary stubs differ in the number only; iret's (23) is another; behind the last there is something else.
        for number in [0, 1, 22, 23, 24, 55, 56, 63, 127] {
            line!(
                machine.out,
                "hypercall_page stub {number} {}",
                Hex(&self.page[number * 32..number * 32 + 32])
            );
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}
