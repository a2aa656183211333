//! crc32c as ext4 and its journal use it: started from a seed, not inverted at the end.

use crc::{CRC_32_ISCSI, Crc, Table};

static CRC32C: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// The seed of a checksum that begins anew.
pub(crate) const START: u32 = !0;

/// Continues the checksum `seed` over `data`.
pub(crate) fn crc32c(seed: u32, data: &[u8]) -> u32 {
    // The crate's `initial` is given before the bits are reversed, as the algorithm's definition has it.
    let mut digest = CRC32C.digest_with_initial(seed.reverse_bits());
    digest.update(data);
    !digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value_and_continuation() {
        // The check value of CRC-32C is of the inverted form.
        assert_eq!(!crc32c(START, b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(crc32c(START, b"1234"), b"56789"), crc32c(START, b"123456789"));
    }
}
