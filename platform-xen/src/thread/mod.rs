//! Cooperative threads on the one vCPU.
//!
//! A thread runs until it waits. Waiting is always for one of: a moment, a futex, a set of event channels, the end of
//! another thread. When nobody can run, the vCPU is given to Xen until a port that somebody waits for has an event or
//! the earliest deadline comes.

mod switch;
mod tls;

use crate::hal::{Nanos, Port};
use crate::local::Local;
use crate::mm::stack::Stack;
use crate::{events, hypercall, time};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use platform_xen_sys::sched::SCHED_POLL_MAX_PORTS;
use tls::Tls;

/// A thread's number. The first one is 1.
pub type ThreadId = u32;

/// Stack of a thread that does not say how much it needs, in bytes.
pub const DEFAULT_STACK: usize = 256 * 1024;

/// What a thread waits for, besides its deadline.
enum Waiting {
    /// Nothing: it can run.
    No,
    /// The deadline alone.
    Moment,
    /// A futex at an address.
    Futex(usize),
    /// An event on any of these ports.
    Ports(Vec<Port>),
    /// The end of a thread.
    End(ThreadId),
    /// Nothing will wake it: it is done.
    Done,
}

struct Thread {
    /// Stack pointer while it does not run.
    saved: u64,
    stack: Option<Stack>,
    tls: Option<Tls>,
    start: Option<Box<dyn FnOnce() + Send>>,
    waiting: Waiting,
    deadline: Option<Nanos>,
    /// Whether the last wait ended for its cause, and not for its deadline.
    woken: bool,
}

struct Scheduler {
    threads: BTreeMap<ThreadId, Box<Thread>>,
    ready: VecDeque<ThreadId>,
    current: ThreadId,
    next_id: ThreadId,
    /// Threads that ended: their stacks can be freed by whoever runs next.
    #[expect(clippy::vec_box, reason = "a switch writes into the box, which must stay in place")]
    ended: Vec<Box<Thread>>,
    fs_base: u64,
}

static SCHEDULER: Local<Scheduler> = Local::new(Scheduler {
    threads: BTreeMap::new(),
    ready: VecDeque::new(),
    current: 0,
    next_id: 1,
    ended: Vec::new(),
    fs_base: 0,
});

/// There was no memory for a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl Scheduler {
    fn wake(&mut self, id: ThreadId, woken: bool) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.waiting = Waiting::No;
            thread.deadline = None;
            thread.woken = woken;
            self.ready.push_back(id);
        }
    }

    /// Wakes up to `limit` threads that wait as `matches` says, in the order of their numbers.
    fn wake_all(&mut self, limit: usize, matches: impl Fn(&Waiting) -> bool) -> usize {
        let ids: Vec<ThreadId> =
            self.threads.iter().filter(|(_, t)| matches(&t.waiting)).map(|(id, _)| *id).take(limit).collect();
        for id in &ids {
            self.wake(*id, true);
        }
        ids.len()
    }

    /// Makes those threads ready whose event has come or whose time is over.
    fn look(&mut self) {
        let ports: Vec<Port> = self.waited_ports().filter(|port| events::consume(*port)).collect();
        for port in ports {
            self.wake_all(usize::MAX, |w| matches!(w, Waiting::Ports(ports) if ports.contains(&port)));
        }
        if self.threads.values().any(|t| t.deadline.is_some()) {
            let now = time::now();
            let late = |t: &Thread| t.deadline.is_some_and(|d| d <= now);
            let ids: Vec<ThreadId> =
                self.threads.iter().filter(|(_, t)| late(t)).map(|(id, _)| *id).collect();
            for id in ids {
                self.wake(id, false);
            }
        }
    }

    fn waited_ports(&self) -> impl Iterator<Item = Port> {
        self.threads
            .values()
            .flat_map(|t| match &t.waiting {
                Waiting::Ports(ports) => ports.as_slice(),
                _ => &[],
            })
            .copied()
    }

    /// Gives the vCPU away until there is something to look at.
    fn idle(&self) {
        let mut ports = [0; SCHED_POLL_MAX_PORTS];
        let mut n = 0;
        for port in self.waited_ports().take(SCHED_POLL_MAX_PORTS) {
            ports[n] = port.0;
            n += 1;
        }
        // Xen's times are signed: what can't be one is no deadline.
        let never = Nanos(1 << 62);
        let deadline = self.threads.values().filter_map(|t| t.deadline).min().filter(|d| *d < never);
        if n == 0 && deadline.is_none() {
            panic!("deadlock: every thread waits for another");
        }
        // More ports than Xen takes: look again soon.
        let more = self.waited_ports().nth(SCHED_POLL_MAX_PORTS).is_some();
        let soon = more.then(|| Nanos(time::now().0 + 10_000_000));
        let deadline = [deadline, soon].into_iter().flatten().min();
        // 0 means none to Xen. An error means a port that was closed meanwhile: then looking again is all we can do.
        if hypercall::poll(&ports[..n], deadline.map_or(0, |d| d.0.max(1))).is_err() {
            hypercall::sched_yield();
        }
    }
}

