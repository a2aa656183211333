//! Sizes and offsets.

use super::{Check, check};
use core::mem::{offset_of, size_of};
use platform_xen_sys::{
    block::*, console::*, event::*, grant::*, hypercall::*, memory::*, mmu::*, net::*, ring::*, sched::*,
    shared_info::*, start_info::*, vcpu::*, version::*, xenstore::*,
};

/// `layout!(list, Ours = "struct theirs" { our_field = "their_field", … })`; a field without a name is called the same.
macro_rules! layout {
    ($list:ident, $ours:ty = $theirs:literal { $($field:ident $(= $name:literal)?),* $(,)? }) => {
        check($list, concat!("sizeof(", $theirs, ")"), size_of::<$ours>() as i128);
        $(
            #[allow(unused_assignments, unused_mut)]
            let mut name = stringify!($field);
            $(name = $name;)?
            check($list, format!("offsetof({}, {name})", $theirs), offset_of!($ours, $field) as i128);
        )*
    };
}

pub fn add(list: &mut Vec<Check>) {
    start_of_day(list);
    calls(list);
    events_and_grants(list);
    devices(list);
}

fn start_of_day(list: &mut Vec<Check>) {
    layout!(list, StartInfo = "struct start_info" {
        magic, nr_pages, shared_info, flags, store_mfn, store_evtchn, console_mfn = "console.domU.mfn",
        console_evtchn = "console.domU.evtchn", pt_base, nr_pt_frames, mfn_list, mod_start, mod_len, cmd_line,
        first_p2m_pfn, nr_p2m_frames,
    });
    layout!(list, VcpuTimeInfo = "struct vcpu_time_info" {
        version, pad0, tsc_timestamp, system_time, tsc_to_system_mul, tsc_shift, flags, pad1,
    });
    layout!(list, ArchVcpuInfo = "struct arch_vcpu_info" { cr2, pad });
    layout!(list, VcpuInfo = "struct vcpu_info" {
        evtchn_upcall_pending, evtchn_upcall_mask, evtchn_pending_sel, arch, time,
    });
    layout!(list, ArchSharedInfo = "struct arch_shared_info" {
        max_pfn, pfn_to_mfn_frame_list_list, nmi_reason, p2m_cr3, p2m_vaddr, p2m_generation,
    });
    layout!(list, SharedInfo = "struct shared_info" {
        vcpu_info, evtchn_pending, evtchn_mask, wc_version, wc_sec, wc_nsec, wc_sec_hi, arch,
    });
    check(
        list,
        "sizeof(((struct shared_info *)0)->vcpu_info)",
        (LEGACY_MAX_VCPUS * size_of::<VcpuInfo>()) as i128,
    );
}

fn calls(list: &mut Vec<Check>) {
    check(list, "sizeof(domid_t)", size_of::<DomId>() as i128);
    layout!(list, MulticallEntry = "struct multicall_entry" { op, result, args });
    layout!(list, TrapInfo = "struct trap_info" { vector, flags, cs, address });
    layout!(list, IretContext = "struct iret_context" { rax, r11, rcx, flags, rip, cs, rflags, rsp, ss });
    layout!(list, MmuUpdate = "struct mmu_update" { ptr, val });
    layout!(list, MmuExtOp = "struct mmuext_op" {
        cmd, arg1 = "arg1.mfn", arg1 = "arg1.linear_addr", arg2 = "arg2.nr_ents", arg2 = "arg2.src_mfn",
        arg2 = "arg2.vcpumask",
    });
    layout!(list, MemoryDomain = "struct xen_memory_domain" { domid });
    layout!(list, MemoryReservation = "struct xen_memory_reservation" {
        extent_start, nr_extents, extent_order, mem_flags, domid,
    });
    layout!(list, MachphysMapping = "struct xen_machphys_mapping" { v_start, v_end, max_mfn });
    layout!(list, MemoryMap = "struct xen_memory_map" { nr_entries, buffer });
    layout!(list, SchedShutdown = "struct sched_shutdown" { reason });
    layout!(list, SchedPoll = "struct sched_poll" { ports, nr_ports, timeout });
    layout!(list, VcpuSetPeriodicTimer = "struct vcpu_set_periodic_timer" { period_ns });
    layout!(list, VcpuSetSingleshotTimer = "struct vcpu_set_singleshot_timer" { timeout_abs_ns, flags });
    layout!(list, VcpuRunstateInfo = "struct vcpu_runstate_info" { state, state_entry_time, time });
    layout!(list, XenFeatureInfo = "struct xen_feature_info" { submap_idx, submap });
    // e820 has no struct in these headers; hvm/e820.h, which has one, isn't for PV.
    assert_eq!(size_of::<E820Entry>(), 20);
}

