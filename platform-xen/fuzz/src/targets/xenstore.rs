//! A xenstored that says anything on the ring.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use platform_xen::hal::{Hal, HalRef, Port};
use platform_xen::shared::{PAGE, SharedMem, SharedPages};
use platform_xen::xenstore::{Channel, Xenstore};
use platform_xen_fake::peer::Machine;
use platform_xen_sys::xenstore as sys;

use crate::Target;
use crate::script::{Actor, Script, Stage};

/// Messages of xenstore.
pub static XENSTORE: Target = Target {
    name: "xenstore",
    what: "messages and indices of a xenstored that says anything",
    seeds,
    run,
    max_len: 1500,
    memory: 8 << 20,
    sources: &["platform-xen/src/xenstore", "platform-xen/src/shared.rs"],
};

const RING: usize = sys::XENSTORE_RING_SIZE;
const REQ_CONS: usize = 2 * RING;
const REQ_PROD: usize = REQ_CONS + 4;
const RSP_PROD: usize = REQ_CONS + 12;

/// The daemon of messages: what it answers is the script's, but its framing mostly holds.
struct Daemon {
    script: Script,
    page: SharedMem<'static>,
    port: Port,
    /// Requests that were read and not answered: type and id.
    asked: Vec<(u32, u32)>,
    /// Bytes of requests, up to the last whole one.
    input: Vec<u8>,
}

impl Daemon {
    fn index(&self, at: usize) -> u32 {
        self.page.atomic_u32(at).load(Ordering::SeqCst)
    }

    /// Reads what was asked.
    fn listen(&mut self) {
        let (mut cons, prod) = (self.index(REQ_CONS), self.index(REQ_PROD));
        for _ in 0..RING {
            if cons == prod {
                break;
            }
            let mut byte = [0];
            self.page.read(cons as usize % RING, &mut byte);
            self.input.push(byte[0]);
            cons = cons.wrapping_add(1);
        }
        self.page.atomic_u32(REQ_CONS).store(cons, Ordering::SeqCst);
        while let Some(head) = self.input.first_chunk::<16>() {
            let field = |n: usize| u32::from_le_bytes([head[n], head[n + 1], head[n + 2], head[n + 3]]);
            let (kind, id, len) = (field(0), field(4), field(12) as usize);
            if self.input.len() < 16 + len {
                break;
            }
            self.asked.push((kind, id));
            self.input.drain(..16 + len);
        }
        // What nobody will answer is forgotten.
        let old = self.asked.len().saturating_sub(32);
        self.asked.drain(..old);
    }

    /// A message, whose length may be said wrong.
    fn say(&mut self, kind: u32, id: u32, len: u32, body: &[u8]) {
        let head = [kind, id, 0, len].into_iter().flat_map(u32::to_le_bytes);
        let mut prod = self.index(RSP_PROD);
        for byte in head.chain(body.iter().copied()) {
            self.page.write(RING + prod as usize % RING, &[byte]);
            prod = prod.wrapping_add(1);
        }
        self.page.atomic_u32(RSP_PROD).store(prod, Ordering::SeqCst);
    }
}

/// Bodies that mean something to somebody.
const BODIES: [&[u8]; 12] = [
    b"OK\0",
    b"ENOENT\0",
    b"EAGAIN\0",
    b"EACCES\0",
    b"1",
    b"7\0",
    b"4294967295\0",
    b"vbd\0vif\0",
    b"device\0pv-1\0",
    b"device/x\0pv-2\0",
    b"poweroff",
    b"",
];

impl Actor for Daemon {
    fn script(&mut self) -> &mut Script {
        &mut self.script
    }