/// Hands the vCPU to whoever is ready; comes back when the current thread is.
fn reschedule() {
    loop {
        let mut scheduler = SCHEDULER.borrow();
        scheduler.look();
        let Some(next) = scheduler.ready.pop_front() else {
            scheduler.idle();
            continue;
        };
        let current = core::mem::replace(&mut scheduler.current, next);
        if current == next {
            return;
        }
        let Some(thread) = scheduler.threads.get(&next) else { continue };
        let (load, fs) = (thread.saved, thread.tls.as_ref().map_or(0, Tls::pointer));
        // A thread that ended is kept in `ended` until someone else runs, so its box is still there.
        let save = match scheduler.threads.get_mut(&current) {
            Some(thread) => &raw mut thread.saved,
            None => scheduler.ended.last_mut().map_or(core::ptr::null_mut(), |t| &raw mut t.saved),
        };
        let set_fs = core::mem::replace(&mut scheduler.fs_base, fs) != fs;
        drop(scheduler);
        if set_fs {
            // SAFETY: the storage belongs to the thread that runs next; no thread-local is used before the switch.
            unsafe { hypercall::set_fs_base(fs) }.expect("Xen sets the base of fs");
        }
        // SAFETY: `load` is the stack of a thread that does not run; the box that `save` points into stays in place.
        unsafe { switch::switch(save, load) };
        bury();
        return;
    }
}

/// Frees what ended threads left, now that none of them runs.
fn bury() {
    let ended = core::mem::take(&mut SCHEDULER.borrow().ended);
    drop(ended);
}

/// The first function of every thread.
extern "C" fn run() -> ! {
    bury();
    let start = {
        let mut scheduler = SCHEDULER.borrow();
        let current = scheduler.current;
        scheduler.threads.get_mut(&current).and_then(|t| t.start.take())
    };
    if let Some(start) = start {
        start();
    }
    exit()
}

/// Starts a thread.
///
/// # Errors
/// [`OutOfMemory`].
pub fn spawn(stack_size: usize, start: Box<dyn FnOnce() + Send>) -> Result<ThreadId, OutOfMemory> {
    let stack = Stack::new(stack_size).ok_or(OutOfMemory)?;
    let tls = Tls::new().ok_or(OutOfMemory)?;
    // SAFETY: the stack is new.
    let saved = unsafe { switch::prepare(stack.top(), run) };
    let thread = Box::new(Thread {
        saved,
        stack: Some(stack),
        tls: Some(tls),
        start: Some(start),
        waiting: Waiting::No,
        deadline: None,
        woken: false,
    });
    let place = thread.stack.as_ref().map(|stack| (stack.slot(), stack.top()));
    let mut scheduler = SCHEDULER.borrow();
    let id = scheduler.next_id;
    scheduler.next_id = id.checked_add(1).ok_or(OutOfMemory)?;
    scheduler.threads.insert(id, thread);
    scheduler.ready.push_back(id);
    drop(scheduler);
    if let Some((slot, top)) = place {
        log::debug!("thread {id}: stack slot {slot}, up to {top}");
    }
    Ok(id)
}

