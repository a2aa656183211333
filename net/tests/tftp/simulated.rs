//! The transfer's machine in a network that loses, doubles and delays packets, in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use pvgrub_net::Fault;
use pvgrub_net::tftp::machine::{Failure, Limits, Machine, Out, State};
use pvgrub_net::tftp::packet::{Asked, request};

use crate::file;
use crate::server::{Habits, Sender, error};

/// What happens to packets, in per mille; and how long they are on their way.
#[derive(Clone, Debug)]
struct Net {
    loss: u64,
    doubled: u64,
    late: u64,
    delay: u64,
}

const GOOD: Net = Net { loss: 0, doubled: 0, late: 0, delay: 1 };

struct Outcome {
    state: State,
    bytes: Vec<u8>,
    size: Option<u64>,
    took: Duration,
    /// Blocks that the server sent.
    blocks: u64,
    client_error: Option<u16>,
}

fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(10),
        silence: Duration::from_secs(30),
        tries: 6,
        most: 1 << 30,
        only_ask: false,
    }
}

const ASKED: Asked = Asked { block: 1468, window: 32, timeout: 2 };

/// Fetches a file. Each request that reaches the server makes a transfer of its own.
fn fetch(
    data: &[u8],
    habits: &Habits,
    net: &Net,
    limits: Limits,
    asked: Option<Asked>,
    seed: u64,
) -> Outcome {
    let server: SocketAddr = "192.0.2.1:69".parse().unwrap();
    let mut random = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15) | 1;
    let mut chance = |per_mille: u64| {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        (random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % 1000 < per_mille
    };
    // By the time (ms) of arrival and a number: to the server or from it, the server's port, the packet.
    let mut wire: BTreeMap<(u64, u64), (bool, u16, Vec<u8>)> = BTreeMap::new();
    let mut count = 0;
    let mut put = |wire: &mut BTreeMap<_, _>, now: u64, up: bool, port: u16, packet: Vec<u8>| {
        if chance(net.loss) {
            return;
        }
        for _ in 0..1 + u32::from(chance(net.doubled)) {
            let late = if chance(net.late) { net.delay * 2 + 3 } else { 0 };
            count += 1;
            wire.insert((now + net.delay + late, count), (up, port, packet.clone()));
        }
    };
    let mut senders: Vec<(u16, Sender, u64)> = Vec::new();
    let (mut out, mut now, mut bytes) = (Out::default(), 0, Vec::new());
    let asking = request("/file", asked.as_ref()).unwrap();
    let mut machine = Machine::new(server, asking, asked, limits, Duration::ZERO, &mut out);
    loop {
        bytes.append(&mut out.bytes);
        for (to, packet) in out.packets.drain(..) {
            put(&mut wire, now, true, to.port(), packet);
        }
        let open = matches!(machine.state(), State::Asking | State::Receiving);
        if !open && wire.values().all(|(up, ..)| !up) {
            break;
        }
        let own = open.then(|| machine.deadline().as_millis() as u64 + 1);
        let theirs = senders.iter().filter(|(_, sender, _)| !sender.over).map(|(_, _, at)| *at).min();
        let next = wire.keys().next().map(|(at, _)| *at);
        now = [own, theirs, next].into_iter().flatten().min().unwrap().max(now);
        assert!(now < 1_000_000_000 && senders.len() < 20, "it goes on for ever");
        for (port, sender, at) in senders.iter_mut().filter(|(_, sender, at)| *at <= now && !sender.over) {
            *at = now + 1000;
            sender.resend().into_iter().for_each(|packet| put(&mut wire, now, false, *port, packet));
        }
        while let Some(entry) = wire.first_entry().filter(|entry| entry.key().0 <= now) {
            let (up, port, packet) = entry.remove();
            if !up {
                let from = SocketAddr::new(server.ip(), port);
                machine.packet(from, &packet, Duration::from_millis(now), &mut out);
                continue;
            }
            let answers = if port == 69 {
                let (sender, packets) = Sender::new(&packet, "/file", data, habits);
                let port = 1000 + senders.len() as u16;
                senders.push((port, sender, now + 1000));
                (port, packets)
            } else {
                let (_, sender, at) = senders.iter_mut().find(|(p, ..)| *p == port).unwrap();
                *at = now + 1000;
                (port, sender.packet(&packet))
            };
            answers.1.into_iter().for_each(|packet| put(&mut wire, now, false, answers.0, packet));
        }
        machine.tick(Duration::from_millis(now), &mut out);
    }
    let (_, first, _) = senders.first().unwrap();
    Outcome {
        state: machine.state().clone(),
        bytes,
        size: machine.size(),
        took: Duration::from_millis(now),
        blocks: senders.iter().map(|(_, sender, _)| sender.sent).sum(),
        client_error: first.client_error,
    }
}

