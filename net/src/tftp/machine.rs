//! A transfer without sockets and clocks: packets and time go in, packets and bytes come out.
//!
//! ```text
//!   Asking ──options──► ACK 0 ──► Receiving ──short block──► ACK ──► Done
//!      └──────block 1 (no options)────┘
//!   each may end as Failed
//! ```
//! A block that is ahead of the one that is due is kept. If it stays missing (three are ahead of it, or the window is over), the
//! last one in order is acknowledged, once: the server then sends from there again (RFC 7440). A block that is there already is
//! answered with nothing at all, unless our acknowledgement must have been lost: so no packet ever doubles others (the
//! sorcerer's apprentice of RFC 1123 4.2.3.1).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::packet::{self, Asked, Granted, Packet, code};
use super::round_trip::{MOST_WAIT, RoundTrip};
use crate::Fault;
use crate::words::clean_bytes;

/// So many blocks ahead say that the one before them is lost, and not just late.
const AHEAD: usize = 3;
/// Packets of strangers that are answered.
const STRANGERS: u32 = 16;
/// What was acknowledged less long ago is not acknowledged again when it arrives again: both may be on their way.
const PATIENCE: Duration = Duration::from_millis(250);

/// Bounds of a transfer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long the first answer may take.
    pub connect: Duration,
    /// How long no new block may come.
    pub silence: Duration,
    /// How often the same is sent, at most.
    pub tries: u32,
    /// Bytes that the file may have.
    pub most: u64,
    /// Only the options are asked for: it is done with the first answer.
    pub only_ask: bool,
}

/// How a transfer failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server's error.
    Refused {
        /// Its code.
        code: u16,
        /// Its words, fit for a terminal.
        text: String,
    },
    /// Any other.
    Fault(Fault),
}

/// How far a transfer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The server has not answered.
    Asking,
    /// Blocks are expected.
    Receiving,
    /// All of it is there.
    Done,
    /// It came to nothing.
    Failed(Failure),
}

/// What is to be done with the outside.
#[derive(Debug, Default)]
pub struct Out {
    /// Packets to be sent, in this order.
    pub packets: Vec<(SocketAddr, Vec<u8>)>,
    /// The file's next bytes.
    pub bytes: Vec<u8>,
}

/// A transfer. All times are since any moment that is the same for all.
#[derive(Debug)]
pub struct Machine {
    server: SocketAddr,
    request: Vec<u8>,
    asked: Option<Asked>,
    limits: Limits,
    state: State,
    /// The server's address for this transfer, once it has answered.
    peer: Option<SocketAddr>,
    granted: Granted,
    /// The block that is due; the first is 1.
    next: u64,
    /// The last block that was acknowledged.
    acked: u64,
    /// The missing block for which the one before it was acknowledged.
    gap: Option<u64>,
    ahead: BTreeMap<u64, Vec<u8>>,
    arrived: u64,
    strangers: u32,
    /// When the last new block came, or the waiting for it began.
    progress: Duration,
    /// When the last packet was sent, and how often without progress.
    sent: Duration,
    sends: u32,
    round_trip: RoundTrip,
}

impl Machine {
    /// Asks `server`, in the words of `request`, which has the options `asked`.
    pub fn new(
        server: SocketAddr,
        request: Vec<u8>,
        asked: Option<Asked>,
        limits: Limits,
        now: Duration,
        out: &mut Out,
    ) -> Self {
        out.packets.push((server, request.clone()));
        Self {
            server,
            request,
            asked,
            limits,
            state: State::Asking,
            peer: None,
            granted: Granted::PLAIN,
            next: 1,
            acked: 0,
            gap: None,
            ahead: BTreeMap::new(),
            arrived: 0,
            strangers: 0,
            progress: now,
            sent: now,
            sends: 1,
            round_trip: RoundTrip::begin(now),
        }
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The file's length in bytes, if the server told it.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.granted.size
    }

    /// What the server granted; until it answers, what counts without options.
    #[must_use]
    pub fn granted(&self) -> &Granted {
        &self.granted
    }

