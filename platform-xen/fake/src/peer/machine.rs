//! The machine under the drivers: memory, grants, event channels, virtual time.

use std::alloc::Layout;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard};

use platform_xen::hal::{DomId, GrantRef, Hal, HalError, Nanos, Port, StillInUse};
use platform_xen::shared::SharedMem;
use platform_xen_sys::addr::{Mfn, PAGE_SIZE};

/// What one look at the clock costs, in nanoseconds.
const TICK: u64 = 100;
/// Rounds of the peers within one wait before the machine says that they spin.
const MAX_ROUNDS: u32 = 5_000_000;

/// Somebody at the other end. It runs whenever the driver waits.
pub trait Peer: Send {
    /// Does what there is to do now; whether there was anything.
    fn step(&mut self, machine: &Machine) -> bool;

    /// When it wants to run even if nothing happens before, in nanoseconds.
    fn wakes_at(&self) -> Option<u64> {
        None
    }
}

/// A grant that a peer has mapped.
#[derive(Debug, PartialEq, Eq)]
pub struct Mapping {
    grant: u32,
}

struct Grant {
    frame: u64,
    readonly: bool,
    live: bool,
    maps: u32,
    /// The memory behind the frame.
    memory: usize,
}

#[derive(Default)]
struct Channel {
    open: bool,
    to_guest: bool,
    to_peer: bool,
}

#[derive(Default)]
struct State {
    now: u64,
    /// Pages handed out: address to count.
    allocated: HashMap<usize, usize>,
    frames: HashMap<usize, u64>,
    next_frame: u64,
    grants: Vec<Grant>,
    channels: Vec<Channel>,
    limit_grants: Option<usize>,
    /// Frames that the guest has lost to a peer.
    lost: Vec<usize>,
    /// Free pages, besides those reserved.
    spare: Option<usize>,
    /// Pages set aside, to take the place of others.
    reserved: usize,
    most_grants: usize,
}

/// The machine. Held in an `Arc`, it is a [`Hal`].
#[derive(Default)]
pub struct Machine {
    state: Mutex<State>,
    peers: Mutex<Vec<Box<dyn Peer>>>,
}

impl Machine {
    /// A machine without peers.
    pub fn new() -> Arc<Machine> {
        let machine = Machine::default();
        // Entries 0 to 7 belong to the toolstack, port 0 to nobody.
        for _ in 0..8 {
            machine.state().grants.push(Grant { frame: 0, readonly: true, live: false, maps: 0, memory: 0 });
        }
        machine.state().channels.push(Channel::default());
        machine.state().next_frame = 0x1000;
        Arc::new(machine)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Adds a peer.
    pub fn add(&self, peer: impl Peer + 'static) {
        self.peers.lock().unwrap().push(Box::new(peer));
    }

    /// A channel that a toolstack made, as xenstore's.
    pub fn open_port(&self) -> Port {
        let mut state = self.state();
        state.channels.push(Channel { open: true, ..Channel::default() });
        Port(state.channels.len() as u32 - 1)
    }

    /// Lets the grant table hold no more than this many.
    pub fn limit_grants(&self, limit: usize) {
        self.state().limit_grants = Some(limit);
    }

    /// Lets no more than this many pages be reserved from now on, besides those that are.
    pub fn limit_spare(&self, limit: usize) {
        self.state().spare = Some(limit);
    }

    /// Pages that are set aside.
    pub fn reserved(&self) -> usize {
        self.state().reserved
    }

    /// Grants that live.
    pub fn live_grants(&self) -> usize {
        self.state().grants.iter().filter(|grant| grant.live).count()
    }

    /// The most grants that lived at once.
    pub fn most_grants(&self) -> usize {
        self.state().most_grants
    }

    /// Pages handed out and not given back.
    pub fn live_pages(&self) -> usize {
        self.state().allocated.values().sum()
    }

    /// Channels that the drivers opened and did not close.
    pub fn open_ports(&self) -> usize {
        self.state().channels.iter().filter(|channel| channel.open).count()
    }

    /// For a peer: maps a page of the guest, as the grant allows.
    pub fn map(&self, grant: u32, write: bool) -> Option<Mapping> {
        let mut state = self.state();
        let entry = state.grants.get_mut(grant as usize).filter(|entry| entry.live)?;
        if write && entry.readonly {
            return None;
        }
        entry.maps += 1;
        Some(Mapping { grant })
    }

    /// For a peer: ends a mapping.
    pub fn unmap(&self, mapping: Mapping) {
        self.state().grants[mapping.grant as usize].maps -= 1;
    }

    /// For a peer: the mapped memory. Look it up anew for each access, since the guest may take its memory back by
    /// putting another frame there.
    pub fn memory(&self, mapping: &Mapping) -> SharedMem<'_> {
        let memory = self.state().grants[mapping.grant as usize].memory;
        let base = NonNull::new(memory as *mut u8).expect("a mapped page");
        // SAFETY: the machine frees no page that is mapped; a peer uses the window while it has the page mapped.
        unsafe { SharedMem::new(base, PAGE_SIZE) }
    }

