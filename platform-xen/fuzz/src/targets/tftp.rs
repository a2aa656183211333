//! A TFTP server that says anything, at any time.

use std::net::SocketAddr;
use std::time::Duration;

use pvgrub_net::tftp::machine::{Limits, Machine, Out, State};
use pvgrub_net::tftp::packet::{Asked, Packet, request};

use crate::Target;
use crate::script::Script;

/// Packets and time.
pub static TFTP: Target = Target {
    name: "tftp",
    what: "what a TFTP server sends, from which port, and when: any packets, or blocks of one file in any order",
    seeds,
    run,
    max_len: 4096,
    memory: 8 << 20,
    sources: &["net/src/tftp"],
};

const SERVER: [u8; 4] = [192, 0, 2, 1];
const MOST: u64 = 200_000;

/// What real servers sent, and whether options were asked for: net/tests/captures.
const CAPTURES: [(&[u8], bool); 8] = [
    (include_bytes!("../../../../net/tests/captures/tftp/atftpd-error.bin"), true),
    (include_bytes!("../../../../net/tests/captures/tftp/atftpd-usual.bin"), true),
    (include_bytes!("../../../../net/tests/captures/tftp/atftpd-window.bin"), true),
    (include_bytes!("../../../../net/tests/captures/tftp/dnsmasq-error.bin"), true),
    (include_bytes!("../../../../net/tests/captures/tftp/dnsmasq-plain.bin"), false),
    (include_bytes!("../../../../net/tests/captures/tftp/dnsmasq-usual.bin"), true),
    (include_bytes!("../../../../net/tests/captures/tftp/tftpd-hpa-error.bin"), true),
    (include_bytes!("../../../../net/tests/captures/tftp/tftpd-hpa-usual.bin"), true),
];

/// A capture as actions: its packets, of which each has its length before it.
fn captured((mut capture, options): (&[u8], bool)) -> Vec<u8> {
    let mut seed = vec![0, options.into(), 0, 0];
    while let Some((len, rest)) = capture.split_first_chunk() {
        let (packet, rest) = rest.split_at(u16::from_be_bytes(*len).into());
        seed.extend([5, len[1], len[0]]);
        seed.extend(packet);
        capture = rest;
    }
    seed
}

/// Delay (of the script; means nothing), flags, number of the last block, its length; then actions. First those made by hand.
fn seeds() -> Vec<Vec<u8>> {
    let oack = b"\0\x06tsize\x001500\0blksize\x00512\0windowsize\x008\0";
    let options = [&[0, oack.len() as u8][..], oack].concat();
    let blocks: Vec<u8> = (0..8).flat_map(|_| [1, 40, 2]).collect();
    let strange: &[u8] =
        &[1, 40, 2, 1, 42, 2, 1, 41, 2, 3, 7, 4, 0, 3, 0, 9, 2, 232, 3, 1, 39, 2, 2, 255, 255, 1, 40, 2];
    let error = b"\0\x0d\0\x05\0\x01not here\0";
    let made = [
        [&[0, 1, 3, 220], &options[..], &blocks].concat(),
        [&[0, 1, 200, 0], &options[..], strange, &blocks].concat(),
        [&[0, 0, 3, 100], &blocks[..]].concat(),
        [&[0, 3, 3, 100], &options[..]].concat(),
        [&[0, 1, 3, 100], &error[..]].concat(),
        [&[0, 1, 3, 100, 4, 5, 220, 2, 0, 8], &blocks[..]].concat(),
    ];
    made.into_iter().chain(CAPTURES.map(captured)).collect()
}

/// A block of the file whose blocks are all different.
fn block(number: u64, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number as usize * 7 + at) as u8).collect()
}

struct Run {
    script: Script,
    machine: Machine,
    out: Out,
    now: Duration,
    /// The file's number of blocks, and the length of the last one.
    last: u64,
    rest: usize,
    /// Only blocks of the file were sent, so that its bytes are known.
    honest: bool,
    received: Vec<u8>,
}

fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let (flags, last, rest) = (script.number(), u64::from(script.number()), usize::from(script.number()));
    let asked = (flags & 1 != 0).then_some(Asked { block: 1468, window: 32, timeout: 2 });
    let limits = Limits {
        connect: Duration::from_secs(10),
        silence: Duration::from_secs(30),
        tries: 6,
        most: MOST,
        only_ask: flags & 2 != 0,
    };
    let mut out = Out::default();
    let asking = request("/file", asked.as_ref()).unwrap();
    let machine = Machine::new((SERVER, 69).into(), asking, asked, limits, Duration::ZERO, &mut out);
    let now = Duration::ZERO;
    let mut run = Run { script, machine, out, now, last, rest, honest: true, received: Vec::new() };
    run.settle(1);
    while !run.script.is_over() && run.is_open() {
        run.act();
    }
    // Left alone it ends, and not later than it should.
    let end = run.now + Duration::from_secs(30);
    for _ in 0..8 {
        run.now = run.now.max(run.machine.deadline());
        run.machine.tick(run.now, &mut run.out);
        run.settle(1);
    }
    assert!(!run.is_open() && run.now <= end, "{:?} at {:?}, due at {end:?}", run.machine.state(), run.now);
}

impl Run {
    fn is_open(&self) -> bool {
        matches!(self.machine.state(), State::Asking | State::Receiving)
    }

    fn act(&mut self) {
        match self.script.number() % 6 {
            kind @ (0 | 5) => {
                let bytes = if kind == 0 { self.script.bytes() } else { self.script.many_bytes() };
                self.honest &= !matches!(Packet::parse(&bytes), Some(Packet::Data { .. }));
                self.packet((SERVER, 1000).into(), &bytes);
            }
            1 => {
                let (near, count) = (u64::from(self.script.number() % 80), self.script.number() % 8);
                for number in near..=near + u64::from(count) {
                    self.block(number);
                }
            }
            2 => {
                self.now += Duration::from_millis(self.script.short().into());
                self.machine.tick(self.now, &mut self.out);
                self.settle(1);
            }
            3 => {
                let (port, bytes) = (self.script.number(), self.script.bytes());
                let from: [SocketAddr; 2] = [(SERVER, port.into()).into(), ([192, 0, 2, port], 1000).into()];
                for from in from.into_iter().filter(|from| *from != (SERVER, 1000).into()) {
                    self.honest &= *self.machine.state() != State::Asking;
                    self.packet(from, &bytes);
                }
            }
            _ => {
                let (size, block, window) = (self.script.short(), self.script.short(), self.script.number());
                let oack = format!("\0\x06tsize\0{size}\0blksize\0{block}\0windowsize\0{window}\0");
                self.packet((SERVER, 1000).into(), oack.as_bytes());
            }
        }
    }

    /// A block of the file that is `near - 40` after the one that is due.
    fn block(&mut self, near: u64) {
        let len = usize::from(self.machine.granted().block);
        let due = self.received.len() as u64 / len as u64 + 1;
        let Some(number) = (due + near).checked_sub(40).filter(|number| (1..=self.last).contains(number))
        else {
            return;
        };
        let len = if number == self.last { self.rest.min(len - 1) } else { len };
        let packet = [&[0, 3][..], &(number as u16).to_be_bytes(), &block(number, len)].concat();
        self.packet((SERVER, 1000).into(), &packet);
    }

    fn packet(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.machine.packet(from, bytes, self.now, &mut self.out);
        // The acknowledgement, or an error.
        self.settle(1);
    }

    /// Looks at what came of an event: at most so many packets, all of them sound, and no wrong bytes.
    fn settle(&mut self, most: usize) {
        assert!(self.out.packets.len() <= most, "{:?}", self.out.packets);
        for (to, packet) in self.out.packets.drain(..) {
            assert!(packet.len() <= 512 && to.ip() == std::net::IpAddr::from(SERVER), "{packet:?} to {to}");
            assert!(matches!(packet[..], [0, 1, ..] | [0, 4, _, _] | [0, 5, ..]), "{packet:?}");
        }
        self.received.append(&mut self.out.bytes);
        assert!(self.received.len() as u64 <= MOST);
        if *self.machine.state() == State::Done
            && let Some(size) = self.machine.size()
        {
            assert!(self.received.len() as u64 == size || self.received.is_empty());
        }
        let len = usize::from(self.machine.granted().block);
        if self.honest
            && let Some(start) = self.received.len().checked_sub(1)
        {
            let number = start / len;
            assert_eq!(
                self.received[number * len..],
                block(number as u64 + 1, self.received.len() - number * len)
            );
        }
    }
}
