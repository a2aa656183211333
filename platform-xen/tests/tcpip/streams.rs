//! TCP.

use std::net::SocketAddr;

use platform_xen::hal::Nanos;
use platform_xen::tcpip::{NetError, Offloads, TcpSocket};

use crate::net::{Faults, Net, waiter};

const OFFLOADS: Offloads = Offloads { checksum_v4: true, checksum_v6: true, segment_v4: 65_535 };

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// Sends from one to the other until all has come, and checks it.
fn transfer(net: &mut Net, from: (usize, &mut TcpSocket), to: (usize, &mut TcpSocket), bytes: &[u8]) {
    let (mut sent, mut got) = (0, Vec::new());
    let mut buf = vec![0; 20_000];
    net.until(|stacks| {
        match from.1.send(&mut stacks[from.0], &bytes[sent..(sent + 30_000).min(bytes.len())]) {
            Ok(n) => sent += n,
            Err(NetError::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        while let Ok(n) = to.1.recv(&mut stacks[to.0], &mut buf, false) {
            assert!(n > 0, "the end before all was there");
            got.extend_from_slice(&buf[..n]);
        }
        if got.len() == bytes.len() { Ok(()) } else { Err(NetError::WouldBlock) }
    })
    .unwrap();
    assert!(got == bytes, "other bytes came than were sent");
}

fn both_ways(faults: Faults, offloads: Offloads, to: &str, len: usize) -> Net {
    let mut net = Net::new(faults, offloads);
    let (mut client, mut server, _listener) = net.connected(to);
    transfer(&mut net, (0, &mut client), (1, &mut server), &noise(len));
    transfer(&mut net, (1, &mut server), (0, &mut client), &noise(len));
    // The end goes one way, then the other.
    client.shutdown(&mut net.stacks[0], false, true).unwrap();
    assert_eq!(client.send(&mut net.stacks[0], b"x"), Err(NetError::BrokenPipe));
    let mut byte = [0];
    assert_eq!(net.until(|stacks| server.recv(&mut stacks[1], &mut byte, false)), Ok(0));
    transfer(&mut net, (1, &mut server), (0, &mut client), b"last words");
    server.close(&mut net.stacks[1]);
    assert_eq!(net.until(|stacks| client.recv(&mut stacks[0], &mut byte, false)), Ok(0));
    client.close(&mut net.stacks[0]);
    net
}

#[test]
fn both_ways_over_either_family() {
    both_ways(Faults::default(), Offloads::default(), "10.0.0.2:80", 1_000_000);
    both_ways(Faults::default(), Offloads::default(), "[2001:db8::2]:80", 1_000_000);
}

#[test]
fn segments_are_left_to_the_card() {
    both_ways(Faults::default(), OFFLOADS, "10.0.0.2:80", 2_000_000);
    both_ways(Faults::default(), OFFLOADS, "[2001:db8::2]:80", 2_000_000);
}

#[test]
fn what_is_lost_changed_or_repeated_arrives_all_the_same() {
    let faults = Faults { lost: 30, changed: 20, repeated: 20 };
    both_ways(faults, Offloads::default(), "10.0.0.2:80", 300_000);
    both_ways(faults, OFFLOADS, "[2001:db8::2]:80", 300_000);
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let mut client = TcpSocket::new(&mut net.stacks[0], false, waiter());
    let to = "10.0.0.2:81".parse().unwrap();
    assert_eq!(net.until(|stacks| client.connect(&mut stacks[0], to, 0)), Err(NetError::Refused));
    assert_eq!(client.take_error(&mut net.stacks[0]), Some(NetError::Refused));
    assert_eq!(client.take_error(&mut net.stacks[0]), None);
}

#[test]
fn a_machine_that_is_not_there_takes_its_time() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let mut client = TcpSocket::new(&mut net.stacks[0], false, waiter());
    let to = "10.0.0.9:80".parse().unwrap();
    assert_eq!(net.until(|stacks| client.connect(&mut stacks[0], to, 0)), Err(NetError::TimedOut));
    let mut elsewhere = TcpSocket::new(&mut net.stacks[0], false, waiter());
    let no_way = "192.168.7.7:80".parse().unwrap();
    assert_eq!(elsewhere.connect(&mut net.stacks[0], no_way, 0), Err(NetError::Unreachable));
}

#[test]
fn a_connection_broken_off_is_an_error_for_the_other() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let (mut client, mut server, _listener) = net.connected("10.0.0.2:80");
    let mut options = client.options().clone();
    options.reset_on_close = true;
    client.set_options(&mut net.stacks[0], options);
    client.close(&mut net.stacks[0]);
    let mut byte = [0];
    assert_eq!(net.until(|stacks| server.recv(&mut stacks[1], &mut byte, false)), Err(NetError::Reset));
    assert_eq!(server.send(&mut net.stacks[1], b"x"), Err(NetError::Reset));
}

