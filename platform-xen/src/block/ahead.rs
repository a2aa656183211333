//! Reading ahead: a range that will be asked for soon is read while the caller does something else.
//!
//! The bytes lie in memory of the disk's own, and are copied when they are asked for: so a hint that comes to nothing, or
//! a caller that never comes back, does no harm. There is one such range for each disk.

use alloc::vec::Vec;

use spin::Mutex;

use crate::block::buffer::Buffer;
use crate::block::cut::Cutter;
use crate::block::disk::Disk;
use crate::block::queue::Mine;
use crate::block::request::Op;
use crate::block::transfer::{Next, Stop};
use crate::shared::PAGE;

/// The longest range, in bytes.
const MOST: usize = 1 << 20;

/// A range that was read ahead, or still is.
struct Ahead {
    offset: u64,
    len: usize,
    /// Its bytes begin where a page begins, `skip` bytes from the start.
    bytes: Vec<u8>,
    skip: usize,
    /// What is missing; `None` once all is there.
    rest: Option<(Cutter, Mine)>,
}

impl Ahead {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(self.skip..).and_then(|bytes| bytes.get(..self.len)).unwrap_or(&[])
    }

    fn buffer(&mut self) -> Buffer {
        let (start, len) = (self.bytes.as_mut_ptr().wrapping_add(self.skip), self.len);
        // SAFETY: `skip + len` bytes at least are in the vector, which is neither lengthened nor dropped while something
        // is missing (see `Slot`), and not read.
        unsafe { Buffer::new(start, len) }
    }

    /// What of it belongs to the range.
    fn get(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes().get(from..from.checked_add(len)?)
    }
}

/// A disk's range, if there is one. Nobody takes it out but to complete it.
#[derive(Default)]
pub(super) struct Slot(Mutex<Option<Ahead>>);

impl Disk {
    /// Begins to read `len` bytes from byte `offset`, for a [`read`](Disk::read) that comes later. It is a hint: what can't
    /// be done is not, and an error shows when the bytes are asked for.
    pub fn read_ahead(&self, offset: u64, len: usize) {
        drop(self.settled(None));
        let mut bytes = Vec::new();
        if len == 0 || len > MOST || bytes.try_reserve_exact(len + PAGE).is_err() {
            return;
        }
        bytes.resize(len + PAGE, 0);
        let skip = bytes.as_ptr().addr().wrapping_neg() % PAGE;
        let mut ahead = Ahead { offset, len, bytes, skip, rest: None };
        let buffer = ahead.buffer();
        let Ok((mut cutter, port)) = self.begin(Op::Read, offset, &buffer) else { return };
        let mut mine = Mine::default();
        // An error comes again when the range is completed.
        if let Ok(Next::Again { wake: true } | Next::Wait { wake: true }) =
            self.step(Op::Read, &mut cutter, &buffer, &mut mine, &mut false)
        {
            self.hal.wake(port);
        }
        ahead.rest = Some((cutter, mine));
        *self.ahead.0.lock() = Some(ahead);
    }

    /// The range, complete; it is no longer there then. `None`: there was none, or it could not be read.
    fn settled(&self, stop: Stop<'_>) -> Option<Ahead> {
        let mut ahead = self.ahead.0.lock().take()?;
        let Some((mut cutter, mut mine)) = ahead.rest.take() else { return Some(ahead) };
        let buffer = ahead.buffer();
        self.complete(Op::Read, &mut cutter, &buffer, &mut mine, stop).ok().map(|()| ahead)
    }

    /// Fills `into`, if all of it was read ahead.
    pub(super) fn read_from_ahead(&self, offset: u64, into: &mut [u8], stop: Stop<'_>) -> bool {
        // Also when it is of no use now: what is under way must not keep others from what they need.
        let Some(ahead) = self.settled(stop) else { return false };
        let found = ahead.get(offset, into.len());
        if let Some(bytes) = found {
            into.copy_from_slice(bytes);
        }
        let used_up = found.is_some() && offset + into.len() as u64 == ahead.offset + ahead.len as u64;
        let found = found.is_some();
        if !used_up {
            self.ahead.0.lock().get_or_insert(ahead);
        }
        found
    }

    /// Whether nothing of the range is missing that could still come. Doesn't wait.
    pub(super) fn is_there(&self) -> bool {
        let mut slot = self.ahead.0.lock().take();
        let Some(ahead) = &mut slot else { return true };
        let buffer = ahead.buffer();
        let there = ahead.rest.as_mut().is_none_or(|(cutter, mine)| {
            // It is counted as under way until it is completed, which is no wait then.
            let step = self.step(Op::Read, cutter, &buffer, mine, &mut false);
            !matches!(step, Ok(Next::Again { .. } | Next::Wait { .. }))
        });
        *self.ahead.0.lock() = slot;
        there
    }

    /// Completes and forgets the range.
    pub(super) fn forget_ahead(&self) {
        drop(self.settled(None));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The backend writes to its memory until it has answered.
        self.forget_ahead();
    }
}
