//! Free frames as a sorted list of runs: pure bookkeeping, no memory of its own.
//!
//! A run costs 16 bytes however long it is, so a domain of 16 GiB needs no more than one of 32 MiB; the number of runs
//! is bounded by the number of allocations that live.

/// Frames `start … start + len - 1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The first PFN.
    pub start: u64,
    /// How many frames.
    pub len: u64,
}

impl Run {
    /// `len` frames from `start`.
    #[must_use]
    pub const fn new(start: u64, len: u64) -> Run {
        Run { start, len }
    }

    /// One past the last frame.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.start + self.len
    }

    /// Whether the frame belongs to it.
    #[must_use]
    pub const fn contains(self, pfn: u64) -> bool {
        pfn >= self.start && pfn - self.start < self.len
    }
}

/// The list has no room for another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The free frames. Runs are sorted, don't touch one another and are never empty.
#[derive(Debug)]
pub struct FreeRuns<'a> {
    slots: &'a mut [Run],
    used: usize,
    total: u64,
}

impl<'a> FreeRuns<'a> {
    /// No free frames, with room for `slots.len()` runs.
    pub fn new(slots: &'a mut [Run]) -> FreeRuns<'a> {
        FreeRuns { slots, used: 0, total: 0 }
    }

    /// Free frames in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The runs, in order.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.slots[..self.used]
    }

    /// How many more runs there is room for.
    #[must_use]
    pub fn room(&self) -> usize {
        self.slots.len() - self.used
    }

