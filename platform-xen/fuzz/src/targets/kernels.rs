//! Kernels: their containers, packed streams, ELF, and what they say to Xen.

use std::sync::LazyLock;

use pvgrub_handover::image::{HostPages, Limits, Loaded, PAGE, load};

use crate::Target;
use crate::patch::{File, apply, take};

/// The maker of small kernels that handover's tests use.
#[path = "../../../../handover/src/image/tests/build.rs"]
#[allow(dead_code, missing_docs, unreachable_pub)]
mod build;

use build::{Kernel, Says, bzimage, linux, linux_notes, small, text};

/// What a domain of 64 MiB has.
const LIMITS: Limits = Limits { domain: 64 << 20, free: 32 << 20 };
/// Kernel, scratch and decoder are within `LIMITS.free`, on top of the input's own copies; HostPages rounds up.
const MEMORY: usize = 80 << 20;

/// bzImage, and what is packed in it.
pub static BZIMAGE: Target = Target {
    name: "bzimage",
    what: "bzImage; gzip, xz, lzma, lz4 and zstd streams",
    seeds: || seeds(PACKED.len()),
    run: |data| file(&PACKED, data),
    max_len: 3000,
    memory: MEMORY,
    sources: &[
        "handover/src/image/bzimage.rs",
        "handover/src/image/gunzip.rs",
        "handover/src/image/mod.rs",
        "handover/unpack/src",
        "ruzstd-",
        "lzma-rust2-",
        "lz4_flex-",
        "miniz_oxide-",
    ],
};

/// ELF files.
pub static ELF: Target = Target {
    name: "elf",
    what: "ELF headers, segments, sections, symbols",
    seeds: || seeds(PLAIN.len()),
    run: |data| file(&PLAIN, data),
    max_len: 3000,
    memory: MEMORY,
    sources: &[
        "handover/src/image/elf.rs",
        "handover/src/image/address.rs",
        "handover/src/image/layout.rs",
        "handover/src/image/symbols.rs",
        "xmas-elf-",
    ],
};

/// What a kernel says to Xen.
pub static NOTES: Target = Target {
    name: "notes",
    what: "ELF notes of any bytes, and __xen_guest strings",
    seeds: note_seeds,
    run: notes,
    max_len: 2000,
    memory: MEMORY,
    sources: &["handover/src/image/notes.rs", "handover/src/image/xen.rs", "handover/src/image/features.rs"],
};

macro_rules! streams {
    ($kernel:literal) => {
        streams!($kernel: "gz", "xz", "crc64.xz", "blocks.xz", "lzma", "lz4", "zst", "sized.zst")
    };
    ($kernel:literal: $($packer:literal),*) => {
        [$(include_bytes!(concat!("../../../../handover/src/image/tests/packed/", $kernel, $packer)) as &[u8]),*]
    };
}

/// Two kernels, each packed by gzip, xz, lzma, lz4 and zstd (handover/src/image/tests/packed/make.sh).
const STREAMS: [[&[u8]; 8]; 2] = [streams!("small."), streams!("kernel.")];

static PACKED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let kernels = [small().elf(), linux().elf()];
    let images = kernels.iter().zip(STREAMS).flat_map(|(kernel, streams)| {
        let size = (kernel.len() as u32).to_le_bytes();
        // Of all, only gzip has its size at its end.
        let payload = move |stream: &[u8]| {
            if stream.starts_with(b"\x1f\x8b") { stream.to_vec() } else { [stream, &size].concat() }
        };
        streams
            .map(|stream| bzimage(&payload(stream)))
            .into_iter()
            .chain([streams[0].to_vec(), bzimage(kernel)])
    });
    images.collect()
});

