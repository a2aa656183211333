use super::*;
use proptest::prelude::*;

fn piece(paddr: u64, offset: u64, file_size: u64, mem_size: u64) -> Piece {
    Piece { paddr, mem_size, file_size, from: Bytes::Image(offset) }
}

/// What libelf does: write each segment into one flat buffer.
fn flat(pieces: &[Piece], image: &[u8], made: &[u8]) -> Vec<u8> {
    let base = pieces.iter().map(|p| p.paddr).min().unwrap() & !(PAGE - 1);
    let end = pieces.iter().map(|p| p.paddr + p.mem_size).max().unwrap().next_multiple_of(PAGE);
    let mut out = vec![0; (end - base) as usize];
    for piece in pieces {
        let at = (piece.paddr - base) as usize;
        let (bytes, offset) = match piece.from {
            Bytes::Image(offset) => (image, offset as usize),
            Bytes::Made(offset) => (made, offset as usize),
        };
        out[at..at + piece.file_size as usize]
            .copy_from_slice(&bytes[offset..offset + piece.file_size as usize]);
        out[at + piece.file_size as usize..at + piece.mem_size as usize].fill(0);
    }
    out
}

/// What a plan does: frames from the image, the extra pages and zeroed ones. Checks that no page is used twice.
fn by_runs(layout: &Layout, image: &[u8], made: &[u8]) -> Vec<u8> {
    let mut extra = vec![0xaa; (layout.extra_pages() * PAGE) as usize];
    layout.fill(image, made, &mut extra).unwrap();
    let (mut out, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
    for run in &layout.runs {
        assert_eq!(out.len() as u64, run.page * PAGE, "a gap");
        for i in 0..run.pages {
            let from = |bytes: &[u8], n: u64| bytes[(n * PAGE) as usize..][..PAGE as usize].to_vec();
            match run.origin {
                Origin::Image(n) => {
                    assert!(seen.insert((0, n + i)), "page {n} of the image twice");
                    out.extend(from(image, n + i));
                }
                Origin::Extra(n) => {
                    assert!(seen.insert((1, n + i)), "extra page {n} twice");
                    out.extend(from(&extra, n + i));
                }
                Origin::Zero => out.resize(out.len() + PAGE as usize, 0),
            }
        }
    }
    assert_eq!(layout.pages() * PAGE, out.len() as u64);
    out
}

fn noise(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 | 1).collect()
}

#[test]
fn a_kernel_as_linux_is_linked_needs_a_page_or_two_of_copies() {
    // Text that ends in a page, data on the next large page, percpu moved down, a bss at the end.
    let layout = Layout::new(
        vec![
            piece(0x10_0000, 0x2000, 0x4321, 0x4321),
            piece(0x20_0000, 0x8000, 0x3000, 0x3000),
            piece(0x20_3000, 0x1000, 0x1000, 0x1000),
            piece(0x20_4000, 0xb000, 0x2800, 0x9000),
        ],
        None,
    );
    assert_eq!(layout.extra_pages(), 2);
    let run = |page, pages, origin| Run { page, pages, origin };
    assert_eq!(
        layout.runs,
        [
            run(0, 4, Origin::Image(2)),
            run(4, 1, Origin::Extra(0)),
            run(5, 0xfb, Origin::Zero),
            run(0x100, 3, Origin::Image(8)),
            run(0x103, 1, Origin::Image(1)),
            run(0x104, 2, Origin::Image(0xb)),
            run(0x106, 1, Origin::Extra(1)),
            run(0x107, 6, Origin::Zero),
        ]
    );
}

#[test]
fn segments_that_share_file_pages_are_copied() {
    let layout =
        Layout::new(vec![piece(0, 0x1000, 0x3000, 0x3000), piece(0x10_0000, 0x2000, 0x1000, 0x1000)], None);
    assert_eq!(layout.extra_pages(), 1);
    let image = noise(0x4000);
    assert_eq!(by_runs(&layout, &image, &[]), flat(&layout.pieces, &image, &[]));
}

#[test]
fn a_file_that_is_not_congruent_is_copied_whole() {
    let layout = Layout::new(vec![piece(0x1000, 0x78, 0x5000, 0x6000)], None);
    assert_eq!(layout.extra_pages(), 5);
}

#[test]
fn a_missing_extra_page_is_an_error() {
    let layout = Layout::new(vec![piece(0x1000, 0x78, 0x5000, 0x6000)], None);
    assert!(layout.fill(&noise(0x6000), &[], &mut vec![0; 0x4000]).is_err());
    assert!(layout.fill(&noise(0x2000), &[], &mut vec![0; 0x5000]).is_err());
}

prop_compose! {
    fn pieces_in(image: u64)(
        page in 0..24_u64, congruent: bool, skew in 0..4096_u64, offset in 0..image, len in 0..0x6000_u64,
        bss in prop_oneof![Just(0), 0..0x5000_u64], made in prop::bool::weighted(0.1),
    ) -> Piece {
        let file_size = len.min(image - offset);
        let skew = if congruent { offset % PAGE } else { skew };
        let from = if made { Bytes::Made(offset) } else { Bytes::Image(offset) };
        Piece { paddr: 0x7000 + page * PAGE + skew, mem_size: (file_size + bss).max(1), file_size, from }
    }
}

proptest! {
    #[test]
    fn the_runs_make_what_a_flat_load_makes(
        pieces in prop::collection::vec(pieces_in(0xa800), 1..6),
        written in prop::option::of(0..0x30000_u64),
    ) {
        let mut image = noise(0xb000);
        image.truncate(0xa800);
        let made: Vec<u8> = image.iter().map(|b| !b).collect();
        // The buffer is whole pages, whatever the file's size.
        let layout = Layout::new(pieces, written);
        let mut buffer = image.clone();
        buffer.resize(0xb000, 0x55);
        prop_assert_eq!(by_runs(&layout, &buffer, &made), flat(&layout.pieces, &image, &made));
        if let Some(at) = written.and_then(|at| at.checked_sub(layout.base)).filter(|at| at / PAGE < layout.pages()) {
            let run = layout.runs.iter().rfind(|run| run.page <= at / PAGE).unwrap();
            prop_assert_ne!(run.origin, Origin::Zero);
        }
        prop_assert!(layout.runs.windows(2).all(|w| w[0].page + w[0].pages == w[1].page));
    }
}
