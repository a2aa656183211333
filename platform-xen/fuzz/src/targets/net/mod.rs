//! The network frontend, whose backend writes anything anywhere it can, at any time.

mod backend;

use std::time::Duration;

use platform_xen::hal::{Hal, HalRef};
use platform_xen::net::{Config, GsoType, Nic, TxInfo};
use platform_xen::xenstore::Xenstore;
use platform_xen_fake::peer::{Machine, Store, Xenstored};

use crate::Target;
use crate::patch::take;
use crate::script::{Script, Stage};
use backend::{BACK, Backend, FRONT};

/// Network cards.
pub static NET: Target = Target {
    name: "net",
    what: "a network card whose backend writes anything to all it can reach",
    seeds,
    run,
    max_len: 1500,
    memory: 16 << 20,
    sources: &[
        "platform-xen/src/net",
        "platform-xen/src/pool.rs",
        "platform-xen/src/ring.rs",
        "platform-xen/src/shared.rs",
        "platform-xen/src/xenbus/device.rs",
    ],
};

/// The longest frame that the card may hand out.
const LONGEST: usize = 65_535 + 18;

/// Flags, steps; the steps (two bytes each); the script.
fn seeds() -> Vec<Vec<u8>> {
    let seed = |flags: u8, steps: &[u8], script: &[u8]| [&[flags, steps.len() as u8], steps, script].concat();
    let both = [1, 6, 0, 0, 1, 255, 2, 90, 3, 0, 0, 0, 4, 0, 0, 0, 1, 40, 0, 0];
    vec![
        seed(0b1_1111, &both, &[]),
        seed(0b1_0000, &both, &[255, 3, 17, 2, 3, 0x42, 9, 0, 200]),
        seed(0b1_1111, &both, &[255, 3, 31, 5, 6, 6, 4, 3, 6, 0x42, 0, 4, 1, 255]),
        seed(0b0_1111, &[8, 0, 4, 0, 0, 0, 8, 1, 0, 0], &[255, 0, 100, 9, 2, 3, 4, 7, 0, 255, 0, 3, 3]),
        seed(0b1_0111, &both, &[255, 6, 2, 8, 9, 8, 0x21, 5, 1, 3, 6, 2, 0]),
        seed(
            0b1_1011,
            &[1, 9, 5, 0, 0, 0, 6, 0, 1, 9, 0, 0],
            &[255, 11, 0x81, 0, 4, 0, 1, 2, 3, 4, 9, 13, 7],
        ),
        seed(0b1_1111, &both, &[255, 10, 14, 3, 0, 0, 0, 9, 12, 0, 5, 0, 0, 0, 5]),
    ]
}

/// Virtual time within which everything must have ended.
const PATIENCE: Duration = Duration::from_secs(900);

fn run(mut data: &[u8]) {
    let [flags, steps] = take(&mut data);
    let (steps, script) = data.split_at(usize::from(steps).min(data.len()));
    let machine = Machine::new();
    let store = Store::new();
    let channel = Xenstored::start(&machine, &store, 5);
    let bit = |n: u8| (flags >> n & 1).to_string();
    let keys = [
        (FRONT, "backend", BACK.to_owned()),
        (FRONT, "backend-id", "0".into()),
        (FRONT, "state", "1".into()),
        (FRONT, "handle", "0".into()),
        (FRONT, "mac", "00:16:3e:00:00:01".into()),
        (BACK, "state", "2".into()),
        (BACK, "feature-rx-copy", "1".into()),
        (BACK, "feature-sg", bit(0)),
        (BACK, "feature-gso-tcpv4", bit(1)),
        (BACK, "feature-gso-tcpv6", bit(2)),
        (BACK, "feature-ipv6-csum-offload", bit(3)),
    ];
    keys.iter().for_each(|(end, key, value)| store.write(&format!("{end}/{key}"), value));
    let config = Config {
        take_gso: flags & 32 == 0,
        tx_most: if flags & 64 == 0 { 256 } else { 20 },
        ..Config::default()
    };
    let hal: HalRef = machine.clone();
    let Ok(xs) = Xenstore::open(hal.clone(), channel) else { return };
    let Ok(nic) = Nic::new(hal, xs, "0", config) else { return };
    let (before, ports) = (machine.now(), machine.open_ports());
    let backend = Backend::new(Script::new(script), store, flags & 16 != 0);
    let stage = Stage::open(&machine, backend);
    let mut frame = Vec::new();
    if nic.connect().is_ok() {
        for step in steps.chunks(2).take(12) {
            one_step(&nic, &machine, step[0], step.get(1).copied().unwrap_or(0).into(), &mut frame);
        }
    }
    let _ = nic.quiesce();
    assert_eq!(machine.open_ports(), ports);
    drop(nic);
    // AddressSanitizer tells of what was given back and can still be reached.
    stage.actor().write_kept(&machine);
    drop(stage);
    assert!(machine.now() - before < PATIENCE, "{:?}", machine.now() - before);
}

/// Frames in, until there are none for the moment.
fn receive(nic: &Nic, frame: &mut Vec<u8>) {
    for _ in 0..300 {
        match nic.receive(frame) {
            Ok(Some(info)) => {
                assert!((14..=LONGEST).contains(&frame.len()), "{} bytes", frame.len());
                assert_ne!(info.gso_size, Some(0));
            }
            Ok(None) => {
                assert!(frame.is_empty());
                return;
            }
            Err(_) => return,
        }
    }
}

/// A frame or many out, all in, a wait, or a new connection.
fn one_step(nic: &Nic, machine: &Machine, what: u8, n: usize, frame: &mut Vec<u8>) {
    let bytes = |n: usize| vec![n as u8; n * 256 + n];
    match what % 9 {
        0 => {
            if nic.ask_for_events() == Ok(false)
                && let Some(port) = nic.port()
            {
                machine.wait(&[port], Some(machine.now() + Duration::from_secs(1)));
            }
            receive(nic, frame);
        }
        1 => drop(nic.send(&bytes(n), TxInfo { csum_blank: n & 1 != 0, gso: None })),
        2 => {
            let kind = if n & 1 == 0 { GsoType::TcpV4 } else { GsoType::TcpV6 };
            drop(nic.send(&bytes(n), TxInfo { csum_blank: true, gso: Some((kind, n as u16)) }));
        }
        3 => nic.flush(),
        4 => {
            let counters = nic.counters();
            assert!(counters.tx_dropped + counters.tx_errors <= counters.tx_packets);
            if nic.can_send() && nic.offers().max_gso == 65_535 {
                assert_ne!(nic.send(&[1; 65_535], TxInfo::default()), Ok(false));
            }
        }
        5 => drop(nic.reconnect()),
        6 => drop((nic.quiesce(), nic.connect())),
        7 => machine.settle(),
        _ => {
            for _ in 0..300 {
                if nic.send(&bytes(n % 64), TxInfo::default()) != Ok(true) {
                    break;
                }
            }
            nic.flush();
        }
    }
}
