//! lzma, and what xz has of it, through `lzma-rust2`, whose readers copy from their own dictionary into the output.

use super::{ImageError, Input, cut_short, wrong_size};
use lzma_rust2::{Error, LzmaReader, Read};

/// Output asked for at once: what a cache holds.
pub const PIECE: usize = 128 << 10;

/// Our input, as the crate wants it.
pub struct Adapter<'a, 'b>(pub &'a mut Input<'b>);

impl Read for Adapter<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> lzma_rust2::Result<usize> {
        Ok(self.0.read_some(buf))
    }
}

/// The most that a decoder may say it needs. The dictionary grows by doubling, so for a moment there are one and a half of it.
pub fn limit_kib(free: u64) -> u32 {
    u32::try_from(free / 3 * 2 / 1024).unwrap_or(u32::MAX - 1)
}

/// In our words.
pub fn explain(error: Error, free: u64) -> ImageError {
    match error {
        Error::Eof => cut_short(),
        Error::OutOfMemory(_) => {
            ImageError::Memory { purpose: "unpacking the kernel", need: None, have: free }
        }
        Error::Unsupported(what) => ImageError::unsupported(
            alloc::format!("this kernel's xz stream is of a kind we don't read ({what})"),
            "use another kernel",
        ),
        Error::InvalidData(what)
        | Error::InvalidInput(what)
        | Error::Other(what)
        | Error::WriteZero(what) => {
            ImageError::damaged(alloc::format!("its xz stream makes no sense: {what}"))
        }
        Error::Interrupted => ImageError::damaged("its xz stream was interrupted"),
    }
}

/// Read all of `reader`, up to its end mark.
fn drain(mut reader: impl Read, out: &mut [u8], free: u64) -> Result<(), ImageError> {
    let mut done = 0;
    while done < out.len() {
        let end = out.len().min(done + PIECE);
        match reader.read(&mut out[done..end]).map_err(|error| explain(error, free))? {
            0 => return Err(wrong_size()),
            n => done += n,
        }
    }
    // The end mark is read only when more is asked for.
    match reader.read(&mut [0]).map_err(|error| explain(error, free))? {
        0 => Ok(()),
        _ => Err(wrong_size()),
    }
}

/// See [`Codec::unpack`](super::Codec::unpack).
pub fn unpack(input: &mut Input<'_>, out: &mut [u8], free: u64) -> Result<(), ImageError> {
    let mut header = [0; 13];
    if !input.read_full(&mut header) {
        return Err(cut_short());
    }
    let [props, d0, d1, d2, d3, size @ ..] = header;
    let size = u64::from_le_bytes(size);
    // From a pipe, `lzma` does not know the size, and marks the end in the stream.
    if size != u64::MAX && size != out.len() as u64 {
        return Err(wrong_size());
    }
    // `lzma -9` asks for 64 MiB whatever the file's size. No more than all the data can be referred to.
    let whole = u32::try_from(out.len()).unwrap_or(u32::MAX);
    let dictionary = u32::from_le_bytes([d0, d1, d2, d3]).min(whole);
    let need = lzma_rust2::lzma_get_memory_usage_by_props(dictionary, props)
        .map_err(|error| explain(error, free))?;
    if need > limit_kib(free) {
        let need = Some(u64::from(need) * 1024 / 2 * 3);
        return Err(ImageError::Memory { purpose: "unpacking the kernel (lzma)", need, have: free });
    }
    let reader = LzmaReader::new_with_props(Adapter(input), size, props, dictionary, None);
    drain(reader.map_err(|error| explain(error, free))?, out, free)
}
