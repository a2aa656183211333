//! Who runs next: which threads are ready, and what the others wait for. Pure: no hypercall, no clock, no stack.

use crate::hal::{Nanos, Port};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A thread's number. The first one is 1.
pub type ThreadId = u32;

/// Something that a thread can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// An event on a port.
    Port(Port),
    /// A wake-up of the futex at an address.
    Futex(usize),
    /// The end of a thread.
    End(ThreadId),
}

/// One thread, as far as the scheduler knows it; the rest of it is the owner's.
struct Known<T> {
    owner: T,
    /// What it waits for besides its deadline.
    causes: Vec<Cause>,
    /// Its place in the order of those who wait.
    turn: u64,
    deadline: Option<Nanos>,
    /// Whether the last wait ended for its cause, and not for its deadline.
    woken: bool,
}

/// The threads.
///
/// All that is done often is found in an index, so its cost hardly grows with the number of threads. An index is a list in
/// order: a thousand threads are 24 KB of it, and trees of two more kinds would be 12 KB of code.
pub struct Scheduler<T> {
    /// In the order of their numbers.
    threads: Vec<(ThreadId, Box<Known<T>>)>,
    ready: VecDeque<ThreadId>,
    /// Who waits for what, and for each cause in the order in which they began to.
    waiting: Ordered<(Cause, u64, ThreadId)>,
    deadlines: Ordered<(Nanos, ThreadId)>,
    turns: u64,
    next_id: ThreadId,
}

/// A thread that was taken out: its owner's part, still in its place.
pub struct Removed<T>(Box<Known<T>>);

impl<T> Removed<T> {
    /// The owner's part.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.0.owner
    }
}

/// Distinct values in their order.
struct Ordered<T>(Vec<T>);

impl<T: Ord> Ordered<T> {
    const fn new() -> Ordered<T> {
        Ordered(Vec::new())
    }

    fn insert(&mut self, value: T) {
        if let Err(at) = self.0.binary_search(&value) {
            self.0.insert(at, value);
        }
    }

    fn remove(&mut self, value: T) {
        if let Ok(at) = self.0.binary_search(&value) {
            self.0.remove(at);
        }
    }

    fn first(&self) -> Option<&T> {
        self.0.first()
    }

    /// The first that is not below `value`.
    fn from(&self, value: &T) -> Option<&T> {
        let at = self.0.partition_point(|other| other < value);
        self.0.get(at)
    }
}

impl<T> Scheduler<T> {
    /// No threads.
    pub const fn new() -> Scheduler<T> {
        Scheduler {
            threads: Vec::new(),
            ready: VecDeque::new(),
            waiting: Ordered::new(),
            deadlines: Ordered::new(),
            turns: 0,
            next_id: 1,
        }
    }

    /// Takes a new thread in, which can run. `None`: all numbers were used.
    pub fn add(&mut self, owner: T) -> Option<ThreadId> {
        let id = self.next_id;
        self.next_id = id.checked_add(1)?;
        let known = Known { owner, causes: Vec::new(), turn: 0, deadline: None, woken: false };
        // Numbers grow, so it is the last.
        self.threads.push((id, Box::new(known)));
        self.ready.push_back(id);
        Some(id)
    }

    /// Takes a thread that runs out, and wakes those who wait for its end.
    pub fn remove(&mut self, id: ThreadId) -> Option<Removed<T>> {
        let at = self.place(id)?;
        let (_, known) = self.threads.remove(at);
        self.wake_all(Cause::End(id), usize::MAX);
        Some(Removed(known))
    }

    fn place(&self, id: ThreadId) -> Option<usize> {
        self.threads.binary_search_by_key(&id, |(id, _)| *id).ok()
    }

    fn known(&mut self, id: ThreadId) -> Option<&mut Known<T>> {
        let at = self.place(id)?;
        Some(&mut self.threads[at].1)
    }

    /// What belongs to a thread.
    ///
    /// It stays where it is in memory until it was removed and what is left of it dropped.
    pub fn get_mut(&mut self, id: ThreadId) -> Option<&mut T> {
        self.known(id).map(|known| &mut known.owner)
    }

