//! Checksums of version 5.

use crate::bytes::field;
use crate::ext::csum::{START, crc32c};

/// Whether the checksum at `at` is that of `bytes`, in which it counts as zeros itself.
pub(super) fn is_right(bytes: &[u8], at: usize) -> bool {
    let before = crc32c(START, field(bytes, 0, at));
    let sum = crc32c(crc32c(before, &[0; 4]), bytes.get(at + 4..).unwrap_or_default());
    field(bytes, at, 4) == (!sum).to_le_bytes()
}
