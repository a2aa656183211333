//! Names and addresses from servers: a DHCP and DNS server of a few lines on the other machine.

use std::net::{IpAddr, SocketAddr};

use platform_xen::hal::Nanos;
use platform_xen::tcpip::{
    Autoconf4, Limits, Lookup, NetError, Offloads, Ready, Setup, Stack, TcpSocket, UdpSocket,
};

use crate::net::{Card, Faults, Net, random, waiter};

/// An answer to a DHCP message (RFC 2131): an offer to a discovery, an acknowledgement to a request.
fn dhcp_answer(question: &[u8]) -> Option<Vec<u8>> {
    let kind = question.get(240..)?.windows(3).find(|w| w[0] == 53 && w[1] == 1)?[2];
    let mut answer = question[..240].to_vec();
    answer[0] = 2;
    answer[16..20].copy_from_slice(&[10, 0, 0, 99]);
    answer.extend([53, 1, if kind == 1 { 2 } else { 5 }]);
    answer.extend([54, 4, 10, 0, 0, 2, 51, 4, 0, 0, 14, 16, 1, 4, 255, 255, 255, 0]);
    // Sent only to who asks for it.
    let asked = question[240..].windows(2).position(|w| w[0] == 55).map(|at| &question[240 + at + 2..])?;
    if asked.iter().take(20).any(|option| *option == 150) {
        answer.extend(b"\x96\x0c/menu/pv.lst");
    }
    answer.extend([3, 4, 10, 0, 0, 2, 6, 4, 10, 0, 0, 2, 255]);
    Some(answer)
}

/// An answer to a DNS question (RFC 1035): 10.1.2.3, or 2001:db8::99.
fn dns_answer(question: &[u8]) -> Option<Vec<u8>> {
    let end = question.get(12..)?.iter().position(|byte| *byte == 0)? + 13;
    let kind = *question.get(end + 1)?;
    let known = question[12..].starts_with(b"\x04some\x04host");
    let mut answer = question[..end + 4].to_vec();
    answer[2..4].copy_from_slice(&if known { [0x81, 0x80] } else { [0x81, 0x83] });
    answer[6..12].copy_from_slice(&[0, u8::from(known), 0, 0, 0, 0]);
    if known {
        let data: &[u8] = if kind == 1 {
            &[10, 1, 2, 3]
        } else {
            &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x99]
        };
        answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 1, 0, 0, data.len() as u8]);
        answer.extend(data);
    }
    Some(answer)
}

/// A machine without an address, and one that serves.
struct Served {
    net: Net,
    dhcp: UdpSocket,
    dns: UdpSocket,
}

impl Served {
    fn new() -> Served {
        let mut net = Net::new(Faults::default(), Offloads::default());
        let limits = Limits { tcp_buffer: 16 << 10, udp_buffer: 16 << 10, most: 1 << 20, ending: 32 };
        let mut client = Stack::new(limits, random, waiter(), Nanos(0));
        let card = Card {
            name: "eth0",
            mac: [2, 0, 0, 0, 0, 1],
            mtu: 1500,
            offloads: Offloads::default(),
            faults: Faults::default(),
            to: net.lanes[0].clone(),
            from: net.lanes[1].clone(),
        };
        client.attach(Box::new(card), Setup::default());
        net.stacks[0] = client;
        let mut socket = |port: u16| {
            let mut socket = UdpSocket::new(&mut net.stacks[1], false, waiter());
            socket.bind(&mut net.stacks[1], SocketAddr::new("0.0.0.0".parse().unwrap(), port)).unwrap();
            socket
        };
        let (dhcp, dns) = (socket(67), socket(53));
        Served { net, dhcp, dns }
    }

    fn until<R>(&mut self, mut f: impl FnMut(&mut Stack) -> Result<R, NetError>) -> Result<R, NetError> {
        let Served { net, dhcp, dns } = self;
        net.until(|stacks| {
            let mut buf = [0; 1500];
            if let Ok((n, _)) = dhcp.recv_from(&mut stacks[1], &mut buf, false)
                && let Some(answer) = dhcp_answer(&buf[..n])
            {
                dhcp.send_to(&mut stacks[1], &answer, Some("255.255.255.255:68".parse().unwrap()), 0)
                    .unwrap();
            }
            if let Ok((n, from)) = dns.recv_from(&mut stacks[1], &mut buf, false)
                && let Some(answer) = dns_answer(&buf[..n])
            {
                dns.send_to(&mut stacks[1], &answer, Some(from), 0).unwrap();
            }
            f(&mut stacks[0])
        })
    }
}

