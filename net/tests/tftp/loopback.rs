//! The whole client against servers on the loopback interface.

use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pvgrub_net::{Error, Fault, Place, Settings, Transfer, length, open, read_all};

use crate::file;
use crate::server::{Habits, Sender};

/// A server of one file, `/boot/file`, on its own threads until the process ends.
struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(host: &str, data: Vec<u8>, habits: Habits) -> Server {
        let socket = UdpSocket::bind((host, 0)).unwrap();
        let (address, requests) = (socket.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = requests.clone();
        std::thread::spawn(move || {
            let mut buf = [0; 1024];
            loop {
                let (n, client) = socket.recv_from(&mut buf).unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let (sender, packets) = Sender::new(&buf[..n], "/boot/file", &data, &habits);
                std::thread::spawn(move || serve(address, client, sender, packets));
            }
        });
        Server { address, requests }
    }

    fn place(&self) -> Place {
        Place::parse(&format!("tftp://{}/boot/file", self.address)).unwrap()
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(address: SocketAddr, client: SocketAddr, mut sender: Sender, mut packets: Vec<Vec<u8>>) {
    let socket = UdpSocket::bind((address.ip(), 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let begun = Instant::now();
    let mut buf = [0; 1024];
    loop {
        for packet in &packets {
            let _ = socket.send_to(packet, client);
        }
        if sender.over || begun.elapsed() > Duration::from_secs(20) {
            return;
        }
        packets = match socket.recv_from(&mut buf) {
            Ok((n, _)) => sender.packet(&buf[..n]),
            Err(_) => sender.resend(),
        };
    }
}

fn settings() -> Settings<'static> {
    Settings { connect: Duration::from_secs(3), silence: Duration::from_secs(3), ..Settings::default() }
}

fn refused(error: Error) -> String {
    match error.what {
        Fault::Refused(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_over_ipv4_and_ipv6() {
    let data = file(3_000_000);
    for host in ["127.0.0.1", "::1"] {
        let server = Server::start(host, data.clone(), Habits::default());
        assert!(read_all(&server.place(), &settings()).unwrap().0 == data, "{host}");
        assert_eq!(length(&server.place(), &settings()), Ok(Some(3_000_000)));
    }
}

#[test]
fn a_server_is_found_by_its_name_at_any_of_its_addresses() {
    // `localhost` is often ::1 first, where nobody listens: that address costs the time to connect.
    let server = Server::start("127.0.0.1", file(5000), Habits::default());
    let place = Place::parse(&format!("tftp://localhost:{}/boot/file", server.address.port())).unwrap();
    assert_eq!(read_all(&place, &settings()).unwrap().0, file(5000));
    // A part of a name has 63 letters at most, so that no DNS server is asked.
    let place = Place::parse(&format!("tftp://{}/x", "x".repeat(64))).unwrap();
    let error = read_all(&place, &settings()).unwrap_err();
    assert!(matches!(error.what, Fault::Name(_)), "{error}");
}

#[test]
fn servers_of_old() {
    let data = file(100_000);
    let old = [
        Habits { options: false, ..Habits::default() },
        Habits { refuses_options: Some(8), ..Habits::default() },
        Habits { refuses_options: Some(4), ..Habits::default() },
        Habits { bare_names: true, ..Habits::default() },
        Habits { bare_names: true, refuses_options: Some(8), ..Habits::default() },
    ];
    for habits in old {
        let server = Server::start("127.0.0.1", data.clone(), habits.clone());
        assert!(read_all(&server.place(), &settings()).unwrap().0 == data, "{habits:?}");
        let asks = 1 + usize::from(habits.refuses_options.is_some()) + usize::from(habits.bare_names);
        assert_eq!(server.requests(), asks, "{habits:?}");
    }
}

#[test]
fn what_a_server_refuses_is_told_in_its_words() {
    let server = Server::start("127.0.0.1", file(5000), Habits::default());
    let place = server.place().join("other").unwrap();
    let error = read_all(&place, &settings()).unwrap_err();
    assert_eq!(error.to_string(), format!("{place}: the server refuses: no?[2J such file"));
    let server =
        Server::start("127.0.0.1", file(5000), Habits { fails_at: 3, window: 1, ..Habits::default() });
    assert_eq!(refused(read_all(&server.place(), &settings()).unwrap_err()), "disk on fire");
    let place = Place::parse(&format!("tftp://{}/{}", server.address, "x".repeat(600))).unwrap();
    assert!(matches!(open(&place, &settings()).err().unwrap().what, Fault::Other(_)));
}

#[test]
fn a_file_is_whole_or_an_error() {
    let error = |habits| {
        let server = Server::start("127.0.0.1", file(100_000), habits);
        read_all(&server.place(), &settings()).unwrap_err().what
    };
    let short = Habits { announces: Some(100_001), ..Habits::default() };
    assert_eq!(error(short), Fault::Length { announced: 100_001, arrived: 100_000 });
    let silent = Habits { silent_from: 40, ..Habits::default() };
    assert_eq!(error(silent), Fault::Silent(Duration::from_secs(3)));
    let long = Habits { announces: Some(2000), ..Habits::default() };
    assert_eq!(error(long), Fault::Length { announced: 2000, arrived: 2936 });

    let server = Server::start("127.0.0.1", file(100_000), Habits::default());
    for most in [99_999, 10] {
        let error = read_all(&server.place(), &Settings { most, ..settings() }).unwrap_err();
        assert_eq!(error.what, Fault::TooLarge { most });
    }
}

#[test]
fn an_error_stays_and_so_does_the_end() {
    let server = Server::start("127.0.0.1", file(3000), Habits::default());
    let settings = settings();
    let mut transfer = open(&server.place(), &settings).unwrap();
    assert_eq!((transfer.len(), transfer.place()), (Some(3000), &server.place()));
    let (mut bytes, mut buf) = (Vec::<u8>::new(), [0; 100]);
    assert_eq!(transfer.read(&mut []), Ok(0));
    while let n @ 1.. = transfer.read(&mut buf).unwrap() {
        bytes.extend(&buf[..n]);
    }
    assert_eq!(bytes, file(3000));
    assert_eq!((transfer.read(&mut buf), transfer.read(&mut [])), (Ok(0), Ok(0)));

    let server = Server::start("127.0.0.1", file(3000), Habits { fails_at: 2, ..Habits::default() });
    let mut transfer = open(&server.place(), &settings).unwrap();
    let error = loop {
        if let Err(error) = transfer.read(&mut buf) {
            break error;
        }
    };
    assert_eq!(transfer.read(&mut buf), Err(error));
}

#[test]
fn nobody_answers() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let place = Place::parse(&format!("tftp://{}/x", socket.local_addr().unwrap())).unwrap();
    let (begun, settings) = (Instant::now(), settings());
    let error = open(&place, &settings).err().unwrap();
    assert_eq!(error.what, Fault::NoAnswer(Duration::from_secs(3)));
    assert!((3000..4000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
}

#[test]
fn breaking_off_takes_a_fifth_of_a_second_and_tells_the_server() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let place = Place::parse(&format!("tftp://{}/x", socket.local_addr().unwrap())).unwrap();
    let begun = Instant::now();
    let when = Cell::new(Duration::from_millis(500));
    let settings = Settings { broken_off: &|| begun.elapsed() > when.get(), ..settings() };
    let error = open(&place, &settings).err().unwrap();
    assert_eq!(error.what, Fault::BrokenOff);
    assert!((500..900).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());

    // A server that sends one block and then nothing.
    when.set(Duration::MAX);
    let mut buf = [0; 600];
    let transfer = std::thread::scope(|scope| {
        scope.spawn(|| {
            let (_, client) = socket.recv_from(&mut buf).unwrap();
            // The first was the request of before.
            let (_, client) = socket.recv_from(&mut buf).map_or((0, client), |(n, from)| (n, from));
            socket.send_to(&[&[0, 3, 0, 1][..], &[7; 512]].concat(), client).unwrap();
        });
        open(&place, &settings)
    });
    let mut transfer = transfer.unwrap();
    assert_eq!(transfer.read(&mut buf), Ok(512));
    when.set(begun.elapsed() + Duration::from_millis(100));
    assert_eq!(transfer.read(&mut buf).unwrap_err().what, Fault::BrokenOff);
    drop(transfer);
    let mut last = Vec::new();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    while let Ok((n, _)) = socket.recv_from(&mut buf) {
        last = buf[..n].to_vec();
    }
    assert_eq!(last, b"\0\x05\0\0broken off\0");
}

#[test]
fn one_who_begins_to_read_late_asks_again() {
    let server = Server::start("127.0.0.1", file(200_000), Habits::default());
    let settings = settings();
    let mut transfer = open(&server.place(), &settings).unwrap();
    std::thread::sleep(Duration::from_millis(3200));
    let (mut bytes, mut buf) = (Vec::<u8>::new(), vec![0; 10_000]);
    while let n @ 1.. = transfer.read(&mut buf).unwrap() {
        bytes.extend(&buf[..n]);
    }
    assert!(bytes == file(200_000));
    assert_eq!(server.requests(), 2);
}
