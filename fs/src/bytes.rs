//! Numbers out of byte slices.
//!
//! A field outside the slice reads as 0. The slices here are whole structures of a fixed size, so that does not happen;
//! it is how a mistake here would show as a wrong number and not as a panic.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Error;

macro_rules! reader {
    ($name:ident, $type:ty, $from:ident) => {
        pub(crate) fn $name(bytes: &[u8], at: usize) -> $type {
            let end = at.saturating_add(size_of::<$type>());
            bytes.get(at..end).and_then(|b| b.try_into().ok()).map_or(0, <$type>::$from)
        }
    };
}

reader!(le16, u16, from_le_bytes);
reader!(le32, u32, from_le_bytes);
reader!(le64, u64, from_le_bytes);
reader!(be16, u16, from_be_bytes);
reader!(be32, u32, from_be_bytes);
reader!(be64, u64, from_be_bytes);

/// The byte at `at`.
pub(crate) fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// True when `what` stands at `at`.
pub(crate) fn has(bytes: &[u8], at: usize, what: &[u8]) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(what))
}

/// The `len` bytes at `at`; empty when they are not there.
pub(crate) fn field(bytes: &[u8], at: usize, len: usize) -> &[u8] {
    bytes.get(at..at.saturating_add(len)).unwrap_or(&[])
}

/// A label field: text up to the first NUL, without blanks at its end. `None` when nothing remains.
pub(crate) fn label(field: &[u8]) -> Option<String> {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    let text = String::from_utf8_lossy(field.get(..end).unwrap_or(&[]));
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.into())
}

/// `len` zero bytes, or [`Error::OutOfMemory`].
pub(crate) fn zeroed(len: usize) -> Result<Vec<u8>, Error> {
    let mut buf = Vec::new();
    buf.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { bytes: len })?;
    buf.resize(len, 0);
    Ok(buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_edges() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(le16(&bytes, 6), 0x0807);
        assert_eq!(le16(&bytes, 7), 0);
        assert_eq!(be32(&bytes, 0), 0x0102_0304);
        assert_eq!(le64(&bytes, 0), 0x0807_0605_0403_0201);
        assert_eq!(le64(&bytes, usize::MAX), 0);
        assert_eq!(label(b"boot  \0junk").as_deref(), Some("boot"));
        assert_eq!(label(b"   "), None);
    }
}
