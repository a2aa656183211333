//! Numbers and flags.

use super::{Check, check};
use platform_xen_sys::hypercall::DomId;
use platform_xen_sys::xenbus::XenbusState;
use platform_xen_sys::*;

/// `same!(list, module { OUR_NAME = "their name", … })`.
macro_rules! same {
    ($list:ident, $module:ident { $($ours:ident $theirs:literal)* }) => {
        $(check($list, $theirs, platform_xen_sys::$module::$ours as i128);)*
    };
}

/// `bits!(list, Flags { OUR_NAME "their name", … })`.
macro_rules! bits {
    ($list:ident, $ours:ty { $($flag:ident $theirs:literal)* }) => {
        $(check($list, $theirs, <$ours>::$flag.bits() as i128);)*
    };
}

pub fn add(list: &mut Vec<Check>) {
    numbers(list);
    flags(list);
    others(list);
}

fn numbers(list: &mut Vec<Check>) {
    same!(list, start_info {
        MAX_GUEST_CMDLINE "MAX_GUEST_CMDLINE"
    });
    same!(list, shared_info {
        LEGACY_MAX_VCPUS "XEN_LEGACY_MAX_VCPUS"
    });
    same!(list, hypercall {
        CONSOLEIO_WRITE "CONSOLEIO_write"
        CONSOLEIO_READ "CONSOLEIO_read"
        SEGBASE_FS "SEGBASE_FS"
        SEGBASE_GS_USER "SEGBASE_GS_USER"
        SEGBASE_GS_KERNEL "SEGBASE_GS_KERNEL"
        SEGBASE_GS_USER_SEL "SEGBASE_GS_USER_SEL"
        FLAT_KERNEL_CS "FLAT_KERNEL_CS64"
        FLAT_KERNEL_DS "FLAT_KERNEL_DS64"
        FLAT_KERNEL_SS "FLAT_KERNEL_SS64"
        VGCF_IN_KERNEL "VGCF_in_kernel"
        VGCF_IN_SYSCALL "VGCF_in_syscall"
        SET_TRAP_TABLE "__HYPERVISOR_set_trap_table"
        MMU_UPDATE "__HYPERVISOR_mmu_update"
        SET_GDT "__HYPERVISOR_set_gdt"
        STACK_SWITCH "__HYPERVISOR_stack_switch"
        SET_CALLBACKS "__HYPERVISOR_set_callbacks"
        FPU_TASKSWITCH "__HYPERVISOR_fpu_taskswitch"
        PLATFORM_OP "__HYPERVISOR_platform_op"
        SET_DEBUGREG "__HYPERVISOR_set_debugreg"
        GET_DEBUGREG "__HYPERVISOR_get_debugreg"
        UPDATE_DESCRIPTOR "__HYPERVISOR_update_descriptor"
        MEMORY_OP "__HYPERVISOR_memory_op"
        MULTICALL "__HYPERVISOR_multicall"
        UPDATE_VA_MAPPING "__HYPERVISOR_update_va_mapping"
        SET_TIMER_OP "__HYPERVISOR_set_timer_op"
        XEN_VERSION "__HYPERVISOR_xen_version"
        CONSOLE_IO "__HYPERVISOR_console_io"
        GRANT_TABLE_OP "__HYPERVISOR_grant_table_op"
        VM_ASSIST "__HYPERVISOR_vm_assist"
        UPDATE_VA_MAPPING_OTHERDOMAIN "__HYPERVISOR_update_va_mapping_otherdomain"
        IRET "__HYPERVISOR_iret"
        VCPU_OP "__HYPERVISOR_vcpu_op"
        SET_SEGMENT_BASE "__HYPERVISOR_set_segment_base"
        MMUEXT_OP "__HYPERVISOR_mmuext_op"
        NMI_OP "__HYPERVISOR_nmi_op"
        SCHED_OP "__HYPERVISOR_sched_op"
        CALLBACK_OP "__HYPERVISOR_callback_op"
        EVENT_CHANNEL_OP "__HYPERVISOR_event_channel_op"
        PHYSDEV_OP "__HYPERVISOR_physdev_op"
        HVM_OP "__HYPERVISOR_hvm_op"
    });
    same!(list, mmu {
        HYPERVISOR_VIRT_START "HYPERVISOR_VIRT_START"
        HYPERVISOR_VIRT_END "HYPERVISOR_VIRT_END"
        MACH2PHYS_VIRT_START "MACH2PHYS_VIRT_START"
        MACH2PHYS_VIRT_END "MACH2PHYS_VIRT_END"
        MMU_NORMAL_PT_UPDATE "MMU_NORMAL_PT_UPDATE"
        MMU_MACHPHYS_UPDATE "MMU_MACHPHYS_UPDATE"
        MMU_PT_UPDATE_PRESERVE_AD "MMU_PT_UPDATE_PRESERVE_AD"
        MMU_PT_UPDATE_NO_TRANSLATE "MMU_PT_UPDATE_NO_TRANSLATE"
        MMUEXT_PIN_L1_TABLE "MMUEXT_PIN_L1_TABLE"
        MMUEXT_PIN_L2_TABLE "MMUEXT_PIN_L2_TABLE"
        MMUEXT_PIN_L3_TABLE "MMUEXT_PIN_L3_TABLE"
        MMUEXT_PIN_L4_TABLE "MMUEXT_PIN_L4_TABLE"
        MMUEXT_UNPIN_TABLE "MMUEXT_UNPIN_TABLE"
        MMUEXT_NEW_BASEPTR "MMUEXT_NEW_BASEPTR"
        MMUEXT_TLB_FLUSH_LOCAL "MMUEXT_TLB_FLUSH_LOCAL"
        MMUEXT_INVLPG_LOCAL "MMUEXT_INVLPG_LOCAL"
        MMUEXT_TLB_FLUSH_MULTI "MMUEXT_TLB_FLUSH_MULTI"
        MMUEXT_INVLPG_MULTI "MMUEXT_INVLPG_MULTI"
        MMUEXT_TLB_FLUSH_ALL "MMUEXT_TLB_FLUSH_ALL"
        MMUEXT_INVLPG_ALL "MMUEXT_INVLPG_ALL"
        MMUEXT_FLUSH_CACHE "MMUEXT_FLUSH_CACHE"
        MMUEXT_SET_LDT "MMUEXT_SET_LDT"
        MMUEXT_NEW_USER_BASEPTR "MMUEXT_NEW_USER_BASEPTR"
        MMUEXT_CLEAR_PAGE "MMUEXT_CLEAR_PAGE"
        MMUEXT_COPY_PAGE "MMUEXT_COPY_PAGE"
    });
    same!(list, memory {
        XENMEM_INCREASE_RESERVATION "XENMEM_increase_reservation"
        XENMEM_DECREASE_RESERVATION "XENMEM_decrease_reservation"
        XENMEM_MAXIMUM_RAM_PAGE "XENMEM_maximum_ram_page"
        XENMEM_CURRENT_RESERVATION "XENMEM_current_reservation"
        XENMEM_MAXIMUM_RESERVATION "XENMEM_maximum_reservation"
        XENMEM_MACHPHYS_MFN_LIST "XENMEM_machphys_mfn_list"
        XENMEM_POPULATE_PHYSMAP "XENMEM_populate_physmap"
        XENMEM_MEMORY_MAP "XENMEM_memory_map"
        XENMEM_EXCHANGE "XENMEM_exchange"
        XENMEM_MACHPHYS_MAPPING "XENMEM_machphys_mapping"
        XENMEM_MAXIMUM_GPFN "XENMEM_maximum_gpfn"
    });
    same!(list, event {
        EVTCHN_2L_NR_CHANNELS "EVTCHN_2L_NR_CHANNELS"
        EVTCHNOP_BIND_INTERDOMAIN "EVTCHNOP_bind_interdomain"
        EVTCHNOP_BIND_VIRQ "EVTCHNOP_bind_virq"
        EVTCHNOP_BIND_PIRQ "EVTCHNOP_bind_pirq"
        EVTCHNOP_CLOSE "EVTCHNOP_close"
        EVTCHNOP_SEND "EVTCHNOP_send"
        EVTCHNOP_STATUS "EVTCHNOP_status"
        EVTCHNOP_ALLOC_UNBOUND "EVTCHNOP_alloc_unbound"
        EVTCHNOP_BIND_IPI "EVTCHNOP_bind_ipi"
        EVTCHNOP_BIND_VCPU "EVTCHNOP_bind_vcpu"
        EVTCHNOP_UNMASK "EVTCHNOP_unmask"
        EVTCHNOP_RESET "EVTCHNOP_reset"
        EVTCHNOP_INIT_CONTROL "EVTCHNOP_init_control"
        EVTCHNOP_EXPAND_ARRAY "EVTCHNOP_expand_array"
        EVTCHNOP_SET_PRIORITY "EVTCHNOP_set_priority"
        VIRQ_TIMER "VIRQ_TIMER"
        VIRQ_DEBUG "VIRQ_DEBUG"
        VIRQ_CONSOLE "VIRQ_CONSOLE"
        VIRQ_DOM_EXC "VIRQ_DOM_EXC"
        EVTCHNSTAT_CLOSED "EVTCHNSTAT_closed"
        EVTCHNSTAT_UNBOUND "EVTCHNSTAT_unbound"
        EVTCHNSTAT_INTERDOMAIN "EVTCHNSTAT_interdomain"
        EVTCHNSTAT_PIRQ "EVTCHNSTAT_pirq"
        EVTCHNSTAT_VIRQ "EVTCHNSTAT_virq"
        EVTCHNSTAT_IPI "EVTCHNSTAT_ipi"
    });
    same!(list, sched {
        SCHEDOP_YIELD "SCHEDOP_yield"
        SCHEDOP_BLOCK "SCHEDOP_block"
        SCHEDOP_SHUTDOWN "SCHEDOP_shutdown"
        SCHEDOP_POLL "SCHEDOP_poll"
        SHUTDOWN_POWEROFF "SHUTDOWN_poweroff"
        SHUTDOWN_REBOOT "SHUTDOWN_reboot"
        SHUTDOWN_SUSPEND "SHUTDOWN_suspend"
        SHUTDOWN_CRASH "SHUTDOWN_crash"
        SHUTDOWN_WATCHDOG "SHUTDOWN_watchdog"
        SHUTDOWN_SOFT_RESET "SHUTDOWN_soft_reset"
    });
    same!(list, vcpu {
        VCPUOP_INITIALISE "VCPUOP_initialise"
        VCPUOP_UP "VCPUOP_up"
        VCPUOP_DOWN "VCPUOP_down"
        VCPUOP_IS_UP "VCPUOP_is_up"
        VCPUOP_GET_RUNSTATE_INFO "VCPUOP_get_runstate_info"
        VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA "VCPUOP_register_runstate_memory_area"
        VCPUOP_SET_PERIODIC_TIMER "VCPUOP_set_periodic_timer"
        VCPUOP_STOP_PERIODIC_TIMER "VCPUOP_stop_periodic_timer"
        VCPUOP_SET_SINGLESHOT_TIMER "VCPUOP_set_singleshot_timer"
        VCPUOP_STOP_SINGLESHOT_TIMER "VCPUOP_stop_singleshot_timer"
        VCPUOP_REGISTER_VCPU_INFO "VCPUOP_register_vcpu_info"
        VCPU_SSHOTTMR_FUTURE "VCPU_SSHOTTMR_future"
    });
    same!(list, version {
        XENVER_VERSION "XENVER_version"
        XENVER_EXTRAVERSION "XENVER_extraversion"
        XENVER_CAPABILITIES "XENVER_capabilities"
        XENVER_PLATFORM_PARAMETERS "XENVER_platform_parameters"
        XENVER_GET_FEATURES "XENVER_get_features"
        XENVER_PAGESIZE "XENVER_pagesize"
        XENVER_GUEST_HANDLE "XENVER_guest_handle"
        EXTRAVERSION_LEN "XEN_EXTRAVERSION_LEN"
        CAPABILITIES_INFO_LEN "XEN_CAPABILITIES_INFO_LEN"
    });
    same!(list, vm_assist {
        VMASST_CMD_ENABLE "VMASST_CMD_enable"
        VMASST_CMD_DISABLE "VMASST_CMD_disable"
        VMASST_TYPE_4GB_SEGMENTS "VMASST_TYPE_4gb_segments"
        VMASST_TYPE_4GB_SEGMENTS_NOTIFY "VMASST_TYPE_4gb_segments_notify"
        VMASST_TYPE_WRITABLE_PAGETABLES "VMASST_TYPE_writable_pagetables"
        VMASST_TYPE_PAE_EXTENDED_CR3 "VMASST_TYPE_pae_extended_cr3"
        VMASST_TYPE_ARCHITECTURAL_IOPL "VMASST_TYPE_architectural_iopl"
        VMASST_TYPE_RUNSTATE_UPDATE_FLAG "VMASST_TYPE_runstate_update_flag"
        VMASST_TYPE_M2P_STRICT "VMASST_TYPE_m2p_strict"
    });
    same!(list, elfnote {
        ENTRY "XEN_ELFNOTE_ENTRY"
        HYPERCALL_PAGE "XEN_ELFNOTE_HYPERCALL_PAGE"
        VIRT_BASE "XEN_ELFNOTE_VIRT_BASE"
        PADDR_OFFSET "XEN_ELFNOTE_PADDR_OFFSET"
        XEN_VERSION "XEN_ELFNOTE_XEN_VERSION"
        GUEST_OS "XEN_ELFNOTE_GUEST_OS"
        GUEST_VERSION "XEN_ELFNOTE_GUEST_VERSION"
        LOADER "XEN_ELFNOTE_LOADER"
        PAE_MODE "XEN_ELFNOTE_PAE_MODE"
        FEATURES "XEN_ELFNOTE_FEATURES"
        BSD_SYMTAB "XEN_ELFNOTE_BSD_SYMTAB"
        HV_START_LOW "XEN_ELFNOTE_HV_START_LOW"
        L1_MFN_VALID "XEN_ELFNOTE_L1_MFN_VALID"
        SUSPEND_CANCEL "XEN_ELFNOTE_SUSPEND_CANCEL"
        INIT_P2M "XEN_ELFNOTE_INIT_P2M"
        MOD_START_PFN "XEN_ELFNOTE_MOD_START_PFN"
        SUPPORTED_FEATURES "XEN_ELFNOTE_SUPPORTED_FEATURES"
        PHYS32_ENTRY "XEN_ELFNOTE_PHYS32_ENTRY"
    });
    same!(list, console {
        XENCONS_IN_SIZE "sizeof(((struct xencons_interface *)0)->in)"
        XENCONS_OUT_SIZE "sizeof(((struct xencons_interface *)0)->out)"
    });
    same!(list, xenstore {
        XENSTORE_RING_SIZE "XENSTORE_RING_SIZE"
        XENSTORE_PAYLOAD_MAX "XENSTORE_PAYLOAD_MAX"
        XENSTORE_ABS_PATH_MAX "XENSTORE_ABS_PATH_MAX"
        XENSTORE_REL_PATH_MAX "XENSTORE_REL_PATH_MAX"
        XENSTORE_SERVER_FEATURE_RECONNECTION "XENSTORE_SERVER_FEATURE_RECONNECTION"
        XENSTORE_SERVER_FEATURE_ERROR "XENSTORE_SERVER_FEATURE_ERROR"
        XENSTORE_CONNECTED "XENSTORE_CONNECTED"
        XENSTORE_RECONNECT "XENSTORE_RECONNECT"
        XS_CONTROL "XS_CONTROL"
        XS_DIRECTORY "XS_DIRECTORY"
        XS_READ "XS_READ"
        XS_GET_PERMS "XS_GET_PERMS"
        XS_WATCH "XS_WATCH"
        XS_UNWATCH "XS_UNWATCH"
        XS_TRANSACTION_START "XS_TRANSACTION_START"
        XS_TRANSACTION_END "XS_TRANSACTION_END"
        XS_INTRODUCE "XS_INTRODUCE"
        XS_RELEASE "XS_RELEASE"
        XS_GET_DOMAIN_PATH "XS_GET_DOMAIN_PATH"
        XS_WRITE "XS_WRITE"
        XS_MKDIR "XS_MKDIR"
        XS_RM "XS_RM"
        XS_SET_PERMS "XS_SET_PERMS"
        XS_WATCH_EVENT "XS_WATCH_EVENT"
        XS_ERROR "XS_ERROR"
        XS_IS_DOMAIN_INTRODUCED "XS_IS_DOMAIN_INTRODUCED"
        XS_RESUME "XS_RESUME"
        XS_SET_TARGET "XS_SET_TARGET"
        XS_RESET_WATCHES "XS_RESET_WATCHES"
        XS_DIRECTORY_PART "XS_DIRECTORY_PART"
        XS_INVALID "XS_INVALID"
    });
    same!(list, grant {
        GNTTAB_NR_RESERVED_ENTRIES "GNTTAB_NR_RESERVED_ENTRIES"
        GNTTAB_RESERVED_CONSOLE "GNTTAB_RESERVED_CONSOLE"
        GNTTAB_RESERVED_XENSTORE "GNTTAB_RESERVED_XENSTORE"
        GNTTABOP_MAP_GRANT_REF "GNTTABOP_map_grant_ref"
        GNTTABOP_UNMAP_GRANT_REF "GNTTABOP_unmap_grant_ref"
        GNTTABOP_SETUP_TABLE "GNTTABOP_setup_table"
        GNTTABOP_COPY "GNTTABOP_copy"
        GNTTABOP_QUERY_SIZE "GNTTABOP_query_size"
        GNTTABOP_SET_VERSION "GNTTABOP_set_version"
        GNTTABOP_GET_VERSION "GNTTABOP_get_version"
        GNTST_OKAY "GNTST_okay"
        GNTST_GENERAL_ERROR "GNTST_general_error"
        GNTST_BAD_DOMAIN "GNTST_bad_domain"
        GNTST_BAD_GNTREF "GNTST_bad_gntref"
        GNTST_PERMISSION_DENIED "GNTST_permission_denied"
        GNTST_EAGAIN "GNTST_eagain"
    });
    same!(list, block {
        BLKIF_OP_READ "BLKIF_OP_READ"
        BLKIF_OP_WRITE "BLKIF_OP_WRITE"
        BLKIF_OP_WRITE_BARRIER "BLKIF_OP_WRITE_BARRIER"
        BLKIF_OP_FLUSH_DISKCACHE "BLKIF_OP_FLUSH_DISKCACHE"
        BLKIF_OP_DISCARD "BLKIF_OP_DISCARD"
        BLKIF_OP_INDIRECT "BLKIF_OP_INDIRECT"
        BLKIF_MAX_SEGMENTS_PER_REQUEST "BLKIF_MAX_SEGMENTS_PER_REQUEST"
        BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST "BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST"
        BLKIF_RSP_OKAY "BLKIF_RSP_OKAY"
        BLKIF_RSP_ERROR "BLKIF_RSP_ERROR"
        BLKIF_RSP_EOPNOTSUPP "BLKIF_RSP_EOPNOTSUPP"
    });
    same!(list, net {
        XEN_NETIF_NR_SLOTS_MIN "XEN_NETIF_NR_SLOTS_MIN"
        XEN_NETIF_MAX_TX_SIZE "XEN_NETIF_MAX_TX_SIZE"
        XEN_NETIF_EXTRA_TYPE_GSO "XEN_NETIF_EXTRA_TYPE_GSO"
        XEN_NETIF_EXTRA_FLAG_MORE "XEN_NETIF_EXTRA_FLAG_MORE"
        XEN_NETIF_GSO_TYPE_TCPV4 "XEN_NETIF_GSO_TYPE_TCPV4"
        XEN_NETIF_GSO_TYPE_TCPV6 "XEN_NETIF_GSO_TYPE_TCPV6"
        NETIF_RSP_OKAY "NETIF_RSP_OKAY"
        NETIF_RSP_NULL "NETIF_RSP_NULL"
        NETIF_RSP_ERROR "NETIF_RSP_ERROR"
        NETIF_RSP_DROPPED "NETIF_RSP_DROPPED"
    });
}

