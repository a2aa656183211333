//! The new order of the domain's frames.
//!
//! A handover copies nothing: a frame with the right contents *becomes* the frame the next kernel finds at a number.
//! Some new numbers are bound to an old one (kernel, initrd, tables, rings); the frames that stood there need other
//! numbers, and those are the ones that became free. What is bound nowhere keeps its number, so the moves are few.

use alloc::vec::Vec;

use platform_xen_sys::Pfn;

use super::PlanError;

/// The frame that had the number `old` gets the number `new`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// Its number for the next kernel.
    pub new: Pfn,
    /// Its number now.
    pub old: Pfn,
}

/// A permutation of a domain's frames: every frame that is not named keeps its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permutation {
    /// By `new`; no move with `new == old`.
    moves: Vec<Move>,
}

impl Permutation {
    /// The moves, by new number.
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// Which frame of now the next kernel will find at `new`.
    pub fn old_of(&self, new: Pfn) -> Pfn {
        match self.moves.binary_search_by_key(&new, |m| m.new) {
            Ok(i) => self.moves[i].old,
            Err(_) => new,
        }
    }

    /// The old numbers of `first`, `first + 1`, …: for streams, in constant time each.
    pub fn old_from(&self, first: Pfn) -> impl Iterator<Item = Pfn> + '_ {
        let mut rest = &self.moves[self.moves.partition_point(|m| m.new < first)..];
        (first.0..).map(move |new| match rest.split_first() {
            Some((m, tail)) if m.new.0 == new => {
                rest = tail;
                m.old
            }
            _ => Pfn(new),
        })
    }
}

/// Facts of the domain's memory now.
pub struct Memory<'a> {
    /// Frame numbers are below this; some may be holes.
    pub p2m_size: u64,
    /// Whether there is a frame with this number.
    pub populated: &'a dyn Fn(Pfn) -> bool,
    /// Frames that Xen will not let anyone map writable before the old address space is gone: its page tables and
    /// descriptor tables. In any order.
    pub typed: &'a [Pfn],
}

/// Much of it comes in order, which the sort of a std that was built to be small does not notice.
fn sort<T: Ord>(list: &mut [T]) {
    if !list.is_sorted() {
        list.sort_unstable();
    }
}

