//! Frames, what a backend offers, and how it lies.

use std::collections::VecDeque;

/// A frame on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Frame {
    pub bytes: Vec<u8>,
    pub csum_blank: bool,
    pub data_validated: bool,
    /// `XEN_NETIF_GSO_TYPE_*` and the size of a segment.
    pub gso: Option<(u8, u16)>,
    /// To the guest: bytes in each page, from this byte on.
    pub per_page: usize,
    pub offset: usize,
}

impl Frame {
    /// These bytes, with nothing said about them.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Frame {
        Frame {
            bytes: bytes.into(),
            csum_blank: false,
            data_validated: false,
            gso: None,
            per_page: 4096,
            offset: 0,
        }
    }
}

/// A slot of the receive ring as a liar fills it.
#[derive(Clone, Debug)]
pub enum Raw {
    /// A response; `id` of `None` is that of the request. What is in the page stays.
    Data {
        /// See there.
        id: Option<u16>,
        /// Where the data begins.
        offset: u16,
        /// `NETRXF_*`.
        flags: u16,
        /// Bytes, or a negative `NETIF_RSP_*`.
        status: i16,
    },
    /// Eight bytes.
    Extra([u8; 8]),
}

impl Raw {
    /// A response with these bytes and flags, right in all else.
    pub fn data(status: i16, flags: u16) -> Raw {
        Raw::Data { id: None, offset: 0, flags, status }
    }
}

/// What is to be shown to the guest at once.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Delivery {
    Frame(Frame),
    Raw(Vec<Raw>),
}

/// What the backend offers, and what card it is.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The card's address.
    pub mac: &'static str,
    /// The toolstack's `mtu` in the guest's directory.
    pub mtu: Option<&'static str>,
    /// The same in the backend's.
    pub back_mtu: Option<&'static str>,
    /// `feature-rx-copy`
    pub rx_copy: bool,
    /// `feature-sg`
    pub sg: bool,
    /// `feature-gso-tcpv4`
    pub gso_v4: bool,
    /// `feature-gso-tcpv6`
    pub gso_v6: bool,
    /// `feature-no-csum-offload`
    pub no_csum: bool,
    /// `feature-ipv6-csum-offload`
    pub csum_v6: bool,
    /// Sends each frame back.
    pub echo: bool,
    /// Answers in another order than asked.
    pub shuffle: bool,
}

impl Default for Offer {
    fn default() -> Offer {
        Offer {
            mac: "00:16:3e:00:00:01",
            mtu: None,
            back_mtu: None,
            rx_copy: true,
            sg: true,
            gso_v4: true,
            gso_v6: true,
            no_csum: false,
            csum_v6: true,
            echo: false,
            shuffle: false,
        }
    }
}

/// How it lies or fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lie {
    /// It doesn't.
    #[default]
    None,
    /// Stays in Initialising.
    NeverReady,
    /// Never connects.
    NeverConnects,
    /// Never closes.
    NeverCloses,
    /// Sends nothing and answers nothing; it looks what there is.
    Silent,
    /// Doesn't even look.
    Deaf,
    /// Its domain is dead: it maps nothing more, and its keys stay as they are.
    Dead,
    /// Goes to Closing.
    Closes,
    /// Its directory is removed.
    Vanishes,
    /// Answers what was sent with ids that differ in these bits.
    TxId(u16),
    /// Answers a slot twice, and another not at all.
    TxTwice,
    /// Announces more answers than there are requests.
    TxTooMany,
    /// Answers with this status.
    TxStatus(i16),
    /// Announces more received slots than there are requests.
    RxTooMany,
    /// Doesn't unmap the rings.
    KeepsRing,
    /// Maps the pages that it is to read, and keeps them.
    KeepsPages,
    /// Puts this into one of its keys.
    Key(&'static str, &'static str),
    /// Writes nonsense into slots that it has not answered yet, and rings the bell with every answer.
    Scribbles,
}

/// What the backend saw.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Seen {
    pub connections: u64,
    pub tx_slots: u64,
    pub rx_slots: u64,
    /// The most requests of pages there were at once.
    pub most_pages: u32,
    pub events: u64,
    pub notifications: u64,
    /// How often there were too few pages for a frame.
    pub starved: u64,
    /// What the guest did wrong.
    pub bad: Vec<String>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) sent: Vec<Frame>,
    pub(super) inbox: VecDeque<Delivery>,
    pub(super) seen: Seen,
    pub(super) lie: Lie,
}