/// Leaves the boot stack for the first thread. Its stack can't be come back to.
pub(crate) fn start_first(
    stack_size: usize,
    start: Box<dyn FnOnce() + Send>,
) -> Result<core::convert::Infallible, OutOfMemory> {
    spawn(stack_size, start)?;
    // Stands for the boot stack, which has no thread.
    let mut nowhere = 0u64;
    let (load, fs) = {
        let mut scheduler = SCHEDULER.borrow();
        let id = scheduler.ready.pop_front().ok_or(OutOfMemory)?;
        scheduler.current = id;
        let thread = scheduler.threads.get(&id).ok_or(OutOfMemory)?;
        let (load, fs) = (thread.saved, thread.tls.as_ref().map_or(0, Tls::pointer));
        scheduler.fs_base = fs;
        (load, fs)
    };
    // SAFETY: the first thread's storage, and its stack, which it has not run on yet.
    unsafe {
        hypercall::set_fs_base(fs).map_err(|_| OutOfMemory)?;
        switch::switch(&raw mut nowhere, load);
    }
    unreachable!("nobody switches back to the boot stack")
}

/// Waits; whether it ended for its cause.
fn wait(waiting: Waiting, deadline: Option<Nanos>) -> bool {
    {
        let mut scheduler = SCHEDULER.borrow();
        let current = scheduler.current;
        let thread = scheduler.threads.get_mut(&current).expect("a running thread");
        thread.waiting = waiting;
        thread.deadline = deadline;
    }
    reschedule();
    let mut scheduler = SCHEDULER.borrow();
    let current = scheduler.current;
    scheduler.threads.get_mut(&current).is_some_and(|t| t.woken)
}

/// Whether threads run yet: before that, waiting means asking Xen.
#[must_use]
pub fn is_running() -> bool {
    SCHEDULER.try_borrow().is_some_and(|s| s.current != 0)
}

/// The number of the running thread.
#[must_use]
pub fn current() -> ThreadId {
    SCHEDULER.borrow().current
}

/// Lets others run.
pub fn yield_now() {
    {
        let mut scheduler = SCHEDULER.borrow();
        let current = scheduler.current;
        scheduler.ready.push_back(current);
    }
    reschedule();
}

/// Waits until a moment.
pub fn sleep_until(deadline: Nanos) {
    wait(Waiting::Moment, Some(deadline));
}

/// Waits until one of the ports had an event or the deadline passed; `false` means the deadline. See
/// [`Hal::wait`](crate::hal::Hal::wait).
pub fn wait_ports(ports: &[Port], deadline: Option<Nanos>) -> bool {
    // The scheduler looks at the pending bits before anything else, so an event that is there already is found.
    wait(Waiting::Ports(ports.to_vec()), deadline)
}

/// Wakes every thread that waits on the port, as an event would.
pub fn wake_port(port: Port) {
    SCHEDULER.borrow().wake_all(usize::MAX, |w| matches!(w, Waiting::Ports(ports) if ports.contains(&port)));
}

/// Waits for a wake-up of the futex at `address`; `false` means the deadline.
pub fn futex_wait(address: usize, deadline: Option<Nanos>) -> bool {
    wait(Waiting::Futex(address), deadline)
}

/// Wakes up to `count` threads that wait for the futex; how many there were.
pub fn futex_wake(address: usize, count: usize) -> usize {
    SCHEDULER.borrow().wake_all(count, |w| matches!(w, Waiting::Futex(a) if *a == address))
}

/// Waits for the end of a thread; at once if there is none of that number any more.
pub fn join(id: ThreadId) {
    let runs = SCHEDULER.borrow().threads.contains_key(&id);
    if runs {
        wait(Waiting::End(id), None);
    }
}

/// Ends the running thread. Its stack goes, with what others may still borrow from it: so a thread ends when its
/// function has returned, and not otherwise.
fn exit() -> ! {
    {
        let mut scheduler = SCHEDULER.borrow();
        let current = scheduler.current;
        if let Some(mut thread) = scheduler.threads.remove(&current) {
            thread.waiting = Waiting::Done;
            scheduler.ended.push(thread);
        }
        scheduler.wake_all(usize::MAX, |w| matches!(w, Waiting::End(id) if *id == current));
    }
    reschedule();
    unreachable!("a thread that ended runs")
}