    /// For a peer: sends an event.
    pub fn raise(&self, port: u32) {
        if let Some(channel) = self.state().channels.get_mut(port as usize) {
            channel.to_guest |= channel.open;
        }
    }

    /// For a peer: takes the event that the guest sent, if it did.
    pub fn take_event(&self, port: u32) -> bool {
        self.state()
            .channels
            .get_mut(port as usize)
            .is_some_and(|channel| std::mem::take(&mut channel.to_peer))
    }

    /// For a peer: whether the guest still has this channel.
    pub fn is_open(&self, port: u32) -> bool {
        self.state().channels.get(port as usize).is_some_and(|channel| channel.open)
    }

    /// The virtual clock, without the cost of looking.
    pub fn clock(&self) -> u64 {
        self.state().now
    }

    /// Lets the peers run until none has anything to do, as if the guest slept.
    pub fn settle(&self) {
        for _ in 0..MAX_ROUNDS {
            if !self.step_peers() {
                return;
            }
        }
        panic!("the peers never come to rest");
    }

    fn step_peers(&self) -> bool {
        let mut peers = std::mem::take(&mut *self.peers.lock().unwrap());
        let mut busy = false;
        for peer in &mut peers {
            busy |= peer.step(self);
        }
        // Peers that were added meanwhile come after those there were.
        let mut slot = self.peers.lock().unwrap();
        peers.append(&mut slot);
        *slot = peers;
        busy
    }

    fn next_wish(&self) -> Option<u64> {
        self.peers.lock().unwrap().iter().filter_map(|peer| peer.wakes_at()).min()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let mut state = self.state();
        let lost: Vec<(usize, usize)> = state.lost.drain(..).map(|page| (page, 1)).collect();
        for (base, n) in state.allocated.drain().chain(lost) {
            // SAFETY: allocated so and taken off the list. Who has a window to them is a peer of this machine, which is
            // going with it, or holds the machine.
            unsafe { std::alloc::dealloc(base as *mut u8, layout(n)) }
        }
    }
}

fn layout(n: usize) -> Layout {
    Layout::from_size_align(n * PAGE_SIZE, PAGE_SIZE).expect("pages")
}

// SAFETY: pages come from the allocator and go back there once; `end_grant` refuses what is mapped; `replace_page`
// moves every grant of the page to other memory.
unsafe impl Hal for Machine {
    fn alloc_pages(&self, n: usize) -> Result<NonNull<u8>, HalError> {
        assert!(n > 0);
        // SAFETY: the layout is not empty.
        let base =
            NonNull::new(unsafe { std::alloc::alloc_zeroed(layout(n)) }).ok_or(HalError::OutOfMemory)?;
        self.state().allocated.insert(base.as_ptr() as usize, n);
        Ok(base)
    }

    unsafe fn free_pages(&self, first: NonNull<u8>, n: usize) {
        let mut state = self.state();
        let base = first.as_ptr() as usize;
        assert_eq!(state.allocated.remove(&base), Some(n), "pages freed that were not allocated so");
        for page in 0..n {
            let address = base + page * PAGE_SIZE;
            if let Some(frame) = state.frames.remove(&address) {
                let reachable =
                    state.grants.iter().any(|g| g.live && g.frame == frame && g.memory == address);
                assert!(!reachable, "a page is freed while a peer may reach it");
            }
        }
        // SAFETY: from `alloc_pages`, as the caller promises and the assertion above has checked.
        unsafe { std::alloc::dealloc(first.as_ptr(), layout(n)) };
    }

    fn mfn_of(&self, address: *const u8) -> Option<Mfn> {
        let mut state = self.state();
        let page = address as usize & !(PAGE_SIZE - 1);
        if let Some(frame) = state.frames.get(&page) {
            return Some(Mfn(*frame));
        }
        // Not one after another, as on a real machine.
        let frame = state.next_frame;
        state.next_frame += 3;
        state.frames.insert(page, frame);
        Some(Mfn(frame))
    }