    fn act(&mut self, machine: &Machine) {
        match self.script.number() % 8 {
            0..=3 => {
                self.listen();
                // The oldest is answered first, as the real one does.
                let (mut kind, mut id) = if self.asked.is_empty() { (15, 0) } else { self.asked.remove(0) };
                let what = self.script.number();
                let body =
                    if what & 1 == 0 { self.script.one(&BODIES).to_vec() } else { self.script.bytes() };
                match what >> 1 & 7 {
                    1 => kind = sys::XS_ERROR,
                    2 => kind = sys::XS_WATCH_EVENT,
                    3 => kind = u32::from(self.script.number()),
                    4 => id = id.wrapping_add_signed(i32::from(self.script.number().cast_signed())),
                    _ => {}
                }
                let len = match what >> 4 {
                    15 => self.script.word(),
                    14 => body.len() as u32 + u32::from(self.script.number()),
                    _ => body.len() as u32,
                };
                self.say(kind, id, len, &body);
            }
            4 | 5 => self.script.scribble(self.page),
            6 => {
                // Indices and flags.
                let at = REQ_CONS + usize::from(self.script.number() % 8) * 4;
                let value = if self.script.number() & 1 == 0 {
                    self.script.word()
                } else {
                    self.script.number().into()
                };
                self.page.atomic_u32(at).store(value, Ordering::SeqCst);
            }
            _ => self.listen(),
        }
        machine.raise(self.port.0);
    }
}

/// Answers to all that the client asks at first, with delays of none.
fn seeds() -> Vec<Vec<u8>> {
    let answers = |bodies: &[u8]| -> Vec<u8> { bodies.iter().flat_map(|body| [255, 0, 0, *body]).collect() };
    vec![
        answers(&[0, 5, 7, 6, 5, 0, 0, 4, 1, 0, 0, 0]),
        [&[255, 0, 4, 8], &answers(&[0, 8, 9, 5, 7, 6, 5, 2, 6, 5, 0, 0, 0])[..]].concat(),
        answers(&[0, 0, 0, 0, 0, 0, 0, 0]).iter().map(|b| if *b == 255 { 3 } else { *b }).collect(),
        vec![255, 6, 5, 1, 0, 255, 6, 4, 1, 1, 255, 0, 0, 0],
    ]
}

/// Virtual time within which everything must have ended, in an answer or an error.
const PATIENCE: Duration = Duration::from_secs(900);

fn run(data: &[u8]) {
    let machine = Machine::new();
    let hal: HalRef = machine.clone();
    let pages = SharedPages::alloc(&hal, 1).expect("a page");
    // SAFETY: the page lives longer than the daemon and the client, which use it by windows.
    let page = unsafe { SharedMem::new(pages.window().base(), PAGE) };
    let port = machine.open_port();
    let daemon = Daemon { script: Script::new(data), page, port, asked: Vec::new(), input: Vec::new() };
    let before = machine.now();
    let stage = Stage::open(&machine, daemon);
    if let Ok(xs) = Xenstore::open(hal.clone(), Channel { page, port }) {
        converse(&xs, &machine);
        if stage.actor().script().number() & 1 == 0 && xs.reconnect(xs.channel()).is_ok() {
            converse(&xs, &machine);
        }
    }
    drop(stage);
    assert!(machine.now() - before < PATIENCE, "{:?}", machine.now() - before);
}

fn converse(xs: &Xenstore, machine: &Arc<Machine>) {
    let soon = || machine.now() + Duration::from_secs(1);
    let watch = xs.watch("device");
    let _ = xs.read("domid").map(|value| assert!(value.len() <= sys::XENSTORE_PAYLOAD_MAX));
    if let Ok(names) = xs.directory("device") {
        assert!(names.len() <= sys::XENSTORE_PAYLOAD_MAX);
    }
    let _ = (xs.find_number("a/b"), xs.read_text("x"), xs.reset_watches());
    let _ = xs.transaction(|t| {
        let old = t.read("state")?;
        t.write("state", &old)?;
        t.rm("gone")
    });
    if let Ok(pending) = xs.start_read("y") {
        machine.settle();
        let _ = xs.poll(&pending);
        xs.forget(pending);
    }
    if let Ok(watch) = watch {
        for _ in 0..3 {
            let _ = watch.next(soon());
        }
        let _ = watch.end();
    }
    let _ = (xs.write("a", &[7; 100]), xs.quiesce());
}
