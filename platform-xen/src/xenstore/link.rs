//! The connection's state: requests queued, answers awaited, and what xenstored sends.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use platform_xen_sys::xenstore as sys;

use crate::xenstore::client::Channel;
use crate::xenstore::error::{ServerError, XsError};
use crate::xenstore::message::{Assembler, Message, header};
use crate::xenstore::table::Table;
use crate::xenstore::watch::Watches;
use crate::xenstore::wire::Wire;

/// Answers awaited at once, by all threads.
const MAX_WAITING: usize = 256;
/// Bytes of requests that wait for room in the ring.
const MAX_QUEUED: usize = 256 << 10;
/// Bytes taken off the ring in one go, so that a peer that never stops sending can't hold us.
const MAX_TAKEN: usize = 64 << 10;

pub(super) enum Health {
    Good,
    Quiesced,
    Broken(&'static str),
}

pub(super) struct Link {
    pub(super) channel: Channel,
    pub(super) wire: Wire,
    pub(super) assembler: Assembler,
    pub(super) queue: VecDeque<u8>,
    /// By request id: the type asked, and the answer once it is here.
    pub(super) waiting: Table<(u32, Option<Answer>)>,
    pub(super) next_id: u32,
    pub(super) watches: Watches,
    pub(super) health: Health,
    /// An answer did not come in time, and none has come since.
    pub(super) silent: bool,
}

pub(super) type Answer = Result<Vec<u8>, XsError>;

pub(super) struct Moved {
    pub(super) sent: bool,
    pub(super) taken: bool,
}

impl Link {
    pub(super) fn check(&self) -> Result<(), XsError> {
        match self.health {
            Health::Good => Ok(()),
            Health::Quiesced => Err(XsError::Quiesced),
            Health::Broken(what) => Err(XsError::PeerMisbehaved(what)),
        }
    }

    pub(super) fn broken(&mut self, what: &'static str) -> XsError {
        self.health = Health::Broken(what);
        XsError::PeerMisbehaved(what)
    }

    pub(super) fn submit(&mut self, kind: u32, transaction: u32, payload: &[&[u8]]) -> Result<u32, XsError> {
        let len: usize = payload.iter().map(|part| part.len()).sum();
        // The first part is a path, and the zero after it is what ends it.
        if len > sys::XENSTORE_PAYLOAD_MAX || (payload.len() > 1 && payload[0].contains(&0)) {
            return Err(XsError::BadRequest);
        }
        if self.waiting.len() >= MAX_WAITING || self.queue.len() + len > MAX_QUEUED {
            return Err(XsError::Timeout);
        }
        while self.next_id == 0 || self.waiting.get(self.next_id).is_some() {
            self.next_id = self.next_id.wrapping_add(1);
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.queue.extend(header(kind, id, transaction, len as u32));
        for part in payload {
            self.queue.extend(*part);
        }
        self.waiting.insert(id, (kind, None));
        Ok(id)
    }

    pub(super) fn pump(&mut self) -> Result<Moved, &'static str> {
        let mut bytes = [0; 512];
        let mut taken = 0;
        while taken < MAX_TAKEN {
            let wants = self.assembler.wants()?.min(bytes.len());
            let n = self.wire.receive(&mut bytes[..wants])?;
            if n == 0 {
                break;
            }
            taken += n;
            if let Some(message) = self.assembler.add(&bytes[..n])? {
                self.deliver(message)?;
            }
        }
        let sent = self.wire.send(&mut self.queue)?;
        Ok(Moved { sent: sent > 0, taken: taken > 0 })
    }

    fn deliver(&mut self, message: Message) -> Result<(), &'static str> {
        if message.kind == sys::XS_WATCH_EVENT {
            self.watches.deliver(&message.body);
            return Ok(());
        }
        self.silent = false;
        // No longer awaited, or meant for the kernel before us.
        let Some((asked, answer)) = self.waiting.get_mut(message.id) else { return Ok(()) };
        if answer.is_some() {
            return Err("two answers to one request");
        }
        *answer = Some(if message.kind == sys::XS_ERROR {
            let name = message.body.split(|byte| *byte == 0).next().unwrap_or_default();
            Err(XsError::Server(ServerError::from_name(name)))
        } else if message.kind == *asked {
            Ok(message.body)
        } else {
            return Err("an answer of another type than the request");
        });
        Ok(())
    }
}
