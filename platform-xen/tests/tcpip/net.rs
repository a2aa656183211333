//! Two machines and the wire between them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use platform_xen::hal::Nanos;
use platform_xen::tcpip::{
    Limits, Link, NetError, Offloads, RxInfo, Setup, Stack, TcpSocket, TxInfo, Waiter,
};

/// What the wire does to frames, each in so many of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub lost: u64,
    pub changed: u64,
    pub repeated: u64,
}

/// A frame under way, and what its sender said of it.
pub type Frame = (Vec<u8>, TxInfo);

/// One direction.
pub type Lane = Arc<Mutex<VecDeque<Frame>>>;

/// A card at one end.
pub struct Card {
    pub name: &'static str,
    pub mac: [u8; 6],
    pub mtu: usize,
    pub offloads: Offloads,
    pub faults: Faults,
    pub to: Lane,
    pub from: Lane,
}

/// Numbers that look random, the same in each run.
pub fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    let mut x = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn chance(thousandths: u64) -> bool {
    random() % 1000 < thousandths
}

impl Link for Card {
    fn name(&self) -> &str {
        self.name
    }

    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn mtu(&self) -> usize {
        self.mtu
    }

    fn offloads(&self) -> Offloads {
        self.offloads
    }

    fn receive(&mut self, into: &mut Vec<u8>) -> Option<RxInfo> {
        let (frame, info) = self.from.lock().unwrap().pop_front()?;
        *into = frame;
        Some(RxInfo { trusted: info.checksum })
    }

    fn can_send(&self) -> bool {
        self.to.lock().unwrap().len() < 64
    }

    fn send(&mut self, frame: &[u8], info: TxInfo) {
        let most = if info.segment.is_some() { 65_535 } else { self.mtu + 14 };
        assert!(frame.len() <= most, "a frame of {} bytes", frame.len());
        let mut frame = frame.to_vec();
        if chance(self.faults.lost) {
            return;
        }
        // Where the checksum is still to be filled in, nobody could see the change.
        if !info.checksum && chance(self.faults.changed) {
            let at = 14 + random() as usize % (frame.len() - 14);
            frame[at] ^= 1 << (random() % 8);
        }
        let mut to = self.to.lock().unwrap();
        if to.len() >= 80 {
            return;
        }
        if chance(self.faults.repeated) {
            to.push_back((frame.clone(), info));
        }
        to.push_back((frame, info));
    }

    fn flush(&mut self) {}
}

/// A waiter that nobody sleeps on.
pub fn waiter() -> Arc<Waiter> {
    Waiter::new(|_| {})
}

/// Two machines, 10.0.0.1 (2001:db8::1) and 10.0.0.2 (2001:db8::2).
pub struct Net {
    pub stacks: [Stack; 2],
    pub lanes: [Lane; 2],
    pub now: Nanos,
}

impl Net {
    pub fn new(faults: Faults, offloads: Offloads) -> Net {
        let lanes = [Lane::default(), Lane::default()];
        let stack = |n: usize| {
            let limits = Limits { tcp_buffer: 64 << 10, udp_buffer: 64 << 10, most: 4 << 20, ending: 32 };
            let mut stack = Stack::new(limits, random, waiter(), Nanos(0));
            let card = Card {
                name: "eth0",
                mac: [2, 0, 0, 0, 0, n as u8 + 1],
                mtu: 1500,
                offloads,
                faults,
                to: lanes[n].clone(),
                from: lanes[1 - n].clone(),
            };
            let words = [format!("10.0.0.{}/24", n + 1), format!("[2001:db8::{}]:::64", n + 1)];
            let setups: Vec<Setup> = words.iter().map(|word| Setup::parse(word).unwrap()).collect();
            stack.attach(Box::new(card), Setup::of("eth0", &setups));
            stack
        };
        Net { stacks: [stack(0), stack(1)], lanes: lanes.clone(), now: Nanos(1_000_000_000) }
    }

    /// Lets both machines do what is due, and the clock go to the next moment at which something is.
    pub fn step(&mut self) {
        let now = self.now;
        let next = self.stacks.iter_mut().filter_map(|stack| stack.poll(now)).min();
        let busy = self.lanes.iter().any(|lane| !lane.lock().unwrap().is_empty());
        let least = Nanos(now.0 + 50_000);
        self.now = if busy { least } else { next.map_or(Nanos(now.0 + 100_000_000), |next| next.max(least)) };
        for stack in &mut self.stacks {
            stack.set_time(self.now);
        }
    }

    /// Steps until it is done; panics after an hour of the machines' time.
    pub fn until<R>(
        &mut self,
        mut f: impl FnMut(&mut [Stack; 2]) -> Result<R, NetError>,
    ) -> Result<R, NetError> {
        let end = Nanos(self.now.0 + 3_600_000_000_000);
        loop {
            match f(&mut self.stacks) {
                Err(NetError::WouldBlock | NetError::InProgress) => {
                    assert!(self.now < end, "an hour went by")
                }
                other => return other,
            }
            self.step();
        }
    }

    /// A connection from the first machine to the second.
    pub fn connected(&mut self, to: &str) -> (TcpSocket, TcpSocket, TcpSocket) {
        let to: SocketAddr = to.parse().unwrap();
        let any: SocketAddr = if to.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }.parse().unwrap();
        let mut listener = TcpSocket::new(&mut self.stacks[1], to.is_ipv6(), waiter());
        listener.bind(&mut self.stacks[1], SocketAddr::new(any.ip(), to.port())).unwrap();
        listener.listen(&mut self.stacks[1], 16).unwrap();
        let mut client = TcpSocket::new(&mut self.stacks[0], to.is_ipv6(), waiter());
        self.until(|stacks| client.connect(&mut stacks[0], to, 0)).unwrap();
        let (server, peer) = self.until(|stacks| listener.accept(&mut stacks[1], waiter())).unwrap();
        assert_eq!(peer, client.local_addr(&self.stacks[0]));
        (client, server, listener)
    }
}
