//! The console of this domain.

use super::early;
use super::reader::{Reader, Waiting};
use super::ring::ConsoleRing;
use crate::boot::start::Start;
use crate::boot::symbols::Image;
use crate::hal::{Nanos, Port};
use crate::local::Local;
use crate::{cpu, events, hypercall, mm, shared_info, thread, time};
use alloc::vec::Vec;
use core::time::Duration;
use platform_xen_sys::Mfn;

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
    reader: Reader,
    /// A thread is in the middle of writing: others wait, so that texts don't mix.
    busy: bool,
    /// What was taken off Xen's own console, which can't be asked whether there is something.
    ahead: Vec<u8>,
}

static CONSOLE: Local<Console> =
    Local::new(Console { device: Device::None, reader: Reader::new(), busy: false, ahead: Vec::new() });

/// How long a full ring is waited for, see [`Reader::give`].
const PATIENCE: Duration = Duration::from_secs(5);
/// The same, for a domain that is about to end; and how long it waits for the reader to take the rest.
const LAST_PATIENCE: Duration = Duration::from_secs(1);
/// How often dom0 looks whether somebody typed, in nanoseconds: Xen's console has no event that works without a virtual interrupt.
pub const LOOK: u64 = 20_000_000;

/// Opens a domU's console as the first thing of all, so that whatever fails can be read there.
pub(crate) fn open_early(mfn: Mfn, port: Port) {
    if let Ok(ring) = early::open(mfn) {
        CONSOLE.borrow().device = Device::Ring(ring, port);
    }
}

/// Finds the console, now that there is memory management.
pub(crate) fn setup(start: &Start) {
    let Some((mfn, port)) = start.console else {
        CONSOLE.borrow().device = if start.is_dom0() { Device::Xen } else { Device::None };
        return;
    };
    // If it can't be mapped elsewhere, it stays where it could be mapped first.
    let Ok(page) = mm::map_shared(mfn) else { return };
    CONSOLE.borrow().device = Device::Ring(ConsoleRing::new(page), Port(port));
    if early::window().is_some() {
        let data = mm::with(|mm| mm.space.data_flags(true));
        if let Err(e) = early::close(Image::get(), mm::p2m(), data) {
            log::warn!("a page of the image is lost: {e}");
        }
    }
}

/// The console's event channel, if it has one.
#[must_use]
pub fn port() -> Option<Port> {
    ring().map(|(_, port)| port)
}

/// Waiting while other threads run; before there are threads, alone.
struct Together(Port);

impl Waiting for Together {
    fn now(&self) -> Nanos {
        time::now()
    }
    fn notify(&self) {
        events::notify(self.0);
    }
    fn wait(&self, until: Nanos) {
        if thread::is_running() {
            thread::wait_ports(&[self.0], Some(until));
        } else {
            Alone(self.0).wait(until);
        }
    }
}

/// Waiting of one who is about to leave: no other thread runs.
struct Alone(Port);

impl Waiting for Alone {
    fn now(&self) -> Nanos {
        // Before there is a clock, by the counter: at 4 GHz this is right, else it is a little slow.
        if shared_info::page().is_some() { time::now() } else { Nanos(cpu::tsc() / 4) }
    }
    fn notify(&self) {
        events::notify(self.0);
    }
    fn wait(&self, until: Nanos) {
        events::consume(self.0);
        let _ = hypercall::poll(&[self.0.0], until.min(soon(10_000_000)).0);
    }
}

fn soon(ns: u64) -> Nanos {
    Nanos(time::now().0 + ns)
}

/// The ring, if there is one.
fn ring() -> Option<(ConsoleRing, Port)> {
    match CONSOLE.borrow().device {
        Device::Ring(ring, port) => Some((ring, port)),
        _ => None,
    }
}

fn put_all(bytes: &[u8]) {
    let Some((ring, port)) = ring() else {
        // Xen takes any length, in pieces, while it holds a lock.
        bytes.chunks(1024).for_each(|piece| _ = hypercall::console_write(piece));
        return;
    };
    // Only who is `busy` gets here, so nobody else changes it meanwhile.
    let mut reader = CONSOLE.borrow().reader;
    reader.give(&ring, bytes, PATIENCE, &Together(port));
    CONSOLE.borrow().reader = reader;
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

/// Waits until the reader has taken everything, at most a second.
pub fn flush() {
    let Some((ring, port)) = ring() else { return };
    let mut reader = CONSOLE.borrow().reader;
    reader.drain(&ring, LAST_PATIENCE, &Alone(port));
    CONSOLE.borrow().reader = reader;
    // If we stay after all, whoever waits for keys must look: the event may have been for both.
    if thread::is_running() {
        thread::wake_port(port);
    }
}

/// For a domain that is about to end: writes without waiting for other threads, waits for the reader for a second at most,
/// and works whatever the state of the console. Line feeds get their carriage returns.
pub fn emergency(text: &[u8]) {
    let Some(mut console) = CONSOLE.try_borrow() else {
        let _ = hypercall::console_write(text);
        return;
    };
    let Device::Ring(ring, port) = console.device else {
        let _ = hypercall::console_write(text);
        return;
    };
    for line in text.split_inclusive(|b| *b == b'\n') {
        let (line, end): (_, &[u8]) = line.strip_suffix(b"\n").map_or((line, b""), |line| (line, b"\r\n"));
        for bytes in [line, end] {
            console.reader.give(&ring, bytes, LAST_PATIENCE, &Alone(port));
        }
    }
}
