//! Pages on an ordinary heap, aligned by hand: what stands for frames where there are none.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

const PAGE: usize = 4096;

/// Whole, zeroed pages on the heap.
#[derive(Debug)]
pub struct HostPages {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl HostPages {
    /// `pages` pages of zeros; `None` if that overflows.
    pub fn new(pages: usize) -> Option<Self> {
        let len = pages.checked_mul(PAGE)?;
        let bytes = vec![0; len.checked_add(PAGE)?];
        let start = bytes.as_ptr().align_offset(PAGE);
        (start <= PAGE).then_some(Self { bytes, start, len })
    }

    /// A copy of `bytes`, aligned.
    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        let mut aligned = vec![0; bytes.len() + PAGE];
        let start = aligned.as_ptr().align_offset(PAGE).min(PAGE);
        aligned[start..start + bytes.len()].copy_from_slice(bytes);
        Self { bytes: aligned, start, len: bytes.len() }
    }
}

impl Deref for HostPages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }
}

impl DerefMut for HostPages {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }
}
