//! Sending: frames out, their pages back.

use alloc::vec::Vec;

use platform_xen_sys::net as sys;
use platform_xen_sys::net::NetTxFlags;

use crate::hal::{DomId, GrantRef, HalError, HalRef};
use crate::net::config::{Config, Counters, LONGEST_SENT, TxInfo};
use crate::net::wire::{TX_SLOT, TxResponse, gso_request, tx_request};
use crate::pool::{Page, Pool};
use crate::ring::FrontRing;
use crate::shared::{GrantedPages, PAGE};
use crate::xenbus::Fault;

/// Slots of the largest frame, with the one that says how it is to be cut.
const LARGEST: usize = LONGEST_SENT.div_ceil(PAGE) + 1;

/// A slot that the backend has.
struct Sent {
    id: u16,
    page: Page,
    /// It is the first of its frame.
    first: bool,
}

/// The ring of what is sent.
pub(super) struct Tx {
    ring: FrontRing<GrantedPages>,
    /// Pages that the backend can't write to. Of what is in them it has seen all: they hold frames, and zeroes.
    pool: Pool,
    /// What the backend has, by the low byte of its id.
    sent: Vec<Option<Sent>>,
    free: Vec<u8>,
    /// The high byte of ids: one that comes a second time is not taken for the next with the same low byte.
    turn: u8,
    /// Slots out that hold no data, and so have no id.
    extras: u32,
    /// A frame found no room.
    short: bool,
    /// Pages for the frame at hand.
    pages: Vec<Page>,
}

impl Tx {
    /// An empty ring.
    pub(super) fn new(hal: &HalRef, peer: DomId, config: &Config) -> Result<Tx, Fault> {
        let ring = FrontRing::new(GrantedPages::alloc(hal, 1, peer, false)?, TX_SLOT);
        let size = ring.size().min(256) as usize;
        Ok(Tx {
            ring,
            pool: Pool::new(hal.clone(), peer, config.tx_most.clamp(LARGEST, size), true),
            sent: (0..size).map(|_| None).collect(),
            free: (0..size).rev().map(|number| number as u8).collect(),
            turn: 0,
            extras: 0,
            short: false,
            pages: Vec::with_capacity(LARGEST),
        })
    }

    pub(super) fn ring_grant(&mut self) -> GrantRef {
        self.ring.memory_mut().grants()[0]
    }

    /// Takes what was answered.
    pub(super) fn collect(&mut self, counters: &mut Counters) -> Result<(), Fault> {
        let mut bytes = [0; TxResponse::LEN];
        while self.ring.take(&mut bytes)? {
            self.short = false;
            let TxResponse { id, status } = TxResponse::from_bytes(bytes);
            if status == sys::NETIF_RSP_NULL {
                // A slot without data has no id, either.
                self.extras =
                    self.extras.checked_sub(1).ok_or(Fault::PeerMisbehaved("an answer to no slot"))?;
                continue;
            }
            let number = id as u8;
            let slot = self.sent.get_mut(usize::from(number));
            let Some(sent) = slot.and_then(|slot| slot.take_if(|sent| sent.id == id)) else {
                return Err(Fault::PeerMisbehaved("a response to no request"));
            };
            self.pool.put(sent.page);
            self.free.push(number);
            if sent.first {
                counters.tx_dropped += u64::from(status == sys::NETIF_RSP_DROPPED);
                counters.tx_errors += u64::from(status < 0 && status != sys::NETIF_RSP_DROPPED);
            }
        }
        Ok(())
    }

    /// Slots of a frame for which there is room, memory permitting. The one that says how it is cut has neither number nor page.
    fn room(&self) -> usize {
        (self.ring.free() as usize).min(self.free.len().min(self.pool.available()) + 1)
    }

    /// Whether there is room for any frame.
    pub(super) fn has_room(&mut self, counters: &mut Counters) -> Result<bool, Fault> {
        if self.room() < LARGEST || self.short {
            self.collect(counters)?;
        }
        Ok(self.room() >= LARGEST)
    }

