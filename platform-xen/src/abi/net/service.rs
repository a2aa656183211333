//! The one network of this domain: its cards, and the thread that serves them.

use crate::abi::file;
use crate::abi::thread::AT_EXIT;
use crate::hal::Nanos;
use crate::net::Nic;
use crate::tcpip::{Limits, NetError, NicLink, Setup, Stack, Waiter};
use crate::thread::Lock;
use crate::words::Words;
use crate::{boot, devices, entropy, mm, thread, time};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use spin::{Mutex, Once};

/// Bytes of stack for the thread that serves the cards.
const STACK: usize = 128 << 10;
/// How long a call waits for the first address.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(20);
/// How long the end of the program waits for what it sent to arrive.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// The network.
pub(super) struct Network {
    /// Who has the stack. What is done with it may wait after all: for the console, which is told what is wrong with a
    /// card, or for xenstore, which is asked for a backend's state.
    turn: Lock,
    stack: Mutex<Stack>,
    /// Until when the serving thread sleeps; 0: it doesn't.
    until: AtomicU64,
    /// Ends that sleep.
    kick: AtomicU32,
}

static NETWORK: Once<Network> = Once::new();
/// One thread starts it.
static STARTING: Lock = Lock::new();

/// A waiter whose sleepers are threads, alone or in `poll`.
pub(super) fn waiter() -> Arc<Waiter> {
    Waiter::new(|count| {
        thread::futex_wake((&raw const *count).addr(), usize::MAX);
        file::changed();
    })
}

/// Sleeps until the waiter's count is another than it was; `false`: the deadline came first.
pub(super) fn sleep(waiter: &Waiter, seen: u32, deadline: Option<Nanos>) -> bool {
    // Nothing runs between the look and the wait.
    waiter.count().load(Ordering::Relaxed) != seen
        || thread::futex_wait((&raw const *waiter.count()).addr(), deadline)
}

/// Numbers for ports and the beginnings of sequences.
fn random() -> u64 {
    let mut bytes = [0; 8];
    if entropy::fill(&mut bytes).is_err() {
        entropy::fill_weakly(&mut bytes);
    }
    u64::from_ne_bytes(bytes)
}

/// The network, started when first asked for.
pub(super) fn get() -> &'static Network {
    if let Some(network) = NETWORK.get() {
        return network;
    }
    let _turn = STARTING.lock();
    if let Some(network) = NETWORK.get() {
        return network;
    }
    let memory = mm::stats().free * platform_xen_sys::PAGE_SIZE as u64;
    let mut stack = Stack::new(Limits::for_memory(memory), random, waiter(), time::now());
    let setups = setups();
    for nic in cards() {
        let name = nic.info().name;
        stack.attach(Box::new(NicLink::new(nic)), Setup::of(&name, &setups));
    }
    let network = NETWORK.call_once(|| Network {
        turn: Lock::new(),
        stack: Mutex::new(stack),
        until: AtomicU64::new(0),
        kick: AtomicU32::new(0),
    });
    *AT_EXIT.borrow() = Some(drain);
    if thread::spawn(STACK, Box::new(|| network.serve())).is_err() {
        log::error!("no memory for the thread that serves the network");
    }
    network
}

/// What the command line says of the network.
fn setups() -> Vec<Setup> {
    let words = Words::new(boot::start().cmd_line()).ip;
    let parse = |word: Vec<u8>| {
        Setup::parse(&String::from_utf8_lossy(&word)).inspect_err(|error| log::error!("{error}")).ok()
    };
    words.into_iter().filter_map(parse).collect()
}

/// The cards that work. Those that don't are named on the console.
fn cards() -> Vec<Arc<Nic>> {
    let Some(devices) = devices::get() else { return Vec::new() };
    match devices.nics() {
        Ok(nics) => nics.iter().cloned().collect(),
        Err(error) => {
            log::error!("{error}");
            Vec::new()
        }
    }
}