fn flags(list: &mut Vec<Check>) {
    bits!(list, start_info::StartFlags {
        PRIVILEGED "SIF_PRIVILEGED"
        INITDOMAIN "SIF_INITDOMAIN"
        MULTIBOOT_MOD "SIF_MULTIBOOT_MOD"
        MOD_START_PFN "SIF_MOD_START_PFN"
        VIRT_P2M_4TOOLS "SIF_VIRT_P2M_4TOOLS"
        PM_MASK "SIF_PM_MASK"
    });
    bits!(list, shared_info::ClockFlags {
        TSC_STABLE "XEN_PVCLOCK_TSC_STABLE_BIT"
        GUEST_STOPPED "XEN_PVCLOCK_GUEST_STOPPED"
    });
    bits!(list, mmu::Uvmf {
        TLB_FLUSH "UVMF_TLB_FLUSH"
        INVLPG "UVMF_INVLPG"
        ALL "UVMF_ALL"
    });
    bits!(list, grant::GrantFlags {
        PERMIT_ACCESS "GTF_permit_access"
        ACCEPT_TRANSFER "GTF_accept_transfer"
        READONLY "GTF_readonly"
        READING "GTF_reading"
        WRITING "GTF_writing"
    });
    bits!(list, block::VdiskInfo {
        CDROM "VDISK_CDROM"
        REMOVABLE "VDISK_REMOVABLE"
        READONLY "VDISK_READONLY"
    });
    bits!(list, net::NetTxFlags {
        CSUM_BLANK "NETTXF_csum_blank"
        DATA_VALIDATED "NETTXF_data_validated"
        MORE_DATA "NETTXF_more_data"
        EXTRA_INFO "NETTXF_extra_info"
    });
    bits!(list, net::NetRxFlags {
        DATA_VALIDATED "NETRXF_data_validated"
        CSUM_BLANK "NETRXF_csum_blank"
        MORE_DATA "NETRXF_more_data"
        EXTRA_INFO "NETRXF_extra_info"
        GSO_PREFIX "NETRXF_gso_prefix"
    });
    bits!(list, version::Features {
        WRITABLE_PAGE_TABLES "1 << XENFEAT_writable_page_tables"
        WRITABLE_DESCRIPTOR_TABLES "1 << XENFEAT_writable_descriptor_tables"
        AUTO_TRANSLATED_PHYSMAP "1 << XENFEAT_auto_translated_physmap"
        SUPERVISOR_MODE_KERNEL "1 << XENFEAT_supervisor_mode_kernel"
        PAE_PGDIR_ABOVE_4GB "1 << XENFEAT_pae_pgdir_above_4gb"
        MMU_PT_UPDATE_PRESERVE_AD "1 << XENFEAT_mmu_pt_update_preserve_ad"
        HIGHMEM_ASSIST "1 << XENFEAT_highmem_assist"
        GNTTAB_MAP_AVAIL_BITS "1 << XENFEAT_gnttab_map_avail_bits"
        HVM_CALLBACK_VECTOR "1 << XENFEAT_hvm_callback_vector"
        HVM_SAFE_PVCLOCK "1 << XENFEAT_hvm_safe_pvclock"
        HVM_PIRQS "1 << XENFEAT_hvm_pirqs"
        DOM0 "1 << XENFEAT_dom0"
        MEMORY_OP_VNODE_SUPPORTED "1 << XENFEAT_memory_op_vnode_supported"
        ARM_SMCCC_SUPPORTED "1 << XENFEAT_ARM_SMCCC_supported"
        LINUX_RSDP_UNRESTRICTED "1 << XENFEAT_linux_rsdp_unrestricted"
        NOT_DIRECT_MAPPED "1 << XENFEAT_not_direct_mapped"
        DIRECT_MAPPED "1 << XENFEAT_direct_mapped"
    });
}

fn others(list: &mut Vec<Check>) {
    for (name, value) in errno::ALL {
        check(list, format!("XEN_{name}"), *value);
    }
    for (c, ours) in [
        ("DOMID_FIRST_RESERVED", DomId::FIRST_RESERVED),
        ("DOMID_SELF", DomId::SELF),
        ("DOMID_IO", DomId::IO),
        ("DOMID_XEN", DomId::XEN),
        ("DOMID_INVALID", DomId::INVALID),
    ] {
        check(list, c, ours.0);
    }
    use XenbusState::*;
    for state in [
        Unknown,
        Initialising,
        InitWait,
        Initialised,
        Connected,
        Closing,
        Closed,
        Reconfiguring,
        Reconfigured,
    ] {
        check(list, format!("XenbusState{state:?}"), state as u32);
        assert_eq!(XenbusState::from_number(state as u32), state);
    }
}