    /// Puts a frame on the ring; the backend is not told yet. `false`: there is no room now.
    ///
    /// # Errors
    /// A lie that was seen on the way; or there is no memory though nothing is sent whose end could make room.
    pub(super) fn send(
        &mut self,
        frame: &[u8],
        info: TxInfo,
        counters: &mut Counters,
    ) -> Result<bool, Fault> {
        let n = frame.len().div_ceil(PAGE);
        let slots = n + usize::from(info.gso.is_some());
        if self.room() < LARGEST || self.short {
            self.collect(counters)?;
        }
        let mut lack = self.take_pages(n, slots);
        if lack.is_err() {
            self.collect(counters)?;
            lack = self.take_pages(n, slots);
        }
        if let Err(lack) = lack {
            self.short = true;
            return match lack {
                Some(error) if self.ring.outstanding() == 0 => Err(Fault::Hal(error)),
                _ => Ok(false),
            };
        }
        let mut flags = NetTxFlags::empty();
        if info.csum_blank || info.gso.is_some() {
            flags |= NetTxFlags::CSUM_BLANK | NetTxFlags::DATA_VALIDATED;
        }
        flags.set(NetTxFlags::EXTRA_INFO, info.gso.is_some());
        let mut pages = core::mem::take(&mut self.pages);
        let mut rest = frame;
        for (i, page) in pages.drain(..).enumerate() {
            let (piece, after) = rest.split_at(rest.len().min(PAGE));
            rest = after;
            flags.set(NetTxFlags::MORE_DATA, !rest.is_empty());
            let first = i == 0;
            self.put(page, piece, first, flags, if first { frame.len() } else { piece.len() });
            if let Some((kind, size)) = info.gso.filter(|_| first) {
                let put = self.ring.put(&gso_request(kind.code(), size));
                debug_assert!(put, "room was checked");
                self.extras += 1;
            }
            flags = NetTxFlags::empty();
        }
        self.pages = pages;
        counters.tx_packets += 1;
        counters.tx_bytes += frame.len() as u64;
        Ok(true)
    }

    /// So many pages, if there are numbers for them and these slots; or none: `Err` says what is missing, if it is no slot.
    fn take_pages(&mut self, n: usize, slots: usize) -> Result<(), Option<HalError>> {
        if n > self.free.len() || slots > self.ring.free() as usize {
            return Err(None);
        }
        while self.pages.len() < n {
            match self.pool.take() {
                Ok(page) => self.pages.push(page),
                Err(error) => {
                    self.pages.drain(..).for_each(|page| self.pool.put(page));
                    return Err(Some(error));
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, page: Page, piece: &[u8], first: bool, flags: NetTxFlags, size: usize) {
        self.pool.memory(&page).write(0, piece);
        let number = self.free.pop().expect("as many numbers as were asked for");
        self.turn = self.turn.wrapping_add(1);
        let id = u16::from_le_bytes([number, self.turn]);
        let put = self.ring.put(&tx_request(self.pool.grant(&page), flags, id, size as u16));
        debug_assert!(put, "room was checked");
        self.sent[usize::from(number)] = Some(Sent { id, page, first });
    }

    /// Tells the backend of new requests; `true`: it wants an event.
    pub(super) fn announce(&mut self) -> bool {
        self.ring.announce()
    }

    /// Whether the backend still has something.
    pub(super) fn is_busy(&self) -> bool {
        self.ring.outstanding() > 0
    }

    /// To be called before waiting: asks for an event when there is room again, if there is none. `true`: there is, already.
    pub(super) fn ask_for_room(&mut self, counters: &mut Counters) -> Result<bool, Fault> {
        let short = self.short;
        if self.has_room(counters)? && !self.short {
            return Ok(short);
        }
        Ok(self.ring.ask_for_event_after(self.ring.outstanding() / 2)?)
    }

    /// The same when the end of all that was sent is awaited.
    pub(super) fn ask_for_end(&mut self) -> Result<bool, Fault> {
        Ok(self.ring.ask_for_event()?)
    }

    /// Ends all grants; how many pages the backend keeps.
    pub(super) fn end(&mut self) -> usize {
        usize::from(self.ring.memory_mut().end().is_err()) + self.pool.end()
    }
}