fn whole(outcome: &Outcome, data: &[u8]) {
    assert_eq!(outcome.state, State::Done, "after {} of {} bytes", outcome.bytes.len(), data.len());
    assert!(outcome.bytes == data, "other bytes");
}

#[test]
fn files_of_all_lengths_about_a_block_and_a_window() {
    for len in
        [0, 1, 511, 512, 513, 1467, 1468, 1469, 32 * 1468 - 1, 32 * 1468, 32 * 1468 + 1, 33 * 1468, 100_000]
    {
        let data = file(len);
        for (habits, asked) in [
            (Habits::default(), Some(ASKED)),
            (Habits { window: 1, ..Habits::default() }, Some(ASKED)),
            (Habits { block: 512, window: 5, ..Habits::default() }, Some(ASKED)),
            (Habits { options: false, ..Habits::default() }, Some(ASKED)),
            (Habits::default(), None),
        ] {
            let outcome = fetch(&data, &habits, &GOOD, limits(), asked, 1);
            whole(&outcome, &data);
            let told = habits.options && asked.is_some();
            assert_eq!(outcome.size, told.then_some(len as u64));
            let block = if told { usize::from(habits.block) } else { 512 };
            assert_eq!(outcome.blocks as usize, len / block + 1, "none is sent twice");
        }
    }
}

#[test]
fn more_blocks_than_a_number_has_bits_for() {
    let data = file(70_000 * 8);
    let habits = Habits { block: 8, ..Habits::default() };
    whole(&fetch(&data, &habits, &GOOD, limits(), Some(ASKED), 1), &data);
    whole(&fetch(&data, &habits, &Net { loss: 10, ..GOOD }, limits(), Some(ASKED), 1), &data);
}

#[test]
fn a_doubled_packet_doubles_no_others() {
    let data = file(300 * 512);
    for naive in [false, true] {
        for window in [1, 8] {
            let habits = Habits { naive, window, block: 512, ..Habits::default() };
            let outcome = fetch(&data, &habits, &Net { doubled: 1000, ..GOOD }, limits(), Some(ASKED), 1);
            whole(&outcome, &data);
            // A naive server answers each of the two copies of an acknowledgement. Twice, not once more with each block.
            let most = if naive { 2 * 301 + 40 } else { 301 + 40 };
            assert!(outcome.blocks <= most, "naive {naive}, window {window}: {} blocks", outcome.blocks);
        }
    }
}

#[test]
fn late_packets_cost_little() {
    let data = file(1000 * 1468);
    let net = Net { late: 50, delay: 10, ..GOOD };
    let outcome = fetch(&data, &Habits::default(), &net, limits(), Some(ASKED), 7);
    whole(&outcome, &data);
    assert!(outcome.took < Duration::from_secs(6), "{:?}", outcome.took);
}

#[test]
fn loss_and_delay_are_borne() {
    let data = file(2_000_000);
    let net = Net { loss: 50, delay: 50, doubled: 10, late: 10 };
    for seed in 0..10 {
        let outcome = fetch(&data, &Habits::default(), &net, limits(), Some(ASKED), seed);
        whole(&outcome, &data);
        assert!(outcome.took < Duration::from_secs(60), "{:?}", outcome.took);
    }
}

#[test]
fn a_server_that_falls_silent_ends_at_the_deadline() {
    let fault = |outcome: &Outcome| match &outcome.state {
        State::Failed(Failure::Fault(fault)) => fault.clone(),
        other => panic!("{other:?}"),
    };
    let data = file(100_000);
    let outcome =
        fetch(&data, &Habits { silent_from: 40, ..Habits::default() }, &GOOD, limits(), Some(ASKED), 1);
    assert_eq!(fault(&outcome), Fault::Silent(Duration::from_secs(30)));
    assert!((30_000..30_100).contains(&outcome.took.as_millis()), "{:?}", outcome.took);
    assert_eq!(outcome.bytes.len(), 39 * 1468);

    // All requests are lost: none of them is sent more often than it may be.
    let mut out = Out::default();
    let server = "192.0.2.1:69".parse().unwrap();
    let mut machine = Machine::new(server, vec![0, 1], None, limits(), Duration::ZERO, &mut out);
    let mut last = Duration::ZERO;
    while *machine.state() == State::Asking {
        last = machine.deadline();
        machine.tick(last, &mut out);
    }
    assert_eq!(machine.state(), &State::Failed(Failure::Fault(Fault::NoAnswer(Duration::from_secs(10)))));
    assert_eq!((last, out.packets.len()), (Duration::from_secs(10), 4));
}

