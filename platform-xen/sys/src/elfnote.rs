//! ELF notes that describe a kernel to whoever loads it (`elfnote.h`). Their name is "Xen"; numbers are 4 or 8 bytes.

/// Name of the notes, its NUL included.
pub const NOTE_NAME: &[u8; 4] = b"Xen\0";

/// Virtual address of the entry point.
pub const ENTRY: u32 = 1;
/// Virtual address of the page that the loader fills with hypercall stubs.
pub const HYPERCALL_PAGE: u32 = 2;
/// Virtual address of PFN 0 in the initial mapping.
pub const VIRT_BASE: u32 = 3;
/// What is taken from `p_paddr` to get an offset from `VIRT_BASE`.
pub const PADDR_OFFSET: u32 = 4;
/// Version of Xen it was made for: a string.
pub const XEN_VERSION: u32 = 5;
/// Name of the system: a string.
pub const GUEST_OS: u32 = 6;
/// Its version: a string.
pub const GUEST_VERSION: u32 = 7;
/// The loader it was made for: "generic".
pub const LOADER: u32 = 8;
/// Page tables wanted (32-bit kernels): a string, "yes" …
pub const PAE_MODE: u32 = 9;
/// Features: a string of names, joined by `|`; `!` before a name demands it.
pub const FEATURES: u32 = 10;
/// Symbols are wanted behind the kernel: a string, "yes".
pub const BSD_SYMTAB: u32 = 11;
/// Lowest address of Xen that it can live with.
pub const HV_START_LOW: u32 = 12;
/// Mask and value of a PTE whose frame number is valid.
pub const L1_MFN_VALID: u32 = 13;
/// It can go on after a suspend that was cancelled.
pub const SUSPEND_CANCEL: u32 = 14;
/// Virtual address where it wants the p2m, outside the initial mapping.
pub const INIT_P2M: u32 = 15;
/// It takes the ramdisk by PFN, not mapped.
pub const MOD_START_PFN: u32 = 16;
/// Features it can use: a bit map of `XENFEAT_*`.
pub const SUPPORTED_FEATURES: u32 = 17;
/// Entry point for PVH.
pub const PHYS32_ENTRY: u32 = 18;