#[test]
fn within_one_machine() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    for (listen, to) in [
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("0.0.0.0:81", "10.0.0.1:81"),
        ("[::]:82", "[::1]:82"),
        ("[::]:83", "127.0.0.1:83"),
    ] {
        let (listen, to): (SocketAddr, SocketAddr) = (listen.parse().unwrap(), to.parse().unwrap());
        let mut listener = TcpSocket::new(&mut net.stacks[0], listen.is_ipv6(), waiter());
        listener.bind(&mut net.stacks[0], listen).unwrap();
        listener.listen(&mut net.stacks[0], 4).unwrap();
        let mut client = TcpSocket::new(&mut net.stacks[0], to.is_ipv6(), waiter());
        net.until(|stacks| client.connect(&mut stacks[0], to, 0)).unwrap();
        let (mut server, _) = net.until(|stacks| listener.accept(&mut stacks[0], waiter())).unwrap();
        assert_eq!(client.peer_addr(&mut net.stacks[0]), Ok(to));
        transfer(&mut net, (0, &mut client), (0, &mut server), &noise(500_000));
        for socket in [&mut client, &mut server, &mut listener] {
            socket.close(&mut net.stacks[0]);
        }
    }
    assert!(
        net.lanes.iter().all(|lane| lane.lock().unwrap().iter().all(|(frame, _)| frame[12..14] != [8, 0]))
    );
}

#[test]
fn addresses_are_given_once() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let stack = &mut net.stacks[0];
    let bind = |stack: &mut _, address: &str| {
        let address: SocketAddr = address.parse().unwrap();
        let mut socket = TcpSocket::new(stack, address.is_ipv6(), waiter());
        socket.bind(stack, address).map(|()| socket)
    };
    let mut first = bind(stack, "10.0.0.1:80").unwrap();
    bind(stack, "127.0.0.1:80").unwrap();
    assert_eq!(bind(stack, "10.0.0.1:80").err(), Some(NetError::AddrInUse));
    assert_eq!(bind(stack, "0.0.0.0:80").err(), Some(NetError::AddrInUse));
    assert_eq!(bind(stack, "10.0.0.7:90").err(), Some(NetError::AddrNotAvailable));
    let other = bind(stack, "0.0.0.0:0").unwrap();
    assert!(other.local_addr(stack).port() >= 49_152);
    first.close(stack);
    bind(stack, "10.0.0.1:80").unwrap();
}

#[test]
fn many_connections_at_once_find_room() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let mut listener = TcpSocket::new(&mut net.stacks[1], false, waiter());
    listener.bind(&mut net.stacks[1], "0.0.0.0:80".parse().unwrap()).unwrap();
    listener.listen(&mut net.stacks[1], 64).unwrap();
    let to = "10.0.0.2:80".parse().unwrap();
    let mut clients: Vec<TcpSocket> =
        (0..50).map(|_| TcpSocket::new(&mut net.stacks[0], false, waiter())).collect();
    for client in &mut clients {
        assert_eq!(client.connect(&mut net.stacks[0], to, 0), Err(NetError::InProgress));
    }
    for client in &mut clients {
        net.until(|stacks| client.connected(&mut stacks[0])).unwrap();
    }
    let mut servers = Vec::new();
    while servers.len() < 50 {
        servers.push(net.until(|stacks| listener.accept(&mut stacks[1], waiter())).unwrap().0);
    }
    for (client, server) in clients.iter_mut().zip(&mut servers) {
        client.close(&mut net.stacks[0]);
        server.close(&mut net.stacks[1]);
    }
    // The rest ends by itself.
    for _ in 0..2000 {
        net.step();
    }
    assert_eq!(net.stacks.each_ref().map(|stack| stack.sockets()), [1 + 1, 1 + 1 + 2]);
}

