//! Grant tables, version 1 (`grant_table.h`).

use crate::hypercall::DomId;
use bitflags::bitflags;

/// Index of an entry in the granting domain's table.
pub type GrantRef = u32;

/// `struct grant_entry_v1`. Set `flags` last; Xen changes them while the page is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct GrantEntryV1 {
    /// See [`GrantFlags`].
    pub flags: u16,
    /// Who may use it.
    pub domid: DomId,
    /// The frame's MFN.
    pub frame: u32,
}

/// Entries of version 1 in a page.
pub const GRANTS_PER_PAGE: usize = 512;
/// Entries that the tools use, at the table's beginning.
pub const GNTTAB_NR_RESERVED_ENTRIES: u32 = 8;
/// The console's page.
pub const GNTTAB_RESERVED_CONSOLE: u32 = 0;
/// The xenstore page.
pub const GNTTAB_RESERVED_XENSTORE: u32 = 1;

bitflags! {
    /// `GTF_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    #[repr(transparent)]
    pub struct GrantFlags: u16 {
        /// The other domain may map or copy the page.
        const PERMIT_ACCESS = 1;
        /// The other domain may give us a page.
        const ACCEPT_TRANSFER = 2;
        /// For reading only.
        const READONLY = 1 << 2;
        /// Set by Xen: in use for reading.
        const READING = 1 << 3;
        /// Set by Xen: in use for writing.
        const WRITING = 1 << 4;
    }
}

/// Map another domain's grants.
pub const GNTTABOP_MAP_GRANT_REF: u32 = 0;
/// Unmap them.
pub const GNTTABOP_UNMAP_GRANT_REF: u32 = 1;
/// Get the table's frames.
pub const GNTTABOP_SETUP_TABLE: u32 = 2;
/// Copy by grants.
pub const GNTTABOP_COPY: u32 = 5;
/// How large the table is and may be.
pub const GNTTABOP_QUERY_SIZE: u32 = 6;
/// Choose version 1 or 2.
pub const GNTTABOP_SET_VERSION: u32 = 8;
/// Which version it is.
pub const GNTTABOP_GET_VERSION: u32 = 10;

/// `struct gnttab_setup_table`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct GnttabSetupTable {
    /// In: whose table.
    pub dom: DomId,
    /// In: frames wanted; the table grows to that.
    pub nr_frames: u32,
    /// Out: `GNTST_*`.
    pub status: i16,
    /// Out: their MFNs.
    pub frame_list: *mut u64,
}

/// `struct gnttab_query_size`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct GnttabQuerySize {
    /// In: whose table.
    pub dom: DomId,
    /// Out: frames now.
    pub nr_frames: u32,
    /// Out: frames at most.
    pub max_nr_frames: u32,
    /// Out: `GNTST_*`.
    pub status: i16,
}

/// `struct gnttab_set_version`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct GnttabSetVersion {
    /// In: 1 or 2; out: what it is now.
    pub version: u32,
}

/// `struct gnttab_get_version`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct GnttabGetVersion {
    /// In: whose table.
    pub dom: DomId,
    #[doc(hidden)]
    pub pad: u16,
    /// Out.
    pub version: u32,
}

/// Done.
pub const GNTST_OKAY: i16 = 0;
/// Failed.
pub const GNTST_GENERAL_ERROR: i16 = -1;
/// No such domain.
pub const GNTST_BAD_DOMAIN: i16 = -2;
/// No such grant.
pub const GNTST_BAD_GNTREF: i16 = -3;
/// Not allowed.
pub const GNTST_PERMISSION_DENIED: i16 = -8;
/// Try again.
pub const GNTST_EAGAIN: i16 = -12;
