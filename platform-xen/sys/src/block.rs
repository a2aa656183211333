//! The block protocol (`io/blkif.h`).
//!
//! `sector_number` and the sectors of a segment count 512 bytes whatever the disk's sector size is.

use crate::grant::GrantRef;
use bitflags::bitflags;

/// Read.
pub const BLKIF_OP_READ: u8 = 0;
/// Write.
pub const BLKIF_OP_WRITE: u8 = 1;
/// Write with a barrier.
pub const BLKIF_OP_WRITE_BARRIER: u8 = 2;
/// Flush the disk's cache.
pub const BLKIF_OP_FLUSH_DISKCACHE: u8 = 3;
/// Discard.
pub const BLKIF_OP_DISCARD: u8 = 5;
/// Another operation, its segments in granted pages.
pub const BLKIF_OP_INDIRECT: u8 = 6;

/// Segments in a direct request.
pub const BLKIF_MAX_SEGMENTS_PER_REQUEST: usize = 11;
/// Pages of segments in an indirect request.
pub const BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST: usize = 8;

/// `struct blkif_request_segment`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct BlkifRequestSegment {
    /// The page.
    pub gref: GrantRef,
    /// First 512-byte sector in it.
    pub first_sect: u8,
    /// Last one, included.
    pub last_sect: u8,
}

/// `struct blkif_request`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct BlkifRequest {
    /// `BLKIF_OP_*`.
    pub operation: u8,
    /// Segments used.
    pub nr_segments: u8,
    /// The virtual device's number.
    pub handle: u16,
    /// Chosen by the frontend, comes back in the response.
    pub id: u64,
    /// First sector, of 512 bytes.
    pub sector_number: u64,
    /// Where the data is.
    pub seg: [BlkifRequestSegment; BLKIF_MAX_SEGMENTS_PER_REQUEST],
}

/// `struct blkif_request_indirect`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct BlkifRequestIndirect {
    /// [`BLKIF_OP_INDIRECT`].
    pub operation: u8,
    /// Read or write.
    pub indirect_op: u8,
    /// Segments used.
    pub nr_segments: u16,
    /// Chosen by the frontend, comes back in the response.
    pub id: u64,
    /// First sector, of 512 bytes.
    pub sector_number: u64,
    /// The virtual device's number.
    pub handle: u16,
    /// Pages full of [`BlkifRequestSegment`].
    pub indirect_grefs: [GrantRef; BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST],
}

/// `struct blkif_response`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct BlkifResponse {
    /// The request's.
    pub id: u64,
    /// The request's.
    pub operation: u8,
    /// `BLKIF_RSP_*`.
    pub status: i16,
}

/// Bytes of a ring's slot: the larger of request and response.
pub const BLKIF_SLOT_SIZE: usize = 112;

/// Done.
pub const BLKIF_RSP_OKAY: i16 = 0;
/// Failed.
pub const BLKIF_RSP_ERROR: i16 = -1;
/// The backend has no such operation.
pub const BLKIF_RSP_EOPNOTSUPP: i16 = -2;

bitflags! {
    /// The backend's key `info`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    #[repr(transparent)]
    pub struct VdiskInfo: u32 {
        /// `VDISK_CDROM`
        const CDROM = 1;
        /// `VDISK_REMOVABLE`
        const REMOVABLE = 2;
        /// `VDISK_READONLY`
        const READONLY = 4;
    }
}