#[test]
fn an_idle_connection_lasts_and_an_unanswered_one_does_not() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let (mut client, mut server, _listener) = net.connected("10.0.0.2:80");
    let later = Nanos(net.now.0 + 3_000_000_000_000);
    while net.now < later {
        net.step();
    }
    transfer(&mut net, (0, &mut client), (1, &mut server), &noise(100_000));
    while net.now < Nanos(later.0 * 2) {
        net.step();
    }
    // The wire is cut.
    client.send(&mut net.stacks[0], b"is anybody there?").unwrap();
    let begun = net.now;
    let mut byte = [0];
    let lanes = net.lanes.clone();
    let error = net.until(|stacks| {
        lanes.iter().for_each(|lane| lane.lock().unwrap().clear());
        client.recv(&mut stacks[0], &mut byte, false)
    });
    assert_eq!(error, Err(NetError::Reset));
    assert!((100..200).contains(&((net.now.0 - begun.0) / 1_000_000_000)), "{:?}", net.now);
}

#[test]
fn a_card_without_room_is_not_asked_again_and_again() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let mut senders: Vec<_> = (0..40).map(|n| net.connected(&format!("10.0.0.2:{}", 80 + n))).collect();
    let [stack, _] = &mut net.stacks;
    for round in 0..50 {
        for (client, ..) in &mut senders {
            let _ = client.send(stack, &noise(30_000));
        }
        let next = stack.poll(net.now);
        if net.lanes[0].lock().unwrap().len() >= 64 {
            assert!(next.unwrap() > net.now, "it would be polled for ever");
            return;
        }
        net.now = net.now + std::time::Duration::from_millis(round);
    }
    panic!("the wire never was full");
}

#[test]
fn what_nobody_has_read_outlives_the_connection() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let (mut client, mut server, _listener) = net.connected("10.0.0.2:80");
    client.shutdown(&mut net.stacks[0], false, true).unwrap();
    assert!(client.ready(&mut net.stacks[0]).write, "to write is an error, not to be waited for");
    let mut buf = [0; 9000];
    assert_eq!(net.until(|stacks| server.recv(&mut stacks[1], &mut buf, false)), Ok(0));
    server.send(&mut net.stacks[1], &noise(5000)).unwrap();
    server.close(&mut net.stacks[1]);
    // The reader takes its time: longer than a late packet may (RFC 9293 3.6.1).
    let later = Nanos(net.now.0 + 300_000_000_000);
    while net.now < later {
        net.step();
    }
    let stack = &mut net.stacks[0];
    assert!(client.ready(stack).read);
    assert_eq!(client.recv(stack, &mut buf[..100], true), Ok(100));
    assert_eq!(client.recv(stack, &mut buf[..100], false), Ok(100));
    assert_eq!(client.recv(stack, &mut buf[100..], false), Ok(4900));
    assert!(buf[..5000] == noise(5000));
    for _ in 0..2 {
        assert_eq!(client.recv(stack, &mut buf, false), Ok(0));
    }
    client.close(stack);
}

#[test]
fn what_is_written_is_under_way_until_it_was_heard() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let (mut client, mut server, _listener) = net.connected("10.0.0.2:80");
    assert!(!net.stacks[0].is_sending());
    // Its owner still has it: a program that ends doesn't close each.
    client.send(&mut net.stacks[0], b"the last words").unwrap();
    assert!(net.stacks[0].is_sending());
    let mut buf = [0; 20];
    assert_eq!(net.until(|stacks| server.recv(&mut stacks[1], &mut buf, false)), Ok(14));
    for _ in 0..20 {
        net.step();
    }
    assert!(!net.stacks[0].is_sending());
}

#[test]
fn peers_that_hear_nothing_keep_few_connections() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    for n in 0..100 {
        let (_client, mut server, mut listener) = net.connected(&format!("10.0.0.2:{}", 1000 + n));
        server.send(&mut net.stacks[1], &noise(60_000)).unwrap();
        server.close(&mut net.stacks[1]);
        listener.close(&mut net.stacks[1]);
        // Nothing of it arrives.
        net.lanes[1].lock().unwrap().clear();
        net.stacks[1].poll(net.now);
    }
    net.lanes[1].lock().unwrap().clear();
    net.stacks[1].poll(net.now);
    net.stacks[1].poll(net.now);
    let sockets = net.stacks[1].sockets();
    // And those that ask for names.
    assert!((30..=2 + 32).contains(&sockets), "{sockets}");
}
