//! bzImages and gzip files. The streams were made by the real tools; `make.sh` says how.

use super::build::{bzimage, linux, small};
use super::*;

/// The kernel of [`linux`], packed as the Linux build does (without the 4 bytes of size).
pub const STREAMS: [(&str, Codec, &[u8]); 8] = [
    ("gzip -n -9", Codec::Gzip, include_bytes!("kernel.gz")),
    ("xz --check=crc32 --x86 --lzma2=dict=1MiB", Codec::Xz, include_bytes!("kernel.xz")),
    ("xz --check=crc64", Codec::Xz, include_bytes!("kernel.crc64.xz")),
    ("xz --check=none -T2 --block-size=24KiB", Codec::Xz, include_bytes!("kernel.blocks.xz")),
    ("lzma", Codec::Lzma, include_bytes!("kernel.lzma")),
    ("lz4 -l", Codec::Lz4, include_bytes!("kernel.lz4")),
    ("zstd -22 --ultra (from a pipe)", Codec::Zstd, include_bytes!("kernel.zst")),
    ("zstd --no-check (from a file)", Codec::Zstd, include_bytes!("kernel.sized.zst")),
];

/// The payload of a bzImage: all but gzip, which has it, get the size appended.
fn payload(codec: Codec, stream: &[u8], size: u32) -> Vec<u8> {
    if codec == Codec::Gzip { stream.to_vec() } else { [stream, &size.to_le_bytes()].concat() }
}

pub fn image(codec: Codec, stream: &[u8]) -> Vec<u8> {
    bzimage(&payload(codec, stream, linux().elf().len() as u32))
}

fn crc32(bytes: &[u8]) -> u32 {
    crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes)
}

/// Writes the files that `make.sh` packs (platform-xen/fuzz changes the small one's streams).
#[test]
#[ignore = "only to make the streams anew"]
fn write_the_kernels() {
    std::fs::write("kernel", linux().elf()).unwrap();
    std::fs::write("small", small().elf()).unwrap();
}

