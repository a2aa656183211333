//! The console of this domain.

use super::ring::ConsoleRing;
use crate::boot::start::Start;
use crate::hal::{Nanos, Port};
use crate::local::Local;
use crate::mm::layout::direct;
use crate::shared::SharedMem;
use crate::{events, hypercall, mm, thread, time};
use alloc::vec::Vec;
use core::ptr::NonNull;
use platform_xen_sys::PAGE_SIZE;

enum Device {
    /// Not set up: what is written goes to Xen's console, which hears a domU only if Xen is a debug build.
    None,
    /// Xen's own console, by hypercall.
    Xen,
    /// The ring and its port.
    Ring(ConsoleRing, Port),
}

struct Console {
    device: Device,
    /// A thread is in the middle of writing: others wait, so that texts don't mix.
    busy: bool,
    /// What was taken off Xen's own console, which can't be asked whether there is something.
    ahead: Vec<u8>,
}

static CONSOLE: Local<Console> = Local::new(Console { device: Device::None, busy: false, ahead: Vec::new() });

/// How long a dying domain waits for a reader that takes nothing, in nanoseconds.
const PATIENCE: u64 = 1_000_000_000;
/// How often dom0 looks whether somebody typed: Xen's console has no event that works without a virtual interrupt.
const LOOK: u64 = 20_000_000;

/// Finds the console. Called at boot, and again after a restore.
pub fn setup(start: &Start) {
    let device = match start.console {
        _ if start.is_dom0() => Device::Xen,
        Some((mfn, port)) => match mm::p2m().pfn(mfn) {
            Some(pfn) => {
                let at = direct(pfn).0 as *mut u8;
                // SAFETY: the page is the console's for good, mapped by the direct map, and used in no other way.
                let page = NonNull::new(at).map(|at| unsafe { SharedMem::new(at, PAGE_SIZE) });
                page.map_or(Device::None, |page| Device::Ring(ConsoleRing::new(page), Port(port)))
            }
            None => Device::None,
        },
        None => Device::None,
    };
    CONSOLE.borrow().device = device;
}

/// The console's event channel, if it has one.
#[must_use]
pub fn port() -> Option<Port> {
    match CONSOLE.borrow().device {
        Device::Ring(_, port) => Some(port),
        _ => None,
    }
}

/// Puts what there is room for. `Err` is the port to wait for when there is none.
fn try_put(bytes: &[u8]) -> Result<usize, Port> {
    match &CONSOLE.borrow().device {
        Device::None | Device::Xen => {
            // Xen takes any length, in pieces, while it holds a lock.
            let piece = &bytes[..bytes.len().min(1024)];
            let _ = hypercall::console_write(piece);
            Ok(piece.len())
        }
        Device::Ring(ring, port) => {
            let n = ring.put(bytes);
            events::notify(*port);
            if n == 0 { Err(*port) } else { Ok(n) }
        }
    }
}

fn soon(ns: u64) -> Nanos {
    Nanos(time::now().0 + ns)
}

fn put_all(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match try_put(bytes) {
            Ok(n) => bytes = &bytes[n..],
            // The daemon sends an event when it has read; the deadline is for one that came before we looked.
            Err(port) if thread::is_running() => {
                thread::wait_ports(&[port], Some(soon(100_000_000)));
            }
            Err(port) => {
                let _ = hypercall::poll(&[port.0], soon(10_000_000).0);
                events::consume(port);
            }
        }
    }
}

/// Writes all bytes as they are.
pub fn write(bytes: &[u8]) {
    begin();
    put_all(bytes);
    CONSOLE.borrow().busy = false;
}

/// Writes text: each line feed is sent with a carriage return, as a terminal wants it.
pub fn write_text(text: &[u8]) {
    begin();
    for line in text.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                put_all(line);
                put_all(b"\r\n");
            }
            None => put_all(line),
        }
    }
    CONSOLE.borrow().busy = false;
}

