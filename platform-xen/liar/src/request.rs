//! Requests, from the bytes of a ring slot (public/io/blkif.h).

use anyhow::{Context, Result, ensure};
use platform_xen::shared::PAGE;
use platform_xen_sys::block::{
    BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, BLKIF_MAX_SEGMENTS_PER_REQUEST, BLKIF_OP_INDIRECT, BLKIF_SLOT_SIZE,
};

/// Bytes of a sector, as the protocol counts them.
pub const SECTOR: usize = 512;
/// Bytes of a segment.
const SEGMENT: usize = 8;

/// A part of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The page.
    pub grant: u32,
    /// Where in the page, bytes.
    pub offset: usize,
    /// Bytes.
    pub len: usize,
}

/// What the frontend wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `BLKIF_OP_*`; of an indirect request, the operation inside.
    pub operation: u8,
    /// Comes back in the response.
    pub id: u64,
    /// Where on the disk, bytes.
    pub offset: u64,
    /// Where in memory.
    pub segments: Vec<Segment>,
    /// Whether its segments were in pages of their own.
    pub indirect: bool,
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

impl Request {
    /// Reads a slot. `pages` gives the contents of the pages that an indirect request names.
    pub fn read(
        slot: &[u8; BLKIF_SLOT_SIZE],
        pages: impl FnOnce(&[u32]) -> Result<Vec<u8>>,
    ) -> Result<Request> {
        let indirect = slot[0] == BLKIF_OP_INDIRECT;
        let (operation, count) = match indirect {
            true => (slot[1], usize::from(u16::from_le_bytes(field(slot, 2)))),
            false => (slot[0], usize::from(slot[1])),
        };
        let table = if indirect {
            let needed = (count * SEGMENT).div_ceil(PAGE);
            ensure!(needed <= BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST, "{count} indirect segments");
            let grants: Vec<u32> = (0..needed).map(|i| u32::from_le_bytes(field(slot, 28 + i * 4))).collect();
            pages(&grants)?
        } else {
            ensure!(count <= BLKIF_MAX_SEGMENTS_PER_REQUEST, "{count} segments");
            slot[24..].to_vec()
        };
        let table = table.get(..count * SEGMENT).context("a table of segments that is too short")?;
        let segments: Result<Vec<Segment>> = table
            .chunks_exact(SEGMENT)
            .map(|bytes| {
                let (first, last) = (usize::from(bytes[4]), usize::from(bytes[5]));
                ensure!(first <= last && last < PAGE / SECTOR, "a segment from {first} to {last}");
                let grant = u32::from_le_bytes(field(bytes, 0));
                Ok(Segment { grant, offset: first * SECTOR, len: (last - first + 1) * SECTOR })
            })
            .collect();
        let sector = u64::from_le_bytes(field(slot, 16));
        let offset = sector.checked_mul(SECTOR as u64).with_context(|| format!("sector {sector}"))?;
        let id = u64::from_le_bytes(field(slot, 8));
        Ok(Request { operation, id, offset, segments: segments?, indirect })
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    fn slot(start: &[(usize, &[u8])]) -> [u8; BLKIF_SLOT_SIZE] {
        let mut slot = [0; BLKIF_SLOT_SIZE];
        for (at, bytes) in start {
            slot[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        slot
    }

    #[test]
    fn direct() {
        let slot = slot(&[(0, &[0, 1, 0, 202]), (8, &[7]), (16, &[3]), (24, &[9, 0, 0, 0, 1, 7])]);
        let request = Request::read(&slot, |_| bail!("none")).unwrap();
        let segments = vec![Segment { grant: 9, offset: 512, len: 3584 }];
        assert_eq!(request, Request { operation: 0, id: 7, offset: 1536, segments, indirect: false });
    }

    #[test]
    fn indirect() {
        let slot = slot(&[(0, &[6, 1, 1, 2]), (28, &[5, 0, 0, 0, 6])]);
        let request = Request::read(&slot, |grants| {
            assert_eq!(grants, [5, 6]);
            Ok(vec![0; 2 * PAGE])
        })
        .unwrap();
        assert_eq!((request.operation, request.segments.len(), request.len()), (1, 513, 513 * 512));
    }

    #[test]
    fn frontends_lie_as_well() {
        for bad in [
            slot(&[(1, &[12])]),
            slot(&[(0, &[6, 0, 255, 255])]),
            slot(&[(1, &[1]), (24, &[9, 0, 0, 0, 2, 1])]),
            slot(&[(1, &[1]), (24, &[9, 0, 0, 0, 0, 8])]),
            slot(&[(16, &[255; 8])]),
        ] {
            assert!(Request::read(&bad, |_| Ok(Vec::new())).is_err());
        }
    }
}