    /// Whether there is a thread of this number.
    pub fn contains(&self, id: ThreadId) -> bool {
        self.place(id).is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.threads.len()
    }

    /// Lets a thread that runs wait for any of these causes, or for the deadline.
    pub fn wait(&mut self, id: ThreadId, causes: impl IntoIterator<Item = Cause>, deadline: Option<Nanos>) {
        let turn = self.turns;
        self.turns += 1;
        let Some(at) = self.place(id) else { return };
        let known = &mut self.threads[at].1;
        known.turn = turn;
        known.woken = false;
        known.causes.clear();
        known.causes.extend(causes);
        for cause in &known.causes {
            self.waiting.insert((*cause, turn, id));
        }
        known.deadline = deadline;
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, id));
        }
    }

    /// Whether a thread's last wait ended for its cause.
    pub fn woken(&self, id: ThreadId) -> bool {
        self.place(id).is_some_and(|at| self.threads[at].1.woken)
    }

    /// Lets a thread that runs run again after the others that are ready.
    pub fn yields(&mut self, id: ThreadId) {
        self.ready.push_back(id);
    }

    /// The next thread that can run, which is no longer ready.
    pub fn next(&mut self) -> Option<ThreadId> {
        self.ready.pop_front()
    }

    fn wake(&mut self, id: ThreadId, woken: bool) {
        let Some(at) = self.place(id) else { return };
        let known = &mut self.threads[at].1;
        for cause in known.causes.drain(..) {
            self.waiting.remove((cause, known.turn, id));
        }
        if let Some(deadline) = known.deadline.take() {
            self.deadlines.remove((deadline, id));
        }
        known.woken = woken;
        self.ready.push_back(id);
    }

    /// Wakes up to `limit` threads that wait for this, those first who have waited longest; how many there were.
    pub fn wake_all(&mut self, cause: Cause, limit: usize) -> usize {
        let mut n = 0;
        while n < limit {
            let first = self.waiting.from(&(cause, 0, 0));
            let Some((_, _, id)) = first.copied().filter(|(c, ..)| *c == cause) else { break };
            self.wake(id, true);
            n += 1;
        }
        n
    }

    /// Wakes those whose time has come.
    pub fn wake_late(&mut self, now: Nanos) {
        while let Some((_, id)) = self.deadlines.first().copied().filter(|(deadline, _)| *deadline <= now) {
            self.wake(id, false);
        }
    }

    /// The first deadline.
    pub fn deadline(&self) -> Option<Nanos> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The ports that somebody waits for, each once.
    pub fn ports(&self) -> impl Iterator<Item = Port> {
        let after = |port: Option<Port>| match port {
            None => Some((Cause::Port(Port(0)), 0, 0)),
            Some(Port(n)) => n.checked_add(1).map(|n| (Cause::Port(Port(n)), 0, 0)),
        };
        let next = move |port| match self.waiting.from(&after(port)?)? {
            (Cause::Port(port), ..) => Some(*port),
            _ => None,
        };
        core::iter::successors(next(None), move |port| next(Some(*port)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::{BTreeMap, BTreeSet};
    use proptest::prelude::*;

    fn with_threads(n: u32) -> Scheduler<u32> {
        let mut s = Scheduler::new();
        for i in 1..=n {
            assert_eq!(s.add(i), Some(i));
            assert_eq!(s.next(), Some(i));
        }
        s
    }

    #[test]
    fn who_waits_longest_is_woken_first() {
        let mut s = with_threads(3);
        for id in [2, 3, 1] {
            s.wait(id, [Cause::Futex(7)], None);
        }
        assert_eq!(s.wake_all(Cause::Futex(8), 9), 0);
        assert_eq!(s.wake_all(Cause::Futex(7), 2), 2);
        assert_eq!((s.next(), s.next(), s.next()), (Some(2), Some(3), None));
        assert_eq!(s.wake_all(Cause::Futex(7), 2), 1);
    }

    #[test]
    fn one_of_several_causes_is_enough() {
        let mut s = with_threads(2);
        s.wait(1, [Cause::Port(Port(3)), Cause::Futex(9), Cause::Port(Port(5))], Some(Nanos(50)));
        s.wait(2, [Cause::Port(Port(3))], None);
        assert_eq!(s.ports().collect::<Vec<_>>(), [Port(3), Port(5)]);
        assert_eq!(s.wake_all(Cause::Port(Port(5)), usize::MAX), 1);
        assert!(s.woken(1));
        assert_eq!((s.wake_all(Cause::Futex(9), 1), s.deadline()), (0, None));
        assert_eq!(s.ports().collect::<Vec<_>>(), [Port(3)]);
    }

    #[test]
    fn a_deadline_is_told_from_a_cause() {
        let mut s = with_threads(2);
        s.wait(1, [Cause::End(2)], Some(Nanos(10)));
        s.wait(2, [], Some(Nanos(20)));
        s.wake_late(Nanos(10));
        assert!(!s.woken(1));
        assert_eq!((s.next(), s.next(), s.deadline()), (Some(1), None, Some(Nanos(20))));
        s.wait(1, [Cause::End(2)], None);
        s.wake_late(Nanos(20));
        assert_eq!(s.next(), Some(2));
        assert_eq!(s.remove(2).map(|mut removed| *removed.get_mut()), Some(2));
        assert!(s.woken(1) && !s.contains(2));
    }

    /// What a test does to it.
    #[derive(Clone, Debug)]
    enum Act {
        Wait(u32, Vec<u8>, Option<u64>),
        Wake(u8, usize),
        Late(u64),
        Next,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (1u32..6, proptest::collection::vec(0u8..6, 0..3), proptest::option::of(0u64..50))
                .prop_map(|(id, causes, deadline)| Act::Wait(id, causes, deadline)),
            (0u8..6, 1usize..4).prop_map(|(cause, n)| Act::Wake(cause, n)),
            (0u64..50).prop_map(Act::Late),
            Just(Act::Next),
        ]
    }

    fn cause(n: u8) -> Cause {
        match n {
            0..2 => Cause::Port(Port(n.into())),
            2..4 => Cause::Futex(n.into()),
            _ => Cause::End(n.into()),
        }
    }

    proptest! {
        /// Each thread is in one place: running, ready or waiting; and the indices hold what the threads do.
        #[test]
        fn nobody_is_lost(acts in proptest::collection::vec(act(), 0..80)) {
            let mut s = with_threads(5);
            let mut running: BTreeSet<u32> = (1..=5).collect();
            let mut waits: BTreeMap<u32, (Vec<Cause>, Option<u64>)> = BTreeMap::new();
            for act in acts {
                match act {
                    Act::Wait(id, causes, deadline) if running.remove(&id) => {
                        let causes: Vec<Cause> = causes.into_iter().map(cause).collect();
                        s.wait(id, causes.clone(), deadline.map(Nanos));
                        waits.insert(id, (causes, deadline));
                    }
                    Act::Wait(..) => {}
                    Act::Wake(n, limit) => {
                        let wanted = waits.values().filter(|(causes, _)| causes.contains(&cause(n))).count();
                        let woken = s.wake_all(cause(n), limit);
                        prop_assert_eq!(woken, wanted.min(limit));
                    }
                    Act::Late(now) => s.wake_late(Nanos(now)),
                    Act::Next => running.extend(s.next()),
                }
                let asleep: BTreeSet<u32> = s.threads.iter().filter(|(_, k)| k.deadline.is_some() || !k.causes.is_empty())
                    .map(|(id, _)| *id).collect();
                waits.retain(|id, (causes, deadline)| asleep.contains(id) || (causes.is_empty() && deadline.is_none()));
                let ready: BTreeSet<u32> = s.ready.iter().copied().collect();
                prop_assert_eq!(ready.len(), s.ready.len());
                prop_assert_eq!(ready.len() + running.len() + waits.len(), 5);
                let indexed: BTreeSet<u32> =
                    s.waiting.0.iter().map(|w| w.2).chain(s.deadlines.0.iter().map(|d| d.1)).collect();
                prop_assert!(s.waiting.0.is_sorted() && s.deadlines.0.is_sorted());
                prop_assert_eq!(indexed, asleep);
            }
        }
    }
}
