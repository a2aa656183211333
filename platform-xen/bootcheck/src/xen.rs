//! vCPUs, reservations, and Xen itself.

use crate::{Machine, hypercall, line};
use platform_xen_sys::DomId;
use platform_xen_sys::errno::Errno;
use platform_xen_sys::hypercall::{MEMORY_OP, VCPU_OP, XEN_VERSION};
use platform_xen_sys::memory::{
    E820Entry, MemoryDomain, MemoryMap, XENMEM_CURRENT_RESERVATION, XENMEM_MAXIMUM_RESERVATION,
    XENMEM_MEMORY_MAP,
};
use platform_xen_sys::vcpu::VCPUOP_IS_UP;
use platform_xen_sys::version::{
    CAPABILITIES_INFO_LEN, XENVER_CAPABILITIES, XENVER_EXTRAVERSION, XENVER_GET_FEATURES, XENVER_VERSION,
    XenFeatureInfo,
};

pub fn report(machine: &mut Machine) {
    for vcpu in 0..64 {
        // SAFETY: asks for one bit.
        match unsafe { hypercall::call(VCPU_OP, [u64::from(VCPUOP_IS_UP), vcpu, 0, 0, 0]) } {
            Ok(up) => line!(machine.out, "vcpu {vcpu} up={up}"),
            Err(Errno::ENOENT) => break,
            Err(e) => line!(machine.out, "vcpu {vcpu} {e}"),
        }
    }
    for (name, command) in [("current", XENMEM_CURRENT_RESERVATION), ("maximum", XENMEM_MAXIMUM_RESERVATION)]
    {
        // SAFETY: the command's argument.
        match unsafe { hypercall::op(MEMORY_OP, command, &mut MemoryDomain { domid: DomId::SELF }) } {
            Ok(pages) => line!(machine.out, "reservation {name} {pages}"),
            Err(e) => line!(machine.out, "reservation {name} {e}"),
        }
    }
    let mut entries = [E820Entry::default(); 32];
    let mut map = MemoryMap { nr_entries: entries.len() as u32, buffer: entries.as_mut_ptr() };
    // SAFETY: the command's argument, with room for as many entries as it says.
    match unsafe { hypercall::op(MEMORY_OP, XENMEM_MEMORY_MAP, &mut map) } {
        Ok(_) => {
            for entry in &entries[..map.nr_entries as usize] {
                let (addr, size, kind) = (entry.addr, entry.size, entry.kind);
                line!(machine.out, "memory_map {addr:#x}+{size:#x} kind {kind}");
            }
        }
        Err(e) => line!(machine.out, "memory_map {e}"),
    }
    version(machine);
}

fn version(machine: &mut Machine) {
    // SAFETY: no argument.
    let version = unsafe { hypercall::call(XEN_VERSION, [u64::from(XENVER_VERSION), 0, 0, 0, 0]) };
    let mut extra = [0u8; 16];
    let mut capabilities = [0u8; CAPABILITIES_INFO_LEN];
    // SAFETY: both commands fill a field of just this length.
    let _ = unsafe {
        (
            hypercall::op(XEN_VERSION, XENVER_EXTRAVERSION, &mut extra),
            hypercall::op(XEN_VERSION, XENVER_CAPABILITIES, &mut capabilities),
        )
    };
    let text = |bytes: &[u8]| bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let version = version.unwrap_or(0);
    line!(
        machine.out,
        "xen.version {}.{}{}",
        version >> 16,
        version & 0xffff,
        crate::start::Escaped(&extra[..text(&extra)])
    );
    line!(machine.out, "xen.capabilities {}", crate::start::Escaped(&capabilities[..text(&capabilities)]));
    let mut features = XenFeatureInfo::default();
    // SAFETY: the command's argument.
    let _ = unsafe { hypercall::op(XEN_VERSION, XENVER_GET_FEATURES, &mut features) };
    line!(machine.out, "xen.features {:#x}", features.submap);
}
