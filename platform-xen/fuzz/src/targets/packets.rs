//! TCP/IP, against a network that sends anything: a machine with each kind of socket, and frames that are shaped enough to
//! get as far as them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use platform_xen::hal::Nanos;
use platform_xen::tcpip::{
    Limits, Link, Lookup, Offloads, RxInfo, Setup, Stack, TcpSocket, TxInfo, UdpSocket, Waiter,
};

use crate::Target;
use crate::patch::take;

/// Packets.
pub static PACKETS: Target = Target {
    name: "packets",
    what: "TCP/IP while the network sends anything",
    seeds,
    run,
    max_len: 4000,
    memory: 32 << 20,
    sources: &[
        "platform-xen/src/tcpip/advert.rs",
        "platform-xen/src/tcpip/checksum.rs",
        "platform-xen/src/tcpip/device.rs",
        "platform-xen/src/tcpip/interface.rs",
        "platform-xen/src/tcpip/listener.rs",
        "platform-xen/src/tcpip/resolve.rs",
        "platform-xen/src/tcpip/tcp/connect.rs",
        "platform-xen/src/tcpip/tcp/mod.rs",
        "platform-xen/src/tcpip/tcp/ready.rs",
        "platform-xen/src/tcpip/tcp/stream.rs",
        "platform-xen/src/tcpip/udp.rs",
    ],
};

/// A whole exchange each: kind, length, bytes of what follows the skeleton.
fn seeds() -> Vec<Vec<u8>> {
    let frame = |kind: u8, bytes: &[u8]| [&[kind, bytes.len() as u8], bytes].concat();
    // Ports, sequence, acknowledgement, offset and flags, window, sum, urgent, options.
    let tcp = |flags: u8, seq: u8, rest: &[u8]| {
        let offset = if flags & 2 != 0 { 0x60 } else { 0x50 };
        [&[0x13, 0x88, 0, 80, 0, 0, 0, seq, 0, 0, 0, 0, offset, flags, 0xff, 0xff, 0, 0, 0, 0], rest].concat()
    };
    let syn = frame(1, &tcp(2, 1, &[2, 4, 5, 0xb4]));
    vec![
        [
            &syn[..],
            &frame(1, &tcp(0x10, 2, b"")),
            &frame(1, &tcp(0x18, 2, b"hello")),
            &frame(1, &tcp(0x11, 7, b"")),
        ]
        .concat(),
        [&syn[..], &frame(4, &tcp(2, 1, &[2, 4, 0, 1])), &frame(1, &tcp(0x10, 9, b"later")), &frame(8, &[])]
            .concat(),
        frame(2, &[0x13, 0x88, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]),
        frame(5, &[0x13, 0x88, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]),
        // An echo request, a router's advertisement, an ARP request.
        frame(3, &[8, 0, 0, 0, 0, 1, 0, 1, 9, 9, 9, 9]),
        frame(6, &[134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]),
        // Another one, with a prefix of which an address is made.
        frame(
            6,
            &[
                134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 64, 0xc0, 0, 0, 0xe, 0x10, 0, 0,
                0xe, 0x10, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ],
        ),
        frame(7, &[0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1]),
        frame(0, &[0xff; 60]),
    ]
}

/// The wire: frames of the input come in, what is sent is gone.
struct Wire<'a> {
    data: &'a [u8],
    buffer: Arc<std::sync::Mutex<Vec<Vec<u8>>>>,
}

impl Wire<'_> {
    /// The next frame, if there is one.
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.data.is_empty() {
            return None;
        }
        let [kind, len] = take(&mut self.data);
        let len = usize::from(len).min(self.data.len());
        let (bytes, rest) = self.data.split_at(len);
        self.data = rest;
        Some(shaped(kind, bytes))
    }
}

const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// A frame of this kind: raw bytes; TCP, UDP, ICMP or anything over IPv4; TCP, UDP, ICMPv6 over IPv6; ARP.
fn shaped(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let v6 = |next: u8| {
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend((bytes.len() as u16).to_be_bytes());
        packet.extend([next, 255, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        packet.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 1]);
        packet
    };
    let (ether, header): ([u8; 2], Vec<u8>) = match kind % 9 {
        0 => return bytes.to_vec(),
        1 | 2 | 3 | 8 => {
            let protocol = match kind % 9 {
                1 => 6,
                2 => 17,
                3 => 1,
                _ => kind / 9,
            };
            let mut packet = vec![0x45, 0];
            packet.extend((20 + bytes.len() as u16).to_be_bytes());
            // Fragments now and then.
            packet.extend(if kind >= 200 { [0, 7, 0x20, kind & 3] } else { [0, 0, 0, 0] });
            packet.extend([64, protocol, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1]);
            let sum: u32 = packet.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
            let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
            ([8, 0], packet)
        }
        4 => ([0x86, 0xdd], v6(6)),
        5 => ([0x86, 0xdd], v6(17)),
        6 => {
            let mut packet = v6(58);
            // What has a wrong sum is not looked at.
            let mut message = bytes.to_vec();
            if let Some(sum) = message.get_mut(2..4) {
                sum.fill(0);
                let whole =
                    [&packet[8..], &(bytes.len() as u32).to_be_bytes(), &[0, 0, 0, 58], &message].concat();
                let word =
                    |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
                let sum: u32 = whole.chunks(2).map(word).sum();
                message[2..4].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
            }
            packet.extend(message);
            return [&OURS[..], &[2, 0, 0, 0, 0, 9, 0x86, 0xdd], &packet].concat();
        }
        _ => ([8, 6], Vec::new()),
    };
    [&OURS[..], &[2, 0, 0, 0, 0, 9], &ether, &header, bytes].concat()
}

