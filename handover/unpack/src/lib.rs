//! Unpacking: a compressed stream, read in pieces, straight into the buffer that becomes the kernel's memory.
//!
//! A crate of its own since it is compiled for speed: the readers of some decoders are generic, and so compiled here.
//!
//! Each decoder gets the exact stream and must fill the buffer exactly: less, more, or bytes left over is an error,
//! and so is a checksum that differs, where the format has one (gzip, xz, zstd; lz4's old frame and bare lzma have
//! none, there the ELF headers are all that can be checked).
//!
//! Memory besides the output, which `free` limits before it is taken:
//!
//! | format | besides the output |
//! |---|---|
//! | gzip | 11 KiB |
//! | lz4 | one packed block: 8 MiB at most, for the last ones less |
//! | xz, lzma | the dictionary (Debian: 32 MiB) or the output, the smaller one; half as much again while it grows |
//! | zstd | a ring of the window or the output, the smaller one, rounded up to a power of two |
//!
//! Every one also has a piece of the file, 512 KiB; and where memory allows, the disk has the next one.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
extern crate alloc;

mod error;
mod gzip;
mod lz4;
mod lzma;
mod source;
mod xz;
mod zstd;

pub use error::ImageError;
pub use source::{Input, Progress, Source, Window};

use alloc::boxed::Box;
use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// Bytes in a page of memory.
pub const PAGE: u64 = 4096;

/// The CRC of gzip and xz.
type Crc32 = Crc<u32, Table<16>>;

/// Its tables are 16 KiB: made when they are needed, they are not in the image.
fn crc32() -> Box<Crc32> {
    Box::new(Crc32::new(&CRC_32_ISO_HDLC))
}

fn take<const N: usize>(input: &mut Input<'_>) -> Result<[u8; N], ImageError> {
    let mut bytes = [0; N];
    if input.read_full(&mut bytes) { Ok(bytes) } else { Err(cut_short()) }
}

/// How a kernel is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// RFC 1952.
    Gzip,
    /// .xz, with LZMA2 and the BCJ filter for x86.
    Xz,
    /// .lzma, the format before xz.
    Lzma,
    /// lz4's old frame (`lz4 -l`), the one the Linux build uses.
    Lz4,
    /// RFC 8878.
    Zstd,
}

impl Codec {
    /// Its name, as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Xz => "xz",
            Codec::Lzma => "lzma",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }

    /// Which packer made a stream that begins so? An error names those that are known but not supported.
    pub fn of(start: &[u8]) -> Result<Option<Self>, ImageError> {
        const MAGICS: [(&[u8], Codec); 5] = [
            (&[0x1f, 0x8b], Codec::Gzip),
            (&xz::MAGIC, Codec::Xz),
            (&lz4::MAGIC, Codec::Lz4),
            (&zstd::MAGIC, Codec::Zstd),
            // No magic, but lc, lp and pb as all kernels have them, and a dictionary of a power of two.
            (&[0x5d, 0, 0], Codec::Lzma),
        ];
        if start.starts_with(b"BZh") || start.starts_with(b"\x89LZO") {
            let name = if start[0] == b'B' { "bzip2" } else { "lzo" };
            return Err(ImageError::unsupported(
                alloc::format!("this kernel is compressed with {name}"),
                "use one compressed with gzip, xz, lz4 or zstd, or its uncompressed vmlinux",
            ));
        }
        Ok(MAGICS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, codec)| *codec))
    }

    /// Unpack all of `input` into `out`, which it must fill exactly, with at most `free` bytes of memory besides.
    pub fn unpack(self, input: &mut Input<'_>, out: &mut [u8], free: u64) -> Result<(), ImageError> {
        let result = match self {
            Self::Gzip => gzip::unpack(input, out),
            Self::Xz => xz::unpack(input, out, free),
            Self::Lzma => lzma::unpack(input, out, free),
            Self::Lz4 => lz4::unpack(input, out, free),
            Self::Zstd => zstd::unpack(input, out, free),
        };
        // A decoder sees a failed read as the end of its input: the true reason comes first.
        if let Some(failure) = input.take_failure() {
            return Err(failure);
        }
        result?;
        match input.remaining() {
            0 => Ok(()),
            left => Err(ImageError::damaged(alloc::format!("{left} bytes are left over after unpacking"))),
        }
    }
}

/// The stream ended too early.
fn cut_short() -> ImageError {
    ImageError::damaged("it ends too early")
}

/// The stream gives more than the size it claims, or less.
fn wrong_size() -> ImageError {
    ImageError::damaged("it unpacks to another size than it says")
}

/// A checksum differs.
fn wrong_sum(which: &'static str) -> ImageError {
    ImageError::damaged(alloc::format!("its {which} checksum differs"))
}
