//! Requests, responses and extra information as bytes of a ring slot.

use platform_xen_sys::net as sys;
use platform_xen_sys::net::{NetRxFlags, NetTxFlags};

use crate::hal::GrantRef;

/// Bytes of a slot: the larger of request and response.
pub(super) const TX_SLOT: usize = 12;
pub(super) const RX_SLOT: usize = 8;

/// A piece of a frame to be sent. In a frame's first slot `size` is the whole frame's.
pub(super) fn tx_request(grant: GrantRef, flags: NetTxFlags, id: u16, size: u16) -> [u8; TX_SLOT] {
    let ([a, b, c, d], [e, f]) = (grant.0.to_le_bytes(), flags.bits().to_le_bytes());
    let ([g, h], [i, j]) = (id.to_le_bytes(), size.to_le_bytes());
    // The data begins where the page does.
    [a, b, c, d, 0, 0, e, f, g, h, i, j]
}

/// The slot that says how a frame is to be cut.
pub(super) fn gso_request(kind: u8, size: u16) -> [u8; TX_SLOT] {
    let [low, high] = size.to_le_bytes();
    [sys::XEN_NETIF_EXTRA_TYPE_GSO, 0, low, high, kind, 0, 0, 0, 0, 0, 0, 0]
}

/// A page to be received into.
pub(super) fn rx_request(grant: GrantRef, id: u16) -> [u8; RX_SLOT] {
    let ([a, b, c, d], [low, high]) = (grant.0.to_le_bytes(), id.to_le_bytes());
    [low, high, 0, 0, a, b, c, d]
}

/// What became of a slot that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct TxResponse {
    pub(super) id: u16,
    pub(super) status: i16,
}

impl TxResponse {
    /// Of a slot only these bytes are the response.
    pub(super) const LEN: usize = 4;

    pub(super) fn from_bytes([a, b, c, d]: [u8; Self::LEN]) -> TxResponse {
        TxResponse { id: u16::from_le_bytes([a, b]), status: i16::from_le_bytes([c, d]) }
    }
}

/// A page with a piece of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct RxResponse {
    pub(super) id: u16,
    pub(super) offset: u16,
    pub(super) flags: NetRxFlags,
    /// Bytes of the piece, or a negative `NETIF_RSP_*`.
    pub(super) status: i16,
}

impl RxResponse {
    pub(super) fn from_bytes([a, b, c, d, e, f, g, h]: [u8; RX_SLOT]) -> RxResponse {
        RxResponse {
            id: u16::from_le_bytes([a, b]),
            offset: u16::from_le_bytes([c, d]),
            flags: NetRxFlags::from_bits_retain(u16::from_le_bytes([e, f])),
            status: i16::from_le_bytes([g, h]),
        }
    }
}

/// Extra information in a received slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extra {
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// Of GSO: payload bytes of a segment, and the protocol.
    pub(super) gso_size: u16,
    pub(super) gso_type: u8,
}

impl Extra {
    pub(super) fn from_bytes([kind, flags, low, high, gso_type, ..]: [u8; RX_SLOT]) -> Extra {
        Extra { kind, flags, gso_size: u16::from_le_bytes([low, high]), gso_type }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::{offset_of, size_of};
    use sys::{NetifExtraInfo, NetifRxRequest, NetifRxResponse, NetifTxRequest, NetifTxResponse};

    #[test]
    fn the_layouts_are_those_of_the_headers() {
        assert_eq!(size_of::<NetifTxRequest>(), TX_SLOT);
        assert_eq!(
            [
                offset_of!(NetifTxRequest, offset),
                offset_of!(NetifTxRequest, flags),
                offset_of!(NetifTxRequest, id),
                offset_of!(NetifTxRequest, size)
            ],
            [4, 6, 8, 10]
        );
        assert_eq!((size_of::<NetifTxResponse>(), offset_of!(NetifTxResponse, status)), (TxResponse::LEN, 2));
        assert_eq!((size_of::<NetifRxRequest>(), offset_of!(NetifRxRequest, gref)), (RX_SLOT, 4));
        assert_eq!(size_of::<NetifRxResponse>(), RX_SLOT);
        assert_eq!(
            [
                offset_of!(NetifRxResponse, offset),
                offset_of!(NetifRxResponse, flags),
                offset_of!(NetifRxResponse, status)
            ],
            [2, 4, 6]
        );
        assert_eq!(size_of::<NetifExtraInfo>(), RX_SLOT);
        assert_eq!(
            [
                offset_of!(NetifExtraInfo, flags),
                offset_of!(NetifExtraInfo, gso_size),
                offset_of!(NetifExtraInfo, gso_type)
            ],
            [1, 2, 4]
        );
    }

    #[test]
    fn slots_as_the_backend_reads_them() {
        let flags = NetTxFlags::CSUM_BLANK | NetTxFlags::MORE_DATA;
        assert_eq!(
            tx_request(GrantRef(0x0a0b_0c0d), flags, 0x0102, 0xfffe),
            [0x0d, 0x0c, 0x0b, 0x0a, 0, 0, 5, 0, 2, 1, 0xfe, 0xff]
        );
        assert_eq!(gso_request(2, 1448)[..6], [1, 0, 0xa8, 5, 2, 0]);
        assert_eq!(rx_request(GrantRef(9), 300), [44, 1, 0, 0, 9, 0, 0, 0]);
        let response = RxResponse::from_bytes([44, 1, 2, 0, 9, 0, 0xfe, 0xff]);
        assert_eq!((response.id, response.offset, response.status), (300, 2, -2));
        assert_eq!(response.flags, NetRxFlags::DATA_VALIDATED | NetRxFlags::EXTRA_INFO);
    }
}
