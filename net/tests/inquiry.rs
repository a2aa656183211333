//! Asking DHCPv6 servers, of which one here is played.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant};

use pvgrub_net::{Inquiry, Offer6};

const MAC: [u8; 6] = [0, 0x16, 0x3e, 1, 2, 3];

fn here(port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0)
}

/// A server of this machine, and who asks it.
fn pair() -> (UdpSocket, Inquiry) {
    let server = UdpSocket::bind(here(0)).unwrap();
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let inquiry = Inquiry::between(here(0), here(server.local_addr().unwrap().port())).unwrap();
    (server, inquiry)
}

fn question(server: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = [0; 1500];
    let (len, from) = server.recv_from(&mut bytes).unwrap();
    (bytes[..len].to_vec(), from)
}

/// The answer to a question: its number, and one option.
fn answer(question: &[u8], number: u8, value: &[u8]) -> Vec<u8> {
    [&[7], &question[1..4], &[0, number, 0, value.len() as u8], value].concat()
}

/// Waits for an answer.
fn await_answer(inquiry: &mut Inquiry) -> (u32, Offer6) {
    let begun = Instant::now();
    loop {
        if let Some(found) = inquiry.answer() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "no answer");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_question_as_rfc_8415_has_it() {
    let wanted = [
        &[11, 7, 8, 9][..],
        // Who asks: DUID-LL, Ethernet.
        &[0, 1, 0, 10, 0, 3, 0, 1, 0, 0x16, 0x3e, 1, 2, 3],
        // What for: name servers, the boot file's URL, and what must be.
        &[0, 6, 0, 8, 0, 23, 0, 59, 0, 32, 0, 83],
        &[0, 8, 0, 2, 1, 2],
    ];
    assert_eq!(Offer6::request([7, 8, 9], MAC, 0x102), wanted.concat());
}

#[test]
fn one_answer_for_each_link() {
    let (server, mut inquiry) = pair();
    assert!(inquiry.asked_for(1).is_none() && inquiry.answer().is_none());
    inquiry.ask(1, MAC);
    let (first, from) = question(&server);
    inquiry.ask(2, MAC);
    let (second, _) = question(&server);
    assert!(first[1..4] != second[1..4] && inquiry.asked_for(1).is_some());
    let other = |message: &[u8]| [&[7, !message[1]], &message[2..]].concat();
    // To somebody else, a question, nothing at all; then the one that counts, and another.
    for message in [other(&first), first.clone(), Vec::new(), answer(&second, 59, b"http://[::1]/m")] {
        server.send_to(&message, from).unwrap();
    }
    let (scope, offer) = await_answer(&mut inquiry);
    assert_eq!((scope, offer.menu().unwrap().unwrap().to_string().as_str()), (2, "http://[::1]/m"));
    assert!(inquiry.asked_for(2).is_none() && inquiry.asked_for(1).is_some());
    server.send_to(&answer(&second, 59, b"http://[::1]/other"), from).unwrap();
    server.send_to(&answer(&first, 23, &[0xfd; 16]), from).unwrap();
    let (scope, offer) = await_answer(&mut inquiry);
    assert_eq!((scope, offer.menu(), offer.name_servers.len()), (1, None, 1));
}

#[test]
fn what_is_lost_is_asked_again() {
    let (server, mut inquiry) = pair();
    let begun = Instant::now();
    let mut times = Vec::new();
    server.set_nonblocking(true).unwrap();
    while times.len() < 3 {
        inquiry.ask(1, MAC);
        let mut bytes = [0; 100];
        if server.recv_from(&mut bytes).is_ok() {
            times.push(begun.elapsed().as_millis());
            // How long it was asked for, in hundredths of a second.
            let said = u128::from(u16::from_be_bytes([bytes[34], bytes[35]]));
            assert!(said * 10 <= times[times.len() - 1], "{said} {times:?}");
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{times:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(times[1] >= 990 && times[2] >= 2990, "{times:?}");
}