#[test]
fn lies_about_the_length() {
    let data = file(10_000);
    for (announces, arrived) in [(9_999, 10_000), (10_001, 10_000), (0, 1468), (1468, 2936), (20_000, 10_000)]
    {
        let habits = Habits { announces: Some(announces), ..Habits::default() };
        let outcome = fetch(&data, &habits, &GOOD, limits(), Some(ASKED), 1);
        let fault = Fault::Length { announced: announces, arrived };
        assert_eq!(outcome.state, State::Failed(Failure::Fault(fault)));
    }
    let bound = Limits { most: 9_999, ..limits() };
    for (announces, options) in [(10_000, true), (1, false)] {
        let habits = Habits { announces: Some(announces), options, ..Habits::default() };
        let outcome = fetch(&data, &habits, &GOOD, bound, Some(ASKED), 1);
        assert_eq!(outcome.state, State::Failed(Failure::Fault(Fault::TooLarge { most: 9_999 })));
        assert_eq!(outcome.client_error, Some(3), "the server is told");
        assert!(outcome.bytes.len() <= 9_999);
    }
    let outcome = fetch(&data, &Habits { surplus: 1, ..Habits::default() }, &GOOD, limits(), Some(ASKED), 1);
    assert!(
        matches!(outcome.state, State::Failed(Failure::Fault(Fault::Nonsense(_)))),
        "{:?}",
        outcome.state
    );
}

#[test]
fn strangers_are_told_and_do_not_disturb() {
    let server: SocketAddr = "192.0.2.1:69".parse().unwrap();
    let (peer, other) = ("192.0.2.1:1000".parse().unwrap(), "192.0.2.1:1001".parse().unwrap());
    let far = "198.51.100.1:1000".parse().unwrap();
    let data = |number: u8| [&[0, 3, 0, number][..], &[number; 512]].concat();
    let (mut out, now) = (Out::default(), Duration::ZERO);
    let mut machine = Machine::new(server, vec![0, 1], None, limits(), now, &mut out);
    out.packets.clear();
    machine.packet(far, &data(1), now, &mut out);
    assert!(out.packets.is_empty() && *machine.state() == State::Asking, "another host is not the server");
    machine.packet(peer, &data(1), now, &mut out);
    assert_eq!(out.packets, [(peer, vec![0, 4, 0, 1])]);
    out.packets.clear();
    for (from, packet) in
        [(far, error(0, "stop")), (far, data(2)), (other, error(0, "stop")), (other, vec![0, 9])]
    {
        machine.packet(from, &packet, now, &mut out);
    }
    assert!(out.packets.is_empty());
    for _ in 0..100 {
        machine.packet(other, &data(2), now, &mut out);
    }
    assert_eq!(out.packets.len(), 16);
    assert!(out.packets.iter().all(|(to, packet)| *to == other && packet[..4] == [0, 5, 0, 5]));
    machine.packet(peer, &data(2), now, &mut out);
    assert_eq!(out.bytes, [[1; 512], [2; 512]].concat());
}

#[test]
fn only_the_length() {
    let ask = Limits { only_ask: true, ..limits() };
    let outcome = fetch(&file(5000), &Habits::default(), &GOOD, ask, Some(ASKED), 1);
    assert_eq!((outcome.state, outcome.size, outcome.client_error), (State::Done, Some(5000), Some(0)));
    let old = Habits { options: false, ..Habits::default() };
    let outcome = fetch(&file(5000), &old, &GOOD, ask, Some(ASKED), 1);
    assert_eq!((outcome.state, outcome.size, outcome.client_error), (State::Done, None, Some(0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    /// Whatever the network does, the file is whole, or it failed; and it is soon over.
    #[test]
    fn a_bad_network_gives_the_file_or_an_error(
        len in 0usize..150_000,
        window in 1u16..=32,
        block in 8u16..=1468,
        (loss, doubled, late, delay) in (0u64..200, 0u64..300, 0u64..300, 1u64..100),
        (naive, options, seed) in (any::<bool>(), any::<bool>(), any::<u64>()),
    ) {
        let data = file(len);
        let habits = Habits { window, block: block.max(200), naive, options, ..Habits::default() };
        let outcome = fetch(&data, &habits, &Net { loss, doubled, late, delay }, limits(), Some(ASKED), seed);
        match outcome.state {
            State::Done => prop_assert!(outcome.bytes == data),
            State::Failed(Failure::Fault(Fault::Silent(_) | Fault::NoAnswer(_))) => prop_assert!(loss > 50),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