#[test]
fn what_the_real_tools_pack_is_loaded() {
    let kernel = linux();
    for (name, codec, stream) in STREAMS {
        assert_eq!(Codec::of(stream), Ok(Some(codec)), "{name}");
        let loaded = load_bytes(&image(codec, stream)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(memory(&loaded) == kernel.flat(), "{name}");
        assert_eq!(loaded.kernel, load_bytes(&kernel.elf()).unwrap().kernel, "{name}");
    }
}

#[test]
fn gzip_files_of_either_kind_are_taken() {
    let kernel = linux();
    let (_, _, gzip) = STREAMS[0];
    assert_eq!(memory(&load_bytes(gzip).unwrap()), kernel.flat());
    let inner = image(STREAMS[1].1, STREAMS[1].2);
    let mut outer = vec![0x1f, 0x8b, 8, 0x18, 1, 2, 3, 4, 0, 3];
    outer.extend(b"vmlinuz\0a comment\0");
    outer.extend(miniz_oxide::deflate::compress_to_vec(&inner, 6));
    outer.extend(crc32(&inner).to_le_bytes());
    outer.extend((inner.len() as u32).to_le_bytes());
    assert_eq!(memory(&load_bytes(&outer).unwrap()), kernel.flat());
}

#[test]
fn a_flipped_bit_is_an_error_where_the_format_has_a_checksum() {
    let kernel = linux();
    for (name, codec, stream) in STREAMS {
        let has_sum = !matches!(codec, Codec::Lz4 | Codec::Lzma)
            && !["no-check", "check=none"].iter().any(|word| name.contains(word));
        let step = stream.len() / 200 + 1;
        for at in (0..stream.len()).step_by(step) {
            let mut bad = stream.to_vec();
            bad[at] ^= 1 << (at % 8);
            let result = load_bytes(&image(codec, &bad));
            // A bit that means nothing (a time stamp) may change; then nothing else has.
            if let (Ok(loaded), true) = (result, has_sum) {
                assert!(memory(&loaded) == kernel.flat(), "{name}: bit of byte {at}");
            }
        }
    }
}

/// Linux itself unpacks neither.
#[test]
fn xz_of_a_kind_that_no_kernel_has_is_refused_in_words() {
    let streams: [(&[u8], &str); 2] =
        [(include_bytes!("sha256.xz"), "a SHA-256 check"), (include_bytes!("delta.xz"), "filter 0x3")];
    for (stream, why) in streams {
        let said = load_bytes(&image(Codec::Xz, stream)).map(|loaded| loaded.kernel).unwrap_err();
        assert!(said.to_string().contains(why), "{said}");
    }
}

/// What has no check of its own has an index, which is held against what was found.
#[test]
fn an_index_of_other_blocks_is_an_error() {
    let (_, codec, stream) = STREAMS[3];
    // Of the index (a zero, the count, three pairs of sizes), before it a zero ends the last block's data.
    let backward = u32::from_le_bytes(stream[stream.len() - 8..][..4].try_into().unwrap());
    let index = stream.len() - 12 - (backward as usize + 1) * 4;
    assert_eq!(stream[index..index + 2], [0, 3]);
    for (at, value) in [(1, 2), (1, 4), (2, stream[index + 2] ^ 1), (4, stream[index + 4] ^ 1)] {
        let mut bad = stream.to_vec();
        bad[index + at] = value;
        let end = stream.len() - 16;
        let sum = crc32(&bad[index..end]).to_le_bytes();
        bad[end..end + 4].copy_from_slice(&sum);
        let said = load_bytes(&image(codec, &bad)).map(|loaded| loaded.kernel).unwrap_err();
        assert!(said.to_string().contains("index"), "{at}: {said}");
    }
}

#[test]
fn a_cut_or_longer_stream_is_an_error() {
    for (name, codec, stream) in STREAMS {
        for cut in [1, 2, 4, 5, 9, 30, stream.len() / 2, stream.len() - 20] {
            let short = &stream[..stream.len() - cut];
            assert!(load_bytes(&image(codec, short)).is_err(), "{name}: {cut} bytes cut");
        }
        // The lzma reader buffers what follows, and the format has nothing to tell it from the stream.
        let tails: &[usize] = if codec == Codec::Lzma { &[] } else { &[1, 4, 100] };
        for &more in tails {
            let long = [stream, &vec![0; more]].concat();
            assert!(load_bytes(&image(codec, &long)).is_err(), "{name}: {more} bytes added");
        }
        let whole = image(codec, stream);
        assert!(
            matches!(load_bytes(&whole[..whole.len() - 701]), Err(ImageError::Damaged(_))),
            "{name}: file cut"
        );
    }
}

#[test]
fn a_wrong_size_is_an_error() {
    let true_size = linux().elf().len() as u32;
    for (name, codec, stream) in STREAMS {
        for size in [0, 1, 64, true_size - 1, true_size + 1, true_size + 5000, 31 << 20, 33 << 20, u32::MAX] {
            let mut file = payload(codec, stream, size);
            let at = file.len() - 4;
            file[at..].copy_from_slice(&size.to_le_bytes());
            assert!(load_bytes(&bzimage(&file)).is_err(), "{name}: {size}");
        }
    }
}

/// 20 MiB of zeros in few bytes, that claim to be small.
#[test]
fn a_bomb_stays_in_its_bounds() {
    let zeros = vec![0; 20 << 20];
    let zstd = ruzstd::encoding::compress_to_vec(&zeros[..], ruzstd::encoding::CompressionLevel::Fastest);
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    gzip.extend(miniz_oxide::deflate::compress_to_vec(&zeros, 6));
    gzip.extend([0; 8]);
    let block = lz4_flex::block::compress(&zeros[..8 << 20]);
    let lz4 = [&[0x02, 0x21, 0x4c, 0x18], &(block.len() as u32).to_le_bytes()[..], &block].concat();
    for (codec, stream) in [(Codec::Zstd, zstd), (Codec::Gzip, gzip), (Codec::Lz4, lz4)] {
        let mut file = payload(codec, &stream, 0);
        let at = file.len() - 4;
        file[at..].copy_from_slice(&65_536_u32.to_le_bytes());
        assert!(load_bytes(&bzimage(&file)).is_err(), "{codec:?}");
    }
}

#[test]
fn too_little_memory_is_said_in_words() {
    let size = linux().elf().len() as u64;
    for (name, codec, stream) in STREAMS {
        let small = Limits { domain: 64 << 20, free: size - 1 };
        let said = load_within(small, &image(codec, stream)).map(|l| l.kernel).unwrap_err();
        assert!(matches!(said, ImageError::Memory { .. }), "{name}: {said}");
        if matches!(codec, Codec::Xz | Codec::Zstd) {
            let no_window = Limits { free: size.next_multiple_of(PAGE) + 10_000, ..small };
            let said = load_within(no_window, &image(codec, stream)).map(|l| l.kernel).unwrap_err();
            assert!(matches!(said, ImageError::Memory { .. }), "{name}: {said}");
        }
    }
    let domain = Limits { domain: 0x11_1000, free: 32 << 20 };
    assert!(matches!(load_within(domain, &linux().elf()), Err(ImageError::Memory { .. })));
}

/// A disk that fails at one place.
struct Failing<'a>(&'a [u8], u64);

