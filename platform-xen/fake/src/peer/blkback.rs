//! A block backend, after the behaviour of Linux's: state machine, features, notification hold-off.

use std::collections::HashMap;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex};

use platform_xen_sys::block as sys;

use crate::peer::disk::Contents;
use crate::peer::machine::{Machine, Mapping, Peer};
use crate::peer::store::Store;

/// What the backend offers, and what disk it has.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Units of 512 bytes.
    pub sectors: u64,
    /// Bytes in a sector.
    pub sector_size: u32,
    /// Refuses writes.
    pub read_only: bool,
    /// Persistent grants.
    pub persistent: bool,
    /// Segments of an indirect request; 0: none.
    pub indirect: u32,
    /// log2 of the ring's pages.
    pub ring_order: u32,
    /// Flushes.
    pub flush: bool,
    /// Nanoseconds from a request to its response.
    pub latency: u64,
    /// Answers in another order than asked.
    pub shuffle: bool,
}

impl Default for Offer {
    fn default() -> Offer {
        Offer {
            sectors: 1 << 22,
            sector_size: 512,
            read_only: false,
            persistent: true,
            indirect: 256,
            ring_order: 4,
            flush: true,
            latency: 50_000,
            shuffle: false,
        }
    }
}

/// How it lies or fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It doesn't.
    None,
    /// Stays in Initialising.
    NeverReady,
    /// Gets ready after so many nanoseconds.
    ReadyAt(u64),
    /// Never connects.
    NeverConnects,
    /// Never closes.
    NeverCloses,
    /// From the request of this number on, says nothing more, but keeps its pages mapped.
    SilentAfter(u64),
    /// From the request of this number on, doesn't even look.
    DeafAfter(u64),
    /// At the request of this number, its directory is removed.
    VanishAt(u64),
    /// At the request of this number, it goes to Closing.
    CloseAt(u64),
    /// At the request of this number, its domain dies: it maps nothing more, and its keys stay as they are.
    DiesAt(u64),
    /// Answers with this id.
    Id(u64),
    /// Answers each request twice.
    Twice,
    /// Announces more responses than there are requests.
    TooMany,
    /// Answers with this status, without doing anything.
    Status(i16),
    /// Answers with an operation that doesn't exist.
    Operation,
    /// Doesn't unmap the pages of requests.
    KeepsPages,
    /// Doesn't unmap the ring.
    KeepsRing,
    /// Puts this into one of its keys.
    Key(&'static str, &'static str),
    /// Writes nonsense into slots that it has not answered yet, and rings the bell with every answer.
    Scribbles,
}

/// What the backend saw.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Seen {
    pub requests: u64,
    pub indirect_requests: u64,
    pub most_segments: usize,
    pub most_in_flight: usize,
    pub ring_pages: usize,
    pub persistent: bool,
    pub maps: u64,
    pub writes: u64,
    pub flushes: u64,
    pub events: u64,
    pub notifications: u64,
    pub connections: u64,
    pub bad_requests: Vec<String>,
}

struct Job {
    due: u64,
    id: u64,
    operation: u8,
    status: i16,
    pages: Vec<Mapping>,
}

struct Connection {
    ring: Vec<Mapping>,
    port: u32,
    persistent: bool,
    req_cons: u32,
    rsp_prod: u32,
    size: u32,
    kept: HashMap<u32, Mapping>,
    jobs: Vec<Job>,
}

/// The backend of one disk.
pub struct Blkback {
    store: Store,
    front: String,
    back: String,
    offer: Offer,
    lie: Lie,
    contents: Contents,
    connection: Option<Connection>,
    seen: Arc<Mutex<Seen>>,
    hoard: Vec<Mapping>,
    random: u64,
    now: u64,
}

