//! UUIDs, in the two byte orders that disks have.

use core::fmt;

/// A 128-bit identifier. Its bytes are kept in the order in which it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// From a GPT: the first three fields are little-endian there.
    pub fn from_gpt(b: [u8; 16]) -> Self {
        Self([
            b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
            b[15],
        ])
    }

    /// From the 16 bytes at the start of `bytes`, in written order; `None` if there are fewer, or all are zero.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let raw: [u8; 16] = bytes.get(..16)?.try_into().ok()?;
        (raw != [0; 16]).then_some(Self(raw))
    }

    /// True for the identifier that is all zeros.
    pub fn is_nil(&self) -> bool {
        self.0 == [0; 16]
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn gpt_order() {
        // The EFI system partition's type, as it stands in a GPT.
        let raw =
            [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b];
        assert_eq!(Guid::from_gpt(raw).to_string(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    }
}
