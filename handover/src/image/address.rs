//! From notes and segments to addresses, with the defaults and the sanity checks of the domain builder (libelf's
//! elf_xen_addr_calc_check), and some that it leaves to the guest's crash.

use super::ImageError;
use super::xen::XenInfo;
use crate::kernel::Kernel;
use alloc::format;
use core::ops::Range;

const PAGE: u64 = 4096;
/// Addresses that Xen keeps for itself in every 64-bit PV guest (PML4 slots 256 to 271).
const XEN_HOLE: Range<u64> = 0xffff_8000_0000_0000..0xffff_8800_0000_0000;
/// First address that is not canonical.
const LOW_END: u64 = 0x0000_8000_0000_0000;

/// Can a 64-bit PV guest have something mapped in `start..end`?
fn is_for_guests(start: u64, end: u64) -> bool {
    start <= end && (end <= LOW_END || start >= XEN_HOLE.end)
}

fn bad(what: alloc::string::String) -> ImageError {
    ImageError::unsupported(what, "this is not a working PV kernel; use another one")
}

/// The facts of a kernel whose segments take the physical addresses `p_min..p_max` (symbols included) and whose
/// ELF header names `elf_entry`.
pub fn kernel(info: &XenInfo, elf_entry: u64, p_min: u64, p_max: u64) -> Result<Kernel, ImageError> {
    if info.paddr_offset.is_some() && info.virt_base.is_none() {
        return Err(bad("this kernel has a PADDR_OFFSET note but no VIRT_BASE".into()));
    }
    let virt_base = info.virt_base.unwrap_or(0);
    let paddr_offset = info.paddr_offset.unwrap_or(if info.legacy { virt_base } else { 0 });
    if !virt_base.is_multiple_of(PAGE) {
        return Err(bad(format!("this kernel's VIRT_BASE {virt_base:#x} is not at a page")));
    }
    if !paddr_offset.is_multiple_of(PAGE) {
        return Err(bad(format!("this kernel's PADDR_OFFSET {paddr_offset:#x} is not at a page")));
    }
    let to_virtual = |p: u64| p.checked_sub(paddr_offset)?.checked_add(virt_base);
    let range = to_virtual(p_min).zip(to_virtual(p_max)).filter(|(start, end)| is_for_guests(*start, *end));
    let Some((start, end)) = range else {
        return Err(bad(format!(
            "this kernel's segments ({p_min:#x} to {p_max:#x}) do not fit VIRT_BASE {virt_base:#x} and PADDR_OFFSET {paddr_offset:#x}"
        )));
    };
    let entry = info.entry.unwrap_or(elf_entry);
    if !(start..end).contains(&entry) {
        return Err(bad(format!("this kernel's entry {entry:#x} is outside of it ({start:#x} to {end:#x})")));
    }
    if let Some(page) = info.hypercall_page
        && !(start & !(PAGE - 1)..end).contains(&page)
    {
        return Err(bad(format!(
            "this kernel's HYPERCALL_PAGE {page:#x} is outside of it ({start:#x} to {end:#x})"
        )));
    }
    if let Some(low) = info.hv_start_low
        && low > XEN_HOLE.start
    {
        return Err(bad(format!("this kernel's HV_START_LOW {low:#x} is above the start of Xen")));
    }
    Ok(Kernel {
        virt_base,
        paddr_offset,
        entry,
        hypercall_page: info.hypercall_page,
        init_p2m: init_p2m(info, start, end)?,
        mod_start_pfn: info.mod_start_pfn,
        p_min,
        p_max,
        features: info.features,
        guest_os: info.guest_os.clone(),
        guest_version: info.guest_version.clone(),
    })
}

/// The builder refuses a p2m inside the kernel, and ignores the note when the address is above VIRT_BASE or not at
/// a page: then the list goes into the boot mapping, as for a kernel with no such note.
fn init_p2m(info: &XenInfo, start: u64, end: u64) -> Result<Option<u64>, ImageError> {
    let Some(address) = info.init_p2m else { return Ok(None) };
    if (start..end).contains(&address) {
        return Err(bad(format!("this kernel's INIT_P2M {address:#x} lies within it")));
    }
    if address >= info.virt_base.unwrap_or(0) || !address.is_multiple_of(PAGE) {
        return Ok(None);
    }
    if !is_for_guests(address, address.saturating_add(PAGE)) {
        return Err(bad(format!("this kernel's INIT_P2M {address:#x} is no address for guests")));
    }
    Ok(Some(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0xffff_ffff_8000_0000;

    fn linux() -> XenInfo {
        XenInfo {
            virt_base: Some(BASE),
            init_p2m: Some(0x80_0000_0000),
            entry: Some(BASE + 0x100_1000),
            ..XenInfo::default()
        }
    }

    #[test]
    fn a_linux() {
        let kernel = kernel(&linux(), 0x100_0000, 0x100_0000, 0x4a0_0000).unwrap();
        assert_eq!((kernel.virt_base, kernel.paddr_offset), (BASE, 0));
        assert_eq!((kernel.entry, kernel.init_p2m), (BASE + 0x100_1000, Some(0x80_0000_0000)));
    }

    #[test]
    fn defaults_differ_between_notes_and_the_old_section() {
        let plain = kernel(&XenInfo::default(), 0x1234, 0x1000, 0x3000).unwrap();
        assert_eq!((plain.virt_base, plain.paddr_offset, plain.entry), (0, 0, 0x1234));
        let old = XenInfo { legacy: true, virt_base: Some(BASE), ..XenInfo::default() };
        let old = kernel(&old, BASE + 0x10_0000, BASE + 0x10_0000, BASE + 0x20_0000).unwrap();
        assert_eq!((old.paddr_offset, old.entry), (BASE, BASE + 0x10_0000));
    }

    #[test]
    fn a_p2m_address_above_the_kernel_is_ignored_and_one_inside_refused() {
        let p2m = |address| {
            kernel(&XenInfo { init_p2m: Some(address), ..linux() }, 0, 0x100_0000, 0x4a0_0000)
                .map(|k| k.init_p2m)
        };
        assert_eq!(p2m(BASE + 0x1000_0000), Ok(None));
        assert_eq!(p2m(0x80_0000_0010), Ok(None));
        assert!(p2m(BASE + 0x200_0000).is_err());
        assert!(p2m(XEN_HOLE.start).is_err());
    }

    #[test]
    fn addresses_that_can_not_work_are_refused() {
        let refused = |info: XenInfo| kernel(&info, 0, 0x100_0000, 0x4a0_0000).unwrap_err().to_string();
        assert!(
            refused(XenInfo { virt_base: None, paddr_offset: Some(0), ..linux() }).contains("PADDR_OFFSET")
        );
        assert!(refused(XenInfo { virt_base: Some(BASE + 1), ..linux() }).contains("VIRT_BASE"));
        assert!(refused(XenInfo { virt_base: Some(XEN_HOLE.start), ..linux() }).contains("VIRT_BASE"));
        assert!(refused(XenInfo { paddr_offset: Some(BASE), ..linux() }).contains("PADDR_OFFSET"));
        assert!(refused(XenInfo { entry: Some(BASE), ..linux() }).contains("entry"));
        assert!(refused(XenInfo { hypercall_page: Some(BASE), ..linux() }).contains("HYPERCALL_PAGE"));
        assert!(refused(XenInfo { hv_start_low: Some(XEN_HOLE.end), ..linux() }).contains("HV_START_LOW"));
        assert!(kernel(&linux(), 0, u64::MAX - 5, u64::MAX).is_err());
    }
}