/// Completes `bound` to a permutation. Frames in `memory.typed` get numbers from `mapped_end` on, because the next
/// address space maps all below writable, and it must be valid while the old one still is.
///
/// # Errors
/// A hole is needed, or would be mapped; a frame is bound twice; the domain has no room for the typed frames.
pub fn permutation(
    mut bound: Vec<Move>,
    mapped_end: Pfn,
    memory: &Memory<'_>,
) -> Result<Permutation, PlanError> {
    sort(&mut bound);
    if bound.windows(2).any(|w| w[0].new == w[1].new) {
        return Err(PlanError::Frames("two frames for one number"));
    }
    let mut sources: Vec<Pfn> = bound.iter().map(|m| m.old).collect();
    sort(&mut sources);
    if sources.windows(2).any(|w| w[0] == w[1]) {
        return Err(PlanError::Frames("one frame for two numbers"));
    }
    let mut typed = memory.typed.to_vec();
    typed.sort_unstable();
    typed.dedup();

    let is_target = |p: Pfn| bound.binary_search_by_key(&p, |m| m.new).is_ok();
    let is_source = |p: Pfn| sources.binary_search(&p).is_ok();
    let is_typed = |p: Pfn| typed.binary_search(&p).is_ok();
    let exists = |p: Pfn| p.0 < memory.p2m_size && (memory.populated)(p);
    // The boot mapping covers spare frames, too, that nothing is bound to.
    if let Some(hole) = (0..mapped_end.0).map(Pfn).chain(bound.iter().map(|m| m.new)).find(|p| !exists(*p)) {
        return Err(PlanError::Hole(hole));
    }
    if sources.iter().any(|p| !exists(*p)) {
        return Err(PlanError::Frames("a frame that does not exist"));
    }
    if sources.iter().any(|p| is_typed(*p)) {
        return Err(PlanError::Frames("a live page table among the contents"));
    }

    // Frames without a number, and numbers without a frame.
    let (mut typed_homeless, mut homeless): (Vec<Pfn>, Vec<Pfn>) =
        bound.iter().map(|m| m.new).filter(|p| !is_source(*p)).partition(|p| is_typed(*p));
    let mut free: Vec<Pfn> = sources.iter().copied().filter(|p| !is_target(*p)).collect();
    for p in typed.iter().copied().filter(|p| *p < mapped_end && exists(*p) && !is_target(*p)) {
        typed_homeless.push(p);
        free.push(p);
    }
    free.sort_unstable();
    let mut high = free.split_off(free.partition_point(|p| *p < mapped_end));
    // A typed frame may trade numbers with any frame above that is not bound.
    let mut candidate = memory.p2m_size;
    while high.len() < typed_homeless.len() {
        if candidate <= mapped_end.0 {
            let missing = (typed_homeless.len() - high.len()) as u64;
            return Err(PlanError::NotEnoughMemory {
                needs: memory.p2m_size.saturating_add(missing),
                has: memory.p2m_size,
            });
        }
        candidate -= 1;
        let p = Pfn(candidate);
        if exists(p) && !is_target(p) && !is_source(p) && !is_typed(p) {
            homeless.push(p);
            high.push(p);
        }
    }

    let mut moves = bound;
    let mut numbers = high.into_iter();
    moves.extend(typed_homeless.into_iter().zip(&mut numbers).map(|(old, new)| Move { new, old }));
    let rest = free.into_iter().chain(numbers);
    moves.extend(homeless.into_iter().zip(rest).map(|(old, new)| Move { new, old }));
    moves.retain(|m| m.new != m.old);
    sort(&mut moves);
    Ok(Permutation { moves })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn memory<'a>(p2m_size: u64, typed: &'a [Pfn]) -> Memory<'a> {
        Memory { p2m_size, populated: &|_| true, typed }
    }

    #[test]
    fn a_swap() {
        let p = permutation(alloc::vec![Move { new: Pfn(1), old: Pfn(5) }], Pfn(4), &memory(8, &[])).unwrap();
        assert_eq!(p.old_of(Pfn(1)), Pfn(5));
        assert_eq!(p.old_of(Pfn(5)), Pfn(1));
        assert_eq!(p.old_from(Pfn(0)).take(8).map(|p| p.0).collect::<Vec<_>>(), [0, 5, 2, 3, 4, 1, 6, 7]);
    }

    #[test]
    fn typed_frames_leave_the_mapped_part() {
        let typed = [Pfn(1), Pfn(2)];
        let p =
            permutation(alloc::vec![Move { new: Pfn(1), old: Pfn(0) }], Pfn(4), &memory(8, &typed)).unwrap();
        for new in 0..4 {
            assert!(!typed.contains(&p.old_of(Pfn(new))));
        }
        let full = permutation(alloc::vec![], Pfn(7), &memory(8, &typed));
        assert_eq!(full, Err(PlanError::NotEnoughMemory { needs: 9, has: 8 }));
    }

    #[test]
    fn refuses_what_cannot_be() {
        let m = |new, old| Move { new: Pfn(new), old: Pfn(old) };
        let typed = [Pfn(3)];
        let mem = Memory { p2m_size: 8, populated: &|p| p != Pfn(6), typed: &typed };
        let plan = |bound: &[Move]| permutation(bound.to_vec(), Pfn(4), &mem);
        assert!(matches!(plan(&[m(1, 2), m(1, 5)]), Err(PlanError::Frames(_))));
        assert!(matches!(plan(&[m(1, 2), m(0, 2)]), Err(PlanError::Frames(_))));
        assert!(matches!(plan(&[m(1, 3)]), Err(PlanError::Frames(_))));
        assert!(matches!(plan(&[m(1, 8)]), Err(PlanError::Frames(_))));
        assert_eq!(plan(&[m(6, 1)]), Err(PlanError::Hole(Pfn(6))));
        assert_eq!(permutation(Vec::new(), Pfn(7), &mem), Err(PlanError::Hole(Pfn(6))));
    }

    proptest! {
        #[test]
        fn is_a_permutation_and_obeys(
            size in 20u64..200,
            targets in proptest::collection::vec(any::<proptest::sample::Index>(), 0..40),
            sources in proptest::collection::vec(any::<proptest::sample::Index>(), 0..40),
            typed in proptest::collection::vec(any::<proptest::sample::Index>(), 0..10),
            mapped in 0u64..200,
        ) {
            let distinct = |v: &[proptest::sample::Index]| -> Vec<u64> {
                let mut seen = BTreeSet::new();
                v.iter().map(|i| i.index(size as usize) as u64).filter(|p| seen.insert(*p)).collect()
            };
            let typed: Vec<Pfn> = distinct(&typed).into_iter().map(Pfn).collect();
            let bound: Vec<Move> = distinct(&targets).into_iter().zip(distinct(&sources))
                .map(|(new, old)| Move { new: Pfn(new), old: Pfn(old) })
                .filter(|m| !typed.contains(&m.old)).collect();
            let mapped = Pfn(mapped.min(size));
            match permutation(bound.clone(), mapped, &memory(size, &typed)) {
                Ok(p) => {
                    let order: Vec<Pfn> = p.old_from(Pfn(0)).take(size as usize).collect();
                    let all: BTreeSet<Pfn> = order.iter().copied().collect();
                    prop_assert_eq!(all.len() as u64, size);
                    prop_assert!(all.iter().all(|p| p.0 < size));
                    for m in &bound {
                        prop_assert_eq!(order[m.new.0 as usize], m.old);
                        prop_assert_eq!(p.old_of(m.new), m.old);
                    }
                    for new in 0..mapped.0 {
                        prop_assert!(!typed.contains(&order[new as usize]));
                    }
                }
                // Only ever for lack of room above.
                Err(PlanError::NotEnoughMemory { .. }) => {
                    let above = (mapped.0..size).map(Pfn).filter(|p| !bound.iter().any(|m| m.new == *p)).count();
                    prop_assert!(above < typed.len());
                }
                Err(e) => return Err(TestCaseError::fail(alloc::format!("{e}"))),
            }
        }
    }
}
