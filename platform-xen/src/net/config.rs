//! What of the protocol to use, what was agreed on, and what is said of a frame.

use core::time::Duration;

use platform_xen_sys::net::{
    XEN_NETIF_GSO_TYPE_TCPV4, XEN_NETIF_GSO_TYPE_TCPV6, XEN_NETIF_MAX_TX_SIZE, XEN_NETIF_NR_SLOTS_MIN,
};

/// Bytes of an Ethernet header.
pub(super) const HEADER: usize = 14;
/// Bytes of the longest frame in either direction: the largest IP packet, with its header and a VLAN's tag.
pub(super) const LONGEST: usize = 65_535 + HEADER + 4;
/// Bytes of the longest frame that a slot's `size` can tell.
pub(super) const LONGEST_SENT: usize = XEN_NETIF_MAX_TX_SIZE;
/// The MTU when nothing is said, and the largest without scatter/gather.
pub(super) const USUAL_MTU: usize = 1500;
/// Slots with data that a backend takes for one frame, and that the largest one may come in, however it is cut.
pub(super) const SENT_SLOTS: usize = XEN_NETIF_NR_SLOTS_MIN;
pub(super) const RECEIVED_SLOTS: usize = 2 * XEN_NETIF_NR_SLOTS_MIN;

/// What to use of what a backend offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long the backend may take over each step of connecting and closing.
    pub patience: Duration,
    /// Pages that are out to be received into at first: at least 64, so that any frame can be ended.
    pub rx_first: usize,
    /// The same, at most. The ring's 256 slots bound it, too.
    pub rx_most: usize,
    /// Pages to be sent from, at most: at least 17, for one frame of any length.
    pub tx_most: usize,
    /// Take frames of up to 64 KiB that are still to be cut into TCP segments.
    pub take_gso: bool,
    /// Take frames whose TCP or UDP checksum is still to be filled in.
    pub take_csum_blank: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            patience: Duration::from_secs(10),
            rx_first: 64,
            rx_most: 256,
            tx_most: 256,
            take_gso: true,
            take_csum_blank: true,
        }
    }
}

/// What the backend takes off our hands when we send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// It cuts TCP over IPv4 into segments.
    pub tx_gso_v4: bool,
    /// It cuts TCP over IPv6 into segments.
    pub tx_gso_v6: bool,
    /// It fills in the checksums of TCP and UDP over IPv4.
    pub tx_csum_v4: bool,
    /// It fills in the checksums of TCP and UDP over IPv6.
    pub tx_csum_v6: bool,
    /// Bytes of the longest frame that it takes, with its Ethernet header: more than the MTU and that header for frames that it
    /// cuts.
    pub max_gso: usize,
}

/// What is to be cut into segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoType {
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
}

impl GsoType {
    pub(super) fn code(self) -> u8 {
        match self {
            GsoType::TcpV4 => XEN_NETIF_GSO_TYPE_TCPV4,
            GsoType::TcpV6 => XEN_NETIF_GSO_TYPE_TCPV6,
        }
    }
}

/// What is said of a frame that is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxInfo {
    /// The TCP or UDP checksum is still to be filled in; its field holds the pseudo header's sum.
    pub csum_blank: bool,
    /// It is to be cut into segments with so many bytes of payload. The checksum is blank then, too.
    pub gso: Option<(GsoType, u16)>,
}

/// What is said of a frame that was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxInfo {
    /// The TCP or UDP checksum was never filled in: the frame comes from another domain or the backend's own.
    pub csum_blank: bool,
    /// The backend says that the checksums are right.
    pub data_validated: bool,
    /// It stands for several segments with so many bytes of payload at most.
    pub gso_size: Option<u16>,
}

/// What went through, and what did not, since the card was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received.
    pub rx_packets: u64,
    /// Bytes in them.
    pub rx_bytes: u64,
    /// Frames that the backend could not deliver, or that there was no memory for.
    pub rx_dropped: u64,
    /// Frames that are none: too short.
    pub rx_errors: u64,
    /// Frames sent, as far as that is up to us.
    pub tx_packets: u64,
    /// Bytes in them.
    pub tx_bytes: u64,
    /// Of these, frames that the backend says it dropped.
    pub tx_dropped: u64,
    /// Of these, frames that the backend says it could not send.
    pub tx_errors: u64,
}
