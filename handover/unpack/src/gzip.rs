//! gzip (RFC 1952) around deflate: `miniz_oxide` with the output as its window.

use super::{ImageError, Input, cut_short, take, wrong_size, wrong_sum};
use alloc::boxed::Box;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;

fn skip_string(input: &mut Input<'_>) -> Result<(), ImageError> {
    while take::<1>(input)? != [0] {}
    Ok(())
}

fn skip_header(input: &mut Input<'_>) -> Result<(), ImageError> {
    let [_, _, method, flags, ..] = take::<10>(input)?;
    if method != 8 || flags & RESERVED != 0 {
        return Err(ImageError::damaged("its gzip header is of no known kind"));
    }
    if flags & EXTRA != 0 {
        for _ in 0..u16::from_le_bytes(take(input)?) {
            take::<1>(input)?;
        }
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            skip_string(input)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        take::<2>(input)?;
    }
    Ok(())
}

/// See [`Codec::unpack`](super::Codec::unpack).
pub fn unpack(input: &mut Input<'_>, out: &mut [u8]) -> Result<(), ImageError> {
    skip_header(input)?;
    let mut inflate = Box::new(DecompressorOxide::new());
    let crc32 = super::crc32();
    let mut crc = crc32.digest();
    let mut done = 0;
    loop {
        let packed = input.fill();
        if packed.is_empty() {
            return Err(cut_short());
        }
        let flags = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, used, made) = decompress(&mut inflate, packed, out, done, flags);
        input.consume(used);
        crc.update(out.get(done..done + made).ok_or_else(wrong_size)?);
        done += made;
        match status {
            TINFLStatus::Done => break,
            // With the output full, what is left may still be the end mark, in the next piece.
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput if used > 0 => {}
            TINFLStatus::HasMoreOutput => return Err(wrong_size()),
            _ => return Err(ImageError::damaged("its deflate stream makes no sense")),
        }
    }
    let (sum, size) = (u32::from_le_bytes(take(input)?), u32::from_le_bytes(take(input)?));
    if done != out.len() || size != done as u32 {
        return Err(wrong_size());
    }
    if crc.finalize() != sum { Err(wrong_sum("CRC-32")) } else { Ok(()) }
}