fn begin() {
    // The other waits for the reader, which takes its time: no reason to spin meanwhile.
    while core::mem::replace(&mut CONSOLE.borrow().busy, true) {
        thread::sleep_until(soon(1_000_000));
    }
}

/// Takes what was typed, without waiting.
fn take(buf: &mut [u8]) -> usize {
    let mut console = CONSOLE.borrow();
    let Console { device, ahead, .. } = &mut *console;
    match device {
        Device::Ring(ring, port) => {
            let n = ring.take(buf);
            if n > 0 {
                events::notify(*port);
            }
            n
        }
        Device::Xen | Device::None if ahead.is_empty() => hypercall::console_read(buf).unwrap_or(0),
        Device::Xen | Device::None => {
            let n = ahead.len().min(buf.len());
            buf[..n].copy_from_slice(&ahead[..n]);
            ahead.drain(..n);
            n
        }
    }
}

/// Whether something was typed and not yet read.
#[must_use]
pub fn has_input() -> bool {
    let mut console = CONSOLE.borrow();
    if let Device::Ring(ring, _) = &console.device {
        return ring.typed();
    }
    if console.ahead.is_empty() {
        let mut buf = [0; 64];
        let n = hypercall::console_read(&mut buf).unwrap_or(0);
        console.ahead.extend_from_slice(&buf[..n]);
    }
    !console.ahead.is_empty()
}

/// Waits until something may have been typed, or the deadline.
pub fn wait_input(deadline: Option<Nanos>) {
    match port() {
        Some(port) => {
            thread::wait_ports(&[port], deadline);
        }
        None => thread::sleep_until(deadline.map_or(soon(LOOK), |d| d.min(soon(LOOK)))),
    }
}

/// Takes what was typed; waits until there is something or the deadline passes, which gives 0.
pub fn read(buf: &mut [u8], deadline: Option<Nanos>) -> usize {
    if buf.is_empty() {
        return 0;
    }
    loop {
        let n = take(buf);
        if n > 0 || deadline.is_some_and(|d| d <= time::now()) {
            return n;
        }
        wait_input(deadline);
    }
}

/// Waits until the reader has taken everything, at most a second after it took the last byte.
pub fn flush() {
    let Some(port) = port() else { return };
    let mut last = usize::MAX;
    let mut give_up = soon(PATIENCE);
    loop {
        let unread = match &CONSOLE.borrow().device {
            Device::Ring(ring, _) => ring.unread().unwrap_or(0),
            _ => 0,
        };
        if unread == 0 || time::now() >= give_up {
            break;
        }
        if unread < last {
            last = unread;
            give_up = soon(PATIENCE);
        }
        // Other threads don't run meanwhile: those who flush are about to leave.
        events::consume(port);
        let _ = hypercall::poll(&[port.0], soon(10_000_000).0.min(give_up.0));
    }
    // If they stay after all, whoever waits for keys must look: the event may have been for both.
    if thread::is_running() {
        thread::wake_port(port);
    }
}

/// For a domain that is about to end: writes without waiting for other threads, gives up on a reader that takes nothing
/// for a second, and works whatever the state of the console. Line feeds get their carriage returns.
pub fn emergency(text: &[u8]) {
    let Some(console) = CONSOLE.try_borrow() else {
        let _ = hypercall::console_write(text);
        return;
    };
    let Device::Ring(ring, port) = &console.device else {
        let _ = hypercall::console_write(text);
        return;
    };
    for line in text.split_inclusive(|b| *b == b'\n') {
        let (line, end): (_, &[u8]) = line.strip_suffix(b"\n").map_or((line, b""), |line| (line, b"\r\n"));
        for mut bytes in [line, end] {
            let mut give_up = soon(PATIENCE);
            while !bytes.is_empty() && time::now() < give_up {
                let n = ring.put(bytes);
                events::notify(*port);
                bytes = &bytes[n..];
                if n > 0 {
                    give_up = soon(PATIENCE);
                } else {
                    events::consume(*port);
                    let _ = hypercall::poll(&[port.0], soon(10_000_000).0);
                }
            }
        }
    }
}
