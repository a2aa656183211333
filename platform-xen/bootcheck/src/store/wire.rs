//! xenstore's ring, one request at a time.

use crate::window::{STORE, Window};
use crate::{Machine, events, hypercall};
use core::fmt;
use core::mem::{offset_of, size_of};
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use platform_xen_sys::event::{EVTCHNOP_SEND, EvtchnSend};
use platform_xen_sys::hypercall::EVENT_CHANNEL_OP;
use platform_xen_sys::xenstore::{
    XENSTORE_PAYLOAD_MAX, XENSTORE_RING_SIZE, XS_ERROR, XS_WATCH_EVENT, XenstoreDomainInterface, XsdSockmsg,
};

/// How long an answer may take, in nanoseconds.
const PATIENCE: u64 = 5_000_000_000;

/// Why there is no answer.
pub enum Fault {
    /// The server said no, with the first bytes of the errno's name.
    Refused(ErrorName),
    /// It said nothing for too long.
    Silent,
    /// It broke the protocol.
    Nonsense(&'static str),
}

pub struct ErrorName([u8; 16]);

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len());
        write!(f, "{}", crate::start::Escaped(&self.0[..len]))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Refused(why) => write!(f, "refused: {why}"),
            Fault::Silent => f.write_str("no answer"),
            Fault::Nonsense(what) => f.write_str(what),
        }
    }
}

/// A client of the ring.
pub struct Client {
    page: *const u8,
    port: u32,
    next_id: u32,
    answer: [u8; XENSTORE_PAYLOAD_MAX],
    /// Watch events so far. We set no watch, so each was left by somebody before us.
    pub events: u32,
    event: [u8; 256],
    event_len: usize,
}

impl Client {
    pub fn new(machine: &Machine) -> Client {
        let window: &Window = &machine.window;
        Client {
            page: window.address(STORE),
            port: machine.start.store_evtchn,
            next_id: 1,
            answer: [0; XENSTORE_PAYLOAD_MAX],
            events: 0,
            event: [0; 256],
            event_len: 0,
        }
    }

    /// The last watch event: path, NUL, token, NUL.
    pub fn last_event(&self) -> &[u8] {
        &self.event[..self.event_len]
    }

    /// Sends a request made of `parts` and waits for its answer.
    pub fn ask(&mut self, machine: &Machine, kind: u32, parts: &[&[u8]]) -> Result<&[u8], Fault> {
        let id = self.next_id;
        self.next_id += 1;
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let header = [kind, id, 0, len as u32];
        for word in header {
            self.send(machine, &word.to_le_bytes())?;
        }
        for part in parts {
            self.send(machine, part)?;
        }
        loop {
            let mut header = [0u8; size_of::<XsdSockmsg>()];
            self.receive(machine, &mut header)?;
            let word =
                |i: usize| u32::from_le_bytes([header[i], header[i + 1], header[i + 2], header[i + 3]]);
            let (kind_back, id_back, len) = (word(0), word(4), word(12) as usize);
            if len > XENSTORE_PAYLOAD_MAX {
                return Err(Fault::Nonsense("an answer that is too long"));
            }
            let mut answer = [0; XENSTORE_PAYLOAD_MAX];
            self.receive(machine, &mut answer[..len])?;
            if kind_back == XS_WATCH_EVENT {
                self.events += 1;
                self.event_len = len.min(self.event.len());
                self.event[..self.event_len].copy_from_slice(&answer[..self.event_len]);
                continue;
            }
            if id_back != id {
                return Err(Fault::Nonsense("an answer to somebody else's request"));
            }
            if kind_back == XS_ERROR {
                let mut name = [0; 16];
                let n = len.min(16);
                name[..n].copy_from_slice(&answer[..n]);
                return Err(Fault::Refused(ErrorName(name)));
            }
            if kind_back != kind {
                return Err(Fault::Nonsense("an answer of the wrong kind"));
            }
            self.answer = answer;
            return Ok(&self.answer[..len]);
        }
    }

    fn index(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: an aligned word of the ring's page, which stays mapped and is only touched by atomics.
        unsafe { &*self.page.add(offset).cast() }
    }

    fn byte(&self, offset: usize) -> &AtomicU8 {
        // SAFETY: a byte of the ring's page, likewise.
        unsafe { &*self.page.add(offset).cast() }
    }

    fn notify(&self) {
        // SAFETY: the command's argument.
        let _ =
            unsafe { hypercall::op(EVENT_CHANNEL_OP, EVTCHNOP_SEND, &mut EvtchnSend { port: self.port }) };
    }

    /// Waits until `ready` gives a number, then returns it.
    fn wait(
        &self,
        machine: &Machine,
        ready: impl Fn() -> Result<Option<usize>, Fault>,
    ) -> Result<usize, Fault> {
        let deadline = events::now(machine) + PATIENCE;
        loop {
            events::take_pending(machine, self.port);
            if let Some(n) = ready()? {
                return Ok(n);
            }
            if events::now(machine) > deadline {
                return Err(Fault::Silent);
            }
            events::poll(self.port, deadline);
        }
    }

    fn send(&mut self, machine: &Machine, mut bytes: &[u8]) -> Result<(), Fault> {
        let produced = self.index(offset_of!(XenstoreDomainInterface, req_prod));
        let consumed = self.index(offset_of!(XenstoreDomainInterface, req_cons));
        while !bytes.is_empty() {
            let free = self.wait(machine, || {
                let used =
                    produced.load(Ordering::Relaxed).wrapping_sub(consumed.load(Ordering::Acquire)) as usize;
                match XENSTORE_RING_SIZE.checked_sub(used) {
                    Some(0) => Ok(None),
                    Some(free) => Ok(Some(free)),
                    None => Err(Fault::Nonsense("request indices out of range")),
                }
            })?;
            let (now, later) = bytes.split_at(free.min(bytes.len()));
            let at = produced.load(Ordering::Relaxed);
            for (i, byte) in now.iter().enumerate() {
                let place = at.wrapping_add(i as u32) as usize % XENSTORE_RING_SIZE;
                self.byte(offset_of!(XenstoreDomainInterface, req) + place).store(*byte, Ordering::Relaxed);
            }
            produced.store(at.wrapping_add(now.len() as u32), Ordering::Release);
            self.notify();
            bytes = later;
        }
        Ok(())
    }

    fn receive(&mut self, machine: &Machine, into: &mut [u8]) -> Result<(), Fault> {
        let produced = self.index(offset_of!(XenstoreDomainInterface, rsp_prod));
        let consumed = self.index(offset_of!(XenstoreDomainInterface, rsp_cons));
        let mut done = 0;
        while done < into.len() {
            let there = self.wait(machine, || {
                match produced.load(Ordering::Acquire).wrapping_sub(consumed.load(Ordering::Relaxed)) as usize
                {
                    0 => Ok(None),
                    n if n <= XENSTORE_RING_SIZE => Ok(Some(n)),
                    _ => Err(Fault::Nonsense("response indices out of range")),
                }
            })?;
            let n = there.min(into.len() - done);
            let at = consumed.load(Ordering::Relaxed);
            for (i, byte) in into[done..done + n].iter_mut().enumerate() {
                let place = at.wrapping_add(i as u32) as usize % XENSTORE_RING_SIZE;
                *byte = self.byte(offset_of!(XenstoreDomainInterface, rsp) + place).load(Ordering::Relaxed);
            }
            consumed.store(at.wrapping_add(n as u32), Ordering::Release);
            self.notify();
            done += n;
        }
        Ok(())
    }
}