fn events_and_grants(list: &mut Vec<Check>) {
    layout!(list, EvtchnAllocUnbound = "struct evtchn_alloc_unbound" { dom, remote_dom, port });
    layout!(list, EvtchnBindInterdomain = "struct evtchn_bind_interdomain" { remote_dom, remote_port, local_port });
    layout!(list, EvtchnBindVirq = "struct evtchn_bind_virq" { virq, vcpu, port });
    layout!(list, EvtchnBindIpi = "struct evtchn_bind_ipi" { vcpu, port });
    layout!(list, EvtchnClose = "struct evtchn_close" { port });
    layout!(list, EvtchnSend = "struct evtchn_send" { port });
    layout!(list, EvtchnUnmask = "struct evtchn_unmask" { port });
    layout!(list, EvtchnBindVcpu = "struct evtchn_bind_vcpu" { port, vcpu });
    layout!(list, EvtchnReset = "struct evtchn_reset" { dom });
    layout!(list, EvtchnStatus = "struct evtchn_status" {
        dom, port, status, vcpu, u0 = "u.unbound.dom", u0 = "u.interdomain.dom", u0 = "u.virq", u0 = "u.pirq",
        u1 = "u.interdomain.port",
    });
    layout!(list, GrantEntryV1 = "struct grant_entry_v1" { flags, domid, frame });
    layout!(list, GnttabSetupTable = "struct gnttab_setup_table" { dom, nr_frames, status, frame_list });
    layout!(list, GnttabQuerySize = "struct gnttab_query_size" { dom, nr_frames, max_nr_frames, status });
    layout!(list, GnttabSetVersion = "struct gnttab_set_version" { version });
    layout!(list, GnttabGetVersion = "struct gnttab_get_version" { dom, pad, version });
    check(list, "4096 / sizeof(struct grant_entry_v1)", GRANTS_PER_PAGE as i128);
}

fn devices(list: &mut Vec<Check>) {
    layout!(list, XenconsInterface = "struct xencons_interface" {
        input = "in", output = "out", in_cons, in_prod, out_cons, out_prod,
    });
    layout!(list, XsdSockmsg = "struct xsd_sockmsg" { kind = "type", req_id, tx_id, len });
    layout!(list, XenstoreDomainInterface = "struct xenstore_domain_interface" {
        req, rsp, req_cons, req_prod, rsp_cons, rsp_prod, server_features, connection, error,
    });
    for sring in ["struct blkif_sring", "struct netif_tx_sring", "struct netif_rx_sring"] {
        for (field, offset) in [
            ("req_prod", offset_of!(SringHeader, req_prod)),
            ("req_event", offset_of!(SringHeader, req_event)),
            ("rsp_prod", offset_of!(SringHeader, rsp_prod)),
            ("rsp_event", offset_of!(SringHeader, rsp_event)),
            ("ring", size_of::<SringHeader>()),
            ("ring", SRING_SLOTS_OFFSET),
        ] {
            check(list, format!("offsetof({sring}, {field})"), offset as i128);
        }
    }
    layout!(list, BlkifRequestSegment = "struct blkif_request_segment" { gref, first_sect, last_sect });
    layout!(list, BlkifRequest = "struct blkif_request" {
        operation, nr_segments, handle, id, sector_number, seg,
    });
    layout!(list, BlkifRequestIndirect = "struct blkif_request_indirect" {
        operation, indirect_op, nr_segments, id, sector_number, handle, indirect_grefs,
    });
    layout!(list, BlkifResponse = "struct blkif_response" { id, operation, status });
    check(list, "sizeof(union blkif_sring_entry)", BLKIF_SLOT_SIZE as i128);
    layout!(list, NetifTxRequest = "struct netif_tx_request" { gref, offset, flags, id, size });
    layout!(list, NetifTxResponse = "struct netif_tx_response" { id, status });
    layout!(list, NetifRxRequest = "struct netif_rx_request" { id, pad, gref });
    layout!(list, NetifRxResponse = "struct netif_rx_response" { id, offset, flags, status });
    layout!(list, NetifExtraInfo = "struct netif_extra_info" {
        kind = "type", flags, gso_size = "u.gso.size", gso_type = "u.gso.type", pad = "u.gso.pad",
        gso_features = "u.gso.features",
    });
}
