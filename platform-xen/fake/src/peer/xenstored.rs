//! xenstored: the daemon at the other end of the xenstore page.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use platform_xen::hal::Hal;
use platform_xen::shared::SharedMem;
use platform_xen::xenstore::Channel;
use platform_xen_sys::addr::PAGE_SIZE;
use platform_xen_sys::xenstore as sys;

use crate::peer::machine::{Machine, Peer};
use crate::peer::store::{Store, Watch};

const RING: u32 = sys::XENSTORE_RING_SIZE as u32;
const REQ_CONS: usize = 2 * sys::XENSTORE_RING_SIZE;
const REQ_PROD: usize = REQ_CONS + 4;
const RSP_CONS: usize = REQ_CONS + 8;
const RSP_PROD: usize = REQ_CONS + 12;
const FEATURES: usize = REQ_CONS + 16;
const CONNECTION: usize = REQ_CONS + 20;

/// How it breaks the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// Not at all.
    None,
    /// Never answers, from the request of this number on.
    MuteAfter(u32),
    /// Says it has taken more than it was given.
    BadConsumer,
    /// Says it has put more than the ring holds.
    BadProducer,
    /// Announces a message longer than allowed.
    TooLong,
    /// Answers with another type.
    WrongType,
    /// Answers twice.
    Twice,
    /// Answers to a request that nobody made, before each answer.
    Stranger,
    /// Sends watch events without number or sense, before each answer.
    EventFlood,
    /// Answers with bytes that are no text.
    NoText,
    /// Answers requests of this type with this error.
    Refuses(u32, &'static str),
    /// Never answers requests of this type; all others it does.
    Forgets(u32),
    /// Has lists that never end.
    Endless,
    /// Takes so many nanoseconds over each answer.
    Slow(u64),
}

/// The daemon. It serves one guest.
pub struct Xenstored {
    store: Store,
    page: SharedMem<'static>,
    port: u32,
    /// The guest's number.
    domid: u16,
    input: Vec<u8>,
    output: VecDeque<u8>,
    mischief: Mischief,
    answered: u32,
    /// At most so many bytes move in one step.
    slice: usize,
    /// An event came since its ring was last found empty.
    told: bool,
    /// When it has thought long enough about the request at hand.
    thinks_until: Option<u64>,
}

impl Xenstored {
    /// Starts the daemon on the machine for domain `domid`; gives the guest's end.
    pub fn start(machine: &Machine, store: &Store, domid: u16) -> Channel {
        Xenstored::with(machine, store, domid, Mischief::None, usize::MAX, |_| {})
    }

