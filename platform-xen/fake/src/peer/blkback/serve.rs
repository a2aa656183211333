//! Serving requests: off the ring, done, and answered.

use std::sync::atomic::{Ordering, fence};

use platform_xen::shared::SharedMem;
use platform_xen_sys::block as sys;

use super::connection::{Connection, Job};
use super::{Blkback, FORMER, Lie};
use crate::peer::machine::{Machine, Mapping};

impl Blkback {
    pub(super) fn serve(&mut self, machine: &Machine, c: &mut Connection) -> bool {
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

    fn map<'m>(
        &mut self,
        machine: &'m Machine,
        c: &mut Connection,
        grant: u32,
        write: bool,
        pages: &mut Vec<Mapping>,
    ) -> Option<SharedMem<'m>> {
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
                    let mut before = [0; 512];
                    memory.read(offset, &mut before);
                    self.seen().former += usize::from(before == [FORMER; 512]);
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
