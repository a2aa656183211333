//! Cooperative threads on the one vCPU.
//!
//! A thread runs until it waits. Waiting is always for one of: a moment, a futex, a set of event channels, the end of
//! another thread. When nobody can run, the vCPU is given to Xen until a port that somebody waits for has an event or
//! the earliest deadline comes.
//!
//! With std these are `std::thread`, and the sizes of stacks `std::thread::Builder`'s.
//!
//! ```no_run
//! use platform_xen::thread::{self, DEFAULT_STACK, Lock};
//!
//! static TALK: Lock = Lock::new();
//!
//! let id = thread::spawn(DEFAULT_STACK, Box::new(|| {
//!     // Kept while others run: no other that asks for it says anything between these two.
//!     let _turn = TALK.lock();
//!     log::info!("one");
//!     thread::yield_now();
//!     log::info!("two");
//! }))
//! .expect("there is memory for a stack");
//! thread::join(id);
//! ```

mod lock;
mod switch;
mod tls;

use crate::hal::{Nanos, Port};
use crate::local::Local;
use crate::mm::stack::Stack;
pub use crate::scheduler::ThreadId;
use crate::scheduler::{Cause, Removed, Scheduler};
use crate::{events, hypercall, time};
use alloc::boxed::Box;
use alloc::vec::Vec;
pub use lock::{Lock, Turn};
use platform_xen_sys::sched::SCHED_POLL_MAX_PORTS;
use tls::Tls;

/// Stack of a thread that does not say how much it needs, in bytes.
pub const DEFAULT_STACK: usize = 256 * 1024;

struct Thread {
    /// Stack pointer while it does not run.
    saved: u64,
    /// Kept for as long as the thread.
    _stack: Stack,
    tls: Option<Tls>,
    start: Option<Box<dyn FnOnce() + Send>>,
    /// What C calls `errno`.
    #[cfg_attr(not(feature = "abi"), expect(dead_code, reason = "it is the Hermit ABI's"))]
    errno: i32,
}

/// The threads, and what the processor is set to.
struct State {
    scheduler: Scheduler<Thread>,
    /// The running thread; 0 before there is one.
    current: ThreadId,
    /// Threads that ended: their stacks can be freed by whoever runs next.
    ended: Vec<Removed<Thread>>,
    fs_base: u64,
}

static STATE: Local<State> =
    Local::new(State { scheduler: Scheduler::new(), current: 0, ended: Vec::new(), fs_base: 0 });

/// There was no memory for a thread, or no room for its stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// Makes those threads ready whose event has come or whose time is over.
fn look(scheduler: &mut Scheduler<Thread>) {
    let ports: Vec<Port> = scheduler.ports().filter(|port| events::consume(*port)).collect();
    for port in ports {
        scheduler.wake_all(Cause::Port(port), usize::MAX);
    }
    if scheduler.deadline().is_some() {
        scheduler.wake_late(time::now());
    }
}

/// Gives the vCPU away until there is something to look at.
fn idle(scheduler: &Scheduler<Thread>) {
    let mut ports = [0; SCHED_POLL_MAX_PORTS];
    let mut n = 0;
    let mut waited = scheduler.ports();
    for port in waited.by_ref().take(SCHED_POLL_MAX_PORTS) {
        ports[n] = port.0;
        n += 1;
    }
    // More ports than Xen takes: look again soon.
    let soon = waited.next().map(|_| Nanos(time::now().0 + 10_000_000));
    // Xen's times are signed: what can't be one is no deadline.
    let never = Nanos(1 << 62);
    let deadline = scheduler.deadline().filter(|d| *d < never);
    if n == 0 && deadline.is_none() {
        panic!("deadlock: every thread waits for another");
    }
    let deadline = [deadline, soon].into_iter().flatten().min();
    // 0 means none to Xen. An error means a port that was closed meanwhile: then looking again is all we can do.
    if hypercall::poll(&ports[..n], deadline.map_or(0, |d| d.0.max(1))).is_err() {
        hypercall::sched_yield();
    }
}

/// Hands the vCPU to whoever is ready; comes back when the current thread is.
fn reschedule() {
    loop {
        let mut state = STATE.borrow();
        look(&mut state.scheduler);
        let Some(next) = state.scheduler.next() else {
            idle(&state.scheduler);
            continue;
        };
        let current = core::mem::replace(&mut state.current, next);
        if current == next {
            return;
        }
        let Some(thread) = state.scheduler.get_mut(next) else { continue };
        let (load, fs) = (thread.saved, thread.tls.as_ref().map_or(0, Tls::pointer));
        // A thread that ended is kept in `ended` until someone else runs, so it is still in its place.
        let save = match state.scheduler.get_mut(current) {
            Some(thread) => &raw mut thread.saved,
            None => state.ended.last_mut().map_or(core::ptr::null_mut(), |t| &raw mut t.get_mut().saved),
        };
        let set_fs = core::mem::replace(&mut state.fs_base, fs) != fs;
        drop(state);
        if set_fs {
            // SAFETY: the storage belongs to the thread that runs next; no thread-local is used before the switch.
            unsafe { hypercall::set_fs_base(fs) }.expect("Xen sets the base of fs");
        }
        // SAFETY: `load` is the stack of a thread that does not run; what `save` points to stays in place.
        unsafe { switch::switch(save, load) };
        bury();
        return;
    }
}

/// Frees what ended threads left, now that none of them runs.
fn bury() {
    let ended = core::mem::take(&mut STATE.borrow().ended);
    drop(ended);
}

/// The first function of every thread.
extern "C" fn run() -> ! {
    bury();
    let start = {
        let mut state = STATE.borrow();
        let current = state.current;
        state.scheduler.get_mut(current).and_then(|t| t.start.take())
    };
    if let Some(start) = start {
        start();
    }
    exit()
}

