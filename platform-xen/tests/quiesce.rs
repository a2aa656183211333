//! Before a handover: what xenstored and backends refuse or don't do, and whether the next kernel can start all the same.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use platform_xen::devices::Devices;
use platform_xen::hal::{Hal, HalRef};
use platform_xen::shared::SharedMem;
use platform_xen::xenbus::{DeviceError, Fault, ShutdownRequest};
use platform_xen::xenstore::{ServerError, Xenstore, XsError};
use platform_xen_fake::peer::{Blkback, Contents, Lie, Machine, Mischief, Offer, Store, Xenstored};
use platform_xen_sys::xenstore as sys;

const RESET: &str = "/local/domain/5/control/platform-feature-xs_reset_watches";

struct Setup {
    machine: Arc<Machine>,
    store: Store,
    page: SharedMem<'static>,
    devices: Devices,
}

/// A domain with these disks, connected.
fn setup(lies: &[Lie]) -> Setup {
    let (machine, store) = (Machine::new(), Store::new());
    let channel = Xenstored::start(&machine, &store, 5);
    store.write(RESET, 1);
    for (number, lie) in (51712..).step_by(16).zip(lies) {
        Blkback::start(&machine, &store, 5, number, Contents::new(), Offer::default(), lie.clone());
    }
    let hal: HalRef = machine.clone();
    let devices = Devices::start(hal, channel);
    assert_eq!(devices.disks().unwrap().iter().count(), lies.len());
    Setup { machine, store, page: channel.page, devices }
}

impl Setup {
    fn assert_drained(&self) {
        let index = |at: usize| self.page.atomic_u32(2048 + at).load(Ordering::Relaxed);
        assert_eq!((index(0), index(8)), (index(4), index(12)));
    }
}