impl Blkback {
    /// Makes the device in xenstore and its backend, for guest `domid` and virtual device `number`. Gives what the
    /// backend will have seen.
    pub fn start(
        machine: &Machine,
        store: &Store,
        domid: u16,
        number: u32,
        contents: Contents,
        offer: Offer,
        lie: Lie,
    ) -> Arc<Mutex<Seen>> {
        let front = format!("/local/domain/{domid}/device/vbd/{number}");
        let back = format!("/local/domain/0/backend/vbd/{domid}/{number}");
        for (key, value) in
            [("backend", back.as_str()), ("backend-id", "0"), ("state", "1"), ("device-type", "disk")]
        {
            store.write(&format!("{front}/{key}"), value);
        }
        store.write(&format!("{front}/virtual-device"), number);
        for (key, value) in [("frontend", front.as_str()), ("online", "1"), ("state", "1")] {
            store.write(&format!("{back}/{key}"), value);
        }
        store.write(&format!("{back}/mode"), if offer.read_only { "r" } else { "w" });
        let seen = Arc::new(Mutex::new(Seen::default()));
        machine.add(Blkback {
            store: store.clone(),
            front,
            back,
            offer,
            lie,
            contents,
            connection: None,
            seen: seen.clone(),
            hoard: Vec::new(),
            random: 12345,
            now: 0,
        });
        seen
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn state(&self) -> Option<u32> {
        self.store.read(&format!("{}/state", self.back))?.parse().ok()
    }

    fn go(&self, state: u32) {
        self.store.write(&format!("{}/state", self.back), state);
    }

    fn key(&self, key: &str, value: impl ToString) {
        match self.lie {
            Lie::Key(name, lie) if name == key => self.store.write(&format!("{}/{key}", self.back), lie),
            _ => self.store.write(&format!("{}/{key}", self.back), value),
        }
    }

    fn front_number(&self, key: &str) -> Option<u32> {
        self.store.read(&format!("{}/{key}", self.front))?.parse().ok()
    }

    /// One turn of the state machine.
    fn change_state(&mut self, machine: &Machine) -> bool {
        let Some(state) = self.state() else {
            let connected = self.connection.is_some();
            self.disconnect(machine);
            return connected;
        };
        let front = self.front_number("state").unwrap_or(0);
        match (state, front) {
            (1, _) => {
                match self.lie {
                    Lie::NeverReady => return false,
                    Lie::ReadyAt(at) if self.now < at => return false,
                    _ => {}
                }
                self.key("feature-max-indirect-segments", self.offer.indirect);
                self.key("max-ring-page-order", self.offer.ring_order);
                self.go(2);
            }
            (6, 1) => self.go(2),
            (2, 3 | 4) if self.lie != Lie::NeverConnects => {
                match self.connect(machine) {
                    Some(connection) => self.connection = Some(connection),
                    None => {
                        self.seen().bad_requests.push("the frontend's keys make no sense".into());
                        self.go(5);
                        return true;
                    }
                }
                self.key("feature-persistent", u8::from(self.offer.persistent));
                self.key("feature-flush-cache", u8::from(self.offer.flush));
                self.key("sectors", self.offer.sectors);
                self.key("sector-size", self.offer.sector_size);
                self.key("info", if self.offer.read_only { 4 } else { 0 });
                self.go(4);
            }
            (_, _) if self.lie == Lie::NeverCloses => return false,
            (2..=4, 5) => self.go(5),
            (2..=5, 6) => {
                self.disconnect(machine);
                self.go(6);
            }
            _ => return false,
        }
        true
    }

    fn connect(&mut self, machine: &Machine) -> Option<Connection> {
        let grants = match self.front_number("ring-page-order") {
            None => vec![self.front_number("ring-ref")?],
            Some(order) if order <= self.offer.ring_order => {
                (0..1 << order).map(|i| self.front_number(&format!("ring-ref{i}"))).collect::<Option<_>>()?
            }
            Some(_) => return None,
        };
        let port = self.front_number("event-channel").filter(|port| machine.is_open(*port))?;
        if self.store.read(&format!("{}/protocol", self.front))? != "x86_64-abi" {
            return None;
        }
        let ring: Vec<Mapping> = grants.iter().filter_map(|grant| machine.map(*grant, true)).collect();
        let persistent = self.offer.persistent && self.front_number("feature-persistent") == Some(1);
        let fit = (ring.len() * 4096 - 64) / sys::BLKIF_SLOT_SIZE;
        let mut seen = self.seen();
        seen.ring_pages = ring.len();
        seen.persistent = persistent;
        seen.connections += 1;
        drop(seen);
        (ring.len() == grants.len()).then(|| Connection {
            ring,
            port,
            persistent,
            req_cons: 0,
            rsp_prod: 0,
            size: 1 << fit.ilog2(),
            kept: HashMap::new(),
            jobs: Vec::new(),
        })
    }

    fn disconnect(&mut self, machine: &Machine) {
        let Some(connection) = self.connection.take() else { return };
        let Connection { ring, kept, jobs, .. } = connection;
        if self.lie == Lie::KeepsRing {
            self.hoard.extend(ring);
        } else {
            ring.into_iter().for_each(|mapping| machine.unmap(mapping));
        }
        kept.into_values().for_each(|mapping| machine.unmap(mapping));
        jobs.into_iter().flat_map(|job| job.pages).for_each(|mapping| machine.unmap(mapping));
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.random >> 20
    }

    fn serve(&mut self, machine: &Machine, c: &mut Connection) -> bool {
        if self.state() != Some(4) {
            return false;
        }
        let requests = self.seen().requests;
        match self.lie {
            Lie::DeafAfter(n) if requests >= n => return false,
            Lie::VanishAt(n) if requests >= n => {
                self.store.remove(&self.back);
                return true;
            }
            Lie::CloseAt(n) if requests >= n => {
                // Once: it can be opened again.
                self.lie = Lie::None;
                self.go(5);
                return true;
            }
            _ => {}
        }
        let mut busy = false;
        if machine.take_event(c.port) {
            self.seen().events += 1;
            busy = true;
            loop {
                let prod = c.load(machine, 0);
                assert!(prod.wrapping_sub(c.req_cons) <= c.size, "the guest's producer index makes no sense");
                while c.req_cons != prod {
                    let mut slot = [0; sys::BLKIF_SLOT_SIZE];
                    c.slot(machine, c.req_cons, |page, at, len, done| {
                        page.read(at, &mut slot[done..done + len])
                    });
                    c.req_cons = c.req_cons.wrapping_add(1);
                    self.take(machine, c, &slot);
                }
                c.store(machine, 4, c.req_cons.wrapping_add(1));
                fence(Ordering::SeqCst);
                if c.load(machine, 0) == c.req_cons {
                    break;
                }
            }
        }
        busy | self.answer(machine, c)
    }

    /// A request as it came off the ring.
    fn take(&mut self, machine: &Machine, c: &mut Connection, slot: &[u8; sys::BLKIF_SLOT_SIZE]) {
        let n16 = |at: usize| u16::from_le_bytes([slot[at], slot[at + 1]]);
        let n64 = |at: usize| u64::from_le_bytes(slot[at..at + 8].try_into().unwrap());
        let (id, sector) = (n64(8), n64(16));
        let indirect = slot[0] == sys::BLKIF_OP_INDIRECT;
        let (operation, count) =
            if indirect { (slot[1], usize::from(n16(2))) } else { (slot[0], usize::from(slot[1])) };
        let mut pages = Vec::new();
        let table = if indirect {
            let grant = u32::from_le_bytes(slot[28..32].try_into().unwrap());
            let mut table = vec![0; (count * 8).min(4096)];
            // A persistent backend maps every page for writing, those with segments too.
            if let Some(page) = self.map(machine, c, grant, c.persistent, &mut pages) {
                page.read(0, &mut table);
            }
            table
        } else {
            slot[24..24 + count.min(11) * 8].to_vec()
        };
        {
            let mut seen = self.seen();
            seen.requests += 1;
            seen.indirect_requests += u64::from(indirect);
            seen.most_segments = seen.most_segments.max(count);
            seen.most_in_flight = seen.most_in_flight.max(c.jobs.len() + 1);
            seen.flushes += u64::from(operation == sys::BLKIF_OP_FLUSH_DISKCACHE);
        }
        let status = match self.transfer(machine, c, operation, sector, &table, indirect, &mut pages) {
            Ok(()) => sys::BLKIF_RSP_OKAY,
            Err(why) => {
                self.seen().bad_requests.push(why);
                sys::BLKIF_RSP_ERROR
            }
        };
        let due = self.now + self.offer.latency;
        c.jobs.push(Job { due, id, operation, status, pages });
    }

    fn map(
        &mut self,
        machine: &Machine,
        c: &mut Connection,
        grant: u32,
        write: bool,
        pages: &mut Vec<Mapping>,
    ) -> Option<platform_xen::shared::SharedMem> {
        if let Some(mapping) = c.kept.get(&grant) {
            return Some(machine.memory(mapping));
        }
        let mapping = machine.map(grant, write)?;
        self.seen().maps += 1;
        let memory = machine.memory(&mapping);
        if c.persistent {
            c.kept.insert(grant, mapping);
        } else {
            pages.push(mapping);
        }
        Some(memory)
    }

    #[expect(clippy::too_many_arguments)]
    fn transfer(
        &mut self,
        machine: &Machine,
        c: &mut Connection,
        operation: u8,
        mut sector: u64,
        table: &[u8],
        indirect: bool,
        pages: &mut Vec<Mapping>,
    ) -> Result<(), String> {
        let most = if indirect { self.offer.indirect as usize } else { 11 };
        let segments = table.len() / 8;
        let per_sector = u64::from(self.offer.sector_size / 512);
        match operation {
            sys::BLKIF_OP_FLUSH_DISKCACHE if self.offer.flush => return Ok(()),
            sys::BLKIF_OP_WRITE if self.offer.read_only => return Err("a write to a read-only disk".into()),
            sys::BLKIF_OP_READ | sys::BLKIF_OP_WRITE => {}
            _ => return Err(format!("operation {operation}")),
        }
        if segments == 0 || segments > most {
            return Err(format!("{segments} segments"));
        }
        if !sector.is_multiple_of(per_sector) {
            return Err(format!("sector {sector} in a disk of {}-byte sectors", self.offer.sector_size));
        }
        for segment in table.chunks_exact(8) {
            let grant = u32::from_le_bytes(segment[..4].try_into().unwrap());
            let (first, last) = (segment[4], segment[5]);
            if first > last || last > 7 || !u64::from(last - first + 1).is_multiple_of(per_sector) {
                return Err(format!("segment {first}..{last}"));
            }
            let read = operation == sys::BLKIF_OP_READ;
            let memory = self.map(machine, c, grant, read || c.persistent, pages).ok_or("a bad grant")?;
            for at in first..=last {
                if sector >= self.offer.sectors {
                    return Err(format!("sector {sector} is beyond the end"));
                }
                let offset = usize::from(at) * 512;
                if read {
                    memory.write(offset, &self.contents.sector(sector));
                } else {
                    let mut bytes = [0; 512];
                    memory.read(offset, &mut bytes);
                    self.contents.write(sector, bytes);
                    self.seen().writes += 1;
                }
                sector += 1;
            }
        }
        Ok(())
    }

    fn answer(&mut self, machine: &Machine, c: &mut Connection) -> bool {
        if let Lie::SilentAfter(n) = self.lie
            && self.seen().requests > n
        {
            return false;
        }
        let old = c.rsp_prod;
        let mut due: Vec<Job> = c.jobs.extract_if(.., |job| job.due <= self.now).collect();
        if self.offer.shuffle {
            for i in 1..due.len() {
                due.swap(i, self.random() as usize % (i + 1));
            }
        }
        for job in due {
            let Job { mut id, mut operation, mut status, pages, .. } = job;
            if self.lie == Lie::KeepsPages {
                self.hoard.extend(pages);
            } else {
                pages.into_iter().for_each(|mapping| machine.unmap(mapping));
            }
            match self.lie {
                Lie::Id(lie) => id = lie,
                Lie::Status(lie) => status = lie,
                Lie::Operation => operation = 99,
                _ => {}
            }
            let times = if self.lie == Lie::Twice { 2 } else { 1 };
            for _ in 0..times {
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&id.to_le_bytes());
                bytes[8] = operation;
                bytes[10..12].copy_from_slice(&status.to_le_bytes());
                c.slot(machine, c.rsp_prod, |page, at, len, done| {
                    let end = (done + len).min(16);
                    if done < end {
                        page.write(at, &bytes[done..end]);
                    }
                });
                c.rsp_prod = c.rsp_prod.wrapping_add(1);
            }
        }
        let owed = c.req_cons.wrapping_sub(c.rsp_prod);
        if self.lie == Lie::Scribbles && owed > 0 {
            // Into slots whose request was taken: until the answer stands there, they are the backend's.
            for _ in 0..4 {
                let (slot, byte) = (self.random() as u32, self.random() as u8);
                let index = c.rsp_prod.wrapping_add(slot % owed);
                c.slot(machine, index, |page, at, len, _| page.write(at, &vec![byte; len]));
            }
        }
        if old == c.rsp_prod {
            return false;
        }
        if self.lie == Lie::TooMany {
            c.rsp_prod = c.req_cons.wrapping_add(1);
        }
        c.store(machine, 8, c.rsp_prod);
        fence(Ordering::SeqCst);
        let event = c.load(machine, 12);
        if c.rsp_prod.wrapping_sub(event) < c.rsp_prod.wrapping_sub(old) || self.lie == Lie::Scribbles {
            self.seen().notifications += 1;
            machine.raise(c.port);
        }
        true
    }
}