/// Starts a thread, with a stack of at least `stack_size` bytes: 16 KiB to [`MAX_STACK`](crate::mm::stack::MAX_STACK), all of it
/// taken from memory at once. It runs when others wait.
///
/// # Errors
/// [`OutOfMemory`]: no memory, none of the 2,048 places for stacks is free, or more than the most.
pub fn spawn(stack_size: usize, start: Box<dyn FnOnce() + Send>) -> Result<ThreadId, OutOfMemory> {
    let stack = Stack::new(stack_size).ok_or(OutOfMemory)?;
    let tls = Tls::new().ok_or(OutOfMemory)?;
    // SAFETY: the stack is new.
    let saved = unsafe { switch::prepare(stack.top(), run) };
    let (slot, top) = (stack.slot(), stack.top());
    let thread = Thread { saved, _stack: stack, tls: Some(tls), start: Some(start), errno: 0 };
    let id = STATE.borrow().scheduler.add(thread).ok_or(OutOfMemory)?;
    log::debug!("thread {id}: stack slot {slot}, up to {top}");
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
        let mut state = STATE.borrow();
        let id = state.scheduler.next().ok_or(OutOfMemory)?;
        state.current = id;
        let thread = state.scheduler.get_mut(id).ok_or(OutOfMemory)?;
        let (load, fs) = (thread.saved, thread.tls.as_ref().map_or(0, Tls::pointer));
        state.fs_base = fs;
        (load, fs)
    };
    // SAFETY: the first thread's storage, and its stack, which it has not run on yet.
    unsafe {
        hypercall::set_fs_base(fs).map_err(|_| OutOfMemory)?;
        switch::switch(&raw mut nowhere, load);
    }
    unreachable!("nobody switches back to the boot stack")
}

/// Waits for one of the causes or the deadline; whether it ended for a cause.
fn wait(causes: impl IntoIterator<Item = Cause>, deadline: Option<Nanos>) -> bool {
    let current = {
        let mut state = STATE.borrow();
        let current = state.current;
        state.scheduler.wait(current, causes, deadline);
        current
    };
    reschedule();
    STATE.borrow().scheduler.woken(current)
}

/// Whether threads run yet: before that, waiting means asking Xen.
#[must_use]
pub fn is_running() -> bool {
    STATE.try_borrow().is_some_and(|s| s.current != 0)
}

/// The number of the running thread.
#[must_use]
pub fn current() -> ThreadId {
    STATE.borrow().current
}

/// The running thread's last error, as C's `errno`; 0 if it never had one.
#[cfg(feature = "abi")]
pub(crate) fn errno() -> i32 {
    let mut state = STATE.borrow();
    let current = state.current;
    state.scheduler.get_mut(current).map_or(0, |thread| thread.errno)
}

/// Remembers an error for the running thread.
#[cfg(feature = "abi")]
pub(crate) fn set_errno(errno: i32) {
    let mut state = STATE.borrow();
    let current = state.current;
    if let Some(thread) = state.scheduler.get_mut(current) {
        thread.errno = errno;
    }
}

/// How many threads there are.
#[must_use]
pub fn count() -> usize {
    STATE.borrow().scheduler.len()
}

/// Lets others run.
pub fn yield_now() {
    {
        let mut state = STATE.borrow();
        let current = state.current;
        state.scheduler.yields(current);
    }
    reschedule();
}

/// Waits until a moment of [`time::now`].
pub fn sleep_until(deadline: Nanos) {
    wait([], Some(deadline));
}

/// Waits until one of the ports had an event or the deadline passed; `false` means the deadline. See
/// [`Hal::wait`](crate::hal::Hal::wait).
pub fn wait_ports(ports: &[Port], deadline: Option<Nanos>) -> bool {
    // The scheduler looks at the pending bits before anything else, so an event that is there already is found.
    wait(ports.iter().copied().map(Cause::Port), deadline)
}

/// Waits as [`wait_ports`], or for a wake-up of the futex at `address`.
pub fn wait_ports_or_futex(ports: &[Port], address: usize, deadline: Option<Nanos>) -> bool {
    wait(ports.iter().copied().map(Cause::Port).chain([Cause::Futex(address)]), deadline)
}

/// Wakes every thread that waits on the port, as an event would.
pub fn wake_port(port: Port) {
    STATE.borrow().scheduler.wake_all(Cause::Port(port), usize::MAX);
}

/// Waits for a wake-up of the futex at `address`; `false` means the deadline. The address is only a name: nothing is read
/// there, so the caller looks at its word before, and no other thread runs between look and wait.
pub fn futex_wait(address: usize, deadline: Option<Nanos>) -> bool {
    wait([Cause::Futex(address)], deadline)
}

/// Wakes up to `count` threads that wait for the futex, those first who have waited longest; how many there were.
pub fn futex_wake(address: usize, count: usize) -> usize {
    STATE.borrow().scheduler.wake_all(Cause::Futex(address), count)
}

/// Waits for the end of a thread; at once if there is none of that number any more.
pub fn join(id: ThreadId) {
    let runs = STATE.borrow().scheduler.contains(id);
    if runs {
        wait([Cause::End(id)], None);
    }
}

/// Ends the running thread. Its stack goes, with what others may still borrow from it: so a thread ends when its
/// function has returned, and not otherwise.
fn exit() -> ! {
    {
        let mut state = STATE.borrow();
        let current = state.current;
        let thread = state.scheduler.remove(current);
        state.ended.extend(thread);
    }
    reschedule();
    unreachable!("a thread that ended runs")
}
