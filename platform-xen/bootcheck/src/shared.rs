//! The pages that others write too: shared info, console, xenstore. Copied before we use any of them.

use crate::window::{CONSOLE, SHARED, STORE};
use crate::{Machine, line};
use core::mem::{offset_of, size_of};
use platform_xen_sys::console::XenconsInterface;
use platform_xen_sys::shared_info::{ArchSharedInfo, LEGACY_MAX_VCPUS, SharedInfo, VcpuInfo, VcpuTimeInfo};
use platform_xen_sys::xenstore::XenstoreDomainInterface;
use platform_xen_sys::{Mfn, PAGE_SIZE};

type Page = [u8; PAGE_SIZE];

/// The three pages as they were.
pub struct Snapshots {
    shared: Page,
    console: Option<Page>,
    store: Option<Page>,
}

fn copy(from: *const u8) -> Page {
    let mut page = [0; PAGE_SIZE];
    for (i, byte) in page.iter_mut().enumerate() {
        // SAFETY: a mapped page; others may write it, so the read is volatile.
        *byte = unsafe { from.add(i).read_volatile() };
    }
    page
}

fn u32_at(page: &Page, offset: usize) -> u32 {
    u32::from_le_bytes(page[offset..offset + 4].try_into().expect("4 bytes"))
}

fn u64_at(page: &Page, offset: usize) -> u64 {
    u64::from_le_bytes(page[offset..offset + 8].try_into().expect("8 bytes"))
}

fn nonzero(bytes: &[u8]) -> usize {
    bytes.iter().filter(|b| **b != 0).count()
}

/// What is told of a `vcpu_info`.
#[derive(PartialEq)]
struct VcpuSeen {
    mask: u8,
    cr2: u64,
    time: bool,
    flags: u8,
    pending: u8,
    select: u64,
}

impl VcpuSeen {
    fn of(page: &Page, vcpu: usize) -> VcpuSeen {
        let info = &page[vcpu * size_of::<VcpuInfo>()..][..size_of::<VcpuInfo>()];
        let word = |offset: usize| u64::from_le_bytes(info[offset..offset + 8].try_into().expect("8 bytes"));
        let time = &info[offset_of!(VcpuInfo, time)..];
        VcpuSeen {
            mask: info[offset_of!(VcpuInfo, evtchn_upcall_mask)],
            cr2: word(offset_of!(VcpuInfo, arch)),
            time: nonzero(&time[offset_of!(VcpuTimeInfo, tsc_timestamp)..offset_of!(VcpuTimeInfo, flags)])
                > 0,
            flags: time[offset_of!(VcpuTimeInfo, flags)],
            pending: info[offset_of!(VcpuInfo, evtchn_upcall_pending)],
            select: word(offset_of!(VcpuInfo, evtchn_pending_sel)),
        }
    }
}

impl Snapshots {
    /// Maps the pages for good and copies them.
    pub fn take(machine: &mut Machine) -> Snapshots {
        let mut look = |slot, mfn: Mfn| machine.window.map(slot, mfn, true).ok().map(|page| copy(page));
        let shared =
            look(SHARED, machine.start.shared_info.mfn()).expect("the shared info page can be mapped");
        if machine.is_dom0() {
            return Snapshots { shared, console: None, store: None };
        }
        let (console, store) = (machine.start.console_mfn, machine.start.store_mfn);
        let mut look = |slot, mfn: Mfn| machine.window.map(slot, mfn, true).ok().map(|page| copy(page));
        Snapshots { shared, console: look(CONSOLE, console), store: look(STORE, store) }
    }

    /// Prints them.
    pub fn report(&self, machine: &mut Machine) {
        self.vcpus(machine);
        self.ports(machine);
        let page = &self.shared;
        let clock = u32_at(page, offset_of!(SharedInfo, wc_sec));
        line!(machine.out, "shared.wall_clock set={}", clock != 0);
        let arch = offset_of!(SharedInfo, arch);
        for (name, offset) in [
            ("max_pfn", offset_of!(ArchSharedInfo, max_pfn)),
            ("pfn_to_mfn_frame_list_list", offset_of!(ArchSharedInfo, pfn_to_mfn_frame_list_list)),
            ("nmi_reason", offset_of!(ArchSharedInfo, nmi_reason)),
            ("p2m_cr3", offset_of!(ArchSharedInfo, p2m_cr3)),
            ("p2m_vaddr", offset_of!(ArchSharedInfo, p2m_vaddr)),
            ("p2m_generation", offset_of!(ArchSharedInfo, p2m_generation)),
        ] {
            line!(machine.out, "shared.arch.{name} {:#x}", u64_at(page, arch + offset));
        }
        line!(machine.out, "shared.bytes_after nonzero {}", nonzero(&page[size_of::<SharedInfo>()..]));
        self.rings(machine);
    }

