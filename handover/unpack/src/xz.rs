//! xz: the container of [The .xz File Format 1.2.1](https://tukaani.org/xz/xz-file-format.txt), around what
//! `lzma-rust2` unpacks. Its own reader of the container sums byte by byte, which is a fifth of all the time.

use super::lzma::{Adapter, PIECE, explain, limit_kib};
use super::{Crc32, ImageError, Input, cut_short, take, wrong_size, wrong_sum};
use alloc::boxed::Box;
use crc::{CRC_64_XZ, Crc, Digest, Table};
use lzma_rust2::filter::bcj::BcjReader;
use lzma_rust2::{Lzma2Reader, Read, lzma2_get_memory_usage};

/// The first bytes of a file.
pub const MAGIC: [u8; 6] = *b"\xfd7zXZ\0";

/// The last two.
const FOOTER_MAGIC: [u8; 2] = *b"YZ";

/// Filters that the Linux build uses on x86.
const LZMA2: u64 = 0x21;
const BCJ_X86: u64 = 0x04;

fn damaged(what: &'static str) -> ImageError {
    ImageError::damaged(alloc::format!("its xz stream makes no sense: {what}"))
}

fn unsupported(what: impl core::fmt::Display) -> ImageError {
    ImageError::unsupported(
        alloc::format!("this kernel's xz stream is of a kind we don't read ({what})"),
        "use another kernel",
    )
}

/// A number of seven bits a byte (1.2), from what gives single bytes.
fn number(mut next: impl FnMut() -> Result<u8, ImageError>) -> Result<u64, ImageError> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = next()?;
        value |= u64::from(byte & 0x7f) << shift;
        match byte {
            0 if shift > 0 => break,
            0..=0x7f => return Ok(value),
            _ => {}
        }
    }
    Err(damaged("a number"))
}

/// What the blocks are summed by (2.1.1.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    None,
    Crc32,
    Crc64,
}

impl Check {
    fn of(flags: [u8; 2]) -> Result<Check, ImageError> {
        match flags {
            [0, 0] => Ok(Check::None),
            [0, 1] => Ok(Check::Crc32),
            [0, 4] => Ok(Check::Crc64),
            [0, 10] => Err(unsupported("a SHA-256 check")),
            _ => Err(unsupported(format_args!("flags {:02x} {:02x}", flags[0], flags[1]))),
        }
    }
}

/// A running sum.
enum Sum<'t> {
    None,
    Crc32(Digest<'t, u32, Table<16>>),
    Crc64(Digest<'t, u64, Table<16>>),
}

impl Sum<'_> {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Sum::None => {}
            Sum::Crc32(sum) => sum.update(bytes),
            Sum::Crc64(sum) => sum.update(bytes),
        }
    }

    /// Reads what it should be.
    fn verify(self, input: &mut Input<'_>) -> Result<(), ImageError> {
        let (same, which) = match self {
            Sum::None => return Ok(()),
            Sum::Crc32(sum) => (sum.finalize().to_le_bytes() == take(input)?, "CRC-32"),
            Sum::Crc64(sum) => (sum.finalize().to_le_bytes() == take(input)?, "CRC-64"),
        };
        if same { Ok(()) } else { Err(wrong_sum(which)) }
    }
}

/// What the index must say of the blocks. One number for all sizes is enough to see damage.
#[derive(Default, PartialEq, Eq)]
struct Records {
    count: u64,
    mixed: u64,
}

