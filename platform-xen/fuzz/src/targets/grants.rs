//! The grant table, whose in-use bits change when the peer maps and unmaps.

use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use platform_xen::grant::{GrantTable, TableFrames};
use platform_xen::hal::{DomId, GrantRef, HalError};
use platform_xen::shared::{PAGE, SharedMem, hook};
use platform_xen_sys::Mfn;

use crate::Target;
use crate::script::Script;

/// The grant table.
pub static GRANTS: Target = Target {
    name: "grants",
    what: "the grant table while peers map and unmap",
    seeds: || {
        // The script's own delay, the limit, accesses before the peer acts for the first time.
        let ops = |delay: u8, ops: &[u8]| [&[0, 2, delay], ops].concat();
        let many: Vec<u8> = (0..120).flat_map(|n| [0, n, 1, 0, 0, 0, n, 0]).collect();
        let (grant, end, sweep, look) = ([0, 1, 1, 7, 0, 0, 0, 0], [2, 0, 0], [4], [5]);
        vec![
            ops(255, &[&grant[..], &look, &grant, &end, &look, &end, &sweep].concat()),
            // The peer maps the first entry while it is granted, and lets it go in the sweep.
            ops(3, &[&grant[..], &[0, 8, 2], &end, &[0], &sweep, &[0, 0, 255], &sweep, &look].concat()),
            ops(9, &many),
        ]
    },
    run,
    max_len: 2000,
    memory: 4 << 20,
    sources: &["platform-xen/src/grant.rs"],
};

const PAGES: Layout = match Layout::from_size_align(PAGE, PAGE) {
    Ok(layout) => layout,
    Err(_) => panic!("a page has a layout"),
};

/// Up to `limit` frames, given back at the end.
struct Frames {
    limit: usize,
    all: Rc<RefCell<Vec<NonNull<u8>>>>,
}

// SAFETY: each page is allocated here and stays until this is dropped, with the table whose source it is.
unsafe impl TableFrames for Frames {
    fn map(&mut self, index: usize) -> Result<NonNull<u8>, HalError> {
        assert_eq!(index, self.all.borrow().len(), "frames are mapped in order, once each");
        if index >= self.limit {
            return Err(HalError::OutOfGrants);
        }
        // SAFETY: the layout is not empty.
        let page = NonNull::new(unsafe { alloc_zeroed(PAGES) }).ok_or(HalError::OutOfMemory)?;
        self.all.borrow_mut().push(page);
        Ok(page)
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        for page in self.all.borrow_mut().drain(..) {
            // SAFETY: allocated with this layout, and taken off the list.
            unsafe { dealloc(page.as_ptr(), PAGES) }
        }
    }
}

/// The flags of an entry, where Xen sees them.
fn entry(frames: &[NonNull<u8>], entry: usize) -> Option<SharedMem<'_>> {
    let page = frames.get(entry / 512)?;
    // SAFETY: a live page of the table's, used through windows only.
    let page = unsafe { SharedMem::new(page.add(entry % 512 * 8), 8) };
    Some(page)
}

/// What a grant that lives is for; whether it was abandoned.
type Live = BTreeMap<u32, (u16, u32, bool)>;

fn run(data: &[u8]) {
    let script = Rc::new(RefCell::new(Script::new(data)));
    let (limit, delay) = {
        let mut script = script.borrow_mut();
        (usize::from(script.number() % 4), script.number())
    };
    let all = Rc::new(RefCell::new(Vec::new()));
    let mut table = GrantTable::new(Frames { limit, all: all.clone() });
    let mut live = Live::new();
    let during = (script.clone(), all.clone());
    hook::set(Some(Box::new(move || {
        // Between any two accesses of ours Xen may note that the peer has mapped or unmapped something.
        let (Ok(mut script), Ok(frames)) = (during.0.try_borrow_mut(), during.1.try_borrow()) else {
            return 0;
        };
        if script.is_over() {
            return hook::NEVER;
        }
        let (n, bits) = (usize::from(script.number()), u16::from(script.number()) & 0x18);
        // Mostly one of the first.
        if let Some(entry) = entry(&frames, if n < 0xc0 { 8 + n % 16 } else { n }) {
            let flags = entry.atomic_u16(0);
            let permit = flags.load(Ordering::SeqCst) & 1 != 0;
            flags.fetch_and(!0x18, Ordering::SeqCst);
            flags.fetch_or(if permit { bits } else { 0 }, Ordering::SeqCst);
        }
        script.number().into()
    })));
    hook::skip(delay.into());
    while !script.borrow().is_over() {
        step(&script, &mut table, &all, &mut live);
    }
    hook::set(None);
    assert_eq!(table.live(), live.len());
}

/// The script is borrowed for moments only, since the hook wants it as well.
fn step(
    script: &RefCell<Script>,
    table: &mut GrantTable<Frames>,
    all: &RefCell<Vec<NonNull<u8>>>,
    live: &mut Live,
) {
    let number = || script.borrow_mut().number();
    match number() % 6 {
        0 | 1 => {
            let (peer, readonly) = (u16::from(number()), number() & 1 == 0);
            let frame = script.borrow_mut().word();
            let high = u64::from(number() == 0xff) << 32;
            match table.grant(DomId(peer), Mfn(u64::from(frame) | high), readonly) {
                Ok(GrantRef(n)) => {
                    assert!(n >= 8 && high == 0, "a grant that can't be");
                    assert_eq!(live.insert(n, (peer, frame, false)), None, "entry {n} lives already");
                }
                Err(HalError::FrameTooHigh) => assert_ne!(high, 0),
                Err(error) => assert_eq!(error, HalError::OutOfGrants),
            }
        }
        2 | 3 => {
            let n = u32::from(script.borrow_mut().short());
            // One of those that live, or any.
            let n = live.keys().nth(n as usize % 32).copied().unwrap_or(n % 1200);
            // Whoever abandons a grant never names it again.
            if live.get(&n).is_some_and(|(.., abandoned)| *abandoned) {
                return;
            }
            match table.end(GrantRef(n)) {
                Ok(()) => drop(live.remove(&n)),
                Err(_) => {
                    let grant = live.get_mut(&n).expect("an entry that does not live is in use");
                    if number() & 1 == 0 {
                        table.abandon(GrantRef(n));
                        grant.2 = true;
                    }
                }
            }
        }
        4 => {
            table.sweep();
            let permits = |n: u32| {
                entry(&all.borrow(), n as usize)
                    .is_some_and(|e| e.atomic_u16(0).load(Ordering::SeqCst) & 1 != 0)
            };
            live.retain(|n, (.., abandoned)| !*abandoned || permits(*n));
            assert_eq!(table.live(), live.len(), "swept too much, or too little");
        }
        _ => {
            let frames = all.borrow();
            for (n, (peer, frame, _)) in &*live {
                let entry = entry(&frames, *n as usize).expect("a frame for a live entry");
                let (flags, domain) = (entry.atomic_u16(0), entry.atomic_u16(2));
                assert_eq!(flags.load(Ordering::SeqCst) & 1, 1, "entry {n} permits nothing");
                assert_eq!(domain.load(Ordering::SeqCst), *peer);
                assert_eq!(entry.atomic_u32(4).load(Ordering::SeqCst), *frame);
            }
        }
    }
}
