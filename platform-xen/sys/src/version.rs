//! What Xen this is (`version.h`, `features.h`).

use bitflags::bitflags;

/// Major in the high 16 bits of the result, minor in the low.
pub const XENVER_VERSION: u32 = 0;
/// The rest of the version, [`EXTRAVERSION_LEN`] bytes.
pub const XENVER_EXTRAVERSION: u32 = 1;
/// What kinds of guest it runs, [`CAPABILITIES_INFO_LEN`] bytes.
pub const XENVER_CAPABILITIES: u32 = 3;
/// Lowest address of Xen.
pub const XENVER_PLATFORM_PARAMETERS: u32 = 5;
/// A word of features: [`XenFeatureInfo`].
pub const XENVER_GET_FEATURES: u32 = 6;
/// The page size.
pub const XENVER_PAGESIZE: u32 = 7;
/// Our domain's UUID, 16 bytes.
pub const XENVER_GUEST_HANDLE: u32 = 8;

/// Bytes of `xen_extraversion_t`.
pub const EXTRAVERSION_LEN: usize = 16;
/// Bytes of `xen_capabilities_info_t`.
pub const CAPABILITIES_INFO_LEN: usize = 1024;

/// `struct xen_feature_info`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct XenFeatureInfo {
    /// In: which word; there is only 0.
    pub submap_idx: u32,
    /// Out: its bits, [`Features`].
    pub submap: u32,
}

bitflags! {
    /// `XENFEAT_*`, word 0.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    #[repr(transparent)]
    pub struct Features: u32 {
        /// Page tables may be mapped writable.
        const WRITABLE_PAGE_TABLES = 1 << 0;
        /// So may descriptor tables.
        const WRITABLE_DESCRIPTOR_TABLES = 1 << 1;
        /// Xen translates PFNs: not for PV on x86 any more.
        const AUTO_TRANSLATED_PHYSMAP = 1 << 2;
        /// The kernel runs in ring 0.
        const SUPERVISOR_MODE_KERNEL = 1 << 3;
        /// 32 bits: the PAE root may lie above 4 GiB.
        const PAE_PGDIR_ABOVE_4GB = 1 << 4;
        /// `MMU_PT_UPDATE_PRESERVE_AD` works.
        const MMU_PT_UPDATE_PRESERVE_AD = 1 << 5;
        /// 32 bits: `MMUEXT_{CLEAR,COPY}_PAGE` work.
        const HIGHMEM_ASSIST = 1 << 6;
        /// `GNTMAP_guest_avail_mask` works.
        const GNTTAB_MAP_AVAIL_BITS = 1 << 7;
        /// HVM: upcalls by a vector.
        const HVM_CALLBACK_VECTOR = 1 << 8;
        /// HVM: the PV clock is safe.
        const HVM_SAFE_PVCLOCK = 1 << 9;
        /// HVM: interrupts by event channels.
        const HVM_PIRQS = 1 << 10;
        /// This is dom0, or the kernel can be.
        const DOM0 = 1 << 11;
        /// Memory hypercalls know virtual NUMA nodes.
        const MEMORY_OP_VNODE_SUPPORTED = 1 << 13;
        /// `ARM_SMCCC_supported`
        const ARM_SMCCC_SUPPORTED = 1 << 14;
        /// PVH: the RSDP may be anywhere.
        const LINUX_RSDP_UNRESTRICTED = 1 << 15;
        /// PFNs are not MFNs.
        const NOT_DIRECT_MAPPED = 1 << 16;
        /// PFNs are MFNs.
        const DIRECT_MAPPED = 1 << 17;
    }
}