    /// Bytes that came, in order.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        self.arrived
    }

    /// The most bytes that a packet to be understood has. What is longer needs one more, to be seen as such.
    #[must_use]
    pub fn packet_len(&self) -> usize {
        let block = self.asked.map_or(packet::PLAIN_BLOCK, |asked| asked.block.max(packet::PLAIN_BLOCK));
        packet::HEADER + usize::from(block)
    }

    /// Waiting begins anew: the one who reads was away.
    pub fn wait_from(&mut self, now: Duration) {
        self.progress = self.progress.max(now);
    }

    /// When [`tick`](Machine::tick) has something to do.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        let end = self.progress.saturating_add(self.limit());
        let again = self.sent.saturating_add(self.wait());
        if self.sends < self.limits.tries { again.min(end) } else { end }
    }

    fn limit(&self) -> Duration {
        if self.state == State::Asking { self.limits.connect } else { self.limits.silence }
    }

    /// Doubled with each try.
    fn wait(&self) -> Duration {
        let doubled = 1 << self.sends.saturating_sub(1).min(10);
        self.round_trip.wait().saturating_mul(doubled).min(MOST_WAIT)
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration, out: &mut Out) {
        if !matches!(self.state, State::Asking | State::Receiving) || now < self.deadline() {
            return;
        }
        if now.saturating_sub(self.progress) >= self.limit() {
            let asking = self.state == State::Asking;
            let limit = self.limit();
            let fault = if asking { Fault::NoAnswer(limit) } else { Fault::Silent(limit) };
            return self.give_up(fault, code::UNDEFINED, "time is up", out);
        }
        self.sends += 1;
        self.sent = now;
        self.round_trip.since = None;
        match self.peer {
            None => out.packets.push((self.server, self.request.clone())),
            Some(_) => self.acknowledge(now, out),
        }
    }

    /// A packet has come.
    pub fn packet(&mut self, from: SocketAddr, bytes: &[u8], now: Duration, out: &mut Out) {
        if !matches!(self.state, State::Asking | State::Receiving) || from.ip() != self.server.ip() {
            return;
        }
        let Some(packet) = Packet::parse(bytes) else { return };
        if self.peer.is_some_and(|peer| peer.port() != from.port()) {
            // An answer to a request that was sent twice: the server shall forget it. An error is never answered.
            if !matches!(packet, Packet::Error { .. }) && self.strangers < STRANGERS {
                self.strangers += 1;
                out.packets.push((from, packet::error(code::UNKNOWN_TRANSFER, "unknown transfer ID")));
            }
            return;
        }
        match packet {
            Packet::Error { code, text } => {
                self.peer = Some(from);
                self.state = State::Failed(Failure::Refused { code, text: clean_bytes(text) });
            }
            Packet::Options(options) => self.options(from, options, now, out),
            Packet::Data { number, bytes } => self.data(from, number, bytes, now, out),
        }
    }

    fn options(&mut self, from: SocketAddr, options: &[u8], now: Duration, out: &mut Out) {
        if self.state != State::Asking {
            // Ours was lost, since it can't be known to the server.
            if self.next == 1 && self.granted != Granted::PLAIN {
                self.again(now, out);
            }
            return;
        }
        self.peer = Some(from);
        let granted = match &self.asked {
            Some(asked) => packet::granted(options, asked),
            None => Err("options were not asked for"),
        };
        match granted {
            Ok(granted) => self.granted = granted,
            Err(why) => return self.give_up(Fault::Nonsense(why.into()), code::OPTIONS, why, out),
        }
        if self.limits.only_ask {
            return self.enough(out);
        }
        if self.granted.size.is_some_and(|size| size > self.limits.most) {
            return self.too_large(out);
        }
        self.state = State::Receiving;
        self.advanced(now);
        self.acknowledge(now, out);
        self.round_trip.since = Some(now);
    }

    fn data(&mut self, from: SocketAddr, number: u16, bytes: &[u8], now: Duration, out: &mut Out) {
        // The number's upper bits, which the packet hasn't, are those that bring it near to the block that is due.
        let distance = number.wrapping_sub(low(self.next));
        if self.state == State::Asking {
            if distance != 0 {
                return;
            }
            self.peer = Some(from);
            if self.limits.only_ask {
                return self.enough(out);
            }
            self.state = State::Receiving;
        }
        if bytes.len() > usize::from(self.granted.block) {
            let why = "a block that is too long";
            return self.give_up(Fault::Nonsense(why.into()), code::ILLEGAL, why, out);
        }
        match distance {
            0 => self.in_order(bytes, now, out),
            _ if distance < self.granted.window => self.ahead(u64::from(distance), bytes, now, out),
            // The last one, again.
            u16::MAX if self.next - 1 == self.acked => self.again(now, out),
            _ => {}
        }
    }

    fn in_order(&mut self, bytes: &[u8], now: Duration, out: &mut Out) {
        if self.next == self.acked + 1 {
            self.round_trip.sample(now);
        }
        self.advanced(now);
        let mut last = self.take(bytes, out);
        while !last && let Some(bytes) = self.ahead.remove(&self.next) {
            last = self.take(&bytes, out);
        }
        if let State::Failed(_) = self.state {
            return;
        }
        if last {
            self.acknowledge(now, out);
            self.state = match self.granted.size {
                Some(announced) if announced != self.arrived => {
                    State::Failed(Failure::Fault(Fault::Length { announced, arrived: self.arrived }))
                }
                _ => State::Done,
            };
        } else if self.next > self.acked + u64::from(self.granted.window) {
            self.acknowledge(now, out);
            self.round_trip.since = Some(now);
        }
    }

    /// The next block's bytes; whether it is the last, also if it is one too many.
    fn take(&mut self, bytes: &[u8], out: &mut Out) -> bool {
        self.next += 1;
        self.arrived += bytes.len() as u64;
        if self.arrived > self.limits.most {
            self.too_large(out);
            return true;
        }
        if let Some(announced) = self.granted.size.filter(|&size| self.arrived > size) {
            let fault = Fault::Length { announced, arrived: self.arrived };
            self.give_up(fault, code::UNDEFINED, "longer than announced", out);
            return true;
        }
        out.bytes.extend_from_slice(bytes);
        bytes.len() < usize::from(self.granted.block)
    }

    fn ahead(&mut self, distance: u64, bytes: &[u8], now: Duration, out: &mut Out) {
        let number = self.next + distance;
        // A window, at most: the distance is less.
        self.ahead.entry(number).or_insert_with(|| bytes.to_vec());
        let window_over = number >= self.acked + u64::from(self.granted.window);
        let short = bytes.len() < usize::from(self.granted.block);
        if self.gap != Some(self.next) && (self.ahead.len() >= AHEAD || window_over || short) {
            self.gap = Some(self.next);
            self.round_trip.since = None;
            self.acknowledge(now, out);
        }
    }

    fn advanced(&mut self, now: Duration) {
        self.progress = now;
        self.sent = now;
        self.sends = 1;
    }

    /// The acknowledgement must have been lost, if it is not too young for that.
    fn again(&mut self, now: Duration, out: &mut Out) {
        if now.saturating_sub(self.sent) >= PATIENCE {
            self.round_trip.since = None;
            self.acknowledge(now, out);
        }
    }

    fn acknowledge(&mut self, now: Duration, out: &mut Out) {
        self.acked = self.next - 1;
        self.sent = now;
        self.send(packet::ack(low(self.acked)), out);
    }

    fn send(&self, packet: Vec<u8>, out: &mut Out) {
        if let Some(peer) = self.peer {
            out.packets.push((peer, packet));
        }
    }

    fn enough(&mut self, out: &mut Out) {
        self.state = State::Done;
        self.send(packet::error(code::UNDEFINED, "only asking for the length"), out);
    }

    fn too_large(&mut self, out: &mut Out) {
        let fault = Fault::TooLarge { most: self.limits.most };
        self.give_up(fault, code::FULL, "no room for the file", out);
    }

    fn give_up(&mut self, fault: Fault, code: u16, text: &str, out: &mut Out) {
        self.state = State::Failed(Failure::Fault(fault));
        self.send(packet::error(code, text), out);
    }

    /// The user wants no more of it: the server is told.
    pub fn abandon(&mut self, out: &mut Out) {
        if matches!(self.state, State::Asking | State::Receiving) {
            self.give_up(Fault::BrokenOff, code::UNDEFINED, "broken off", out);
        }
    }
}

fn low(number: u64) -> u16 {
    (number & 0xffff) as u16
}
