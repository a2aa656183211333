//! A frame as it comes in: a slot at a time, each as the backend filled it.
//!
//! The first slot has data; extra information follows if it says so, then the other slots with data, each of which says
//! whether it is the last. What is not so is a lie. A slot whose data the backend could not deliver is none: the
//! frame is dropped when it has ended.

use alloc::vec::Vec;

use platform_xen_sys::net as sys;
use platform_xen_sys::net::NetRxFlags;

use crate::net::config::{LONGEST, RECEIVED_SLOTS, RxInfo};
use crate::net::wire::{Extra, RX_SLOT, RxResponse};
use crate::pool::Page;
use crate::shared::PAGE;
use crate::xenbus::Fault;

/// Slots with extra information in one frame.
const EXTRAS: usize = 8;
/// Pages that one frame can keep from being received into.
pub(super) const PAGES: usize = RECEIVED_SLOTS + EXTRAS;

/// A page that was answered, and the bytes of the frame that are in it: none, if it was used up by extra information.
pub(super) struct Piece {
    pub(super) page: Page,
    pub(super) offset: usize,
    pub(super) len: usize,
}

/// The slots of a frame so far.
pub(super) struct Chain {
    pub(super) pieces: Vec<Piece>,
    takes_gso: bool,
    /// Flags of the first slot.
    flags: Option<NetRxFlags>,
    slots: usize,
    extras: usize,
    len: usize,
    gso: Option<u16>,
    failed: bool,
    extra_follows: bool,
    data_follows: bool,
}

/// The end of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// All of it is there.
    Whole(RxInfo),
    /// The backend could not deliver all of it.
    Failed,
}

impl Chain {
    pub(super) fn new(takes_gso: bool) -> Chain {
        Chain {
            pieces: Vec::with_capacity(PAGES),
            takes_gso,
            flags: None,
            slots: 0,
            extras: 0,
            len: 0,
            gso: None,
            failed: false,
            extra_follows: false,
            data_follows: false,
        }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The next slot, in which the request with this id and page was. `Some`: the frame has ended; its pieces are to be taken
    /// off, and the chain is ready for the next one.
    ///
    /// # Errors
    /// The backend lies; the chain is of no more use.
    pub(super) fn slot(&mut self, id: u16, page: Page, bytes: [u8; RX_SLOT]) -> Result<Option<Ended>, Fault> {
        if self.flags.is_none() {
            (self.slots, self.extras, self.len, self.gso, self.failed) = (0, 0, 0, None, false);
        }
        let (offset, len) = if self.extra_follows {
            self.extra(Extra::from_bytes(bytes))?;
            (0, 0)
        } else {
            self.data(id, RxResponse::from_bytes(bytes))?
        };
        self.pieces.push(Piece { page, offset, len });
        if self.extra_follows || self.data_follows {
            return Ok(None);
        }
        let flags = self.flags.take().unwrap_or_default();
        if self.failed {
            return Ok(Some(Ended::Failed));
        }
        Ok(Some(Ended::Whole(RxInfo {
            csum_blank: flags.contains(NetRxFlags::CSUM_BLANK),
            data_validated: flags.contains(NetRxFlags::DATA_VALIDATED),
            gso_size: self.gso,
        })))
    }

    /// Where its data is.
    fn data(&mut self, id: u16, response: RxResponse) -> Result<(usize, usize), Fault> {
        let RxResponse { id: said, offset, flags, status } = response;
        if said != id {
            return Err(Fault::PeerMisbehaved("a response in the place of another"));
        }
        if flags.contains(NetRxFlags::GSO_PREFIX) {
            return Err(Fault::PeerMisbehaved("a GSO prefix, which was not agreed on"));
        }
        let (offset, len) = (usize::from(offset), usize::try_from(status).unwrap_or(0));
        if offset + len > PAGE {
            return Err(Fault::PeerMisbehaved("data beyond the end of a page"));
        }
        self.slots += 1;
        self.len += len;
        if self.slots > RECEIVED_SLOTS || self.len > LONGEST {
            return Err(Fault::PeerMisbehaved("a frame that is too long"));
        }
        self.failed |= status < 0;
        self.data_follows = flags.contains(NetRxFlags::MORE_DATA);
        let extra = flags.contains(NetRxFlags::EXTRA_INFO);
        if self.flags.is_none() {
            self.flags = Some(flags);
            self.extra_follows = extra;
        } else if extra {
            return Err(Fault::PeerMisbehaved("extra information in the middle of a frame"));
        }
        Ok((offset, len))
    }

    fn extra(&mut self, extra: Extra) -> Result<(), Fault> {
        let Extra { kind, flags, gso_size, gso_type } = extra;
        self.extras += 1;
        if self.extras > EXTRAS {
            return Err(Fault::PeerMisbehaved("extra information without end"));
        }
        if kind == 0 || flags & !sys::XEN_NETIF_EXTRA_FLAG_MORE != 0 {
            return Err(Fault::PeerMisbehaved("extra information that makes no sense"));
        }
        self.extra_follows = flags & sys::XEN_NETIF_EXTRA_FLAG_MORE != 0;
        // What else there may be, as a hash, is nothing to us.
        if kind == sys::XEN_NETIF_EXTRA_TYPE_GSO {
            if !self.takes_gso {
                return Err(Fault::PeerMisbehaved("GSO, which was not agreed on"));
            }
            let known = [sys::XEN_NETIF_GSO_TYPE_TCPV4, sys::XEN_NETIF_GSO_TYPE_TCPV6].contains(&gso_type);
            if !known || gso_size == 0 || self.gso.is_some() {
                return Err(Fault::PeerMisbehaved("GSO that makes no sense"));
            }
            self.gso = Some(gso_size);
        }
        Ok(())
    }
}
