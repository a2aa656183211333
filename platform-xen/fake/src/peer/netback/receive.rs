//! What the guest receives: into its pages, and announced.

use platform_xen_sys::net as sys;
use platform_xen_sys::net::NetRxFlags;

use super::frames::{Delivery, Frame, Lie, Raw};
use super::{Connection, Netback};
use crate::peer::machine::Machine;

impl Netback {
    /// Delivers as many frames as there are pages for.
    pub(super) fn deliver(&mut self, machine: &Machine, c: &mut Connection, lie: &Lie) -> bool {
        if *lie == Lie::Silent || c.starved {
            return false;
        }
        let before = c.rx.prod;
        loop {
            let needed = match self.wire.inner().inbox.front() {
                None => break,
                Some(Delivery::Frame(frame)) => {
                    frame.bytes.len().div_ceil(frame.per_page).max(1) + usize::from(frame.gso.is_some())
                }
                Some(Delivery::Raw(slots)) => slots.len(),
            } as u32;
            {
                let mut wire = self.wire.inner();
                wire.seen.most_pages = wire.seen.most_pages.max(c.rx.requests(machine));
            }
            if c.rx.requests(machine) < needed && !c.rx.ask(machine, needed) {
                c.starved = true;
                self.wire.inner().seen.starved += 1;
                break;
            }
            let next = self.wire.inner().inbox.pop_front();
            match next {
                Some(Delivery::Frame(frame)) => self.deliver_frame(machine, c, &frame),
                Some(Delivery::Raw(slots)) => slots.iter().for_each(|slot| deliver_raw(machine, c, slot)),
                None => {}
            }
        }
        let lies = u32::from(*lie == Lie::RxTooMany) * 300;
        if c.rx.prod == before && lies == 0 {
            return false;
        }
        self.wire.inner().seen.rx_slots += u64::from(c.rx.prod.wrapping_sub(before));
        if lies > 0 {
            self.wire.lie(Lie::None);
        }
        if *lie == Lie::Scribbles {
            let (which, byte) = (self.random() as u32, self.random() as u8);
            c.tx.scribble(machine, which, byte);
        }
        if c.rx.show(machine, lies) || *lie == Lie::Scribbles {
            self.ring_the_bell(machine, c);
        }
        true
    }

    fn deliver_frame(&mut self, machine: &Machine, c: &mut Connection, frame: &Frame) {
        let Frame { bytes, csum_blank, data_validated, gso, per_page, offset } = frame;
        let mut flags = NetRxFlags::empty();
        flags.set(NetRxFlags::CSUM_BLANK, *csum_blank);
        flags.set(NetRxFlags::DATA_VALIDATED, *data_validated);
        flags.set(NetRxFlags::EXTRA_INFO, gso.is_some());
        let mut pieces = bytes.chunks(*per_page).peekable();
        let mut extra = *gso;
        while let Some(piece) = pieces.next() {
            flags.set(NetRxFlags::MORE_DATA, pieces.peek().is_some());
            let (id, grant) = take(machine, c);
            match machine.map(grant, true) {
                Some(mapping) => {
                    machine.memory(&mapping).write(*offset, piece);
                    machine.unmap(mapping);
                }
                None => self.bad("a bad grant of a page to be received into"),
            }
            put(machine, c, id, *offset as u16, flags.bits(), piece.len() as i16);
            flags = NetRxFlags::empty();
            if let Some((kind, size)) = extra.take() {
                take(machine, c);
                let [low, high] = size.to_le_bytes();
                c.rx.put(machine, &[sys::XEN_NETIF_EXTRA_TYPE_GSO, 0, low, high, kind, 0, 0, 0]);
            }
        }
    }
}

/// The id and grant of the next request.
fn take(machine: &Machine, c: &mut Connection) -> (u16, u32) {
    let [low, high, _, _, a, b, c, d] = c.rx.take::<8>(machine);
    (u16::from_le_bytes([low, high]), u32::from_le_bytes([a, b, c, d]))
}

fn put(machine: &Machine, c: &mut Connection, id: u16, offset: u16, flags: u16, status: i16) {
    let mut slot = [0; 8];
    slot[..2].copy_from_slice(&id.to_le_bytes());
    slot[2..4].copy_from_slice(&offset.to_le_bytes());
    slot[4..6].copy_from_slice(&flags.to_le_bytes());
    slot[6..].copy_from_slice(&status.to_le_bytes());
    c.rx.put(machine, &slot);
}

fn deliver_raw(machine: &Machine, c: &mut Connection, slot: &Raw) {
    let (right, _) = take(machine, c);
    match slot {
        Raw::Data { id, offset, flags, status } => {
            put(machine, c, id.unwrap_or(right), *offset, *flags, *status);
        }
        Raw::Extra(bytes) => c.rx.put(machine, bytes),
    }
}