/// The card's end.
struct Card(Arc<std::sync::Mutex<Vec<Vec<u8>>>>);

impl Link for Card {
    fn name(&self) -> &str {
        "eth0"
    }
    fn mac(&self) -> [u8; 6] {
        OURS
    }
    fn mtu(&self) -> usize {
        1500
    }
    fn offloads(&self) -> Offloads {
        Offloads { checksum_v4: true, checksum_v6: false, segment_v4: 65_535 }
    }
    fn receive(&mut self, into: &mut Vec<u8>) -> Option<RxInfo> {
        *into = self.0.lock().unwrap_or_else(|e| e.into_inner()).pop()?;
        // As a hostile backend would: its word is all there is.
        Some(RxInfo { trusted: true })
    }
    fn can_send(&self) -> bool {
        true
    }
    fn send(&mut self, frame: &[u8], info: TxInfo) {
        assert!(
            frame.len() <= if info.segment.is_some() { 65_535 } else { 1514 },
            "a frame of {} bytes",
            frame.len()
        );
    }
    fn flush(&mut self) {}
}

fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(1);
    STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).rotate_left(17)
}

fn waiter() -> Arc<Waiter> {
    Waiter::new(|_| {})
}

fn run(data: &[u8]) {
    let buffer = Arc::default();
    let mut wire = Wire { data, buffer: Arc::clone(&buffer) };
    let limits = Limits { tcp_buffer: 4096, udp_buffer: 4096, most: 64 << 10, ending: 32 };
    let mut now = Nanos(1_000_000_000);
    let mut stack = Stack::new(limits, random, waiter(), now);
    let words = ["10.0.0.1::10.0.0.9:24::eth0:none:10.0.0.9", "eth0:auto6"]
        .map(|word| Setup::parse(word).expect("a setup"));
    stack.attach(Box::new(Card(buffer)), Setup::of("eth0", &words));
    let address = |text: &str| -> SocketAddr { text.parse().expect("an address") };
    let mut listener = TcpSocket::new(&mut stack, true, waiter());
    listener.bind(&mut stack, address("[::]:80")).expect("a free port");
    listener.listen(&mut stack, 4).expect("room for a listener");
    let mut udp = UdpSocket::new(&mut stack, true, waiter());
    udp.bind(&mut stack, address("[::]:53")).expect("a free port");
    let mut client = TcpSocket::new(&mut stack, false, waiter());
    let _ = client.connect(&mut stack, address("10.0.0.9:5000"), 0);
    let mut lookup = Lookup::new(&mut stack, "a.b", waiter()).ok();
    let mut accepted: Vec<TcpSocket> = Vec::new();
    let mut buf = [0; 2048];
    while let Some(frame) = wire.next() {
        wire.buffer.lock().unwrap_or_else(|e| e.into_inner()).push(frame);
        now = Nanos(now.0 + 40_000_000);
        stack.poll(now);
        if let Ok((socket, _)) = listener.accept(&mut stack, waiter()) {
            accepted.push(socket);
        }
        for socket in accepted.iter_mut().chain([&mut client]) {
            if let Ok(n) = socket.recv(&mut stack, &mut buf, false) {
                let _ = socket.send(&mut stack, &buf[..n]);
            }
            let _ = socket.send(&mut stack, &[7; 100]);
            socket.ready(&mut stack);
        }
        if let Ok((n, from)) = udp.recv_from(&mut stack, &mut buf, false) {
            let _ = udp.send_to(&mut stack, &buf[..n], Some(from), 0);
        }
        if lookup.as_mut().is_some_and(|lookup| lookup.result(&mut stack).is_ok()) {
            lookup = None;
        }
    }
    // A long time later all is over.
    accepted.iter_mut().chain([&mut client, &mut listener]).for_each(|socket| socket.close(&mut stack));
    udp.close(&mut stack);
    if let Some(mut lookup) = lookup {
        lookup.close(&mut stack);
    }
    for _ in 0..400 {
        let next = stack.poll(now).unwrap_or(now);
        now = Nanos(next.0.max(now.0 + 1_000_000_000));
    }
    assert_eq!(stack.sockets(), 2, "sockets are left");
}
