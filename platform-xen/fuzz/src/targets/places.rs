//! Names that menus and users give: devices, files, places on the network.

use std::cell::RefCell;
use std::rc::Rc;

use pvgrub_fs::{Disks, FileSystem, Numbering, device_order, split_device};
use pvgrub_net::{Place, PlaceError, Scheme, Server};

use crate::Target;
use crate::disk::{Base, Device, Packed, Patched, fixtures};

/// Names.
pub static PLACES: Target = Target {
    name: "places",
    what: "names of devices, files and network places, references, GRUB 2's servers",
    seeds,
    run,
    max_len: 300,
    memory: 16 << 20,
    sources: &["fs/src/names.rs", "net/src/place", "menu/src/parse.rs"],
};

fn seeds() -> Vec<Vec<u8>> {
    let names = [
        "(hd0,0)/boot/grub/menu.lst",
        "(hd0,msdos1)/vmlinuz",
        "(xen/xvda,gpt2)/",
        "/dev/xvda1",
        "LABEL=root",
        "UUID=1234-ABCD",
        "PARTUUID=00000000-01",
        "http://192.0.2.1:8080/a/vmlinuz?x",
        "tftp://boot.example/menu.lst",
        "https://me:secret@[2001:db8::1]:8443/a/menu.lst../b?c#d",
        "tftp://boot.example/a%20b;mode=octetx/./y/../z",
        "http,boot.example:8080//boot.example/x",
        "tftp;2001:db8::1,69/debian/linux",
        "/through/../../boot/./old",
        "/loop-b/x",
    ];
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

type Opened = (Disks, Vec<Rc<dyn FileSystem>>);

thread_local! {
    static OPENED: RefCell<Option<Opened>> = const { RefCell::new(None) };
}

/// A disk of each kind, opened once.
fn open() -> Opened {
    const IMAGES: [Packed; 4] = fixtures!("gpt", "mbr", "ext4-nocsum", "fat12");
    let mut disks = Disks::new();
    for (name, packed) in ["xvda", "xvdb", "xvdc", "xvdd"].into_iter().zip(IMAGES) {
        let image: &'static Base = Box::leak(Box::new(Base::unpack(packed)));
        disks.add(name, Device::new(Patched::new(image), 512, u32::MAX));
    }
    let opened = disks.volumes().iter().filter_map(|volume| volume.open().ok()).collect();
    (disks, opened)
}

fn run(data: &[u8]) {
    let name = String::from_utf8_lossy(data);
    let (device, path) = split_device(&name);
    assert_eq!(device.map_or(0, |d| d.len() + 2) + path.len(), name.len());
    network(data, &name);
    let _ = pvgrub_menu::file_ref(&name, None);
    let half = data.len() / 2;
    let halves = [&data[..half], &data[half..]].map(String::from_utf8_lossy);
    assert_eq!(device_order(&halves[0], &halves[1]), device_order(&halves[1], &halves[0]).reverse());
    OPENED.with_borrow_mut(|opened| {
        let (disks, opened) = opened.get_or_insert_with(open);
        for name in [device.unwrap_or(&name), &name] {
            let _ = (disks.resolve(name, Numbering::Legacy), disks.resolve(name, Numbering::Grub2));
        }
        if let Some(fs) = opened.get(data.len() % opened.len().max(1)) {
            let _ = (fs.open(path), fs.metadata(path));
        }
    });
}

fn network(data: &[u8], name: &str) {
    check(Place::parse(name));
    let (first, second) = data.split_at(data.len() * 3 / 5);
    let [first, second] = [first, second].map(String::from_utf8_lossy);
    if let Ok(base) = Place::parse(&first) {
        check(base.join(&second));
        check(base.join("../.").and_then(|place| place.join(&second)));
    }
    for device in [name, &first] {
        if let Some(Ok(server)) = Server::parse_grub(device) {
            let place = server.file(&second);
            assert!(place.path.starts_with('/') && place.to_string().is_ascii(), "{place:?}");
        }
    }
}

/// What is parsed is a place as it should be, and is printed so that it is parsed again, but for the password.
fn check(place: Result<Place, PlaceError>) {
    let Ok(place) = place else { return };
    assert!(!place.server.host.is_empty() && place.path.starts_with('/'), "{place:?}");
    let text = place.to_string();
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    let (path, _) = place.path.split_once('?').unwrap_or((&place.path, ""));
    let path = if place.server.scheme == Scheme::Tftp { &place.path } else { path };
    assert!(path.split('/').all(|part| part != "." && part != ".."), "{text}");
    let Ok(mut again) = Place::parse(&text) else { panic!("{text} is no place any more") };
    if let (Some(again), Some(first)) = (&mut again.server.credentials, &place.server.credentials) {
        assert!(first.password.is_empty() || again.password.is_empty());
        again.password.clone_from(&first.password);
    }
    assert_eq!(again, place);
}