#[test]
fn a_socket_that_does_not_wait_connects_when_there_is_an_address() {
    let mut served = Served::new();
    let mut listener = TcpSocket::new(&mut served.net.stacks[1], false, waiter());
    listener.bind(&mut served.net.stacks[1], "0.0.0.0:80".parse().unwrap()).unwrap();
    listener.listen(&mut served.net.stacks[1], 4).unwrap();
    let stack = &mut served.net.stacks[0];
    let mut client = TcpSocket::new(stack, false, waiter());
    let mut refused = TcpSocket::new(stack, false, waiter());
    let begin = |socket: &mut TcpSocket, stack: &mut Stack, to: &str| {
        assert_eq!(socket.connect_in_time(stack, to.parse().unwrap(), 0), Err(NetError::InProgress));
        assert_eq!(socket.send(stack, b"x"), Err(NetError::WouldBlock));
        assert_eq!(socket.ready(stack), Ready::default());
    };
    begin(&mut client, stack, "10.0.0.2:80");
    begin(&mut refused, stack, "10.0.0.2:81");
    served.until(|stack| if client.ready(stack).write { Ok(()) } else { Err(NetError::WouldBlock) }).unwrap();
    assert_eq!(client.take_error(&mut served.net.stacks[0]), None);
    assert_eq!(client.send(&mut served.net.stacks[0], b"x"), Ok(1));
    served
        .until(|stack| if refused.ready(stack).failed { Ok(()) } else { Err(NetError::WouldBlock) })
        .unwrap();
    assert_eq!(refused.take_error(&mut served.net.stacks[0]), Some(NetError::Refused));
    // Closed before any address came.
    let mut served = Served::new();
    let stack = &mut served.net.stacks[0];
    let mut client = TcpSocket::new(stack, false, waiter());
    begin(&mut client, stack, "10.0.0.2:80");
    client.close(stack);
    assert_eq!(client.send(stack, b"x"), Err(NetError::NotConnected));
}

#[test]
fn a_lease_brings_address_way_and_names() {
    let mut served = Served::new();
    let elsewhere: IpAddr = "10.9.9.9".parse().unwrap();
    assert!(served.net.stacks[0].may_come(elsewhere));
    let ours: IpAddr = "10.0.0.99".parse().unwrap();
    served
        .until(|stack| {
            if stack.addresses().any(|(name, a)| (name, a) == ("eth0", ours)) {
                Ok(())
            } else {
                Err(NetError::WouldBlock)
            }
        })
        .unwrap();
    assert!(!served.net.stacks[0].may_come(elsewhere));
    // What a program boots by is in the server's message, as it came.
    let card = served.net.stacks[0].cards().next().unwrap();
    assert!(card.name == "eth0" && card.mac == [2, 0, 0, 0, 0, 1] && !card.awaits_v4);
    let lease = card.lease.unwrap();
    assert_eq!(lease[16..20], [10, 0, 0, 99]);
    assert!(lease.windows(14).any(|w| w == b"\x96\x0c/menu/pv.lst"));

    let mut lookup = Lookup::new(&mut served.net.stacks[0], "Some.Host.example", waiter()).unwrap();
    let found = served.until(|stack| lookup.result(stack).map(<[IpAddr]>::to_vec)).unwrap();
    assert_eq!(found, ["10.1.2.3", "2001:db8::99"].map(|a| a.parse::<IpAddr>().unwrap()));
    let mut lookup = Lookup::new(&mut served.net.stacks[0], "no.such.name", waiter()).unwrap();
    assert_eq!(served.until(|stack| lookup.result(stack).map(<[IpAddr]>::to_vec)), Ok(vec![]));
}

#[test]
fn an_address_that_is_given_takes_the_place_of_a_lease() {
    let mut served = Served::new();
    let has = |stack: &mut Stack, wanted: &str| {
        let wanted: IpAddr = wanted.parse().unwrap();
        if stack.addresses().any(|(_, address)| address == wanted) {
            Ok(())
        } else {
            Err(NetError::WouldBlock)
        }
    };
    served.until(|stack| has(stack, "10.0.0.99")).unwrap();
    let v4 = Autoconf4::Static { address: "10.0.0.7".parse().unwrap(), prefix: 24, gateway: None };
    let stack = &mut served.net.stacks[0];
    assert!(!stack.set_up_v4("eth7", v4, vec![]));
    assert!(stack.set_up_v4("eth0", v4, vec!["10.0.0.2".parse().unwrap()]));
    served.until(|stack| has(stack, "10.0.0.7")).unwrap();
    let card = served.net.stacks[0].cards().next().unwrap();
    assert!(card.lease.is_none() && !card.addresses.contains(&"10.0.0.99".parse().unwrap()));
    let mut lookup = Lookup::new(&mut served.net.stacks[0], "some.host", waiter()).unwrap();
    assert!(!served.until(|stack| lookup.result(stack).map(<[IpAddr]>::to_vec)).unwrap().is_empty());
    // One that no card can have is none, and no end of the domain.
    let group = Autoconf4::Static { address: "224.0.0.7".parse().unwrap(), prefix: 24, gateway: None };
    assert!(served.net.stacks[0].set_up_v4("eth0", group, vec![]));
    assert!(served.net.stacks[0].cards().next().unwrap().addresses.iter().all(|address| address.is_ipv6()));
    // And back: it asks again.
    assert!(served.net.stacks[0].set_up_v4("eth0", Autoconf4::Dhcp, vec![]));
    served.until(|stack| has(stack, "10.0.0.99")).unwrap();
}

#[test]
fn some_names_need_no_server() {
    let mut net = Net::new(Faults::default(), Offloads::default());
    let stack = &mut net.stacks[0];
    let mut find = |name: &str| {
        Lookup::new(stack, name, waiter()).and_then(|mut lookup| lookup.result(stack).map(<[IpAddr]>::to_vec))
    };
    assert_eq!(find("10.1.1.1"), Ok(vec!["10.1.1.1".parse().unwrap()]));
    assert_eq!(find("localhost").unwrap()[0], "127.0.0.1".parse::<IpAddr>().unwrap());
    assert_eq!(find("a.localhost.").unwrap().len(), 2);
    assert_eq!(find("some.host"), Err(NetError::Unreachable));
}
