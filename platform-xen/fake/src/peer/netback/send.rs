//! What the guest sends: off the ring, looked at, and answered.

use platform_xen_sys::net as sys;
use platform_xen_sys::net::NetTxFlags;

use super::frames::{Delivery, Frame, Lie};
use super::{Connection, Job, Netback};
use crate::peer::machine::Machine;

struct Request {
    grant: u32,
    offset: usize,
    flags: NetTxFlags,
    id: u16,
    size: usize,
}

fn request(slot: [u8; 12]) -> Request {
    let n16 = |at: usize| u16::from_le_bytes([slot[at], slot[at + 1]]);
    Request {
        grant: u32::from_le_bytes([slot[0], slot[1], slot[2], slot[3]]),
        offset: n16(4).into(),
        flags: NetTxFlags::from_bits_retain(n16(6)),
        id: n16(8),
        size: n16(10).into(),
    }
}

impl Netback {
    /// Takes all frames there are.
    pub(super) fn take_frames(&mut self, machine: &Machine, c: &mut Connection) {
        loop {
            while c.tx.requests(machine) > 0 {
                let (job, frame) = self.take_frame(machine, c);
                c.jobs.push(job);
                let mut wire = self.wire.inner();
                match frame {
                    Ok(frame) if self.offer.echo => wire.inbox.push_back(Delivery::Frame(frame)),
                    Ok(frame) => wire.sent.push(frame),
                    Err(why) => wire.seen.bad.push(why),
                }
            }
            if !c.tx.ask(machine, 1) {
                return;
            }
        }
    }

    fn take_frame(&mut self, machine: &Machine, c: &mut Connection) -> (Job, Result<Frame, String>) {
        let (mut job, mut why) = (Job::new(), None);
        let mut requests = Vec::new();
        let mut gso = None;
        loop {
            if c.tx.requests(machine) == 0 {
                why.get_or_insert("a frame that is announced in parts".to_string());
                break;
            }
            let next = request(c.tx.take(machine));
            job.push(Some(next.id));
            let (more, extra) =
                (next.flags.contains(NetTxFlags::MORE_DATA), next.flags.contains(NetTxFlags::EXTRA_INFO));
            if extra && requests.is_empty() && c.tx.requests(machine) > 0 {
                let [kind, flags, low, high, of, ..] = c.tx.take::<12>(machine);
                job.push(None);
                if kind != sys::XEN_NETIF_EXTRA_TYPE_GSO || flags != 0 {
                    why.get_or_insert(format!("extra information {kind} with flags {flags}"));
                }
                gso = Some((of, u16::from_le_bytes([low, high])));
            } else if extra {
                why.get_or_insert("extra information in the wrong place".into());
            }
            requests.push(next);
            if !more {
                break;
            }
        }
        self.wire.inner().seen.tx_slots += job.len() as u64;
        if let Some(why) = why {
            return (job, Err(why));
        }
        let frame = self.read(machine, &requests, gso);
        (job, frame)
    }

    fn read(
        &mut self,
        machine: &Machine,
        requests: &[Request],
        gso: Option<(u8, u16)>,
    ) -> Result<Frame, String> {
        let (first, others) = requests.split_first().ok_or("no request")?;
        let rest: usize = others.iter().map(|other| other.size).sum();
        let in_first = first.size.checked_sub(rest).ok_or("pieces longer than the frame")?;
        if first.size < 14 || requests.len() > sys::XEN_NETIF_NR_SLOTS_MIN {
            return Err(format!("{} bytes in {} slots", first.size, requests.len()));
        }
        if (requests.len() > 1 && !self.offer.sg)
            || (gso.is_some() && !self.offer.gso_v4 && !self.offer.gso_v6)
        {
            return Err("what was not offered".into());
        }
        let mut frame = Frame::new(Vec::new());
        for (i, request) in requests.iter().enumerate() {
            let size = if i == 0 { in_first } else { request.size };
            if request.offset + size > 4096 || size == 0 {
                return Err(format!("{size} bytes at {}", request.offset));
            }
            if machine.map(request.grant, true).map(|mapping| machine.unmap(mapping)).is_some() {
                return Err("a page that could be written to".into());
            }
            let mapping = machine.map(request.grant, false).ok_or("a bad grant")?;
            let start = frame.bytes.len();
            frame.bytes.resize(start + size, 0);
            machine.memory(&mapping).read(request.offset, &mut frame.bytes[start..]);
            if self.lie() == Lie::KeepsPages {
                self.hoard.push(mapping);
            } else {
                machine.unmap(mapping);
            }
        }
        frame.csum_blank = first.flags.contains(NetTxFlags::CSUM_BLANK);
        frame.data_validated = first.flags.contains(NetTxFlags::DATA_VALIDATED);
        frame.gso = gso;
        Ok(frame)
    }

    /// Answers what was taken.
    pub(super) fn answer(&mut self, machine: &Machine, c: &mut Connection, lie: &Lie) -> bool {
        if *lie == Lie::Silent || c.jobs.is_empty() {
            return false;
        }
        let mut jobs = std::mem::take(&mut c.jobs);
        if self.offer.shuffle {
            for i in 1..jobs.len() {
                jobs.swap(i, self.random() as usize % (i + 1));
            }
        }
        let mut ids: Vec<Option<u16>> = jobs.into_iter().flatten().collect();
        if *lie == Lie::TxTwice {
            // The first, instead of the last.
            ids.pop();
            ids.splice(..0, ids.first().copied());
        }
        for id in ids {
            let (mut said, mut status) = match id {
                Some(id) => (id, sys::NETIF_RSP_OKAY),
                // As Linux leaves it: whatever was there.
                None => (0xdead, sys::NETIF_RSP_NULL),
            };
            match lie {
                Lie::TxId(bits) => said ^= bits,
                Lie::TxStatus(lie) if id.is_some() => status = *lie,
                _ => {}
            }
            let [a, b] = said.to_le_bytes();
            let [low, high] = status.to_le_bytes();
            c.tx.put(machine, &[a, b, low, high]);
        }
        let mut wanted = c.tx.show(machine, u32::from(*lie == Lie::TxTooMany) * 300);
        if *lie == Lie::Scribbles {
            let (which, byte) = (self.random() as u32, self.random() as u8);
            c.rx.scribble(machine, which, byte);
            wanted = true;
        }
        if wanted {
            self.ring_the_bell(machine, c);
        }
        true
    }
}
