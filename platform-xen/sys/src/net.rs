//! The network protocol (`io/netif.h`).

use crate::grant::GrantRef;
use bitflags::bitflags;

/// Slots that every backend takes for a packet.
pub const XEN_NETIF_NR_SLOTS_MIN: usize = 18;
/// Most bytes in a packet.
pub const XEN_NETIF_MAX_TX_SIZE: usize = 0xffff;

bitflags! {
    /// `NETTXF_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    #[repr(transparent)]
    pub struct NetTxFlags: u16 {
        /// The checksum is still to be filled in.
        const CSUM_BLANK = 1 << 0;
        /// The data is known to be right.
        const DATA_VALIDATED = 1 << 1;
        /// More slots follow.
        const MORE_DATA = 1 << 2;
        /// An extra slot follows.
        const EXTRA_INFO = 1 << 3;
    }
}

bitflags! {
    /// `NETRXF_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    #[repr(transparent)]
    pub struct NetRxFlags: u16 {
        /// The data is known to be right.
        const DATA_VALIDATED = 1 << 0;
        /// The checksum is still to be filled in.
        const CSUM_BLANK = 1 << 1;
        /// More slots follow.
        const MORE_DATA = 1 << 2;
        /// An extra slot follows.
        const EXTRA_INFO = 1 << 3;
        /// A GSO prefix.
        const GSO_PREFIX = 1 << 4;
    }
}

/// `struct netif_tx_request`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct NetifTxRequest {
    /// The page.
    pub gref: GrantRef,
    /// Where in it.
    pub offset: u16,
    /// See [`NetTxFlags`].
    pub flags: u16,
    /// Comes back in the response.
    pub id: u16,
    /// In the first slot the whole packet's bytes, in others the slot's.
    pub size: u16,
}

/// `struct netif_tx_response`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct NetifTxResponse {
    /// The request's.
    pub id: u16,
    /// `NETIF_RSP_*`.
    pub status: i16,
}

/// `struct netif_rx_request`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct NetifRxRequest {
    /// Comes back in the response.
    pub id: u16,
    #[doc(hidden)]
    pub pad: u16,
    /// The page to fill.
    pub gref: GrantRef,
}

/// `struct netif_rx_response`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct NetifRxResponse {
    /// The request's.
    pub id: u16,
    /// Where in the page.
    pub offset: u16,
    /// See [`NetRxFlags`].
    pub flags: u16,
    /// Bytes, or a negative `NETIF_RSP_*`.
    pub status: i16,
}

/// `struct netif_extra_info`: an extra slot, with the GSO form of its union spelled out.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct NetifExtraInfo {
    /// `XEN_NETIF_EXTRA_TYPE_*`.
    pub kind: u8,
    /// [`XEN_NETIF_EXTRA_FLAG_MORE`].
    pub flags: u8,
    /// `gso.size`: payload bytes of each segment.
    pub gso_size: u16,
    /// `gso.type`: `XEN_NETIF_GSO_TYPE_*`.
    pub gso_type: u8,
    #[doc(hidden)]
    pub pad: u8,
    /// `gso.features`
    pub gso_features: u16,
}

/// The extra slot is about GSO.
pub const XEN_NETIF_EXTRA_TYPE_GSO: u8 = 1;
/// Another extra slot follows.
pub const XEN_NETIF_EXTRA_FLAG_MORE: u8 = 1;
/// TCP over IPv4.
pub const XEN_NETIF_GSO_TYPE_TCPV4: u8 = 1;
/// TCP over IPv6.
pub const XEN_NETIF_GSO_TYPE_TCPV6: u8 = 2;

/// Sent.
pub const NETIF_RSP_OKAY: i16 = 0;
/// This slot was an extra one.
pub const NETIF_RSP_NULL: i16 = 1;
/// Failed.
pub const NETIF_RSP_ERROR: i16 = -1;
/// Dropped.
pub const NETIF_RSP_DROPPED: i16 = -2;