impl Records {
    fn push(&mut self, unpadded: u64, unpacked: u64) {
        self.count += 1;
        for size in [unpadded, unpacked] {
            self.mixed = (self.mixed.rotate_left(5) ^ size).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
}

/// A block's header (3.1), but its size.
struct Block {
    packed: Option<u64>,
    unpacked: Option<u64>,
    /// The x86 filter's first address, if there is this filter.
    x86: Option<u32>,
    /// Bytes that the stream may refer back to.
    dictionary: u32,
}

impl Block {
    /// `None`: here the index begins.
    fn read(input: &mut Input<'_>, crc32: &Crc32) -> Result<Option<Block>, ImageError> {
        let [size] = take(input)?;
        if size == 0 {
            return Ok(None);
        }
        let mut bytes = [0; 1024];
        bytes[0] = size;
        let (header, _) = bytes.split_at_mut((usize::from(size) + 1) * 4);
        if !input.read_full(&mut header[1..]) {
            return Err(cut_short());
        }
        let Some((header, sum)) = header.split_last_chunk() else { return Err(cut_short()) };
        if crc32.checksum(header).to_le_bytes() != *sum {
            return Err(wrong_sum("block header's"));
        }
        Self::parse(&header[1..]).map(Some)
    }

    fn parse(bytes: &[u8]) -> Result<Block, ImageError> {
        let mut rest = bytes.iter().copied();
        let mut next = || rest.next().ok_or_else(|| damaged("a block header that is too short"));
        let flags = next()?;
        if flags & 0x3c != 0 {
            return Err(unsupported("flags of a block"));
        }
        let packed = (flags & 0x40 != 0).then(|| number(&mut next)).transpose()?;
        let unpacked = (flags & 0x80 != 0).then(|| number(&mut next)).transpose()?;
        let mut block = Block { packed, unpacked, x86: None, dictionary: 0 };
        let filters = flags & 3;
        for n in 0..=filters {
            match (number(&mut next)?, number(&mut next)?) {
                (LZMA2, 1) if n == filters => block.dictionary = dictionary(next()?)?,
                (BCJ_X86, 0) if n + 1 == filters => block.x86 = Some(0),
                (BCJ_X86, 4) if n + 1 == filters => {
                    block.x86 = Some(u32::from_le_bytes([next()?, next()?, next()?, next()?]));
                }
                (filter, _) => return Err(unsupported(format_args!("filter {filter:#x}"))),
            }
        }
        if rest.any(|byte| byte != 0) { Err(damaged("a block header's padding")) } else { Ok(block) }
    }

    /// Unpacks its data to the start of `out`; how much it was.
    fn unpack(
        &self,
        input: &mut Input<'_>,
        out: &mut [u8],
        free: u64,
        sum: &mut Sum<'_>,
    ) -> Result<usize, ImageError> {
        // No more than all the data can be referred to.
        let dictionary = self.dictionary.min(u32::try_from(out.len()).unwrap_or(u32::MAX)).max(4096);
        let need = lzma2_get_memory_usage(dictionary);
        if need > limit_kib(free) {
            let need = Some(u64::from(need) * 1024 / 2 * 3);
            return Err(ImageError::Memory { purpose: "unpacking the kernel (xz)", need, have: free });
        }
        let reader = Lzma2Reader::new(Adapter(input), dictionary, None);
        match self.x86 {
            Some(start) => drain(BcjReader::new_x86(reader, start as usize), out, free, sum),
            None => drain(reader, out, free, sum),
        }
    }
}

/// Bytes, of the property of the LZMA2 filter (5.3.1).
fn dictionary(property: u8) -> Result<u32, ImageError> {
    match property {
        0..=39 => Ok((2 | u32::from(property & 1)) << (property / 2 + 11)),
        40 => Ok(u32::MAX),
        _ => Err(damaged("the size of its dictionary")),
    }
}

/// Reads a block to its end; sums each piece while the cache has it.
fn drain(mut reader: impl Read, out: &mut [u8], free: u64, sum: &mut Sum<'_>) -> Result<usize, ImageError> {
    let mut done = 0;
    while done < out.len() {
        let end = out.len().min(done + PIECE);
        match reader.read(&mut out[done..end]).map_err(|error| explain(error, free))? {
            0 => return Ok(done),
            n => {
                sum.update(&out[done..done + n]);
                done += n;
            }
        }
    }
    // The end mark is read only when more is asked for.
    match reader.read(&mut [0]).map_err(|error| explain(error, free))? {
        0 => Ok(done),
        _ => Err(wrong_size()),
    }
}

/// Zeros up to the next multiple of four of what began where `begun` bytes were left.
fn skip_padding(input: &mut Input<'_>, begun: u64) -> Result<(), ImageError> {
    while !(begun - input.remaining()).is_multiple_of(4) {
        if take(input)? != [0] {
            return Err(damaged("padding that is not zero"));
        }
    }
    Ok(())
}

/// The index (4), which must tell what was found; its size in bytes.
fn read_index(input: &mut Input<'_>, found: &Records, crc32: &Crc32) -> Result<u64, ImageError> {
    // The byte that told it from a block is read already.
    let begun = input.remaining() + 1;
    let mut sum = crc32.digest();
    sum.update(&[0]);
    let mut next = || {
        let byte = take::<1>(input)?;
        sum.update(&byte);
        Ok(byte[0])
    };
    let count = number(&mut next)?;
    if count != found.count {
        return Err(damaged("its index counts other blocks"));
    }
    let mut records = Records::default();
    for _ in 0..count {
        records.push(number(&mut next)?, number(&mut next)?);
    }
    if records != *found {
        return Err(damaged("its index tells other sizes"));
    }
    let unpadded = begun - input.remaining();
    skip_padding(input, begun)?;
    let size = begun - input.remaining();
    sum.update(&[0; 3][..(size - unpadded) as usize]);
    if sum.finalize().to_le_bytes() == take(input)? { Ok(size + 4) } else { Err(wrong_sum("index's")) }
}

/// See [`Codec::unpack`](super::Codec::unpack).
pub fn unpack(input: &mut Input<'_>, out: &mut [u8], free: u64) -> Result<(), ImageError> {
    let crc32 = super::crc32();
    if take(input)? != MAGIC {
        return Err(damaged("its first bytes"));
    }
    let flags: [u8; 2] = take(input)?;
    if crc32.checksum(&flags).to_le_bytes() != take(input)? {
        return Err(wrong_sum("header's"));
    }
    let check = Check::of(flags)?;
    let crc64 = (check == Check::Crc64).then(|| Box::new(Crc::<u64, Table<16>>::new(&CRC_64_XZ)));
    let (mut done, mut records) = (0, Records::default());
    loop {
        let begun = input.remaining();
        let Some(block) = Block::read(input, &crc32)? else { break };
        let mut sum = match (check, &crc64) {
            (Check::Crc64, Some(crc64)) => Sum::Crc64(crc64.digest()),
            (Check::Crc32, _) => Sum::Crc32(crc32.digest()),
            _ => Sum::None,
        };
        let data = input.remaining();
        let unpacked = block.unpack(input, &mut out[done..], free, &mut sum)?;
        let (packed, unpadded) = (data - input.remaining(), begun - input.remaining());
        if block.packed.is_some_and(|said| said != packed)
            || block.unpacked.is_some_and(|said| said != unpacked as u64)
        {
            return Err(damaged("a block of another size than it says"));
        }
        skip_padding(input, begun)?;
        let padded = input.remaining();
        sum.verify(input)?;
        records.push(unpadded + (padded - input.remaining()), unpacked as u64);
        done += unpacked;
    }
    if done != out.len() {
        return Err(wrong_size());
    }
    let size = read_index(input, &records, &crc32)?;
    let (sum, backward): ([u8; 4], [u8; 4]) = (take(input)?, take(input)?);
    let (same, magic): ([u8; 2], [u8; 2]) = (take(input)?, take(input)?);
    let mut expected = crc32.digest();
    expected.update(&backward);
    expected.update(&same);
    if expected.finalize().to_le_bytes() != sum {
        return Err(wrong_sum("footer's"));
    }
    let backward = (u64::from(u32::from_le_bytes(backward)) + 1) * 4;
    if same != flags || magic != FOOTER_MAGIC || backward != size {
        return Err(damaged("its footer"));
    }
    Ok(())
}
