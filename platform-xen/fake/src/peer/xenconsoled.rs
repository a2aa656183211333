//! xenconsoled: the daemon that reads a domain's console.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use platform_xen::console::reader::Waiting;
use platform_xen::hal::{Hal, Nanos, Port};
use platform_xen::shared::SharedMem;
use platform_xen_sys::addr::PAGE_SIZE;

use crate::peer::machine::{Machine, Peer};

const OUT: usize = 1024;
const OUT_SIZE: u32 = 2048;
const OUT_CONS: usize = OUT + OUT_SIZE as usize + 8;
const OUT_PROD: usize = OUT_CONS + 4;

/// How it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// All there is, whenever it is told to look.
    All,
    /// Nothing.
    Nothing,
    /// One byte each so many nanoseconds.
    Slowly(u64),
    /// Says that it has read more than there was.
    Nonsense,
}

/// What output needs of the machine, and of its channel.
pub struct Here(pub Arc<Machine>, pub Port);

impl Waiting for Here {
    fn now(&self) -> Nanos {
        self.0.now()
    }
    fn notify(&self) {
        self.0.notify(self.1);
    }
    fn wait(&self, until: Nanos) {
        self.0.wait(&[self.1], Some(until));
    }
}

/// The daemon.
pub struct Xenconsoled {
    page: SharedMem<'static>,
    port: u32,
    reads: Arc<Mutex<Reads>>,
    seen: Arc<Mutex<Vec<u8>>>,
    next: u64,
}

/// The test's hold of the daemon.
pub struct Console {
    /// The guest's end: the page.
    pub page: SharedMem<'static>,
    /// And the event channel.
    pub port: Port,
    reads: Arc<Mutex<Reads>>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Console {
    /// Changes how it reads.
    pub fn read(&self, reads: Reads) {
        *self.reads.lock().unwrap() = reads;
    }

    /// All that it has read.
    pub fn seen(&self) -> Vec<u8> {
        self.seen.lock().unwrap().clone()
    }
}

impl Xenconsoled {
    /// Starts the daemon on the machine.
    pub fn start(machine: &Machine, reads: Reads) -> Console {
        let base = machine.alloc_pages(1).expect("a page");
        // SAFETY: just allocated, and freed with the machine only.
        let page = unsafe { SharedMem::new(base, PAGE_SIZE) };
        let port = machine.open_port();
        let (reads, seen) = (Arc::new(Mutex::new(reads)), Arc::default());
        let daemon =
            Xenconsoled { page, port: port.0, reads: Arc::clone(&reads), seen: Arc::clone(&seen), next: 0 };
        machine.add(daemon);
        Console { page, port, reads, seen }
    }

    fn take(&mut self, most: u32) -> bool {
        let cons = self.page.atomic_u32(OUT_CONS).load(Ordering::Acquire);
        let prod = self.page.atomic_u32(OUT_PROD).load(Ordering::Acquire);
        let there = prod.wrapping_sub(cons);
        assert!(there <= OUT_SIZE, "the guest's producer index makes no sense");
        let n = there.min(most);
        for i in 0..n {
            let mut byte = [0];
            self.page.read(OUT + (cons.wrapping_add(i) % OUT_SIZE) as usize, &mut byte);
            self.seen.lock().unwrap().push(byte[0]);
        }
        self.page.atomic_u32(OUT_CONS).store(cons.wrapping_add(n), Ordering::Release);
        n > 0
    }
}

impl Peer for Xenconsoled {
    fn step(&mut self, machine: &Machine) -> bool {
        let reads = *self.reads.lock().unwrap();
        let busy = match reads {
            Reads::All => self.take(OUT_SIZE),
            Reads::Nothing => false,
            Reads::Slowly(_) if machine.clock() < self.next => false,
            Reads::Slowly(ns) => {
                self.next = machine.clock() + ns;
                self.take(1)
            }
            Reads::Nonsense => {
                let prod = self.page.atomic_u32(OUT_PROD).load(Ordering::Acquire);
                self.page.atomic_u32(OUT_CONS).store(prod.wrapping_add(1), Ordering::Release);
                false
            }
        };
        if busy {
            machine.raise(self.port);
        }
        busy
    }

    fn wakes_at(&self) -> Option<u64> {
        matches!(*self.reads.lock().unwrap(), Reads::Slowly(_)).then_some(self.next)
    }
}
