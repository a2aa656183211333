//! What is done, off the queue, and pages back from the backend.

use alloc::vec::Vec;

use platform_xen_sys::block::{BLKIF_RSP_EOPNOTSUPP, BLKIF_RSP_OKAY};

use crate::block::buffer::Buffer;
use crate::block::queue::{Mine, Place, Queue, State};
use crate::block::request::Op;
use crate::hal::GrantRef;
use crate::pool::Page;
use crate::shared::{PAGE, SharedMem};
use crate::xenbus::Fault;

/// What became of a caller's page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// The peer can't reach it any more.
    Clean,
    /// The peer kept it; the caller has another frame now.
    Replaced,
    /// The peer still has it, and the caller can't have it back yet.
    Stuck,
}

/// Said of a backend that has pages of ours still mapped after its answer.
const KEEPS: Fault = Fault::PeerMisbehaved("it keeps pages of a request that it has answered");

impl Queue {
    pub(super) fn give_back(&mut self, page: Option<Page>) {
        if let Some(page) = page {
            self.pool.put(page);
        }
    }

    /// Takes what is done of one transfer: copies what bounced, ends the grants. `true`: something was done.
    ///
    /// # Errors
    /// A page of the buffer can't be taken back: the transfer is to be [abandoned](Queue::abandon).
    pub(super) fn reap(&mut self, buffer: &Buffer, mine: &mut Mine) -> Result<bool, Fault> {
        let mut any = false;
        let mut i = 0;
        while let Some(number) = mine.slots.get(i).copied() {
            let slot = &mut self.slots[usize::from(number)];
            let State::Done(status) = slot.state else {
                i += 1;
                continue;
            };
            let (op, places, indirect) = (slot.op, core::mem::take(&mut slot.places), slot.indirect.take());
            self.give_back(indirect);
            if status != BLKIF_RSP_OKAY {
                mine.fail(match status {
                    BLKIF_RSP_EOPNOTSUPP => Fault::Unsupported("what was asked of the backend"),
                    _ => Fault::Io,
                });
            }
            let mut stuck = Vec::new();
            for place in places {
                match place {
                    Place::Bounce { page, at, skip, take } => {
                        if op == Op::Read && status == BLKIF_RSP_OKAY {
                            copy_out(&self.pool.memory(&page), skip, buffer.at(at, take), take);
                        }
                        self.pool.put(page);
                        self.in_flight_pages -= 1;
                    }
                    Place::InPlace { grant, at } => match self.take_back(grant, buffer.at(at, PAGE)) {
                        Taken::Clean => self.in_flight_pages -= 1,
                        Taken::Replaced => {
                            // Who keeps one page would keep the next.
                            self.dead.get_or_insert(KEEPS);
                            mine.fail(KEEPS);
                        }
                        Taken::Stuck => stuck.push(place),
                    },
                }
            }
            if !stuck.is_empty() {
                self.slots[usize::from(number)].places = stuck;
                return Err(KEEPS);
            }
            any = true;
            self.slots[usize::from(number)].state = State::Free;
            self.free.push(number);
            mine.slots.swap_remove(i);
        }
        Ok(any)
    }

    /// Gives up every request of a transfer, so that its buffer can go back to the caller: the queue is dead. `false`:
    /// a page could not be taken back yet; try again later.
    #[must_use]
    pub(super) fn abandon(&mut self, buffer: &Buffer, mine: &mut Mine) -> bool {
        while let Some(number) = mine.slots.last().copied() {
            // The slot is not used again: an answer may still come, and bounce pages may still be written.
            while let Some(place) = self.slots[usize::from(number)].places.pop() {
                if let Place::InPlace { grant, at } = place
                    && self.take_back(grant, buffer.at(at, PAGE)) == Taken::Stuck
                {
                    self.slots[usize::from(number)].places.push(place);
                    return false;
                }
            }
            mine.slots.pop();
        }
        true
    }

    /// Ends the grant of a caller's page.
    fn take_back(&mut self, grant: GrantRef, page: *mut u8) -> Taken {
        if self.hal.end_grant(grant).is_ok() {
            self.hal.unreserve(1);
            return Taken::Clean;
        }
        let page = core::ptr::NonNull::new(page).expect("inside of a buffer");
        // SAFETY: the page is the caller's, lent to us for writing, and after the error that follows its contents
        // mean nothing.
        if unsafe { self.hal.replace_page(page) }.is_err() {
            // Nothing is logged here: that might wait, and the disk is locked.
            return Taken::Stuck;
        }
        self.lost.push(grant);
        Taken::Replaced
    }
}

fn copy_out(from: &SharedMem<'_>, skip: usize, to: *mut u8, take: usize) {
    // SAFETY: inside the buffer, whose owner lends it to us; for this request it was not granted.
    let to = unsafe { core::slice::from_raw_parts_mut(to, take) };
    from.read(skip, to);
}
