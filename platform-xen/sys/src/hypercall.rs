//! Hypercall numbers and domain ids (`xen.h`).
//!
//! On x86-64 the number goes into rax, arguments into rdi, rsi, rdx, r10, r8, and the result comes back in rax; rcx and
//! r11 are lost. A PV guest may execute `syscall` itself or call the hypercall page at 32 × number.

/// A domain's id (`domid_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct DomId(pub u16);

impl DomId {
    /// `DOMID_FIRST_RESERVED`: ids from here on have a special meaning.
    pub const FIRST_RESERVED: DomId = DomId(0x7ff0);
    /// `DOMID_SELF`
    pub const SELF: DomId = DomId(0x7ff0);
    /// `DOMID_IO`: owner of memory-mapped I/O.
    pub const IO: DomId = DomId(0x7ff1);
    /// `DOMID_XEN`: owner of frames that Xen shares.
    pub const XEN: DomId = DomId(0x7ff2);
    /// `DOMID_INVALID`
    pub const INVALID: DomId = DomId(0x7ff4);
}

/// Bytes of one stub in the hypercall page.
pub const HYPERCALL_STUB_SIZE: usize = 32;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident = $value:literal $c:literal;)*) => {$(
        #[doc = concat!("`__HYPERVISOR_", $c, "`")]
        $(#[$doc])*
        pub const $name: u64 = $value;
    )*};
}
numbers! {
    SET_TRAP_TABLE = 0 "set_trap_table";
    MMU_UPDATE = 1 "mmu_update";
    SET_GDT = 2 "set_gdt";
    STACK_SWITCH = 3 "stack_switch";
    SET_CALLBACKS = 4 "set_callbacks";
    FPU_TASKSWITCH = 5 "fpu_taskswitch";
    PLATFORM_OP = 7 "platform_op";
    SET_DEBUGREG = 8 "set_debugreg";
    GET_DEBUGREG = 9 "get_debugreg";
    UPDATE_DESCRIPTOR = 10 "update_descriptor";
    MEMORY_OP = 12 "memory_op";
    MULTICALL = 13 "multicall";
    UPDATE_VA_MAPPING = 14 "update_va_mapping";
    SET_TIMER_OP = 15 "set_timer_op";
    XEN_VERSION = 17 "xen_version";
    CONSOLE_IO = 18 "console_io";
    GRANT_TABLE_OP = 20 "grant_table_op";
    VM_ASSIST = 21 "vm_assist";
    UPDATE_VA_MAPPING_OTHERDOMAIN = 22 "update_va_mapping_otherdomain";
    IRET = 23 "iret";
    VCPU_OP = 24 "vcpu_op";
    SET_SEGMENT_BASE = 25 "set_segment_base";
    MMUEXT_OP = 26 "mmuext_op";
    NMI_OP = 28 "nmi_op";
    SCHED_OP = 29 "sched_op";
    CALLBACK_OP = 30 "callback_op";
    EVENT_CHANNEL_OP = 32 "event_channel_op";
    PHYSDEV_OP = 33 "physdev_op";
    HVM_OP = 34 "hvm_op";
}

/// `CONSOLEIO_write`: to Xen's own console, for dom0 and debug builds.
pub const CONSOLEIO_WRITE: u32 = 0;
/// `CONSOLEIO_read`
pub const CONSOLEIO_READ: u32 = 1;

/// `struct multicall_entry`: one hypercall of a batch.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct MulticallEntry {
    /// Hypercall number.
    pub op: u64,
    /// Its result, written by Xen.
    pub result: i64,
    /// Its arguments.
    pub args: [u64; 6],
}

/// Which base [`SET_SEGMENT_BASE`] sets: `SEGBASE_FS` (`arch-x86/xen-x86_64.h`).
pub const SEGBASE_FS: u32 = 0;
/// `SEGBASE_GS_USER`
pub const SEGBASE_GS_USER: u32 = 1;
/// `SEGBASE_GS_KERNEL`: the guest kernel's gs base.
pub const SEGBASE_GS_KERNEL: u32 = 2;
/// `SEGBASE_GS_USER_SEL`: load a selector into gs.
pub const SEGBASE_GS_USER_SEL: u32 = 3;

/// Selectors of Xen's own GDT that a guest may use: `FLAT_KERNEL_CS64`.
pub const FLAT_KERNEL_CS: u16 = 0xe033;
/// `FLAT_KERNEL_DS64`
pub const FLAT_KERNEL_DS: u16 = 0x0000;
/// `FLAT_KERNEL_SS64`
pub const FLAT_KERNEL_SS: u16 = 0xe02b;

/// `struct trap_info`, an element of [`SET_TRAP_TABLE`]'s list, which ends with an entry whose address is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct TrapInfo {
    /// Exception number.
    pub vector: u8,
    /// Bits 0–1: privilege level that may raise it; bit 2: mask events on entry.
    pub flags: u8,
    /// Code selector.
    pub cs: u16,
    /// Handler's virtual address.
    pub address: u64,
}

/// `struct iret_context`: what [`IRET`] takes from the stack.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct IretContext {
    /// Restored rax.
    pub rax: u64,
    /// Restored r11.
    pub r11: u64,
    /// Restored rcx.
    pub rcx: u64,
    /// `VGCF_*`.
    pub flags: u64,
    /// Where to go.
    pub rip: u64,
    /// Code selector.
    pub cs: u64,
    /// Flags; the interrupt flag becomes the upcall mask.
    pub rflags: u64,
    /// Stack pointer.
    pub rsp: u64,
    /// Stack selector.
    pub ss: u64,
}

/// [`IretContext::flags`]: return to the kernel (`VGCF_in_kernel`).
pub const VGCF_IN_KERNEL: u64 = 1 << 2;
/// `VGCF_in_syscall`: return by sysret.
pub const VGCF_IN_SYSCALL: u64 = 1 << 8;