#[test]
fn a_watch_that_xenstored_does_not_end_is_no_reason_to_stay() {
    for error in ["ENOENT", "EINVAL", "EIO", "EWHAT"] {
        for can_reset in [true, false] {
            let s = setup(&[Lie::None]);
            s.store.write(RESET, u8::from(can_reset));
            s.store.misbehave(Mischief::Refuses(sys::XS_UNWATCH, error));
            assert_eq!(s.devices.quiesce_all(), Ok(vec![]), "{error}");
            assert_eq!(s.store.watches().is_empty(), can_reset);
            assert_eq!(s.machine.live_grants(), 0);
            s.assert_drained();
            // Given up after all, the toolstack is heard again.
            s.store.misbehave(Mischief::None);
            s.devices.reconnect_all().unwrap();
            s.store.write("/local/domain/5/control/shutdown", "reboot");
            s.machine.settle();
            let wish = (0..20).find_map(|_| {
                s.machine.settle();
                s.devices.shutdown().poll()
            });
            assert_eq!(wish, Some(ShutdownRequest::Reboot));
        }
    }
    // Nor a reset that is refused.
    let s = setup(&[]);
    s.store.misbehave(Mischief::Refuses(sys::XS_RESET_WATCHES, "EIO"));
    assert_eq!(s.devices.quiesce_all(), Ok(vec![]));
    assert_eq!(s.store.watches(), []);
    s.assert_drained();
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for_once_later_ones_have_come() {
    let s = setup(&[]);
    s.store.misbehave(Mischief::Forgets(sys::XS_READ));
    let lost = s.devices.xenstore().start_read("domid").unwrap();
    s.machine.settle();
    s.store.misbehave(Mischief::None);
    assert_eq!(s.devices.quiesce_all(), Ok(vec![]));
    s.assert_drained();
    assert!(s.devices.xenstore().poll(&lost).unwrap().is_err());
}

#[test]
fn a_xenstored_that_falls_silent_is_not_waited_for_again_and_again() {
    let s = setup(&[Lie::None, Lie::None, Lie::None, Lie::None]);
    s.store.misbehave(Mischief::MuteAfter(0));
    let before = s.machine.now();
    let error = s.devices.quiesce_all().unwrap_err();
    assert_eq!(error.to_string(), "xvda: xenstore does not answer");
    let took = s.machine.now() - before;
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert_eq!(s.devices.reconnect_all().unwrap_err().fault, Fault::Xenstore(XsError::Timeout));
    // Whoever comes back to the menu later finds everything as it was.
    s.store.misbehave(Mischief::None);
    let disks = s.devices.disks_again().unwrap();
    assert_eq!(disks.failed(), []);
    disks.get("xvdd").unwrap().read(0, &mut [0; 512]).unwrap();
    assert_eq!(s.devices.quiesce_all(), Ok(vec![]));
    s.assert_drained();
}

#[test]
fn a_xenstored_that_lied_can_be_had_back() {
    let s = setup(&[Lie::None]);
    s.store.misbehave(Mischief::Twice);
    assert!(matches!(
        s.devices.quiesce_all().unwrap_err().fault,
        Fault::Xenstore(XsError::PeerMisbehaved(_))
    ));
    assert!(s.devices.reconnect_all().is_err());
    s.store.misbehave(Mischief::None);
    let disks = s.devices.disks_again().unwrap();
    disks.get("xvda").unwrap().read(0, &mut [0; 512]).unwrap();
    assert_eq!(s.devices.quiesce_all(), Ok(vec![]));
    s.assert_drained();
}

#[test]
fn a_backend_that_died_does_not_hold_the_domain() {
    let s = setup(&[Lie::None, Lie::DiesAt(1)]);
    let read = s.devices.disks().unwrap().get("xvdb").unwrap().read(0, &mut [0; 512]);
    assert_eq!(read.unwrap_err().fault, Fault::Timeout { what: "answer", seconds: 30 });
    let left: Vec<String> = s.devices.quiesce_all().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(left, ["xvdb: the backend did not begin to close within 2 s"]);
    assert_eq!(s.machine.live_grants(), 0);
    s.assert_drained();
    // One that lives and keeps our pages is seen by them.
    let s = setup(&[Lie::NeverCloses]);
    assert_eq!(s.devices.quiesce_all().unwrap().len(), 1);
    assert!(s.machine.live_grants() > 0);
}

#[test]
fn a_disk_taken_away_meanwhile_does_not_hold_the_domain() {
    let s = setup(&[Lie::None, Lie::None]);
    s.store.remove("/local/domain/0/backend/vbd/5/51728");
    s.store.remove("/local/domain/5/device/vbd/51728");
    s.machine.settle();
    assert_eq!(s.devices.quiesce_all(), Ok(vec![]));
    assert_eq!(s.store.list("/local/domain/5/device/vbd"), ["51712"]);
    assert_eq!(s.machine.live_grants(), 0);
    s.assert_drained();
}

#[test]
fn conflicts_without_end_are_given_up_by_the_clock() {
    let (machine, store) = (Machine::new(), Store::new());
    let channel = Xenstored::start(&machine, &store, 5);
    let hal: HalRef = machine.clone();
    let xs = Xenstore::open(hal, channel).unwrap();
    store.misbehave(Mischief::Slow(15_000_000_000));
    store.cause_conflicts(u32::MAX);
    let before = machine.now();
    assert_eq!(xs.transaction(|t| t.write("x", b"")), Err(XsError::Conflict));
    let took = machine.now() - before;
    assert!(took < Duration::from_secs(120), "{took:?}");
    assert_eq!(xs.write("/local/domain/0/x", b""), Err(XsError::Server(ServerError::Eacces)));
}

#[test]
fn a_disk_whose_backend_keeps_pages_is_named_as_long_as_it_does() {
    for lie in [Lie::KeepsRing, Lie::KeepsPages] {
        let s = setup(&[Lie::None, lie.clone()]);
        let disks = s.devices.disks().unwrap();
        let _ = disks.get("xvdb").unwrap().read(0, &mut vec![0; 1 << 20]);
        assert_eq!(s.devices.keepers(), []);
        let named = |error: &DeviceError| {
            error.to_string() == "xvdb: the backend broke the protocol: it keeps pages of ours after closing"
        };
        let errors = s.devices.quiesce_all().unwrap();
        assert!(errors.len() == 1 && named(&errors[0]), "{lie:?}: {errors:?}");
        assert!(s.machine.live_grants() > 0, "so there is no handover");
        // It is closed now, and the next try has nothing to say of it; but the pages are still where they were.
        drop(s.devices.quiesce_all());
        assert!(s.machine.live_grants() > 0);
        assert!(s.devices.keepers().iter().any(named), "{lie:?}");
        // A new look at the disks forgets them, but not that.
        let _ = s.devices.disks_again();
        assert!(s.devices.keepers().iter().any(named), "{lie:?}");
    }
}
