//! Frames from one who means ill.

use platform_xen::hal::Nanos;
use platform_xen::tcpip::{Limits, Offloads, Setup, Stack, TxInfo};
use proptest::prelude::*;

use crate::net::{Card, Faults, Lane, Net, random, waiter};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Frames that once were right, with bytes changed and lengths cut, among the right ones.
    #[test]
    fn frames_changed_at_random_do_no_harm(seed in any::<u64>(), trusted in any::<bool>()) {
        let mut net = Net::new(Faults::default(), Offloads::default());
        let (mut client, mut server, _listener) = net.connected("10.0.0.2:80");
        let mut spoiled = seed;
        for round in 0..60 {
            let _ = client.send(&mut net.stacks[0], &[round; 700]);
            let _ = server.send(&mut net.stacks[1], &[round; 300]);
            for lane in &net.lanes {
                let mut lane = lane.lock().unwrap();
                let copies: Vec<_> = lane.iter().cloned().collect();
                for (mut frame, _) in copies {
                    for _ in 0..1 + spoiled % 4 {
                        spoiled = spoiled.rotate_left(7) ^ random();
                        let at = 12 + spoiled as usize % (frame.len() - 12);
                        frame[at] = (spoiled >> 32) as u8;
                    }
                    if spoiled.is_multiple_of(5) {
                        frame.truncate(spoiled as usize % frame.len());
                    }
                    // As if a backend had sworn that its checksum is right.
                    lane.push_back((frame, TxInfo { checksum: trusted, segment: None }));
                }
            }
            net.step();
            let mut buf = [0; 4096];
            let _ = client.recv(&mut net.stacks[0], &mut buf, false);
            let _ = server.recv(&mut net.stacks[1], &mut buf, false);
        }
    }
}

/// An advertisement of a router's, for so many minutes, maybe with a prefix, as RFC 4861 4.2 and 4.6.2 have it, and its sum (RFC 4443 2.3).
fn advertisement(minutes: u16, prefix: Option<([u8; 16], u8)>) -> Vec<u8> {
    let (from, to) = ([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], {
        let mut all = [0; 16];
        (all[0], all[1], all[15]) = (0xff, 2, 1);
        all
    });
    let mut message = vec![134, 0, 0, 0, 64, 0];
    message.extend((minutes * 60).to_be_bytes());
    message.extend([0; 8]);
    if let Some((prefix, len)) = prefix {
        message.extend([3, 4, len, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0]);
        message.extend(prefix);
    }
    let whole = [&from[..], &to, &[0, 0, 0, message.len() as u8, 0, 0, 0, 58], &message].concat();
    let sum: u32 = whole.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let head = [
        0x33,
        0x33,
        0,
        0,
        0,
        1,
        2,
        0,
        0,
        0,
        0,
        9,
        0x86,
        0xdd,
        0x60,
        0,
        0,
        0,
        0,
        message.len() as u8,
        58,
        255,
    ];
    [&head[..], &from, &to, &message].concat()
}

/// A machine with a card, and the lane on which frames come to it.
fn machine(word: &str) -> (Stack, Lane) {
    let (to, from) = (Lane::default(), Lane::default());
    let limits = Limits { tcp_buffer: 4096, udp_buffer: 4096, most: 64 << 10, ending: 32 };
    let mut stack = Stack::new(limits, random, waiter(), Nanos(0));
    let card = Card {
        name: "eth0",
        mac: [2, 0, 0, 0, 0, 1],
        mtu: 1500,
        offloads: Offloads::default(),
        faults: Faults::default(),
        to,
        from: from.clone(),
    };
    stack.attach(Box::new(card), Setup::parse(word).unwrap());
    (stack, from)
}

#[test]
fn a_router_that_says_nonsense_is_not_heard() {
    let (mut stack, lane) = machine("eth0:auto6");
    let mut hear = |frame: Vec<u8>| {
        lane.lock().unwrap().push_back((frame, TxInfo::default()));
        for second in 1..4 {
            stack.poll(Nanos(second * 1_000_000_000));
        }
        stack.addresses().filter(|(name, ip)| *name == "eth0" && ip.is_ipv6()).count()
    };
    let mut prefix = [0; 16];
    (prefix[0], prefix[1]) = (0x20, 1);
    // Longer than an address; of a group.
    for len in [129, 255] {
        assert_eq!(hear(advertisement(30, Some((prefix, len)))), 1);
    }
    assert_eq!(hear(advertisement(30, Some(([0xff; 16], 64)))), 1);
    assert_eq!(hear(advertisement(30, Some((prefix, 64)))), 2);
}

#[test]
fn whatever_routers_say_the_next_moment_is_known() {
    // None says anything; one says that it is none.
    for said in [None, Some(advertisement(0, None))] {
        let (mut stack, lane) = machine("dhcp");
        stack.poll(Nanos(0));
        lane.lock().unwrap().extend(said.map(|frame| (frame, TxInfo::default())));
        let (mut now, mut polls) = (Nanos(1_000_000_000), 0);
        while now < Nanos(100_000_000_000) {
            // It asks for an address all the time.
            let next = stack.poll(now).unwrap();
            polls += 1;
            assert!(polls < 1000, "it is polled again and again at {now:?}");
            now = next.max(now);
        }
        assert!(polls > 20);
    }
}
