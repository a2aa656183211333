//! Requests and responses as bytes of a ring slot.

use platform_xen_sys::block as sys;

use crate::hal::GrantRef;

/// What is asked of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Read,
    Write,
    /// Everything written so far must be on stable storage.
    Flush,
}

impl Op {
    pub(super) fn code(self) -> u8 {
        match self {
            Op::Read => sys::BLKIF_OP_READ,
            Op::Write => sys::BLKIF_OP_WRITE,
            Op::Flush => sys::BLKIF_OP_FLUSH_DISKCACHE,
        }
    }
}

/// A segment: part of one granted page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) grant: GrantRef,
    /// Units of 512 bytes, from the page's beginning; 1 to 8.
    pub(super) sectors: u8,
}

/// Bytes of a segment, in a slot and in an indirect page.
pub(super) const SEGMENT: usize = 8;

impl Segment {
    pub(super) fn to_bytes(self) -> [u8; SEGMENT] {
        let [a, b, c, d] = self.grant.0.to_le_bytes();
        // First and last sector, both included.
        [a, b, c, d, 0, self.sectors.saturating_sub(1), 0, 0]
    }
}

/// One slot of the ring, to be filled.
pub(super) struct SlotBytes {
    bytes: [u8; sys::BLKIF_SLOT_SIZE],
}

impl SlotBytes {
    fn put<const N: usize>(&mut self, at: usize, field: [u8; N]) {
        self.bytes[at..at + N].copy_from_slice(&field);
    }

    /// A request with its segments in the slot: at most 11.
    pub(super) fn direct(op: Op, handle: u16, id: u64, sector: u64, segments: &[Segment]) -> SlotBytes {
        let segments = &segments[..segments.len().min(sys::BLKIF_MAX_SEGMENTS_PER_REQUEST)];
        let mut slot = SlotBytes { bytes: [0; sys::BLKIF_SLOT_SIZE] };
        slot.put(0, [op.code(), segments.len() as u8]);
        slot.put(2, handle.to_le_bytes());
        slot.put(8, id.to_le_bytes());
        slot.put(16, sector.to_le_bytes());
        for (i, segment) in segments.iter().enumerate() {
            slot.put(24 + i * SEGMENT, segment.to_bytes());
        }
        slot
    }

    /// A request whose `count` segments stand in another granted page.
    pub(super) fn indirect(
        op: Op,
        handle: u16,
        id: u64,
        sector: u64,
        count: u16,
        page: GrantRef,
    ) -> SlotBytes {
        let mut slot = SlotBytes { bytes: [0; sys::BLKIF_SLOT_SIZE] };
        slot.put(0, [sys::BLKIF_OP_INDIRECT, op.code()]);
        slot.put(2, count.to_le_bytes());
        slot.put(8, id.to_le_bytes());
        slot.put(16, sector.to_le_bytes());
        slot.put(24, handle.to_le_bytes());
        slot.put(28, page.0.to_le_bytes());
        slot
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response {
    pub(super) id: u64,
    /// The request's; of an indirect request, the one inside.
    pub(super) operation: u8,
    pub(super) status: i16,
}

impl Response {
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Response {
        let [a, b, c, d, e, f, g, h, operation, _, low, high, ..] = bytes;
        let id = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        Response { id, operation, status: i16::from_le_bytes([low, high]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::{offset_of, size_of};
    use sys::{BlkifRequest, BlkifRequestIndirect, BlkifRequestSegment, BlkifResponse};

    #[test]
    fn the_layouts_are_those_of_the_headers() {
        assert_eq!(size_of::<BlkifRequest>(), sys::BLKIF_SLOT_SIZE);
        assert_eq!(
            [
                offset_of!(BlkifRequest, nr_segments),
                offset_of!(BlkifRequest, handle),
                offset_of!(BlkifRequest, id),
                offset_of!(BlkifRequest, sector_number),
                offset_of!(BlkifRequest, seg)
            ],
            [1, 2, 8, 16, 24]
        );
        assert_eq!(
            [
                offset_of!(BlkifRequestIndirect, indirect_op),
                offset_of!(BlkifRequestIndirect, nr_segments),
                offset_of!(BlkifRequestIndirect, id),
                offset_of!(BlkifRequestIndirect, sector_number),
                offset_of!(BlkifRequestIndirect, handle),
                offset_of!(BlkifRequestIndirect, indirect_grefs)
            ],
            [1, 2, 8, 16, 24, 28]
        );
        assert_eq!(size_of::<BlkifRequestSegment>(), SEGMENT);
        assert_eq!(offset_of!(BlkifRequestSegment, last_sect), 5);
        assert_eq!(size_of::<BlkifResponse>(), 16);
        assert_eq!([offset_of!(BlkifResponse, operation), offset_of!(BlkifResponse, status)], [8, 10]);
    }

    #[test]
    fn a_request_s_bytes() {
        let segments = [Segment { grant: GrantRef(0x0a0b_0c0d), sectors: 8 }; 12];
        let slot = SlotBytes::direct(Op::Write, 51712, 7, 9, &segments);
        let bytes = slot.as_bytes();
        assert_eq!(bytes[..4], [1, 11, 0, 202]);
        assert_eq!(bytes[24..32], [0x0d, 0x0c, 0x0b, 0x0a, 0, 7, 0, 0]);
        let slot = SlotBytes::indirect(Op::Read, 1, 7, 9, 300, GrantRef(5));
        assert_eq!(slot.as_bytes()[..4], [6, 0, 44, 1]);
        assert_eq!(slot.as_bytes()[24..32], [1, 0, 0, 0, 5, 0, 0, 0]);
    }
}
