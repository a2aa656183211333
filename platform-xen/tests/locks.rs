//! No lock is held while somebody waits, or writes to the log, which may wait for the console: other threads run
//! meanwhile, and a spin lock that one of them wants would never come free.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use platform_xen::block::Disk;
use platform_xen::devices::Devices;
use platform_xen::hal::{Hal, HalRef, Nanos, Port};
use platform_xen::net::{Nic, Nics, TxInfo};
use platform_xen_fake::peer::netback;
use platform_xen_fake::peer::{
    Blkback, Contents, Lie, Machine, Mischief, Netback, Offer, Store, Waits, Xenstored,
};
use platform_xen_sys::xenstore as sys;

/// What another thread may ask for at any time.
#[derive(Clone, Default)]
struct Others {
    devices: Arc<OnceLock<Arc<Devices>>>,
    disks: Arc<Mutex<Vec<Arc<Disk>>>>,
    nics: Arc<Mutex<Vec<Arc<Nic>>>>,
    /// While they connect.
    settling: Arc<Mutex<Option<Arc<Nics>>>>,
    looks: Arc<AtomicUsize>,
}

impl Others {
    /// Another thread takes each lock once.
    fn look(&self, when: &str) {
        let Some(devices) = self.devices.get().cloned() else { return };
        let disks = self.disks.lock().unwrap().clone();
        let nics = self.nics.lock().unwrap().clone();
        let settling = self.settling.lock().unwrap().clone();
        let (done, wait) = channel();
        std::thread::spawn(move || {
            devices.shutdown().is_listening();
            devices.xenstore().is_usable();
            disks.iter().for_each(|disk| _ = (disk.info(), disk.config()));
            nics.iter().for_each(|nic| _ = (nic.info(), nic.connecting()));
            // What can be used is connected.
            done.send(settling.is_none_or(|nics| nics.iter().all(|nic| nic.is_connected()))).unwrap();
        });
        self.looks.fetch_add(1, Ordering::Relaxed);
        let right = wait.recv_timeout(Duration::from_secs(10));
        assert!(
            right.unwrap_or_else(|_| panic!("a lock is held {when}")),
            "a card that failed seems usable {when}"
        );
    }
}

static LOOKS_AT_LOGS: Mutex<Option<Others>> = Mutex::new(None);

struct Logger;

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &Record<'_>) {
        let others = LOOKS_AT_LOGS.lock().unwrap().clone();
        if let Some(others) = others {
            others.look(&format!("while this is written: {}", record.args()));
        }
    }
    fn flush(&self) {}
}

#[test]
fn no_lock_is_held_while_somebody_waits_or_writes() {
    let (machine, store, others) = (Machine::new(), Store::new(), Others::default());
    log::set_logger(&Logger).unwrap();
    log::set_max_level(LevelFilter::Trace);
    *LOOKS_AT_LOGS.lock().unwrap() = Some(others.clone());

    let channel = Xenstored::start(&machine, &store, 5);
    store.write("/local/domain/5/control/platform-feature-xs_reset_watches", 1);
    for (number, lie) in
        (51712..).step_by(16).zip([Lie::None, Lie::KeepsPages, Lie::CloseAt(3), Lie::DiesAt(1)])
    {
        Blkback::start(&machine, &store, 5, number, Contents::new(), Offer::default(), lie);
    }
    for (handle, lie) in (0..).zip([
        netback::Lie::None,
        netback::Lie::KeepsRing,
        netback::Lie::NeverConnects,
        netback::Lie::Silent,
    ]) {
        Netback::start(&machine, &store, 5, handle, netback::Offer::default(), lie);
    }
    let looker = others.clone();
    let wait = move |machine: &Machine, ports: &[Port], deadline: Option<Nanos>| {
        looker.look("across a wait");
        machine.wait(ports, deadline)
    };
    let hal: HalRef = Arc::new(Waits::new(machine.clone(), wait));
    let devices = Arc::new(Devices::start(hal, channel));
    others.devices.get_or_init(|| devices.clone());

    let disks = devices.disks().unwrap();
    *others.disks.lock().unwrap() = disks.iter().cloned().collect();
    for disk in disks.iter() {
        let _ = disk.read(0, &mut vec![0; 3 << 20]);
    }
    let nics = devices.begin_nics().unwrap();
    *others.nics.lock().unwrap() = nics.all().cloned().collect();
    *others.settling.lock().unwrap() = Some(nics.clone());
    nics.settle_all();
    *others.settling.lock().unwrap() = None;
    assert_eq!((nics.iter().count(), nics.failed().len()), (3, 1));
    for nic in nics.iter() {
        nic.send(&[1; 5000], TxInfo::default()).unwrap();
        nic.flush();
    }
    // Each of these is answered with words in the log.
    for word in ["suspend", "dance"] {
        store.write("/local/domain/5/control/shutdown", word);
        for _ in 0..20 {
            machine.settle();
            devices.shutdown().poll();
        }
    }
    store.misbehave(Mischief::Refuses(sys::XS_UNWATCH, "EIO"));
    store.write("/local/domain/5/control/platform-feature-xs_reset_watches", 0);
    let _ = devices.quiesce_all();
    store.misbehave(Mischief::None);
    let _ = devices.reconnect_all();
    let _ = devices.disks_again();
    let looks = others.looks.load(Ordering::Relaxed);
    assert!(looks > 100, "{looks}");
}