impl Network {
    /// Does something with the network, which it does not wait for; at most for another thread that has it.
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut Stack) -> R) -> R {
        let _turn = self.turn.lock();
        let now = time::now();
        let mut stack = self.stack.lock();
        stack.set_time(now);
        let result = f(&mut stack);
        // What was done may be due to be looked at sooner than the serving thread thinks.
        let until = self.until.load(Ordering::Relaxed);
        if until > now.0 && stack.poll_at(now).is_some_and(|at| at.0 < until) {
            self.kick.fetch_add(1, Ordering::Relaxed);
            thread::futex_wake((&raw const self.kick).addr(), 1);
        }
        result
    }

    /// Takes what came meanwhile: cheaper than to sleep until the serving thread has.
    pub(super) fn poll(&self) {
        self.with(|stack| _ = stack.poll(time::now()));
    }

    /// Serves the cards for good.
    fn serve(&self) {
        loop {
            let next = {
                let _turn = self.turn.lock();
                self.stack.lock().poll(time::now())
            };
            if next.is_some_and(|next| next <= time::now()) {
                thread::yield_now();
                continue;
            }
            let ports = {
                let _turn = self.turn.lock();
                let mut stack = self.stack.lock();
                (!stack.ask_for_events()).then(|| stack.ports())
            };
            let Some(mut ports) = ports else {
                // A backend can say so again and again.
                thread::yield_now();
                continue;
            };
            // A backend that leaves says so in xenstore alone.
            ports.extend(devices::get().map(|devices| devices.xenstore().port()));
            let next = next.unwrap_or(Nanos(u64::MAX));
            self.until.store(next.0, Ordering::Relaxed);
            thread::wait_ports_or_futex(&ports, (&raw const self.kick).addr(), Some(next));
            self.until.store(0, Ordering::Relaxed);
        }
    }

    /// Waits until there is an address by which that one can be reached, if it may come.
    pub(super) fn await_way(&self, to: IpAddr) {
        self.await_until(|stack| !stack.may_come(to));
    }

    /// Waits until there is a server to ask for names, if it may come.
    pub(super) fn await_names(&self) {
        self.await_until(|stack| !stack.names_may_come());
    }

    fn await_until(&self, done: impl Fn(&Stack) -> bool) {
        let deadline = time::now() + ADDRESS_PATIENCE;
        loop {
            let (changed, seen, over) = self.with(|stack| {
                let changed = stack.changed().clone();
                let seen = changed.count().load(Ordering::Relaxed);
                (changed, seen, done(stack))
            });
            if over || time::now() >= deadline {
                return;
            }
            sleep(&changed, seen, Some(deadline));
        }
    }
}

/// Before the program's end: waits a little until what it sent has arrived.
fn drain() {
    let Some(network) = NETWORK.get() else { return };
    let deadline = time::now() + LAST_PATIENCE;
    while network.with(|stack| {
        stack.poll(time::now());
        stack.is_sending()
    }) && time::now() < deadline
    {
        thread::sleep_until(time::now() + Duration::from_millis(2));
    }
}

/// The number of an error, as std knows it.
pub(super) fn errno(error: NetError) -> i32 {
    use hermit_abi::errno as e;
    match error {
        NetError::WouldBlock => e::EAGAIN,
        NetError::InProgress => e::EINPROGRESS,
        NetError::AddrInUse => e::EADDRINUSE,
        NetError::AddrNotAvailable => e::EADDRNOTAVAIL,
        NetError::Refused => e::ECONNREFUSED,
        NetError::Reset => e::ECONNRESET,
        NetError::TimedOut => e::ETIMEDOUT,
        NetError::NotConnected => e::ENOTCONN,
        NetError::IsConnected => e::EISCONN,
        NetError::Invalid => e::EINVAL,
        NetError::Unreachable => e::ENETUNREACH,
        NetError::OutOfMemory => e::ENOMEM,
        NetError::BrokenPipe => e::EPIPE,
        NetError::MessageTooLong => e::EMSGSIZE,
        NetError::WrongFamily => e::EAFNOSUPPORT,
        NetError::NoDestination => e::EDESTADDRREQ,
    }
}