    /// The same, with faults: mischief, a limit to the bytes it moves at once, and what is done to the page before
    /// anybody sees it.
    pub fn with(
        machine: &Machine,
        store: &Store,
        domid: u16,
        mischief: Mischief,
        slice: usize,
        prepare: impl FnOnce(&SharedMem<'_>),
    ) -> Channel {
        let base = machine.alloc_pages(1).expect("a page");
        // SAFETY: just allocated, and freed with the machine only.
        let page = unsafe { SharedMem::new(base, PAGE_SIZE) };
        prepare(&page);
        let port = machine.open_port();
        store.write(&format!("/local/domain/{domid}/domid"), domid);
        machine.add(Xenstored {
            store: store.clone(),
            page,
            port: port.0,
            domid,
            input: Vec::new(),
            output: VecDeque::new(),
            mischief,
            answered: 0,
            slice,
            told: false,
            thinks_until: None,
        });
        Channel { page, port }
    }

    fn mischief(&self) -> Mischief {
        self.store.mischief().unwrap_or(self.mischief)
    }

    fn get(&self, offset: usize) -> u32 {
        self.page.atomic_u32(offset).load(Ordering::Acquire)
    }

    fn set(&self, offset: usize, value: u32) {
        self.page.atomic_u32(offset).store(value, Ordering::Release);
    }

    fn receive(&mut self) -> bool {
        let (cons, prod) = (self.get(REQ_CONS), self.get(REQ_PROD));
        let there = prod.wrapping_sub(cons);
        assert!(there <= RING, "the guest's producer index makes no sense");
        let mut bytes = [0; RING as usize];
        let bytes = &mut bytes[..(there as usize).min(self.slice)];
        let at = (cons % RING) as usize;
        let (first, second) = bytes.split_at_mut(bytes.len().min(RING as usize - at));
        self.page.read(at, first);
        self.page.read(0, second);
        self.input.extend_from_slice(bytes);
        self.set(REQ_CONS, cons.wrapping_add(bytes.len() as u32));
        !bytes.is_empty()
    }

    fn send(&mut self) -> bool {
        let (cons, prod) = (self.get(RSP_CONS), self.get(RSP_PROD));
        let room = RING.saturating_sub(prod.wrapping_sub(cons)) as usize;
        let bytes: Vec<u8> = self.output.drain(..room.min(self.slice).min(self.output.len())).collect();
        let at = (prod % RING) as usize;
        let (first, second) = bytes.split_at(bytes.len().min(RING as usize - at));
        self.page.write(sys::XENSTORE_RING_SIZE + at, first);
        self.page.write(sys::XENSTORE_RING_SIZE, second);
        self.set(RSP_PROD, prod.wrapping_add(bytes.len() as u32));
        !bytes.is_empty()
    }

    fn put(&mut self, kind: u32, id: u32, transaction: u32, body: &[u8]) {
        for number in [kind, id, transaction, body.len() as u32] {
            self.output.extend(number.to_le_bytes());
        }
        self.output.extend(body);
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') { path.into() } else { format!("/local/domain/{}/{path}", self.domid) }
    }

    fn serve(&mut self, kind: u32, transaction: u32, body: &[u8]) -> Result<Vec<u8>, &'static str> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| "EINVAL");
        let mut parts = body.splitn(2, |byte| *byte == 0);
        let first = text(parts.next().unwrap_or_default())?;
        let rest = parts.next().ok_or("EINVAL")?;
        if first.len() > 1 && first.ends_with('/') {
            return Err("EINVAL");
        }
        let path = self.absolute(&first);
        let home = format!("/local/domain/{}/", self.domid);
        let changes = [sys::XS_WRITE, sys::XS_RM, sys::XS_MKDIR].contains(&kind);
        if changes && !path.starts_with(&home) {
            return Err("EACCES");
        }
        let ok = b"OK\0".to_vec();
        match kind {
            sys::XS_READ => self.store.read_in(transaction, &path).map_err(|error| {
                let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                let hidden = !path.starts_with(&home) && self.store.read(parent).is_none();
                // What isn't there is a secret of the nearest directory that is: of a backend's own one it is told, of those
                // above it not.
                if hidden { "EACCES" } else { error }
            }),
            sys::XS_WRITE => self.store.write_in(transaction, &path, rest).map(|()| ok),
            sys::XS_MKDIR => self.store.mkdir_in(transaction, &path).map(|()| ok),
            sys::XS_RM => self.store.rm_in(transaction, &path).map(|()| ok),
            sys::XS_DIRECTORY => {
                let names = self.store.directory_in(transaction, &path)?;
                let body = list(&names);
                if body.len() > sys::XENSTORE_PAYLOAD_MAX { Err("E2BIG") } else { Ok(body) }
            }
            sys::XS_DIRECTORY_PART => {
                let body = list(&self.store.directory_in(transaction, &path)?);
                let from = text(rest.strip_suffix(b"\0").ok_or("EINVAL")?)?;
                let from: usize = from.parse().map_err(|_| "EINVAL")?;
                Ok(part(self.store.generation(), &body, from))
            }
            sys::XS_TRANSACTION_START => Ok(format!("{}\0", self.store.begin()).into_bytes()),
            sys::XS_TRANSACTION_END => self.store.end(transaction, first == "T").map(|()| ok),
            sys::XS_WATCH | sys::XS_UNWATCH => {
                let token = text(rest.strip_suffix(b"\0").ok_or("EINVAL")?)?;
                if kind == sys::XS_UNWATCH {
                    return self.store.unwatch(&path, &token).map(|()| ok);
                }
                let relative_to = (!first.starts_with('/')).then(|| home.trim_end_matches('/').into());
                self.store.watch(Watch { path, token, relative_to }, first).map(|()| ok)
            }
            sys::XS_RESET_WATCHES => {
                self.store.forget_guest();
                Ok(ok)
            }
            _ => Err("ENOSYS"),
        }
    }