impl Connection {
    /// An index of the ring's head.
    fn load(&self, machine: &Machine, offset: usize) -> u32 {
        machine.memory(&self.ring[0]).atomic_u32(offset).load(Ordering::Acquire)
    }

    fn store(&self, machine: &Machine, offset: usize, value: u32) {
        machine.memory(&self.ring[0]).atomic_u32(offset).store(value, Ordering::Release);
    }

    /// Goes over the parts of a slot: page, offset in it, length, bytes before.
    fn slot(
        &self,
        machine: &Machine,
        index: u32,
        mut f: impl FnMut(&platform_xen::shared::SharedMem, usize, usize, usize),
    ) {
        let start = 64 + (index & (self.size - 1)) as usize * sys::BLKIF_SLOT_SIZE;
        let mut done = 0;
        while done < sys::BLKIF_SLOT_SIZE {
            let at = start + done;
            let len = (sys::BLKIF_SLOT_SIZE - done).min(4096 - at % 4096);
            f(&machine.memory(&self.ring[at / 4096]), at % 4096, len, done);
            done += len;
        }
    }
}

impl Peer for Blkback {
    fn step(&mut self, machine: &Machine) -> bool {
        self.now = machine.clock();
        if matches!(self.lie, Lie::DiesAt(n) if self.seen().requests >= n) {
            self.disconnect(machine);
            return false;
        }
        let changed = self.change_state(machine);
        let Some(mut connection) = self.connection.take() else { return changed };
        let served = self.serve(machine, &mut connection);
        self.connection = Some(connection);
        changed | served
    }

    fn wakes_at(&self) -> Option<u64> {
        if let Lie::ReadyAt(at) = self.lie
            && self.now < at
        {
            return Some(at);
        }
        let jobs = self.connection.as_ref()?.jobs.iter();
        let muted = matches!(self.lie, Lie::SilentAfter(n) if self.seen().requests > n)
            || matches!(self.lie, Lie::DeafAfter(n) if self.seen().requests >= n)
            || self.state() != Some(4);
        if muted { None } else { jobs.map(|job| job.due).min() }
    }
}