static PLAIN: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut symbols = Kernel { says: Says::Section(linux_notes()), ..small() };
    symbols.set_note(platform_xen_sys::elfnote::BSD_SYMTAB, b"yes\0");
    symbols.symbols = Some((text(24 * 3, 7), b"\0a\0b\0".to_vec()));
    let mut hypercalls = small();
    hypercalls.set_note(platform_xen_sys::elfnote::HYPERCALL_PAGE, &(build::BASE + 0x10_9000).to_le_bytes());
    let legacy = "GUEST_OS=linux,XEN_VER=xen-3.0,LOADER=generic,VIRT_BASE=0xffffffff80000000,ELF_PADDR_OFFSET=0,HYPERCALL_PAGE=0x109";
    let legacy = Kernel { says: Says::Legacy(legacy), ..small() };
    let nothing = Kernel { says: Says::Nothing, ..small() };
    [linux(), small(), symbols, hypercalls, legacy, nothing].iter().map(Kernel::elf).collect()
});

/// Inputs that are files themselves begin so.
const RAW: u8 = 0xff;
/// In the number of a file: the sums of its headers are made right, as an attacker would do it.
const MEND: u8 = 0x40;

/// Each file as it is, and beginnings of files that are inputs themselves.
fn seeds(files: usize) -> Vec<Vec<u8>> {
    let starts: [&[u8]; 6] = [
        b"\x7fELF\x02\x01\x01",
        b"\x1f\x8b\x08",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"\x02\x21\x4c\x18",
        b"MZ",
    ];
    let raw = starts.iter().map(|start| [&[RAW], *start, &[0; 80]].concat());
    (0..files as u8).flat_map(|n| [vec![n], vec![n | MEND]]).chain(raw).collect()
}

fn file(files: &[Vec<u8>], mut data: &[u8]) {
    let [which] = take(&mut data);
    if which == RAW {
        return loaded(data);
    }
    let mut file = File::new(&files[usize::from(which & !MEND) % files.len()]);
    apply(&mut file, data);
    if which & MEND != 0 {
        // Nothing, if there is no such stream.
        let _ = mend_xz(&mut file.bytes);
    }
    loaded(&file.bytes);
}

/// Makes the sums of an xz stream's header, of its first block's header, of its index and of its footer right.
fn mend_xz(bytes: &mut [u8]) -> Option<()> {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let start = bytes.windows(6).position(|six| six == b"\xfd7zXZ\0")?;
    let footer = bytes.windows(2).rposition(|two| two == b"YZ")?.checked_sub(10)?;
    let size = |bytes: &[u8], at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let block = 4 * (usize::from(*bytes.get(start + 12)?) + 1);
    let index = 4 * (size(bytes, footer + 4)?.checked_add(1)?);
    let index_at = footer.checked_sub(index)?;
    // Where what is summed begins and ends, and where the sum is.
    let sums = [
        (start + 6, start + 8, start + 8),
        (start + 12, start + 8 + block, start + 8 + block),
        (index_at, footer - 4, footer - 4),
        (footer + 4, footer + 10, footer),
    ];
    for (from, to, at) in sums {
        let sum = CRC.checksum(bytes.get(from..to)?);
        bytes.get_mut(at..at + 4)?.copy_from_slice(&sum.to_le_bytes());
    }
    Some(())
}

/// Loads it, counting the pages asked for, and looks at what came out as the caller would.
fn loaded(mut file: &[u8]) {
    let mut asked = 0;
    let result = load(
        &mut file,
        LIMITS,
        &mut |pages| {
            asked += pages as u64;
            assert!(asked * PAGE <= 3 * LIMITS.free + 3 * PAGE, "too much memory: {asked} pages");
            HostPages::new(pages)
        },
        &mut |done, all| assert!(done <= all),
    );
    match result {
        Ok(loaded) => check(loaded),
        Err(error) => assert!(error.to_string().len() < 1000, "an error without end"),
    }
}