impl Source for Failing<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), String> {
        if (offset..offset + buf.len() as u64).contains(&self.1) {
            Err("xvda went away".into())
        } else {
            self.0.read_at(offset, buf)
        }
    }
}

#[test]
fn a_disk_that_vanishes_is_the_reason_given() {
    for (name, codec, stream) in STREAMS {
        let file = image(codec, stream);
        for at in [0, 2800, file.len() as u64 - 706] {
            let result = load(&mut Failing(&file, at), LIMITS, &mut HostPages::new, &mut |_, _| {});
            let said = result.map(|loaded| loaded.kernel).unwrap_err();
            assert!(
                matches!(&said, ImageError::Read { why, .. } if why == "xvda went away"),
                "{name} at {at}: {said}"
            );
        }
    }
}

#[test]
fn progress_goes_up_to_the_end() {
    for file in [image(STREAMS[6].1, STREAMS[6].2), linux().elf()] {
        let mut seen = Vec::new();
        load(&mut &file[..], LIMITS, &mut HostPages::new, &mut |done, all| seen.push((done, all))).unwrap();
        assert!(seen.is_sorted());
        let (done, all) = *seen.last().unwrap();
        assert!(done <= all && done + 8 >= all, "{seen:?}");
    }
}

/// Streams of more than one block, piece and window.
#[test]
fn large_streams() {
    let mut kernel = linux();
    kernel.segments[0].bytes = super::build::text(9_500_000, 5);
    kernel.segments[0].mem_size = 9_500_000;
    for (i, segment) in kernel.segments.iter_mut().enumerate().skip(1) {
        segment.paddr += 10_000_000_u64.next_multiple_of(4096) + i as u64 * 4096;
    }
    let elf = kernel.elf();
    let zstd = ruzstd::encoding::compress_to_vec(&elf[..], ruzstd::encoding::CompressionLevel::Fastest);
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    gzip.extend(miniz_oxide::deflate::compress_to_vec(&elf, 1));
    gzip.extend(crc32(&elf).to_le_bytes());
    gzip.extend((elf.len() as u32).to_le_bytes());
    let mut lz4 = vec![0x02, 0x21, 0x4c, 0x18];
    for block in elf.chunks(8 << 20) {
        let packed = lz4_flex::block::compress(block);
        lz4.extend((packed.len() as u32).to_le_bytes());
        lz4.extend(packed);
    }
    for (codec, stream) in [(Codec::Zstd, zstd), (Codec::Gzip, gzip), (Codec::Lz4, lz4)] {
        let file = bzimage(&payload(codec, &stream, elf.len() as u32));
        let loaded = load_bytes(&file).unwrap_or_else(|error| panic!("{codec:?}: {error}"));
        assert!(memory(&loaded) == kernel.flat(), "{codec:?}");
    }
}
