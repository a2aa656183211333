//! Event channels (`event_channel.h`, virtual interrupts in `xen.h`).

use crate::hypercall::DomId;

/// Number of a local event channel; 0 is never valid.
pub type Port = u32;

/// Ports of the two-level ABI (`EVTCHN_2L_NR_CHANNELS`).
pub const EVTCHN_2L_NR_CHANNELS: usize = 4096;

/// Connect to a port that another domain offers.
pub const EVTCHNOP_BIND_INTERDOMAIN: u32 = 0;
/// Bind a virtual interrupt.
pub const EVTCHNOP_BIND_VIRQ: u32 = 1;
/// Bind a physical interrupt.
pub const EVTCHNOP_BIND_PIRQ: u32 = 2;
/// Close a port.
pub const EVTCHNOP_CLOSE: u32 = 3;
/// Notify the other side.
pub const EVTCHNOP_SEND: u32 = 4;
/// State of a port.
pub const EVTCHNOP_STATUS: u32 = 5;
/// A new port that another domain may bind.
pub const EVTCHNOP_ALLOC_UNBOUND: u32 = 6;
/// A port for inter-processor interrupts.
pub const EVTCHNOP_BIND_IPI: u32 = 7;
/// Choose the vCPU that a port notifies.
pub const EVTCHNOP_BIND_VCPU: u32 = 8;
/// Unmask a port, and raise the upcall if it is pending.
pub const EVTCHNOP_UNMASK: u32 = 9;
/// Close every port.
pub const EVTCHNOP_RESET: u32 = 10;
/// Switch to the FIFO ABI: there is no way back.
pub const EVTCHNOP_INIT_CONTROL: u32 = 11;
/// Give the FIFO ABI another page.
pub const EVTCHNOP_EXPAND_ARRAY: u32 = 12;
/// Set a FIFO priority.
pub const EVTCHNOP_SET_PRIORITY: u32 = 13;

/// Timer of the vCPU.
pub const VIRQ_TIMER: u32 = 0;
/// Asks the guest to print its state.
pub const VIRQ_DEBUG: u32 = 1;
/// Bytes came in on Xen's console (dom0).
pub const VIRQ_CONSOLE: u32 = 2;
/// Something happened to a domain (dom0).
pub const VIRQ_DOM_EXC: u32 = 3;

/// `struct evtchn_alloc_unbound`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct EvtchnAllocUnbound {
    /// In: whose port; `DOMID_SELF`.
    pub dom: DomId,
    /// In: who may bind it.
    pub remote_dom: DomId,
    /// Out: the port.
    pub port: Port,
}

/// `struct evtchn_bind_interdomain`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct EvtchnBindInterdomain {
    /// In: the other domain.
    pub remote_dom: DomId,
    #[doc(hidden)]
    pub pad: u16,
    /// In: its port.
    pub remote_port: Port,
    /// Out: our port.
    pub local_port: Port,
}

/// `struct evtchn_bind_virq`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct EvtchnBindVirq {
    /// In: `VIRQ_*`.
    pub virq: u32,
    /// In: the vCPU.
    pub vcpu: u32,
    /// Out: the port.
    pub port: Port,
}

/// `struct evtchn_bind_ipi`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct EvtchnBindIpi {
    /// In: the vCPU to be notified.
    pub vcpu: u32,
    /// Out: the port.
    pub port: Port,
}

/// `struct evtchn_close`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct EvtchnClose {
    /// In.
    pub port: Port,
}

/// `struct evtchn_send`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct EvtchnSend {
    /// In.
    pub port: Port,
}

/// `struct evtchn_unmask`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct EvtchnUnmask {
    /// In.
    pub port: Port,
}

/// `struct evtchn_bind_vcpu`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct EvtchnBindVcpu {
    /// In.
    pub port: Port,
    /// In.
    pub vcpu: u32,
}

/// `struct evtchn_reset`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct EvtchnReset {
    /// In.
    pub dom: DomId,
}

/// `struct evtchn_status`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct EvtchnStatus {
    /// In: whose port.
    pub dom: DomId,
    #[doc(hidden)]
    pub pad: u16,
    /// In: the port.
    pub port: Port,
    /// Out: `EVTCHNSTAT_*`.
    pub status: u32,
    /// Out: the vCPU it notifies.
    pub vcpu: u32,
    /// Out, the union's first 4 bytes: the remote domain (low 16 bits) if unbound or interdomain, else the interrupt.
    pub u0: u32,
    /// Out, its last 4 bytes: the remote port if interdomain.
    pub u1: u32,
}

/// Not in use.
pub const EVTCHNSTAT_CLOSED: u32 = 0;
/// Waits for the other domain.
pub const EVTCHNSTAT_UNBOUND: u32 = 1;
/// Connected.
pub const EVTCHNSTAT_INTERDOMAIN: u32 = 2;
/// A physical interrupt.
pub const EVTCHNSTAT_PIRQ: u32 = 3;
/// A virtual interrupt.
pub const EVTCHNSTAT_VIRQ: u32 = 4;
/// For inter-processor interrupts.
pub const EVTCHNSTAT_IPI: u32 = 5;