fn check(mut loaded: Loaded<HostPages>) {
    let pages: u64 = loaded.runs.iter().map(|run| run.pages).sum();
    assert_eq!(Some(pages * PAGE), loaded.kernel.buffer_len());
    assert!(pages * PAGE <= LIMITS.domain + 2 * PAGE);
    let numbers = |pages: Option<&HostPages>, from: u64| -> Vec<u64> {
        (0..pages.map_or(0, |pages| pages.len() as u64 / PAGE)).map(|n| from + n).collect()
    };
    let zeros: Vec<u64> = (0..loaded.zero_pages()).map(|n| (2 << 32) + n).collect();
    let (image, extra) = (numbers(Some(&loaded.image), 0), numbers(loaded.extra.as_ref(), 1 << 32));
    let mut frames = loaded.frames(&image, &extra, &zeros).expect("there is a frame for each page");
    assert_eq!(frames.len() as u64, pages);
    frames.sort_unstable();
    frames.dedup();
    assert_eq!(frames.len() as u64, pages, "a frame is used twice");
    assert_eq!(loaded.hypercall_page_mut().is_some(), loaded.kernel.hypercall_page.is_some());
    assert!(loaded.format.len() < 100);
    assert!(loaded.kernel.guest_os.len() + loaded.kernel.guest_version.len() < 1000);
}

/// The notes of Linux as a segment, some strings, and single notes.
fn note_seeds() -> Vec<Vec<u8>> {
    let all: Vec<u8> =
        linux_notes().iter().flat_map(|(kind, desc)| build::note(b"Xen\0", *kind, desc)).collect();
    let strings = [
        "GUEST_OS=linux,XEN_VER=xen-3.0,LOADER=generic,VIRT_BASE=0xffffffff80000000,ELF_PADDR_OFFSET=0,PAE=yes",
        "VIRT_ENTRY=0xffffffff80100000,HYPERCALL_PAGE=0x109,FEATURES=pae_pgdir_above_4gb|!writable_page_tables",
    ];
    let mut seeds = vec![[&[0], &all[..]].concat()];
    seeds.extend(strings.iter().map(|string| [&[1], string.as_bytes()].concat()));
    for (kind, desc) in linux_notes() {
        seeds.push([&[2, kind as u8], &desc[..]].concat());
    }
    seeds
}

/// The kernel without a segment of notes.
static BARE: LazyLock<Kernel> = LazyLock::new(|| {
    let mut kernel = linux();
    kernel.tail = 0;
    kernel.segments.truncate(2);
    kernel.segments.iter_mut().for_each(|segment| segment.bytes.truncate(16));
    kernel
});

/// 0: a segment of these bytes; 1: a `__xen_guest` section of them; 2: Linux's notes, but one of this kind and these
/// bytes; 3: as 0, but in a section.
fn notes(mut data: &[u8]) {
    let [way] = take(&mut data);
    let mut kernel = BARE.clone();
    match way % 4 {
        1 => {
            // The maker wants what lives for ever; the section is written anew below.
            kernel.says = Says::Legacy("VIRT_BASE=0");
            loaded(&pointed(kernel.elf(), data, Header::Section));
        }
        2 => {
            let [kind] = take(&mut data);
            kernel.set_note(u32::from(kind) % 32, data);
            loaded(&kernel.elf());
        }
        3 => {
            kernel.says = Says::Section(linux_notes());
            loaded(&pointed(kernel.elf(), data, Header::Section));
        }
        _ => loaded(&pointed(kernel.elf(), data, Header::Segment)),
    }
}

/// Which header is to be changed.
enum Header {
    /// The last segment, which has the notes.
    Segment,
    /// The first section after the empty one.
    Section,
}

/// The file with `bytes` at its end, and that header pointed to them.
fn pointed(mut file: Vec<u8>, bytes: &[u8], header: Header) -> Vec<u8> {
    file.resize(file.len().next_multiple_of(8), 0);
    let u64_at = |file: &[u8], at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap_or_default());
    let (at, sizes): (usize, &[usize]) = match header {
        Header::Segment => (64 + 56 * 2 + 8, &[24, 32]),
        Header::Section => (u64_at(&file, 40) as usize + 64 + 24, &[8]),
    };
    let offset = file.len() as u64;
    file[at..at + 8].copy_from_slice(&offset.to_le_bytes());
    for size in sizes {
        file[at + size..at + size + 8].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    }
    file.extend(bytes);
    file
}
