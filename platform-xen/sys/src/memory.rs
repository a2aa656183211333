//! Memory hypercalls (`memory.h`).

use crate::hypercall::DomId;

/// Get more frames.
pub const XENMEM_INCREASE_RESERVATION: u32 = 0;
/// Give frames back.
pub const XENMEM_DECREASE_RESERVATION: u32 = 1;
/// Largest machine frame number that is RAM.
pub const XENMEM_MAXIMUM_RAM_PAGE: u32 = 2;
/// Frames that a domain has now.
pub const XENMEM_CURRENT_RESERVATION: u32 = 3;
/// Frames that a domain may have.
pub const XENMEM_MAXIMUM_RESERVATION: u32 = 4;
/// The frames that hold the M2P.
pub const XENMEM_MACHPHYS_MFN_LIST: u32 = 5;
/// Get frames at given PFNs.
pub const XENMEM_POPULATE_PHYSMAP: u32 = 6;
/// The memory map that the toolstack set, as in e820.
pub const XENMEM_MEMORY_MAP: u32 = 9;
/// Change frames for others.
pub const XENMEM_EXCHANGE: u32 = 11;
/// Where the M2P is mapped.
pub const XENMEM_MACHPHYS_MAPPING: u32 = 12;
/// Largest PFN in use.
pub const XENMEM_MAXIMUM_GPFN: u32 = 14;

/// `struct xen_memory_domain`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct MemoryDomain {
    /// The domain asked about.
    pub domid: DomId,
}

/// `struct xen_memory_reservation`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MemoryReservation {
    /// List of frame numbers (PFNs or MFNs, by operation).
    pub extent_start: *mut u64,
    /// Its length.
    pub nr_extents: u64,
    /// log2 of the frames in an extent.
    pub extent_order: u32,
    /// `XENMEMF_*`: bits 0–7 limit the address width.
    pub mem_flags: u32,
    /// The domain.
    pub domid: DomId,
}

/// `struct xen_machphys_mapping`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct MachphysMapping {
    /// Where the M2P begins.
    pub v_start: u64,
    /// Where the virtual range set aside for it ends.
    pub v_end: u64,
    /// Largest MFN that has an entry.
    pub max_mfn: u64,
}

/// `struct xen_memory_map`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MemoryMap {
    /// In: room for so many entries; out: entries written.
    pub nr_entries: u32,
    /// Where they go.
    pub buffer: *mut E820Entry,
}

/// An entry of the memory map (the e820 form: 20 bytes, packed).
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, packed)]
pub struct E820Entry {
    /// First byte, pseudo-physical.
    pub addr: u64,
    /// Bytes.
    pub size: u64,
    /// 1 is RAM, 2 reserved.
    pub kind: u32,
}