    /// Moves to a longer list and gives the old one back.
    ///
    /// # Panics
    /// If the new list is too short.
    pub fn move_to(&mut self, slots: &'a mut [Run]) -> &'a mut [Run] {
        slots[..self.used].copy_from_slice(&self.slots[..self.used]);
        core::mem::replace(&mut self.slots, slots)
    }

    /// Adds frames.
    ///
    /// # Errors
    /// [`Full`]; nothing has changed.
    ///
    /// # Panics
    /// If some of them are free already: a frame was freed twice.
    pub fn insert(&mut self, run: Run) -> Result<(), Full> {
        if run.len == 0 {
            return Ok(());
        }
        let at = self.runs().partition_point(|r| r.start < run.start);
        let joins_left = at > 0 && self.slots[at - 1].end() >= run.start;
        let joins_right = at < self.used && run.end() >= self.slots[at].start;
        assert!(!joins_left || self.slots[at - 1].end() == run.start, "frames freed twice");
        assert!(!joins_right || run.end() == self.slots[at].start, "frames freed twice");
        match (joins_left, joins_right) {
            (true, true) => {
                self.slots[at - 1].len += run.len + self.slots[at].len;
                self.remove(at);
            }
            (true, false) => self.slots[at - 1].len += run.len,
            (false, true) => self.slots[at] = Run::new(run.start, run.len + self.slots[at].len),
            (false, false) => self.make_room(at, run)?,
        }
        self.total += run.len;
        Ok(())
    }

    /// Takes `n` frames in a row, as low as possible.
    pub fn take_low(&mut self, n: u64) -> Option<Run> {
        let at = self.runs().iter().position(|r| r.len >= n)?;
        let taken = Run::new(self.slots[at].start, n);
        self.slots[at] = Run::new(taken.end(), self.slots[at].len - n);
        self.taken(at, taken)
    }

    /// Takes `n` frames in a row, as high as possible.
    pub fn take_high(&mut self, n: u64) -> Option<Run> {
        let at = self.runs().iter().rposition(|r| r.len >= n)?;
        let taken = Run::new(self.slots[at].end() - n, n);
        self.slots[at].len -= n;
        self.taken(at, taken)
    }

    fn taken(&mut self, at: usize, run: Run) -> Option<Run> {
        if self.slots[at].len == 0 {
            self.remove(at);
        }
        self.total -= run.len;
        Some(run)
    }

    /// Takes exactly these frames; `Ok(false)` if not all of them are free.
    ///
    /// # Errors
    /// [`Full`], if that would split a run and there is no room.
    pub fn take_exactly(&mut self, run: Run) -> Result<bool, Full> {
        let Some(at) = self.runs().iter().position(|r| r.contains(run.start)) else { return Ok(false) };
        let whole = self.slots[at];
        if run.len == 0 || run.end() > whole.end() {
            return Ok(false);
        }
        let before = Run::new(whole.start, run.start - whole.start);
        let after = Run::new(run.end(), whole.end() - run.end());
        match (before.len, after.len) {
            (0, 0) => self.remove(at),
            (0, _) => self.slots[at] = after,
            (_, 0) => self.slots[at] = before,
            _ => {
                self.make_room(at + 1, after)?;
                self.slots[at] = before;
            }
        }
        self.total -= run.len;
        Ok(true)
    }

    fn make_room(&mut self, at: usize, run: Run) -> Result<(), Full> {
        if self.room() == 0 {
            return Err(Full);
        }
        self.slots.copy_within(at..self.used, at + 1);
        self.slots[at] = run;
        self.used += 1;
        Ok(())
    }

    fn remove(&mut self, at: usize) {
        self.slots.copy_within(at + 1..self.used, at);
        self.used -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn low_and_high_ends() {
        let mut slots = [Run::default(); 4];
        let mut free = FreeRuns::new(&mut slots);
        free.insert(Run::new(10, 10)).unwrap();
        free.insert(Run::new(30, 5)).unwrap();
        assert_eq!(free.take_low(3), Some(Run::new(10, 3)));
        assert_eq!(free.take_high(2), Some(Run::new(33, 2)));
        assert_eq!(free.take_high(7), Some(Run::new(13, 7)));
        assert_eq!(free.take_low(4), None);
        assert_eq!(free.total(), 3);
        assert_eq!(free.take_exactly(Run::new(31, 1)), Ok(true));
        assert_eq!(free.take_exactly(Run::new(30, 2)), Ok(false));
        assert_eq!(free.runs(), [Run::new(30, 1), Run::new(32, 1)]);
    }

    #[test]
    fn a_full_list_says_so_and_stays_as_it_was() {
        let mut slots = [Run::default(); 1];
        let mut free = FreeRuns::new(&mut slots);
        free.insert(Run::new(0, 9)).unwrap();
        assert_eq!(free.insert(Run::new(20, 1)), Err(Full));
        assert_eq!(free.take_exactly(Run::new(3, 2)), Err(Full));
        assert_eq!((free.runs(), free.total()), ([Run::new(0, 9)].as_slice(), 9));
    }

    #[test]
    #[should_panic(expected = "freed twice")]
    fn freeing_twice_is_caught() {
        let mut slots = [Run::default(); 4];
        let mut free = FreeRuns::new(&mut slots);
        free.insert(Run::new(0, 9)).unwrap();
        free.insert(Run::new(8, 2)).unwrap();
    }

    proptest! {
        /// Against a plain set of numbers.
        #[test]
        fn behaves_like_a_set(ops in prop::collection::vec((0u8..4, 0u64..64, 1u64..12), 1..200)) {
            let mut slots = vec![Run::default(); 64];
            let mut free = FreeRuns::new(&mut slots);
            let mut model = BTreeSet::new();
            for (op, start, len) in ops {
                let run = Run::new(start, len);
                let frames: Vec<u64> = (run.start..run.end()).collect();
                match op {
                    0 if frames.iter().all(|f| !model.contains(f)) => {
                        free.insert(run).unwrap();
                        model.extend(frames);
                    }
                    1 => {
                        let got = free.take_exactly(run).unwrap();
                        prop_assert_eq!(got, frames.iter().all(|f| model.contains(f)));
                        if got {
                            model.retain(|f| !run.contains(*f));
                        }
                    }
                    2 | 3 => {
                        let fits = |s: &u64| (*s..*s + len).all(|f| model.contains(&f));
                        let (got, want) = if op == 2 {
                            (free.take_low(len), model.iter().copied().find(|s| fits(s)))
                        } else {
                            (free.take_high(len), model.iter().rev().copied().find(|s| fits(s)))
                        };
                        prop_assert_eq!(got.map(|r| r.start), want);
                        if let Some(r) = got {
                            model.retain(|f| !r.contains(*f));
                        }
                    }
                    _ => {}
                }
                prop_assert_eq!(free.total(), model.len() as u64);
                prop_assert!(free.runs().windows(2).all(|w| w[0].end() < w[1].start));
                prop_assert!(free.runs().iter().flat_map(|r| r.start..r.end()).eq(model.iter().copied()));
            }
        }
    }
}
