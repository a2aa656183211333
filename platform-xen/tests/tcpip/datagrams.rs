//! UDP.

use std::net::SocketAddr;

use platform_xen::tcpip::{NetError, Offloads, UdpSocket};

use crate::net::{Faults, Net, waiter};

fn bound(net: &mut Net, n: usize, address: &str) -> UdpSocket {
    let address: SocketAddr = address.parse().unwrap();
    let mut socket = UdpSocket::new(&mut net.stacks[n], address.is_ipv6(), waiter());
    socket.bind(&mut net.stacks[n], address).unwrap();
    socket
}

#[test]
fn there_and_back_of_every_size() {
    for (any, server_address) in [("0.0.0.0", "10.0.0.2:53"), ("[::]", "[2001:db8::2]:53")] {
        let mut net = Net::new(Faults::default(), Offloads::default());
        let mut client = bound(&mut net, 0, &format!("{any}:0"));
        let mut server = bound(&mut net, 1, &format!("{any}:53"));
        let to = server_address.parse().unwrap();
        // IPv6 is not cut into fragments by smoltcp.
        let sizes: &[usize] = if any == "[::]" { &[0, 1, 1400] } else { &[0, 1, 1472, 1473, 9000] };
        for size in sizes {
            let bytes = vec![*size as u8; *size];
            net.until(|stacks| client.send_to(&mut stacks[0], &bytes, Some(to), 0)).unwrap();
            let mut buf = vec![0; 70_000];
            let (n, from) = net.until(|stacks| server.recv_from(&mut stacks[1], &mut buf, false)).unwrap();
            assert_eq!((n, &buf[..n]), (*size, &bytes[..]));
            server.send_to(&mut net.stacks[1], &buf[..n], Some(from), 0).unwrap();
            let (n, from) = net.until(|stacks| client.recv_from(&mut stacks[0], &mut buf, false)).unwrap();
            assert_eq!((n, from), (*size, to));
        }
    }
}

#[test]
fn the_last_word_of_a_socket_that_was_closed_leaves() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let mut server = bound(&mut net, 1, "0.0.0.0:53");
    let mut client = bound(&mut net, 0, "0.0.0.0:0");
    // The first to this neighbour: it has to be asked for.
    client.send_to(&mut net.stacks[0], b"last", Some("10.0.0.2:53".parse().unwrap()), 0).unwrap();
    client.close(&mut net.stacks[0]);
    assert!(net.stacks[0].is_sending());
    let mut buf = [0; 8];
    assert_eq!(net.until(|stacks| server.recv_from(&mut stacks[1], &mut buf, false)).unwrap().0, 4);
    // To a neighbour that is not there: it is given up.
    let mut client = bound(&mut net, 0, "0.0.0.0:0");
    client.send_to(&mut net.stacks[0], b"lost", Some("10.0.0.77:53".parse().unwrap()), 0).unwrap();
    client.close(&mut net.stacks[0]);
    let until = net.now + std::time::Duration::from_secs(4);
    while net.stacks[0].is_sending() {
        assert!(net.now < until);
        net.step();
    }
}

#[test]
fn a_peek_leaves_it_and_a_short_buffer_takes_a_part() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let mut a = bound(&mut net, 0, "127.0.0.1:0");
    let mut b = bound(&mut net, 0, "127.0.0.1:0");
    let to = b.local_addr(&net.stacks[0]);
    a.send_to(&mut net.stacks[0], b"hello", Some(to), 0).unwrap();
    let mut buf = [0; 3];
    let from = a.local_addr(&net.stacks[0]);
    assert_eq!(net.until(|stacks| b.recv_from(&mut stacks[0], &mut buf, true)), Ok((3, from)));
    assert_eq!(net.until(|stacks| b.recv_from(&mut stacks[0], &mut buf, false)), Ok((3, from)));
    assert_eq!(&buf, b"hel");
    assert_eq!(b.recv_from(&mut net.stacks[0], &mut buf, false), Err(NetError::WouldBlock));
}

#[test]
fn one_that_is_connected_hears_its_peer_alone() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let mut hearer = bound(&mut net, 0, "0.0.0.0:0");
    let mut friend = bound(&mut net, 1, "0.0.0.0:7");
    let mut other = bound(&mut net, 1, "0.0.0.0:8");
    hearer.connect(&mut net.stacks[0], "10.0.0.2:7".parse().unwrap()).unwrap();
    let to = hearer.local_addr(&net.stacks[0]);
    assert_eq!(to.ip().to_string(), "10.0.0.1");
    net.until(|stacks| other.send_to(&mut stacks[1], b"no", Some(to), 0)).unwrap();
    net.until(|stacks| friend.send_to(&mut stacks[1], b"yes", Some(to), 0)).unwrap();
    let mut buf = [0; 9];
    let (n, from) = net.until(|stacks| hearer.recv_from(&mut stacks[0], &mut buf, false)).unwrap();
    assert_eq!((&buf[..n], from.port()), (&b"yes"[..], 7));
    hearer.send_to(&mut net.stacks[0], b"back", None, 0).unwrap();
    assert_eq!(net.until(|stacks| friend.recv_from(&mut stacks[1], &mut buf, false)).unwrap().0, 4);
}

#[test]
fn what_can_not_be_sent_is_said() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let stack = &mut net.stacks[0];
    let mut socket = UdpSocket::new(stack, false, waiter());
    let to = |text: &str| Some(text.parse().unwrap());
    assert_eq!(socket.send_to(stack, b"", None, 0), Err(NetError::NoDestination));
    assert_eq!(socket.send_to(stack, &[0; 65_508], to("10.0.0.2:9"), 0), Err(NetError::MessageTooLong));
    assert_eq!(socket.send_to(stack, b"", to("192.168.1.1:9"), 0), Err(NetError::Unreachable));
    assert_eq!(socket.send_to(stack, b"", to("[::1]:9"), 0), Err(NetError::WrongFamily));
    assert_eq!(socket.peer_addr(), Err(NetError::NotConnected));
}

#[test]
fn a_full_queue_waits_for_room() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let mut socket = bound(&mut net, 0, "0.0.0.0:0");
    let to = Some("10.0.0.77:9".parse().unwrap());
    // Nobody has that address, so nothing leaves.
    let full = (0..1000).find_map(|_| socket.send_to(&mut net.stacks[0], &[0; 1000], to, 0).err());
    assert_eq!(full, Some(NetError::WouldBlock));
}

#[test]
fn what_is_in_the_loopback_is_due() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let mut a = bound(&mut net, 0, "127.0.0.1:0");
    let mut b = bound(&mut net, 0, "127.0.0.1:0");
    let to = b.local_addr(&net.stacks[0]);
    let stack = &mut net.stacks[0];
    while stack.poll(net.now).is_some_and(|at| at <= net.now) {}
    a.send_to(stack, b"hello", Some(to), 0).unwrap();
    // Nobody else would look: the receiver may sleep already.
    assert_eq!(stack.poll_at(net.now), Some(net.now));
    stack.poll(net.now);
    assert_eq!(b.recv_from(stack, &mut [0; 9], false).unwrap().0, 5);
    assert!(stack.poll_at(net.now).is_none_or(|at| at > net.now));
}
