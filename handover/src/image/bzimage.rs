//! Linux's bzImage: the setup header that leads to the packed ELF file in it (Documentation/arch/x86/boot.rst).

use super::ImageError;
use core::ops::Range;

/// Bytes of the file that hold what we look at.
#[cfg(test)]
const HEADER_LEN: usize = 0x250;

const SETUP_SECTS: usize = 0x1f1;
const MAGIC: Range<usize> = 0x202..0x206;
const VERSION: usize = 0x206;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
/// The protocol that brought payload_offset: Linux 2.6.26.
const OLDEST: u16 = 0x0208;

/// Does the file that begins with `head` have a setup header?
pub fn is_bzimage(head: &[u8]) -> bool {
    head.get(MAGIC) == Some(b"HdrS")
}

fn word(head: &[u8], at: usize) -> Result<u32, ImageError> {
    let bytes = head.get(at..).and_then(<[u8]>::first_chunk);
    bytes
        .map(|bytes| u32::from_le_bytes(*bytes))
        .ok_or_else(|| ImageError::damaged("it ends within its setup header"))
}

/// Where in the file of `file_size` bytes the packed kernel is.
pub fn payload(head: &[u8], file_size: u64) -> Result<Range<u64>, ImageError> {
    let version = (word(head, VERSION)? & 0xffff) as u16;
    if version < OLDEST {
        return Err(ImageError::unsupported(
            alloc::format!(
                "this bzImage has boot protocol {}.{:02}, which does not say where its kernel is",
                version >> 8,
                version & 0xff
            ),
            "use Linux 2.6.26 or later, or this kernel's vmlinux file",
        ));
    }
    let sectors = match head.get(SETUP_SECTS) {
        // An old convention for the 4 that the setup code had.
        Some(0) | None => 4,
        Some(sectors) => u64::from(*sectors),
    };
    let start = (sectors + 1) * 512 + u64::from(word(head, PAYLOAD_OFFSET)?);
    let length = u64::from(word(head, PAYLOAD_LENGTH)?);
    if length == 0 {
        return Err(ImageError::unsupported(
            "this bzImage has no packed kernel in it",
            "use another kernel, or this kernel's vmlinux file",
        ));
    }
    if start + length > file_size {
        return Err(ImageError::damaged("it ends too early"));
    }
    Ok(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(version: u16, sectors: u8, offset: u32, length: u32) -> Vec<u8> {
        let mut head = vec![0; HEADER_LEN];
        head[MAGIC].copy_from_slice(b"HdrS");
        head[VERSION..][..2].copy_from_slice(&version.to_le_bytes());
        head[SETUP_SECTS] = sectors;
        head[PAYLOAD_OFFSET..][..4].copy_from_slice(&offset.to_le_bytes());
        head[PAYLOAD_LENGTH..][..4].copy_from_slice(&length.to_le_bytes());
        head
    }

    #[test]
    fn the_payload_counts_from_the_protected_mode_code() {
        assert_eq!(payload(&head(0x20f, 39, 0x2cc, 1000), 100_000), Ok(21_196..22_196));
        assert_eq!(payload(&head(0x208, 0, 4, 96), 2560 + 100), Ok(2564..2660));
    }

    #[test]
    fn old_protocols_and_short_files_are_refused() {
        assert!(payload(&head(0x207, 4, 4, 96), 100_000).unwrap_err().to_string().contains("2.07"));
        assert!(matches!(payload(&head(0x208, 4, 4, 96), 2659), Err(ImageError::Damaged(_))));
        assert!(matches!(
            payload(&head(0x20f, 255, u32::MAX, u32::MAX), 100_000),
            Err(ImageError::Damaged(_))
        ));
        assert!(payload(&head(0x20f, 4, 0, 0), 100_000).is_err());
        assert!(payload(&head(0x20f, 4, 0, 9)[..0x24d], 100_000).is_err());
    }
}
