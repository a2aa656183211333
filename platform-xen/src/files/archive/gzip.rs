//! gzip (RFC 1952) around an archive, unpacked into memory.

use super::Error;
use alloc::boxed::Box;
use alloc::vec::Vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

/// The room that the output gets first, and what it grows by at least, in bytes.
const STEP: usize = 1 << 20;

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// What is within gzip, if it is at most `limit` bytes. Several files of gzip in a row are one, and zeros may follow.
///
/// # Errors
/// [`Error::Damaged`], [`Error::TooLarge`], [`Error::NoSpace`].
pub fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut at = 0;
    while at == 0 || packed.get(at..).is_some_and(|rest| rest.starts_with(&[0x1f, 0x8b])) {
        at = member(packed, at, &mut out, limit)?;
    }
    let rest = packed.get(at..).unwrap_or_default();
    if rest.iter().any(|byte| *byte != 0) { Err(Error::Damaged(at)) } else { Ok(out) }
}

/// Unpacks what begins at `at`; where it ends.
fn member(packed: &[u8], at: usize, out: &mut Vec<u8>, limit: usize) -> Result<usize, Error> {
    let damaged = Error::Damaged(at);
    let mut read = at + header_len(packed.get(at..).unwrap_or_default()).ok_or(damaged)?;
    let begun = out.len();
    let mut made = begun;
    let mut inflate = Box::new(DecompressorOxide::new());
    loop {
        let rest = packed.get(read..).unwrap_or_default();
        // It looks back in `out`, and at nothing before this member's beginning.
        let (status, used, more) = decompress(
            &mut inflate,
            rest,
            &mut out[begun..],
            made - begun,
            TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        );
        read += used;
        made += more;
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::HasMoreOutput => grow(out, limit)?,
            _ => return Err(Error::Damaged(read)),
        }
    }
    out.truncate(made);
    let tail = packed.get(read..).and_then(<[u8]>::first_chunk::<8>).ok_or(Error::Damaged(read))?;
    let word = |at: usize| u32::from_le_bytes([tail[at], tail[at + 1], tail[at + 2], tail[at + 3]]);
    let bytes = &out[begun..];
    if word(0) != CRC.checksum(bytes) || word(4) != bytes.len() as u32 {
        return Err(Error::Damaged(read));
    }
    Ok(read + 8)
}

fn grow(out: &mut Vec<u8>, limit: usize) -> Result<(), Error> {
    let len = out.len().saturating_add(out.len().max(STEP)).min(limit);
    if len <= out.len() {
        return Err(Error::TooLarge);
    }
    out.try_reserve_exact(len - out.len()).map_err(|_| Error::NoSpace)?;
    out.resize(len, 0);
    Ok(())
}

/// How long the header is; `None`: it makes no sense.
fn header_len(packed: &[u8]) -> Option<usize> {
    let [0x1f, 0x8b, 8, flags, _, _, _, _, _, _] = *packed.first_chunk::<10>()? else { return None };
    if flags & RESERVED != 0 {
        return None;
    }
    let mut at = 10;
    if flags & EXTRA != 0 {
        let len = packed.get(at..)?.first_chunk::<2>()?;
        at += 2 + usize::from(u16::from_le_bytes(*len));
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            at += packed.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
        }
    }
    if flags & HEADER_CRC != 0 {
        at += 2;
    }
    Some(at)
}