    fn vcpus(&self, machine: &mut Machine) {
        // Neighbours that look the same share a line.
        let mut first = 0;
        for vcpu in 0..LEGACY_MAX_VCPUS {
            let this = VcpuSeen::of(&self.shared, vcpu);
            if vcpu + 1 < LEGACY_MAX_VCPUS && this == VcpuSeen::of(&self.shared, vcpu + 1) {
                continue;
            }
            let VcpuSeen { mask, cr2, time, flags, pending, select } = this;
            line!(
                machine.out,
                "shared.vcpu {first}-{vcpu} upcall_mask={mask} cr2={cr2:#x} time set={time} flags={flags:#x}"
            );
            // Whether dom0's daemons have said something by now is chance; `shared.pending` tells about which ports.
            line!(
                machine.out,
                "~shared.vcpu {first}-{vcpu} upcall_pending={pending} pending_sel={select:#x}"
            );
            first = vcpu + 1;
        }
    }

    fn ports(&self, machine: &mut Machine) {
        let (store, console) = (machine.start.store_evtchn, machine.start.console_evtchn);
        for port in 0..4096 {
            let bit =
                |offset: usize| u64_at(&self.shared, offset + port as usize / 64 * 8) >> (port % 64) & 1 != 0;
            if bit(offset_of!(SharedInfo, evtchn_pending)) {
                let tilde = if port != 0 && (port == store || port == console) { "~" } else { "" };
                line!(machine.out, "{tilde}shared.pending port {port}");
            }
        }
        let masks = &self.shared[offset_of!(SharedInfo, evtchn_mask)..][..512];
        let ones: u32 = masks.iter().map(|b| b.count_ones()).sum();
        line!(machine.out, "shared.masked ports {ones} of 4096");
        for (i, byte) in masks.iter().enumerate().filter(|(_, b)| !matches!(**b, 0 | 0xff)) {
            line!(machine.out, "shared.masked from port {}: {byte:#010b}", i * 8);
        }
    }

    fn rings(&self, machine: &mut Machine) {
        if let Some(page) = &self.console {
            let index = |offset| u32_at(page, offset);
            let (in_cons, in_prod) =
                (index(offset_of!(XenconsInterface, in_cons)), index(offset_of!(XenconsInterface, in_prod)));
            let (out_cons, out_prod) = (
                index(offset_of!(XenconsInterface, out_cons)),
                index(offset_of!(XenconsInterface, out_prod)),
            );
            line!(machine.out, "console.ring indices in {in_cons} {in_prod} out {out_cons} {out_prod}");
            line!(machine.out, "console.ring idle={}", in_cons == in_prod && out_cons == out_prod);
            line!(
                machine.out,
                "console.bytes_after nonzero {}",
                nonzero(&page[size_of::<XenconsInterface>()..])
            );
        }
        if let Some(page) = &self.store {
            let index = |offset| u32_at(page, offset);
            let (req_cons, req_prod) = (
                index(offset_of!(XenstoreDomainInterface, req_cons)),
                index(offset_of!(XenstoreDomainInterface, req_prod)),
            );
            let (rsp_cons, rsp_prod) = (
                index(offset_of!(XenstoreDomainInterface, rsp_cons)),
                index(offset_of!(XenstoreDomainInterface, rsp_prod)),
            );
            line!(machine.out, "store.ring indices req {req_cons} {req_prod} rsp {rsp_cons} {rsp_prod}");
            line!(machine.out, "store.ring idle={}", req_cons == req_prod && rsp_cons == rsp_prod);
            line!(
                machine.out,
                "store.ring features={:#x} connection={} error={}",
                index(offset_of!(XenstoreDomainInterface, server_features)),
                index(offset_of!(XenstoreDomainInterface, connection)),
                index(offset_of!(XenstoreDomainInterface, error)),
            );
        }
    }
}
