//! Files in gzip that are no kernels: modules, which GRUB 0.97 unpacks while it reads them.

use alloc::format;
use alloc::string::{String, ToString};

use pvgrub_unpack::{Codec, ImageError, Input, Progress, Source};

/// The shortest gzip file: header, an empty stream, checksum and size.
const SHORTEST: u64 = 20;

/// If `file` is a gzip file, the bytes it has when unpacked, as its last four bytes claim.
///
/// # Errors
/// What the reader says.
pub fn unpacked_len(file: &mut dyn Source) -> Result<Option<u64>, String> {
    let size = file.size();
    let mut head = [0; 3];
    if size < SHORTEST {
        return Ok(None);
    }
    file.read_at(0, &mut head)?;
    if head != [0x1f, 0x8b, 8] {
        return Ok(None);
    }
    let mut last = [0; 4];
    file.read_at(size - 4, &mut last)?;
    Ok(Some(u32::from_le_bytes(last).into()))
}

/// Unpacks a gzip file into `out`, which it must fill exactly: that is [`unpacked_len`] bytes.
///
/// # Errors
/// What the reader says, or what is wrong with the file.
pub fn gunzip(file: &mut dyn Source, out: &mut [u8], progress: Progress<'_>) -> Result<(), String> {
    let end = file.size();
    // gzip needs no memory besides a few KiB.
    Codec::Gzip.unpack(&mut Input::new(file, 0, end, progress), out, 0).map_err(|why| match why {
        ImageError::Read { why, .. } => why,
        ImageError::Damaged(what) => format!("the gzip file is damaged ({what})"),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn whole(mut file: &[u8]) -> Result<Option<vec::Vec<u8>>, String> {
        let Some(len) = unpacked_len(&mut file)? else { return Ok(None) };
        // As a caller has it: only so much memory.
        let mut out = vec![0xaa; usize::try_from(len).unwrap().min(1 << 20)];
        gunzip(&mut file, &mut out, &mut |_, _| {}).map(|()| Some(out))
    }

    /// `printf 'a module' | gzip -n`
    const PACKED: [u8; 28] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x54, 0xc8, 0xcd, 0x4f, 0x29, 0xcd, 0x49, 0x05, 0x00, 0x5b,
        0xc1, 0x38, 0x0b, 8, 0, 0, 0,
    ];

    #[test]
    fn unpacks() {
        assert_eq!(whole(&PACKED).unwrap().unwrap(), b"a module");
    }

    #[test]
    fn other_files_are_left_alone() {
        for file in [&b""[..], b"\x1f\x8b\x08", &PACKED[..19], &PACKED[1..], &[b'x'; 100]] {
            assert_eq!(whole(file), Ok(None));
        }
    }

    #[test]
    fn damage_is_seen() {
        for at in [3, 10, 13, 20, 24, 27] {
            let mut file = PACKED;
            file[at] ^= 0x24;
            let why = whole(&file).unwrap_err();
            assert!(why.contains("gzip file is damaged"), "{at}: {why}");
        }
        let longer = [&PACKED[..], &PACKED[..]].concat();
        assert!(whole(&longer).unwrap_err().contains("left over"));
    }
}
