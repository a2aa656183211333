//! Which page of the kernel comes from where: whole pages of the unpacked file as they lie, the rest put together.
//!
//! Nothing is moved: a frame of the unpacked file becomes the kernel's frame where the plan permutes frames. That
//! works for every page that lies whole in one segment, if the segment's file offset and p_paddr agree modulo 4096
//! (they do in every kernel a linker makes with page-aligned segments). Pages in which a segment begins or ends are
//! put together in extra pages, and pages without bytes in the file are zero.

use super::{ImageError, PAGE};
use alloc::vec::Vec;
use core::ops::Range;

/// Where a run of the kernel's pages comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Pages of the unpacked file, from this one on ([`Loaded::image`](super::Loaded::image)). No page is named twice.
    Image(u64),
    /// Pages put together, from this one on ([`Loaded::extra`](super::Loaded::extra)). No page is named twice.
    Extra(u64),
    /// Any frames, filled with zeros.
    Zero,
}

/// A run of the kernel's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Number of its first page, counted from the page of `p_min`.
    pub page: u64,
    /// How many.
    pub pages: u64,
    /// Where they come from.
    pub origin: Origin,
}

/// Bytes that belong at a physical address.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Where they belong.
    pub paddr: u64,
    /// Bytes in memory.
    pub mem_size: u64,
    /// Bytes that are given; the rest is zero.
    pub file_size: u64,
    /// Where the bytes are given.
    pub from: Bytes,
}

/// Where the bytes of a [`Piece`] are.
#[derive(Clone, Copy, Debug)]
pub enum Bytes {
    /// In the unpacked file, at this offset.
    Image(u64),
    /// In the tables we made ourselves (the header of the symbols), at this offset.
    Made(u64),
}

/// How an extra page is made.
#[derive(Clone, Copy, Debug)]
struct Fill {
    /// First kernel page.
    page: u64,
    pages: u64,
    /// From this piece only, or from all that touch the page, in order.
    piece: Option<usize>,
}

/// The kernel's pages, complete and in order.
#[derive(Debug, Default)]
pub struct Layout {
    /// They cover the kernel from its first page to its last without a gap.
    pub runs: Vec<Run>,
    fills: Vec<Fill>,
    pieces: Vec<Piece>,
    base: u64,
    /// A page that something will be written to, so it must not be one of zeros.
    written: Option<u64>,
}

impl Layout {
    /// Lay out `pieces`, later ones over earlier ones (as libelf loads them). Their ranges must not overflow, and
    /// those in the image must lie in it. The page with the physical address `written` is never [`Origin::Zero`].
    pub fn new(pieces: Vec<Piece>, written: Option<u64>) -> Self {
        let start = pieces.iter().map(|piece| piece.paddr).min().unwrap_or(0);
        let base = start - start % PAGE;
        let written = written.and_then(|at| at.checked_sub(base)).map(|at| at / PAGE);
        let mut layout = Self { pieces, base, written, ..Self::default() };
        let cuts = layout.cuts();
        let mut used: Vec<Range<u64>> = Vec::new();
        for pair in cuts.windows(2) {
            let [from, to] = *pair else { continue };
            layout.place(from, to - from, &mut used);
        }
        layout
    }

    /// Page numbers where something may change, ascending: around each boundary of a piece.
    fn cuts(&self) -> Vec<u64> {
        let mut cuts = Vec::new();
        for piece in &self.pieces {
            for at in [piece.paddr, piece.paddr + piece.file_size, piece.paddr + piece.mem_size] {
                let at = at - self.base;
                cuts.extend([at / PAGE, at.div_ceil(PAGE)]);
            }
        }
        cuts.sort_unstable();
        if let (Some(page), Some(end)) = (self.written, cuts.last())
            && page < *end
        {
            cuts.extend([page, page + 1]);
            cuts.sort_unstable();
        }
        cuts.dedup();
        cuts
    }

