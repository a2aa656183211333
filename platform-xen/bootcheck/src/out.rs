//! Where the report goes: the PV console's ring, by polling, or Xen's own console when we are dom0.

use crate::hypercall;
use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use platform_xen_sys::console::{XENCONS_OUT_SIZE, XenconsInterface};
use platform_xen_sys::event::{EVTCHNOP_SEND, EvtchnSend, Port};
use platform_xen_sys::hypercall::{CONSOLE_IO, CONSOLEIO_WRITE, EVENT_CHANNEL_OP, SCHED_OP};
use platform_xen_sys::sched::{SCHEDOP_POLL, SchedPoll};
use platform_xen_sys::shared_info::SharedInfo;

/// A sink for the report, and a count of its lines.
pub struct Out {
    ring: Option<Ring>,
    lines: u32,
}

#[derive(Clone, Copy)]
pub struct Ring {
    /// The console's page, mapped writable for good.
    pub page: *const XenconsInterface,
    /// Its port.
    pub port: Port,
    /// The shared info page, mapped writable for good.
    pub shared: *const SharedInfo,
}

impl Out {
    /// On the ring, or on Xen's console if there is none.
    pub fn new(ring: Option<Ring>) -> Out {
        Out { ring, lines: 0 }
    }

    /// Lines so far.
    pub fn lines(&self) -> u32 {
        self.lines
    }

    fn bytes(&self, bytes: &[u8]) {
        match &self.ring {
            Some(ring) => ring.write(bytes),
            None => {
                // SAFETY: address and length are those of a slice, which Xen only reads.
                let _ = unsafe {
                    hypercall::call(
                        CONSOLE_IO,
                        [u64::from(CONSOLEIO_WRITE), bytes.len() as u64, bytes.as_ptr() as u64, 0, 0],
                    )
                };
            }
        }
    }

    /// Waits until the other side has taken everything.
    pub fn drain(&self) {
        if let Some(ring) = &self.ring {
            ring.wait_for(|free| free == XENCONS_OUT_SIZE as u32);
        }
    }
}

impl fmt::Write for Out {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for line in s.split_inclusive('\n') {
            match line.strip_suffix('\n') {
                Some(text) => {
                    self.bytes(text.as_bytes());
                    self.bytes(b"\r\n");
                    self.lines += 1;
                }
                None => self.bytes(line.as_bytes()),
            }
        }
        Ok(())
    }
}

impl Ring {
    fn index(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: the page stays mapped, `offset` is that of an aligned u32 in it, and only atomics touch it.
        unsafe { &*self.page.byte_add(offset).cast() }
    }

    fn write(&self, mut bytes: &[u8]) {
        let produced = self.index(core::mem::offset_of!(XenconsInterface, out_prod));
        while !bytes.is_empty() {
            let free = self.wait_for(|free| free > 0) as usize;
            let (now, later) = bytes.split_at(free.min(bytes.len()));
            let mut at = produced.load(Ordering::Relaxed);
            for byte in now {
                let offset = core::mem::offset_of!(XenconsInterface, output) + at as usize % XENCONS_OUT_SIZE;
                // SAFETY: within the ring's bytes, which only atomics touch.
                unsafe { &*self.page.byte_add(offset).cast::<AtomicU8>() }.store(*byte, Ordering::Relaxed);
                at = at.wrapping_add(1);
            }
            produced.store(at, Ordering::Release);
            self.notify();
            bytes = later;
        }
    }

    fn notify(&self) {
        // SAFETY: the command's argument; it changes nothing of ours.
        let _ =
            unsafe { hypercall::op(EVENT_CHANNEL_OP, EVTCHNOP_SEND, &mut EvtchnSend { port: self.port }) };
    }

    /// Waits until the number of free bytes is as wanted; returns it.
    fn wait_for(&self, wanted: impl Fn(u32) -> bool) -> u32 {
        let produced = self.index(core::mem::offset_of!(XenconsInterface, out_prod));
        let consumed = self.index(core::mem::offset_of!(XenconsInterface, out_cons));
        let pending = core::mem::offset_of!(SharedInfo, evtchn_pending) + self.port as usize / 64 * 8;
        loop {
            // SAFETY: a word of the shared page, which stays mapped; only atomics touch it.
            let word: &AtomicU64 = unsafe { &*self.shared.byte_add(pending).cast() };
            word.fetch_and(!(1 << (self.port % 64)), Ordering::SeqCst);
            let used = produced.load(Ordering::Relaxed).wrapping_sub(consumed.load(Ordering::Acquire));
            let free = (XENCONS_OUT_SIZE as u32).saturating_sub(used);
            if wanted(free) {
                return free;
            }
            let mut poll = SchedPoll { ports: &self.port, nr_ports: 1, timeout: 0 };
            // SAFETY: the command's argument; Xen reads the port.
            let _ = unsafe { hypercall::op(SCHED_OP, SCHEDOP_POLL, &mut poll) };
        }
    }
}

/// One line of the report: a key, then its value. `~` before the key marks what depends on the machine or the moment:
/// the comparison passes over it.
#[macro_export]
macro_rules! line {
    ($out:expr, $($arg:tt)*) => {{
        use core::fmt::Write as _;
        let _ = write!($out, "bc ");
        let _ = writeln!($out, $($arg)*);
    }};
}
