//! Cutting a transfer into pieces of at most a page.

use crate::shared::PAGE;

/// Bytes that one unit of the protocol counts.
pub(super) const SECTOR: u64 = 512;

/// Where a piece's bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A whole page of the caller's buffer, from byte `at` of it.
    InPlace { at: usize },
    /// `take` bytes of a bounce page, after the first `skip`, belong to byte `at` of the buffer.
    Bounce { at: usize, skip: usize, take: usize },
}

/// One piece: whole sectors, one after another on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// First byte on the disk, a multiple of the sector size.
    pub(super) start: u64,
    /// Bytes, a multiple of the sector size, at most a page.
    pub(super) len: usize,
    pub(super) way: Way,
}

/// A transfer, and how far it is cut.
#[derive(Clone, Debug)]
pub(super) struct Cutter {
    /// First byte wanted.
    offset: u64,
    /// First byte not wanted.
    end: u64,
    /// Where the next piece starts.
    next: u64,
    sector_size: u64,
    /// Address of the buffer.
    base: usize,
    /// Whether pages of the buffer can be used at all.
    in_place: bool,
}

impl Cutter {
    /// A transfer of `len` bytes from `offset`, into or out of a buffer at address `base`. The sum must not overflow;
    /// the sector size is a power of two from 512 to a page.
    pub(super) fn new(offset: u64, len: usize, sector_size: u32, base: usize, in_place: bool) -> Cutter {
        let sector_size = u64::from(sector_size);
        // A page of the buffer must begin where a sector begins.
        let congruent = (base as u64).wrapping_sub(offset).is_multiple_of(sector_size);
        Cutter {
            offset,
            end: offset + len as u64,
            next: offset - offset % sector_size,
            sector_size,
            base,
            in_place: in_place && congruent,
        }
    }

    /// The next piece, without taking it.
    pub(super) fn peek(&self) -> Option<Piece> {
        if self.next >= self.end || self.offset == self.end {
            return None;
        }
        let page = PAGE as u64;
        let start = self.next;
        // Bytes of a sector before the first wanted one.
        let skip = self.offset.saturating_sub(start);
        let at = start.saturating_sub(self.offset) as usize;
        let wanted = self.end - start - skip;
        let into_page = (self.base.wrapping_add(at) % PAGE) as u64;
        if self.in_place && skip == 0 && into_page == 0 && wanted >= page {
            return Some(Piece { start, len: PAGE, way: Way::InPlace { at } });
        }
        let mut len = (skip + wanted).next_multiple_of(self.sector_size).min(page);
        if self.in_place {
            // Stop where a page of the buffer begins. With `skip`, `into_page` is that of the first wanted byte.
            len = len.min(skip + (page - into_page)).next_multiple_of(self.sector_size).min(page);
        }
        let take = wanted.min(len - skip) as usize;
        Some(Piece { start, len: len as usize, way: Way::Bounce { at, skip: skip as usize, take } })
    }

    /// Takes the piece that [`peek`](Cutter::peek) showed.
    pub(super) fn advance(&mut self) {
        if let Some(piece) = self.peek() {
            self.next += piece.len as u64;
        }
    }

    /// No more pieces.
    pub(super) fn stop(&mut self) {
        self.next = self.end;
    }

    /// Whether pieces are left.
    pub(super) fn is_done(&self) -> bool {
        self.peek().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn pieces(mut cutter: Cutter) -> Vec<Piece> {
        let mut out = Vec::new();
        while let Some(piece) = cutter.peek() {
            out.push(piece);
            cutter.advance();
        }
        assert!(cutter.is_done());
        out
    }

    #[test]
    fn a_page_aligned_read_goes_in_place() {
        let all = pieces(Cutter::new(8192, 3 * PAGE, 512, 0x10000, true));
        let ways: Vec<Way> = all.iter().map(|piece| piece.way).collect();
        assert_eq!(ways, [0, PAGE, 2 * PAGE].map(|at| Way::InPlace { at }));
        assert_eq!(all[2].start, 8192 + 8192);
    }

    #[test]
    fn ends_bounce_and_the_middle_goes_in_place() {
        // The buffer begins 1,024 bytes before a page, and 512 bytes of its last page are wanted.
        let all = pieces(Cutter::new(512, 1024 + PAGE + 512, 512, 0x10000 - 1024, true));
        assert_eq!(
            all.iter().map(|piece| (piece.start, piece.len, piece.way)).collect::<Vec<_>>(),
            [
                (512, 1024, Way::Bounce { at: 0, skip: 0, take: 1024 }),
                (1536, PAGE, Way::InPlace { at: 1024 }),
                (1536 + 4096, 512, Way::Bounce { at: 1024 + PAGE, skip: 0, take: 512 }),
            ]
        );
    }

    #[test]
    fn nothing_is_no_piece() {
        assert!(Cutter::new(700, 0, 512, 1, true).is_done());
    }

    proptest! {
        /// Every byte wanted comes from exactly one piece, in order; pieces are whole sectors; a page that is used
        /// in place lies wholly in the buffer.
        #[test]
        fn every_byte_once(
            offset in 0u64..20_000, len in 0usize..40_000, sector_log in 9u32..=12,
            base in 0usize..9000, in_place: bool, nice: bool,
        ) {
            let sector_size = 1 << sector_log;
            let base = 0x10_0000 + if nice { base / 512 * 512 } else { base };
            let offset = if nice { offset / 512 * 512 } else { offset };
            let all = pieces(Cutter::new(offset, len, sector_size, base, in_place));
            let mut covered = 0;
            let mut previous_end = None;
            for piece in all {
                prop_assert!(piece.start.is_multiple_of(u64::from(sector_size)));
                prop_assert!(piece.len.is_multiple_of(sector_size as usize));
                prop_assert!(piece.len > 0 && piece.len <= PAGE);
                prop_assert!(previous_end.is_none_or(|end| end == piece.start), "no gap");
                previous_end = Some(piece.start + piece.len as u64);
                let (at, skip, take) = match piece.way {
                    Way::InPlace { at } => {
                        prop_assert!(in_place && (base + at).is_multiple_of(PAGE));
                        (at, 0, PAGE)
                    }
                    Way::Bounce { at, skip, take } => (at, skip, take),
                };
                prop_assert_eq!(at, covered);
                prop_assert!(skip + take <= piece.len && take > 0);
                prop_assert_eq!(piece.start + skip as u64, offset + covered as u64);
                covered += take;
            }
            prop_assert_eq!(covered, len);
        }

        /// Where it may, all but the ends goes in place.
        #[test]
        fn the_middle_is_never_copied(sectors in 0u64..100, before in 0usize..8, pages in 1usize..20) {
            let len = (before + 3) * 512 + pages * PAGE;
            let base = 0x10_0000 - before * 512;
            let all = pieces(Cutter::new(sectors * 512, len, 512, base, true));
            let in_place = all.iter().filter(|piece| matches!(piece.way, Way::InPlace { .. })).count();
            prop_assert_eq!(in_place, pages);
        }
    }
}
