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
        let ops = |ops: &[u8]| [&[0, 2], ops].concat();
        let many: Vec<u8> = (0..120).flat_map(|n| [0, n, 1, 0, 0, 0, n, 0]).collect();
        vec![
            ops(&[0, 1, 7, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 1, 0]),
            ops(&[0, 1, 7, 0, 0, 0, 1, 0, 3, 0, 24, 0, 1, 0, 3, 0, 0, 0, 1, 0]),
            ops(&many),
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

fn run(data: &[u8]) {
    let script = Rc::new(RefCell::new(Script::new(data)));
    let limit = usize::from(script.borrow_mut().number() % 4);
    let all = Rc::new(RefCell::new(Vec::new()));
    let mut table = GrantTable::new(Frames { limit, all: all.clone() });
    let mut live: BTreeMap<u32, (u16, u32)> = BTreeMap::new();
    let during = (script.clone(), all.clone());
    hook::set(Some(Box::new(move || {
        // Between any two accesses of ours Xen may note that the peer has mapped or unmapped something.
        let (Ok(mut script), Ok(frames)) = (during.0.try_borrow_mut(), during.1.try_borrow()) else { return };
        if script.is_over() || script.number() % 8 != 0 {
            return;
        }
        let (n, bits) = (usize::from(script.number()), u16::from(script.number()) & 0x18);
        if let Some(entry) = entry(&frames, n) {
            let flags = entry.atomic_u16(0);
            let permit = flags.load(Ordering::SeqCst) & 1 != 0;
            flags.fetch_and(!0x18, Ordering::SeqCst);
            flags.fetch_or(if permit { bits } else { 0 }, Ordering::SeqCst);
        }
    })));
    while !script.borrow().is_over() {
        step(&mut script.borrow_mut(), &mut table, &all, &mut live);
    }
    hook::set(None);
    assert_eq!(table.live(), live.len());
}

fn step(
    script: &mut Script,
    table: &mut GrantTable<Frames>,
    all: &RefCell<Vec<NonNull<u8>>>,
    live: &mut BTreeMap<u32, (u16, u32)>,
) {
    match script.number() % 4 {
        0 => {
            let (peer, frame, readonly) =
                (u16::from(script.number()), script.word(), script.number() & 1 == 0);
            let high = u64::from(script.number() & 1) << 32;
            match table.grant(DomId(peer), Mfn(u64::from(frame) | high), readonly) {
                Ok(GrantRef(n)) => {
                    assert!(n >= 8 && high == 0, "a grant that can't be");
                    assert_eq!(live.insert(n, (peer, frame)), None, "entry {n} lives already");
                }
                Err(HalError::FrameTooHigh) => assert_ne!(high, 0),
                Err(error) => assert_eq!(error, HalError::OutOfGrants),
            }
        }
        1 | 2 => {
            let n = u32::from(script.short() % 1200);
            match table.end(GrantRef(n)) {
                Ok(()) => drop(live.remove(&n)),
                Err(_) => assert!(live.contains_key(&n), "an entry that does not live is in use"),
            }
        }
        _ => {
            let frames = all.borrow();
            for (n, (peer, frame)) in &*live {
                let entry = entry(&frames, *n as usize).expect("a frame for a live entry");
                let (flags, domain) = (entry.atomic_u16(0), entry.atomic_u16(2));
                assert_eq!(flags.load(Ordering::SeqCst) & 1, 1, "entry {n} permits nothing");
                assert_eq!(domain.load(Ordering::SeqCst), *peer);
                assert_eq!(entry.atomic_u32(4).load(Ordering::SeqCst), *frame);
            }
        }
    }
}