    fn answer_one(&mut self, now: u64) -> bool {
        let number = |at: usize| u32::from_le_bytes(self.input[at..at + 4].try_into().expect("four bytes"));
        if self.input.len() < 16 {
            return false;
        }
        let (kind, id, transaction, len) = (number(0), number(4), number(8), number(12) as usize);
        assert!(len <= sys::XENSTORE_PAYLOAD_MAX, "the guest sends too long a message");
        if self.input.len() < 16 + len {
            return false;
        }
        let mischief = self.mischief();
        if let Mischief::Slow(ns) = mischief
            && now < *self.thinks_until.get_or_insert(now + ns)
        {
            return false;
        }
        self.thinks_until = None;
        let body: Vec<u8> = self.input.drain(..16 + len).skip(16).collect();
        self.answered += 1;
        match mischief {
            Mischief::MuteAfter(n) if self.answered > n => return true,
            Mischief::Forgets(forgotten) if forgotten == kind => return true,
            _ => {}
        }
        let served = match mischief {
            Mischief::Refuses(refused, name) if refused == kind => Err(name),
            _ => self.serve(kind, transaction, &body),
        };
        let (mut kind, mut body) = match served {
            Ok(body) => (kind, body),
            Err(name) => (sys::XS_ERROR, format!("{name}\0").into_bytes()),
        };
        match mischief {
            Mischief::TooLong => self.output.extend([kind, id, 0, 4097].iter().flat_map(|n| n.to_le_bytes())),
            Mischief::WrongType => kind += 1,
            Mischief::Twice => self.put(kind, id, transaction, &body),
            Mischief::Stranger => self.put(kind, id.wrapping_add(77), transaction, &body),
            Mischief::EventFlood => {
                for i in 0..200 {
                    self.put(sys::XS_WATCH_EVENT, 0, 0, format!("device/{i}\0pv-1\0").as_bytes());
                    self.put(sys::XS_WATCH_EVENT, 0, 0, b"\xff");
                    self.put(sys::XS_WATCH_EVENT, 0, 0, b"a\0pv-99999999999999999999\0");
                }
            }
            Mischief::Endless if kind == sys::XS_DIRECTORY => {
                (kind, body) = (sys::XS_ERROR, b"E2BIG\0".to_vec());
            }
            Mischief::Endless if kind == sys::XS_DIRECTORY_PART => body = b"1\0again\0".to_vec(),
            Mischief::NoText => body = vec![0xff; body.len().max(1)],
            _ => {}
        }
        self.put(kind, id, transaction, &body);
        true
    }
}

/// Names, each with its zero byte.
fn list(names: &[String]) -> Vec<u8> {
    names.iter().flat_map(|name| [name.as_bytes(), b"\0"].concat()).collect()
}

/// The generation, then as many whole names of a list as there is room for; the last part ends with an empty name.
fn part(generation: u64, list: &[u8], from: usize) -> Vec<u8> {
    let mut body = format!("{generation}\0").into_bytes();
    let room = sys::XENSTORE_PAYLOAD_MAX - body.len() - 1;
    let rest = list.get(from..).unwrap_or_default();
    let whole = |len: &usize| *len == 0 || rest[len - 1] == 0;
    let len = (0..=rest.len().min(room)).rev().find(whole).unwrap_or(0);
    body.extend(&rest[..len]);
    if len == rest.len() {
        body.push(0);
    }
    body
}

impl Peer for Xenstored {
    fn step(&mut self, machine: &Machine) -> bool {
        let mut busy = false;
        if self.get(CONNECTION) == sys::XENSTORE_RECONNECT && self.get(FEATURES) & 1 != 0 {
            for index in [REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD] {
                self.set(index, 0);
            }
            self.store.forget_guest();
            self.input.clear();
            self.output.clear();
            self.set(CONNECTION, sys::XENSTORE_CONNECTED);
            machine.raise(self.port);
            return true;
        }
        // It looks at its ring only when told to.
        self.told |= machine.take_event(self.port);
        if self.told || self.thinks_until.is_some() {
            busy = self.told && self.receive();
            self.told = busy;
            while self.answer_one(machine.clock()) {
                busy = true;
            }
            match self.mischief() {
                Mischief::BadConsumer => self.set(REQ_CONS, self.get(REQ_PROD).wrapping_add(1)),
                Mischief::BadProducer => self.set(RSP_PROD, self.get(RSP_CONS).wrapping_add(RING + 1)),
                _ => {}
            }
        }
        for (path, token) in self.store.take_events() {
            self.put(sys::XS_WATCH_EVENT, 0, 0, format!("{path}\0{token}\0").as_bytes());
        }
        if !matches!(self.mischief(), Mischief::BadProducer) && self.send() {
            busy = true;
        }
        if busy {
            machine.raise(self.port);
        }
        busy
    }

    fn wakes_at(&self) -> Option<u64> {
        self.thinks_until
    }
}
