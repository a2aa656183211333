//! Optional kinds of help from Xen (`xen.h`, hypercall `vm_assist`).

/// `VMASST_CMD_enable`
pub const VMASST_CMD_ENABLE: u32 = 0;
/// `VMASST_CMD_disable`
pub const VMASST_CMD_DISABLE: u32 = 1;

/// Segments of 4 GiB (32 bits).
pub const VMASST_TYPE_4GB_SEGMENTS: u32 = 0;
/// Tell of their emulation (32 bits).
pub const VMASST_TYPE_4GB_SEGMENTS_NOTIFY: u32 = 1;
/// Page tables may seem writable: Xen emulates the write.
pub const VMASST_TYPE_WRITABLE_PAGETABLES: u32 = 2;
/// CR3 above 4 GiB (32 bits).
pub const VMASST_TYPE_PAE_EXTENDED_CR3: u32 = 3;
/// IOPL behaves as on hardware.
pub const VMASST_TYPE_ARCHITECTURAL_IOPL: u32 = 4;
/// Mark updates of the runstate area.
pub const VMASST_TYPE_RUNSTATE_UPDATE_FLAG: u32 = 5;
/// Hide the M2P from user mode.
pub const VMASST_TYPE_M2P_STRICT: u32 = 32;
