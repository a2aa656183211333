//! zstd through `ruzstd`.
//!
//! It keeps the window in a ring of its own, sized by what the frame header says: 128 MiB for kernels packed with
//! `zstd -22 --ultra`, whatever their size. We know the size, and a window as large as all the data is as good as any
//! larger one. So the decoder gets a header of our own making with the smaller of the two, which bounds its memory
//! by the output and not by what the file claims.

use super::{ImageError, Input, cut_short, wrong_size, wrong_sum};
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::{Error, Read};

/// 0xFD2FB528, little endian.
pub const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The largest window a kernel may ask for, as in the kernel's own decoder (ZSTD_WINDOWLOG_MAX is 27 there).
const WINDOW_MAX: u64 = 128 << 20;
/// Beyond the window the ring holds two blocks of 128 KiB.
const SLACK: u64 = 256 << 10;
/// The smallest window that a header can name.
const WINDOW_MIN: u64 = 1 << 10;

struct Adapter<'a, 'b>(&'a mut Input<'b>);

impl Read for Adapter<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        Ok(self.0.read_some(buf))
    }
}

/// What we take from a frame header (RFC 8878, 3.1.1.1).
struct Header {
    window: u64,
    content_size: Option<u64>,
    has_checksum: bool,
}

fn number(input: &mut Input<'_>, len: usize) -> Result<u64, ImageError> {
    let mut bytes = [0; 8];
    let wanted = bytes.get_mut(..len).unwrap_or(&mut []);
    if input.read_full(wanted) { Ok(u64::from_le_bytes(bytes)) } else { Err(cut_short()) }
}

fn read_header(input: &mut Input<'_>) -> Result<Header, ImageError> {
    if number(input, 4)? != u64::from(u32::from_le_bytes(MAGIC)) {
        return Err(ImageError::damaged("its zstd frame has no magic number"));
    }
    let descriptor = number(input, 1)?;
    let single_segment = descriptor & 0x20 != 0;
    if descriptor & 0x08 != 0 {
        return Err(ImageError::damaged("its zstd frame uses a reserved bit"));
    }
    let mut window = None;
    if !single_segment {
        let byte = number(input, 1)?;
        let base = 1_u64 << (10 + (byte >> 3));
        window = Some(base + base / 8 * (byte & 7));
    }
    let dictionary = number(input, [0, 1, 2, 4][descriptor as usize & 3])?;
    if dictionary != 0 {
        return Err(ImageError::unsupported(
            "this kernel is compressed with a zstd dictionary",
            "use another kernel",
        ));
    }
    let content_size = match (descriptor >> 6, single_segment) {
        (0, false) => None,
        (0, true) => Some(number(input, 1)?),
        (1, _) => Some(number(input, 2)? + 256),
        (2, _) => Some(number(input, 4)?),
        _ => Some(number(input, 8)?),
    };
    let Some(window) = window.or(content_size) else { return Err(cut_short()) };
    Ok(Header { window, content_size, has_checksum: descriptor & 0x04 != 0 })
}

/// The smallest window descriptor for at least `bytes`, and the window it names.
fn descriptor_for(bytes: u64) -> (u8, u64) {
    let bytes = bytes.max(WINDOW_MIN);
    let mut exponent = bytes.ilog2();
    let mut eighths = (bytes - (1 << exponent)).div_ceil((1 << exponent) / 8);
    if eighths == 8 {
        (exponent, eighths) = (exponent + 1, 0);
    }
    let base = 1_u64 << exponent;
    // Callers stay below 2^41, so both fit their bits.
    (((exponent - 10) << 3) as u8 | eighths as u8, base + base / 8 * eighths)
}

/// ruzstd's own words are the names of its types, and 8 KB of code.
fn explain(error: &FrameDecoderError) -> ImageError {
    use FrameDecoderError::{FailedToReadBlockBody, FailedToReadBlockHeader, FailedToReadChecksum};
    ImageError::damaged(match error {
        FailedToReadBlockHeader(_) => "its zstd stream makes no sense: the head of a block",
        FailedToReadBlockBody(_) => "its zstd stream makes no sense: what is in a block",
        FailedToReadChecksum(_) => "its zstd stream ends before its checksum",
        _ => "its zstd stream makes no sense",
    })
}

/// See [`Codec::unpack`](super::Codec::unpack).
pub fn unpack(input: &mut Input<'_>, out: &mut [u8], free: u64) -> Result<(), ImageError> {
    let header = read_header(input)?;
    let size = out.len() as u64;
    if header.content_size.is_some_and(|content| content != size) {
        return Err(wrong_size());
    }
    if header.window > WINDOW_MAX && header.window > size {
        return Err(ImageError::damaged("its zstd window is larger than the format's decoders take"));
    }
    let (descriptor, window) = descriptor_for(header.window.min(size));
    let need = window.next_power_of_two() + SLACK;
    if need > free {
        return Err(ImageError::Memory {
            purpose: "unpacking the kernel (zstd)",
            need: Some(need),
            have: free,
        });
    }
    let [m0, m1, m2, m3] = MAGIC;
    let header_for_decoder = [m0, m1, m2, m3, u8::from(header.has_checksum) << 2, descriptor];
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(window);
    // The second time it takes the whole ring at once; grown step by step, old and new ring would exist together.
    for _ in 0..2 {
        decoder.reset(&header_for_decoder[..]).map_err(|error| explain(&error))?;
    }

    let mut done = 0;
    loop {
        let finished = decoder
            .decode_blocks(Adapter(input), BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|error| explain(&error))?;
        let rest = out.get_mut(done..).unwrap_or(&mut []);
        done += decoder.read(rest).map_err(|_| wrong_size())?;
        if decoder.can_collect() > 0 {
            return Err(wrong_size());
        }
        if finished {
            break;
        }
    }
    if done != out.len() {
        return Err(wrong_size());
    }
    if header.has_checksum && decoder.get_checksum_from_data() != decoder.get_calculated_checksum() {
        return Err(wrong_sum("XXH64"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_descriptor_is_the_smallest_that_fits() {
        assert_eq!(descriptor_for(0), (0, 1024));
        assert_eq!(descriptor_for(1025), (1, 1024 + 128));
        assert_eq!(descriptor_for(128 << 20), (17 << 3, 128 << 20));
        assert_eq!(descriptor_for((128 << 20) - 1), (17 << 3, 128 << 20));
        for bytes in [57_646_496, 4097, 1 << 33, 999_999_999] {
            let (byte, window) = descriptor_for(bytes);
            assert!(window >= bytes && window <= bytes + bytes / 8 + 1, "{bytes}");
            let base = 1_u64 << (10 + (byte >> 3));
            assert_eq!(window, base + base / 8 * u64::from(byte & 7));
        }
    }
}
