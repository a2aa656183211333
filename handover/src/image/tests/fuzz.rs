//! Small fuzz loops: whatever the bytes, no panic, no more memory than allowed, and an end in sight.

use super::build::{Kernel, Says, bzimage, linux, linux_notes, note, text};
use super::*;
use platform_xen_sys::elfnote;
use proptest::prelude::*;

/// So many cases, or as many as PROPTEST_CASES says.
fn cases(normal: u32) -> ProptestConfig {
    match std::env::var("PROPTEST_CASES") {
        Ok(_) => ProptestConfig::default(),
        Err(_) => ProptestConfig::with_cases(normal),
    }
}

/// Values that sit on edges.
fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(i64::MAX as u64),
        Just(1 << 63),
        Just(u64::from(u32::MAX)),
        Just(u64::MAX - 4095),
        0..0x2_0000_u64,
        any::<u64>(),
        (0..64_u32).prop_map(|n| 1 << n),
    ]
}

/// (offset, bytes to write there)
fn pokes(within: usize) -> impl Strategy<Value = Vec<(usize, Vec<u8>)>> {
    let long = edge().prop_map(|n| n.to_le_bytes().to_vec());
    let poke = (0..within, prop_oneof![long, prop::collection::vec(any::<u8>(), 1..4)]);
    prop::collection::vec(poke, 1..6)
}

fn poked(mut bytes: Vec<u8>, pokes: &[(usize, Vec<u8>)], align: usize) -> Vec<u8> {
    for (at, new) in pokes {
        let at = at / align * align;
        for (old, new) in bytes.iter_mut().skip(at).zip(new) {
            *old = *new;
        }
    }
    bytes
}

fn sectioned() -> Kernel {
    let mut kernel = Kernel { says: Says::Section(linux_notes()), tail: 0, ..linux() };
    kernel.set_note(elfnote::BSD_SYMTAB, b"yes\0");
    kernel.symbols = Some((text(24 * 3, 7), b"\0a\0b\0".to_vec()));
    kernel
}

fn legacy() -> Kernel {
    let says =
        "GUEST_OS=linux,XEN_VER=xen-3.0,LOADER=generic,VIRT_BASE=0xffffffff80000000,ELF_PADDR_OFFSET=0";
    Kernel { says: Says::Legacy(says), tail: 0, ..linux() }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn program_headers(pokes in pokes(64 + 5 * 56)) {
        let _ = load_bytes(&poked(linux().elf(), &pokes, 1));
    }

    #[test]
    fn aligned_fields_of_headers(pokes in pokes(64 + 5 * 56)) {
        let _ = load_bytes(&poked(linux().elf(), &pokes, 8));
    }

    #[test]
    fn section_headers(pokes in pokes(900), old: bool) {
        let file = if old { legacy() } else { sectioned() }.elf();
        let from = file.len() - 900;
        let pokes: Vec<_> = pokes.into_iter().map(|(at, new)| (at + from, new)).collect();
        let _ = load_bytes(&poked(file, &pokes, 1));
    }

    #[test]
    fn notes(kind in 0..24_u32, desc in prop::collection::vec(any::<u8>(), 0..24), long in edge(), as_long: bool) {
        let mut kernel = linux();
        kernel.set_note(kind, if as_long { long.to_le_bytes().to_vec() } else { desc }.as_slice());
        let _ = load_bytes(&kernel.elf());
    }

    #[test]
    fn features(text in "[!|a-z_]{0,40}") {
        let mut kernel = linux();
        kernel.set_note(elfnote::FEATURES, text.as_bytes());
        let _ = load_bytes(&kernel.elf());
    }

    #[test]
    fn setup_headers(pokes in pokes(0x250)) {
        let elf = linux().elf();
        let _ = load_bytes(&poked(bzimage(&elf), &pokes, 1));
    }

    #[test]
    fn any_bytes(start in prop::sample::select(vec![&b"\x7fELF\x02\x01"[..], b"\x1f\x8b\x08", b"", b"MZ"]),
                 rest in prop::collection::vec(any::<u8>(), 0..3000)) {
        let _ = load_bytes(&[start, &rest].concat());
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn packed_streams(which in 0..super::packed::STREAMS.len(), pokes in pokes(4000), seed: usize) {
        let (_, codec, stream) = super::packed::STREAMS[which];
        let pokes: Vec<_> = pokes.into_iter().map(|(at, new)| ((at.wrapping_add(seed)) % stream.len(), new)).collect();
        let _ = load_bytes(&super::packed::image(codec, &poked(stream.to_vec(), &pokes, 1)));
        let header: Vec<_> = pokes.iter().map(|(at, new)| (at % 30, new.clone())).collect();
        let _ = load_bytes(&super::packed::image(codec, &poked(stream.to_vec(), &header, 1)));
    }
}

/// As many notes as fit, in as many segments as there may be, all over the same bytes.
#[test]
fn notes_without_end_cost_little() {
    let mut kernel = linux();
    let many: Vec<u8> = note(b"XenX", 1, &[]).repeat(400_000);
    kernel.segments[3].bytes = many;
    kernel.segments[3].mem_size = kernel.segments[3].bytes.len() as u64;
    let file = kernel.elf();
    let offset = u64::from_le_bytes(file[64 + 3 * 56 + 8..][..8].try_into().unwrap());
    let mut headers = Vec::new();
    for _ in 0..60 {
        for word in [4, offset, 0, 0, kernel.segments[3].mem_size, 0, 4] {
            headers.extend(u64::to_le_bytes(word));
        }
    }
    // The first segment begins at 0x1000, so 60 headers fit before it with the four that are there.
    let mut file = file;
    file[64 + 4 * 56..][..headers.len()].copy_from_slice(&headers[..]);
    file[56..58].copy_from_slice(&64_u16.to_le_bytes());
    let start = std::time::Instant::now();
    let _ = load_bytes(&file);
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
}