    unsafe fn grant(&self, _peer: DomId, frame: Mfn, readonly: bool) -> Result<GrantRef, HalError> {
        let mut state = self.state();
        let memory = state.frames.iter().find(|(_, f)| **f == frame.0).map(|(page, _)| *page);
        let memory = memory.expect("a frame of the guest's");
        let live = state.grants.iter().filter(|grant| grant.live).count();
        if state.limit_grants.is_some_and(|limit| live >= limit) {
            return Err(HalError::OutOfGrants);
        }
        state.most_grants = state.most_grants.max(live + 1);
        let entry = Grant { frame: frame.0, readonly, live: true, maps: 0, memory };
        // An entry is used again only after all others, so that the use of an ended grant shows.
        let free = (8..state.grants.len()).find(|i| state.grants.len() > 4096 && !state.grants[*i].live);
        let index = free.unwrap_or(state.grants.len());
        if index == state.grants.len() {
            state.grants.push(entry);
        } else {
            state.grants[index] = entry;
        }
        Ok(GrantRef(index as u32))
    }

    fn end_grant(&self, grant: GrantRef) -> Result<(), StillInUse> {
        let mut state = self.state();
        let entry = &mut state.grants[grant.0 as usize];
        assert!(entry.live, "a grant ended twice");
        if entry.maps > 0 {
            return Err(StillInUse);
        }
        entry.live = false;
        Ok(())
    }

    unsafe fn replace_page(&self, page: NonNull<u8>) -> Result<(), HalError> {
        let mut state = self.state();
        let address = page.as_ptr() as usize;
        assert!(address.is_multiple_of(PAGE_SIZE));
        state.reserved =
            state.reserved.checked_sub(1).expect("a page is taken back for which none was reserved");
        let Some(frame) = state.frames.remove(&address) else { return Ok(()) };
        // The peer keeps the old frame: from here on it is memory of its own, as on the real machine.
        // SAFETY: the layout is not empty.
        let old = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout(1)) }).expect("a page");
        let old = old.as_ptr() as usize;
        state.lost.push(old);
        for grant in state.grants.iter_mut().filter(|g| g.frame == frame && g.memory == address) {
            grant.memory = old;
        }
        Ok(())
    }

    fn reserve(&self, n: usize) -> usize {
        let mut state = self.state();
        let n = n.min(state.spare.unwrap_or(usize::MAX));
        state.spare = state.spare.map(|spare| spare - n);
        state.reserved += n;
        n
    }

    fn unreserve(&self, n: usize) {
        let mut state = self.state();
        state.reserved = state.reserved.checked_sub(n).expect("more given up than was reserved");
        state.spare = state.spare.map(|spare| spare + n);
    }

    fn alloc_unbound(&self, _peer: DomId) -> Result<Port, HalError> {
        Ok(self.open_port())
    }

    fn notify(&self, port: Port) {
        if let Some(channel) = self.state().channels.get_mut(port.0 as usize) {
            channel.to_peer |= channel.open;
        }
    }

    fn close(&self, port: Port) {
        let mut state = self.state();
        let channel = &mut state.channels[port.0 as usize];
        assert!(channel.open, "a port closed twice");
        *channel = Channel::default();
    }

    fn wait(&self, ports: &[Port], deadline: Option<Nanos>) -> bool {
        for _ in 0..MAX_ROUNDS {
            {
                let mut state = self.state();
                let mut any = false;
                for port in ports {
                    let channel = &mut state.channels[port.0 as usize];
                    any |= std::mem::take(&mut channel.to_guest);
                }
                if any {
                    return true;
                }
                if deadline.is_some_and(|deadline| state.now >= deadline.0) {
                    return false;
                }
                state.now += TICK;
            }
            if self.step_peers() {
                continue;
            }
            let wish = self.next_wish();
            let mut state = self.state();
            if ports.iter().any(|port| state.channels[port.0 as usize].to_guest) {
                continue;
            }
            let until = match (wish, deadline) {
                (Some(wish), Some(deadline)) => wish.min(deadline.0),
                (Some(wish), None) => wish,
                (None, Some(deadline)) => deadline.0,
                (None, None) => panic!("the guest waits for ever"),
            };
            state.now = state.now.max(until);
        }
        panic!("the peers spin while the guest waits");
    }

    fn wake(&self, _port: Port) {}

    fn now(&self) -> Nanos {
        let mut state = self.state();
        state.now += TICK;
        Nanos(state.now)
    }
}
