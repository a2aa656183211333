//! Extents that are packed.

use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read;

use crate::Error;
use crate::bytes::{le32, zeroed};

/// What btrfs's zstd uses at most, in bytes: of an extent's size.
const MAX_WINDOW: u64 = 128 << 10;

/// How an extent is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Plain,
    Zlib,
    Lzo,
    Zstd,
}

impl Method {
    pub(super) fn new(number: u8) -> Result<Self, Error> {
        match number {
            0 => Ok(Self::Plain),
            1 => Ok(Self::Zlib),
            2 => Ok(Self::Lzo),
            3 => Ok(Self::Zstd),
            _ => Err(Error::Unsupported(alloc::format!("a file that is packed in way {number}"))),
        }
    }
}

/// Fills `to` with what `from` unpacks to. Zeros behind its end are what Linux has there.
pub(super) fn unpack(method: Method, from: &[u8], to: &mut [u8], sector: usize) -> Result<(), Error> {
    let done = match method {
        Method::Plain => None,
        Method::Zlib => zlib(from, to)?,
        Method::Lzo => lzo(from, to, sector)?,
        Method::Zstd => zstd(from, to),
    };
    let done = done.ok_or_else(|| Error::corrupt("btrfs: a packed extent"))?;
    to.get_mut(done..).unwrap_or_default().fill(0);
    Ok(())
}

fn zlib(from: &[u8], to: &mut [u8]) -> Result<Option<usize>, Error> {
    // Not on the stack: 10 KiB.
    let mut state = alloc::boxed::Box::<DecompressorOxide>::default();
    let flags =
        inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, _, done) = decompress(&mut state, from, to, 0, flags);
    use miniz_oxide::inflate::TINFLStatus::{Done, HasMoreOutput};
    Ok(matches!(status, Done | HasMoreOutput).then_some(done))
}

/// Pieces, each what a sector of the file was packed to. None of their lengths is across the end of a sector.
fn lzo(from: &[u8], to: &mut [u8], sector: usize) -> Result<Option<usize>, Error> {
    let all = from.get(..le32(from, 0) as usize).unwrap_or_default();
    let mut piece = zeroed(sector)?;
    let (mut at, mut done) = (4, 0);
    while at < all.len() && done < to.len() {
        let left = sector - at % sector;
        if left < 4 {
            at += left;
        }
        let len = le32(all, at) as usize;
        let Some(packed) = all.get(at + 4..).and_then(|rest| rest.get(..len)) else { return Ok(None) };
        let Ok(len) = lzokay::decompress::decompress(packed, &mut piece) else { return Ok(None) };
        for (to, from) in to.iter_mut().skip(done).zip(piece.iter().take(len)) {
            *to = *from;
        }
        at += 4 + packed.len();
        done += len;
    }
    Ok((done > 0).then_some(done.min(to.len())))
}

fn zstd(mut from: &[u8], to: &mut [u8]) -> Option<usize> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MAX_WINDOW);
    decoder.reset(&mut from).ok()?;
    let mut done = 0;
    while done < to.len() {
        decoder.decode_blocks(&mut from, BlockDecodingStrategy::UptoBlocks(1)).ok()?;
        done += decoder.read(to.get_mut(done..)?).ok()?;
        if decoder.is_finished() {
            break;
        }
    }
    Some(done)
}