    /// Decide on the pages `page..page + pages`, which no boundary cuts unless they are one page.
    fn place(&mut self, page: u64, pages: u64, used: &mut Vec<Range<u64>>) {
        let at = self.base + page * PAGE;
        let end = at + PAGE;
        let inside = |boundary: u64| at < boundary && boundary < end;
        let cut = self.pieces.iter().any(|piece| {
            inside(piece.paddr)
                || inside(piece.paddr + piece.file_size)
                || inside(piece.paddr + piece.mem_size)
        });
        if cut {
            return self.extra(page, pages, None);
        }
        let covers = |piece: &Piece| piece.paddr <= at && at < piece.paddr + piece.mem_size;
        let top = self.pieces.iter().rposition(covers).map(|index| (index, self.pieces[index]));
        let Some((index, piece)) = top.filter(|(_, piece)| at - piece.paddr < piece.file_size) else {
            if self.written == Some(page) {
                return self.extra(page, pages, None);
            }
            return self.push(page, pages, Origin::Zero);
        };
        let skip = at - piece.paddr;
        match piece.from {
            Bytes::Image(offset) if (offset + skip).is_multiple_of(PAGE) => {
                let source = (offset + skip) / PAGE;
                let source = source..source + pages;
                if used.iter().any(|other| other.start < source.end && source.start < other.end) {
                    // Two segments share the file's bytes: a frame can't be in two places.
                    return self.extra(page, pages, Some(index));
                }
                self.push(page, pages, Origin::Image(source.start));
                used.push(source);
            }
            Bytes::Image(_) | Bytes::Made(_) => self.extra(page, pages, Some(index)),
        }
    }

    fn extra(&mut self, page: u64, pages: u64, piece: Option<usize>) {
        let first = self.extra_pages();
        self.fills.push(Fill { page, pages, piece });
        self.push(page, pages, Origin::Extra(first));
    }

    /// Append a run, or lengthen the last one if it goes on.
    fn push(&mut self, page: u64, pages: u64, origin: Origin) {
        if let Some(last) = self.runs.last_mut() {
            let goes_on = match (last.origin, origin) {
                (Origin::Image(a), Origin::Image(b)) | (Origin::Extra(a), Origin::Extra(b)) => {
                    a + last.pages == b
                }
                (Origin::Zero, Origin::Zero) => true,
                _ => false,
            };
            if goes_on {
                last.pages += pages;
                return;
            }
        }
        self.runs.push(Run { page, pages, origin });
    }

    /// Pages of all runs.
    pub fn pages(&self) -> u64 {
        self.runs.iter().map(|run| run.pages).sum()
    }

    /// Extra pages that must be provided.
    pub fn extra_pages(&self) -> u64 {
        self.fills.iter().map(|fill| fill.pages).sum()
    }

    /// Put the extra pages together. `image` is the unpacked file, `made` our own tables.
    pub fn fill(&self, image: &[u8], made: &[u8], extra: &mut [u8]) -> Result<(), ImageError> {
        let mut rest = extra;
        for fill in &self.fills {
            let len = usize::try_from(fill.pages * PAGE).unwrap_or(usize::MAX);
            let Some((out, after)) = rest.split_at_mut_checked(len) else {
                return Err(ImageError::Memory { purpose: "loading this kernel", need: None, have: 0 });
            };
            rest = after;
            out.fill(0);
            let at = self.base + fill.page * PAGE;
            let pieces = match fill.piece {
                Some(index) => self.pieces.get(index..=index).unwrap_or(&[]),
                None => &self.pieces,
            };
            for piece in pieces {
                put(piece, at, image, made, out)
                    .ok_or_else(|| ImageError::damaged("a segment lies beyond its end"))?;
            }
        }
        Ok(())
    }
}

/// Write what `piece` has for the addresses `at..at + out.len()` into `out`.
fn put(piece: &Piece, at: u64, image: &[u8], made: &[u8], out: &mut [u8]) -> Option<()> {
    let end = at + out.len() as u64;
    let (start, stop) = (piece.paddr.max(at), (piece.paddr + piece.mem_size).min(end));
    if start >= stop {
        return Some(());
    }
    let data_stop = (piece.paddr + piece.file_size).clamp(start, stop);
    let index = |address: u64| usize::try_from(address - at).ok();
    let skip = start - piece.paddr;
    let (bytes, offset) = match piece.from {
        Bytes::Image(offset) => (image, offset),
        Bytes::Made(offset) => (made, offset),
    };
    let data = out.get_mut(index(start)?..index(data_stop)?)?;
    if !data.is_empty() {
        let from = usize::try_from(offset.checked_add(skip)?).ok()?;
        data.copy_from_slice(bytes.get(from..from.checked_add(data.len())?)?);
    }
    out.get_mut(index(data_stop)?..index(stop)?)?.fill(0);
    Some(())
}

#[cfg(test)]
mod tests;
