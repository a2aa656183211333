//! What real servers sent (tests/captures/tftp), as the transfer's machine takes it.

use std::net::SocketAddr;
use std::time::Duration;

use pvgrub_net::tftp::machine::{Failure, Limits, Machine, Out, State};
use pvgrub_net::tftp::packet::{Asked, request};

use crate::file;

macro_rules! capture {
    ($name:literal) => {
        include_bytes!(concat!("../captures/tftp/", $name, ".bin"))
    };
}

/// What the captures were asked for with: nearly as pvgrub asks, and so that there is more than one window.
const USUAL: Asked = Asked { block: 1468, window: 32, timeout: 2 };
const SMALL: Asked = Asked { block: 64, window: 4, timeout: 2 };

/// The machine after all packets, the bytes that came, and the blocks that it acknowledged.
fn replay(asked: Option<Asked>, mut capture: &[u8]) -> (Machine, Vec<u8>, Vec<u8>) {
    let limits = Limits {
        connect: Duration::from_secs(10),
        silence: Duration::from_secs(30),
        tries: 6,
        most: 1 << 20,
        only_ask: false,
    };
    let server: SocketAddr = "192.0.2.1:69".parse().unwrap();
    let mut out = Out::default();
    let asking = request("/file", asked.as_ref()).unwrap();
    let mut machine = Machine::new(server, asking, asked, limits, Duration::ZERO, &mut out);
    out.packets.clear();
    while let Some((len, rest)) = capture.split_first_chunk() {
        let (packet, rest) = rest.split_at(u16::from_be_bytes(*len).into());
        machine.packet((server.ip(), 1000).into(), packet, Duration::ZERO, &mut out);
        capture = rest;
    }
    let acked = out.packets.iter().map(|(_, packet)| {
        assert!(matches!(packet[..], [0, 4, 0, _]), "{packet:?}");
        packet[3]
    });
    (machine, out.bytes, acked.collect())
}

/// A whole file: what was granted, and which blocks were acknowledged.
fn whole(asked: Option<Asked>, capture: &[u8], len: usize) -> (u16, u16, Vec<u8>) {
    let (machine, bytes, acked) = replay(asked, capture);
    assert_eq!(machine.state(), &State::Done);
    assert!(bytes == file(len), "other bytes");
    assert_eq!(machine.size(), asked.map(|_| len as u64));
    (machine.granted().block, machine.granted().window, acked)
}

#[test]
fn files_of_real_servers() {
    assert_eq!(whole(Some(USUAL), capture!("atftpd-usual"), 1500), (1468, 32, vec![0, 2]));
    assert_eq!(whole(Some(USUAL), capture!("dnsmasq-usual"), 1500), (1468, 1, vec![0, 1, 2]));
    assert_eq!(whole(Some(USUAL), capture!("tftpd-hpa-usual"), 1500), (1468, 1, vec![0, 1, 2]));
    assert_eq!(whole(Some(SMALL), capture!("atftpd-window"), 600), (64, 4, vec![0, 4, 8, 10]));
    assert_eq!(whole(None, capture!("dnsmasq-plain"), 1100), (512, 1, vec![1, 2, 3]));
}

#[test]
fn errors_of_real_servers() {
    let refused = |capture: &[u8]| {
        let (machine, bytes, acked) = replay(Some(USUAL), capture);
        assert!(bytes.is_empty() && acked.is_empty());
        match machine.state() {
            State::Failed(Failure::Refused { code: 1, text }) => text.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(capture!("atftpd-error")), "File not found");
    assert_eq!(refused(capture!("dnsmasq-error")), "file /srv/none not found for 127.0.0.1");
    assert_eq!(refused(capture!("tftpd-hpa-error")), "File not found");
}
