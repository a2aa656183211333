//! lz4's old frame: a magic number, then blocks of 8 MiB unpacked, each with its packed length before it, until the
//! input ends. No checksum. The blocks come from `lz4_flex`.

use super::{ImageError, Input, cut_short, wrong_size};
use alloc::vec::Vec;

/// 0x184C2102, little endian.
pub const MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
/// Bytes of an unpacked block (but the last).
const BLOCK: usize = 8 << 20;
/// The most a packed block can take (LZ4_compressBound).
const PACKED_MAX: u32 = (BLOCK + BLOCK / 255 + 16) as u32;

/// See [`Codec::unpack`](super::Codec::unpack).
pub fn unpack(input: &mut Input<'_>, out: &mut [u8], free: u64) -> Result<(), ImageError> {
    let mut word = [0; 4];
    if !input.read_full(&mut word) || word != MAGIC {
        return Err(ImageError::damaged("its lz4 frame has no magic number"));
    }
    let mut packed = Vec::new();
    let mut done = 0;
    while input.remaining() > 0 {
        if !input.read_full(&mut word) {
            return Err(cut_short());
        }
        if word == MAGIC {
            // Frames one after another, as libxc and the kernel's own decoder take them.
            continue;
        }
        let len = u32::from_le_bytes(word);
        if len > PACKED_MAX {
            return Err(ImageError::damaged("an lz4 block is larger than it can be"));
        }
        if u64::from(len) > input.remaining() {
            return Err(cut_short());
        }
        if u64::from(len) > free {
            return Err(ImageError::Memory {
                purpose: "unpacking the kernel",
                need: Some(len.into()),
                have: free,
            });
        }
        packed.clear();
        packed.resize(len as usize, 0);
        if !input.read_full(&mut packed) {
            return Err(cut_short());
        }
        let rest = out.get_mut(done..).unwrap_or(&mut []);
        let room = rest.len().min(BLOCK);
        let made = lz4_flex::block::decompress_into(&packed, &mut rest[..room])
            .map_err(|error| ImageError::damaged(alloc::format!("an lz4 block makes no sense: {error}")))?;
        done += made;
    }
    if done == out.len() { Ok(()) } else { Err(wrong_size()) }
}
