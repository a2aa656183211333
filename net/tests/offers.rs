//! DHCP messages: those that dnsmasq sent (tests/captures), and some that no server should send.

use proptest::prelude::*;
use pvgrub_net::{Offer, Offer6, OfferError, Option150};

macro_rules! capture {
    ($name:literal) => {
        include_bytes!(concat!("captures/dnsmasq-", $name, ".bin"))
    };
}

/// A message with these options, and this in `siaddr`.
fn message(next_server: [u8; 4], options: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 236];
    message[0] = 2;
    message[20..24].copy_from_slice(&next_server);
    message.extend([99, 130, 83, 99]);
    message.extend(options);
    message
}

fn option(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number, value.len() as u8], value].concat()
}

/// An offer of one server with these options, ended.
fn offer(options: &[(u8, &[u8])]) -> Offer {
    let list: Vec<u8> =
        options.iter().flat_map(|(number, value)| option(*number, value)).chain([255]).collect();
    Offer::parse(&message([192, 0, 2, 1], &list)).unwrap()
}

/// The menu's place, or why there is none.
fn menu(offer: &Offer) -> String {
    match offer.menu() {
        None => "none".to_owned(),
        Some(Ok(place)) => place.to_string(),
        Some(Err(why)) => why,
    }
}

#[test]
fn what_dnsmasq_sent() {
    let parse = |message: &[u8]| {
        let offer = Offer::parse(message).unwrap();
        assert_eq!((offer.kind, offer.address), (Some(2), Some([10, 0, 0, 14].into())));
        assert_eq!(offer.dhcp_server, Some([10, 0, 0, 1].into()));
        offer
    };
    let offer = parse(capture!("grub-150"));
    assert_eq!(offer.option_150, Some(Option150::Menu("(nd)/boot/menu.lst".to_owned())));
    assert_eq!((offer.host_name.as_deref(), offer.domain.as_deref()), (Some("guest"), Some("example")));
    assert_eq!((menu(&offer).as_str(), offer.notes.len()), ("tftp://10.0.0.1/boot/menu.lst", 0));

    let offer = parse(capture!("servers-150"));
    let servers = vec![[10, 0, 0, 2].into(), [10, 0, 0, 3].into()];
    assert_eq!(offer.option_150, Some(Option150::Servers(servers)));
    assert_eq!(menu(&offer), "tftp://10.0.0.1/pxe/menu.lst");

    let offer = parse(capture!("pxelinux"));
    assert_eq!(offer.server_name.as_deref(), Some("tftp.example"));
    assert_eq!(offer.server().unwrap().host, "10.0.0.2");
    // What it is, and where: beside it there may be a configuration.
    assert!(offer.pxelinux().is_some_and(|place| place.path.ends_with("pxelinux.0")), "{offer:?}");
    let why = "DHCP names the boot file pxelinux.0, which is a program that PXE loads, and no menu";
    assert_eq!(menu(&offer), why);

    assert_eq!(menu(&parse(capture!("rfc5071"))), "http://10.0.0.2/pxe/menu.lst");
    assert_eq!(menu(&parse(capture!("url"))), "http://10.0.0.2:8080/menu.lst");
    let offer = parse(capture!("overload"));
    assert_eq!((menu(&offer).as_str(), offer.notes.len()), ("tftp://10.0.0.1/menu.lst", 0));
    assert_eq!((offer.boot_file, offer.server_name), (None, None));

    let offer = Offer6::parse(capture!("v6")).unwrap();
    assert_eq!(offer.menu().unwrap().unwrap().to_string(), "tftp://[2001:db8::1]/menu.lst");
}

#[test]
fn which_name_goes_first() {
    let all: [(u8, &[u8]); 4] = [(150, b"a.lst"), (209, b"b.lst"), (210, b"/pre/"), (67, b"c.lst")];
    assert_eq!(menu(&offer(&all)), "tftp://192.0.2.1/a.lst");
    assert_eq!(menu(&offer(&all[1..])), "tftp://192.0.2.1/pre/b.lst");
    assert_eq!(menu(&offer(&all[2..])), "tftp://192.0.2.1/c.lst");
    assert_eq!(menu(&offer(&[])), "none");
    assert_eq!(menu(&offer(&[(210, b"/pre/")])), "none");
    assert_eq!(menu(&offer(&[(209, b"/b.lst"), (210, b"/pre/")])), "tftp://192.0.2.1/b.lst");
    assert_eq!(menu(&offer(&[(209, b"https://a/b.lst"), (210, b"http://b/")])), "https://a/b.lst");
    assert_eq!(menu(&offer(&[(209, b"/b.lst"), (210, b"http://b/c/")])), "http://b/b.lst");
}

#[test]
fn names_as_grub_writes_them() {
    for (name, place) in [
        (&b"(nd)/menu.lst"[..], "tftp://192.0.2.1/menu.lst"),
        (b"(tftp)/menu.lst\0\0", "tftp://192.0.2.1/menu.lst"),
        (b"(http,boot.example:8080)/menu.lst", "http://boot.example:8080/menu.lst"),
        (b"tftp://boot.example/menu.lst", "tftp://boot.example/menu.lst"),
        (b"(hd0,0)/menu.lst", "DHCP names the menu (hd0,0)/menu.lst by option 150: that is on no server"),
        (b"(nd)/", "DHCP names the menu (nd)/ by option 150: no file"),
        (b"(nd)/boot/..", "DHCP names the menu (nd)/boot/.. by option 150: no file"),
        (b"(http,)/x", "DHCP names the menu (http,)/x by option 150: the server's name is missing"),
        (
            b"nfs://a/menu.lst",
            "DHCP names the menu nfs://a/menu.lst by option 150: a place on the network begins with http://, https:// or tftp://",
        ),
    ] {
        assert_eq!(menu(&offer(&[(150, name)])), place);
    }
}

#[test]
fn option_150_is_a_name_or_addresses() {
    let read = |bytes: &[u8]| offer(&[(150, bytes)]).option_150;
    let name = |text: &str| Some(Option150::Menu(text.to_owned()));
    let servers =
        |list: &[[u8; 4]]| Some(Option150::Servers(list.iter().map(|&bytes| bytes.into()).collect()));
    assert_eq!(read(b"menu.lst"), name("menu.lst"));
    assert_eq!(read(b"/abc"), name("/abc"));
    assert_eq!(read(b"menu"), servers(&[*b"menu"]), "four letters are an address");
    assert_eq!(read(b"menus"), name("menus"));
    assert_eq!(read(&[192, 168, 0, 1, 10, 0, 0, 46]), servers(&[[192, 168, 0, 1], [10, 0, 0, 46]]));
    assert_eq!(read(&[172, 16, 46, 46]), servers(&[[172, 16, 46, 46]]));
    assert_eq!(read(&[100, 64, 50, 60]), servers(&[[100, 64, 50, 60]]));
    let odd = offer(&[(150, &[10, 0, 0, 1, 7])]);
    assert_eq!((odd.option_150, odd.notes.len()), (None, 1));
    assert_eq!(read(&[0, 0, 0, 0]), None);
}

#[test]
fn which_server_is_meant() {
    let host = |next: [u8; 4], options: &[(u8, &[u8])]| {
        let list: Vec<u8> = options.iter().flat_map(|(number, value)| option(*number, value)).collect();
        Offer::parse(&message(next, &list)).unwrap().server().map(|server| server.host)
    };
    let all: [(u8, &[u8]); 3] = [(66, b"tftp.example"), (150, &[10, 0, 0, 2]), (54, &[10, 0, 0, 1])];
    assert_eq!(host([192, 0, 2, 1], &all).as_deref(), Some("192.0.2.1"));
    assert_eq!(host([0; 4], &all).as_deref(), Some("tftp.example"));
    assert_eq!(host([255; 4], &all[1..]).as_deref(), Some("10.0.0.2"), "broadcast is no server");
    assert_eq!(host([0; 4], &all[2..]).as_deref(), Some("10.0.0.1"));
    assert_eq!(host([0; 4], &[(66, b"our big server"), (54, &[10, 0, 0, 1])]).as_deref(), Some("10.0.0.1"));
    assert_eq!(host([0; 4], &[]), None);
    let mut old = message([0; 4], &[255]);
    old[108..116].copy_from_slice(b"menu.lst");
    let why = "DHCP names the menu menu.lst by the boot file: and no server that has it";
    assert_eq!(menu(&Offer::parse(&old).unwrap()), why);
    old[44..50].copy_from_slice(b"server");
    assert_eq!(menu(&Offer::parse(&old).unwrap()), "tftp://server/menu.lst");
    // BOOTP of old has no options.
    old.truncate(236);
    assert_eq!(menu(&Offer::parse(&old).unwrap()), "tftp://server/menu.lst");
}

#[test]
fn programs_are_no_menus() {
    for name in [
        "pxelinux.0",
        "/boot/grub/i386-pc/core.0",
        "EFI\\BOOT\\BOOTX64.EFI",
        "undionly.kpxe",
        "ipxe.pxe",
        "pvgrub",
        "pvgrub-64",
        "http://a/grubx64.efi?x",
        "boot/x64/wdsnbp.com",
        "vmlinuz-6.1.0",
    ] {
        let found = menu(&offer(&[(67, name.as_bytes())]));
        assert!(found.ends_with("a program that PXE loads, and no menu"), "{name}: {found}");
    }
    for name in ["menu.lst", "/pxe.d/menu", "grub.conf", "0", "pxe/efi"] {
        assert!(offer(&[(67, name.as_bytes())]).menu().unwrap().is_ok(), "{name}");
    }
}

#[test]
fn options_in_the_place_of_names() {
    let mut all = message([192, 0, 2, 1], &[option(52, &[3]), option(67, b"/menu"), vec![255]].concat());
    all[108..113].copy_from_slice(b"\x43\x04.ls");
    all[113] = b't';
    all[114] = 255;
    all[44..54].copy_from_slice(b"\x42\x07servers\xff");
    let offer = Offer::parse(&all).unwrap();
    assert_eq!(offer.boot_file.as_deref(), Some("/menu.lst"), "parts are put together (RFC 3396)");
    assert_eq!((offer.server_name.as_deref(), offer.notes.len()), (Some("servers"), 0));
    // The option within is for nobody, and one that is too long ends it.
    all[108..112].copy_from_slice(&[52, 1, 9, 200]);
    all[112] = 126;
    let offer = Offer::parse(&all).unwrap();
    assert_eq!(offer.boot_file.as_deref(), Some("/menu"));
    assert_eq!(offer.notes, ["DHCP option 200 is longer than the options in place of the boot file"]);
}

#[test]
fn absurd_messages() {
    assert_eq!(Offer::parse(&[]), Err(OfferError::Short));
    assert_eq!(Offer::parse(&[2; 235]), Err(OfferError::Short));
    assert_eq!(Offer::parse(&[1; 300]), Err(OfferError::NoReply));
    let notes = |options: &[u8]| Offer::parse(&message([192, 0, 2, 1], options)).unwrap().notes;
    assert_eq!(notes(&[]), ["the options have no end"]);
    assert_eq!(notes(&[0, 0, 67]), ["the options have no end"]);
    assert_eq!(notes(&[67, 5, b'x', 255]), ["DHCP option 67 is longer than the options"]);
    assert_eq!(notes(&[52, 1, 4, 255]), ["DHCP option 52 makes no sense"]);
    assert_eq!(notes(&[67, 3, b'a', 0x1b, b'[', 255]), ["DHCP option 67 is no text"]);
    assert_eq!(notes(&[67, 2, 0xff, 0xfe, 255]), ["DHCP option 67 is no text"]);
    assert_eq!(notes(&[67, 0, 255]), [""; 0]);
    assert_eq!(menu(&offer(&[(67, "menu\u{202e}.lst".as_bytes())])), "tftp://192.0.2.1/menu%E2%80%AE.lst");
    let long = option(67, &[b'x'; 255]).repeat(200);
    let offer = Offer::parse(&message([192, 0, 2, 1], &long)).unwrap();
    assert_eq!(offer.boot_file.map(|name| name.len()), Some(200 * 255));
}

#[test]
fn dhcpv6_messages() {
    let message = |options: &[(u16, &[u8])]| {
        let part = |(number, value): &(u16, &[u8])| {
            [&number.to_be_bytes(), &(value.len() as u16).to_be_bytes(), *value].concat()
        };
        [&[7, 1, 2, 3][..], &options.iter().flat_map(part).collect::<Vec<u8>>()].concat()
    };
    let menu = |options: &[(u16, &[u8])]| Offer6::parse(&message(options)).unwrap().menu();
    assert_eq!(
        menu(&[(1, b"x"), (59, b"http://[2001:db8::1]/m")]).unwrap().unwrap().server.host,
        "2001:db8::1"
    );
    assert_eq!(menu(&[(1, b"x")]), None);
    assert!(menu(&[(59, b"tftp://[::1]/bootx64.efi")]).unwrap().unwrap_err().contains("no menu"));
    assert!(menu(&[(59, b"menu.lst")]).unwrap().is_err());
    let mut cut = message(&[(59, b"http://a/m"), (23, &[0; 16])]);
    cut.pop();
    let offer = Offer6::parse(&cut).unwrap();
    assert_eq!((offer.boot_url.as_deref(), offer.notes.len()), (Some("http://a/m"), 1));
    assert_eq!(offer.id, [1, 2, 3]);
    let servers: Vec<u8> = (0..9).flat_map(|n| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n]).collect();
    let named = |value: &[u8]| Offer6::parse(&message(&[(23, value)])).unwrap().name_servers;
    assert_eq!(named(&servers[..16 + 5]), ["fd00::".parse::<std::net::Ipv6Addr>().unwrap()]);
    assert_eq!(named(&servers).len(), 4);
    assert_eq!(named(&[0xff; 16]).len() + named(&[0; 16]).len() + named(&[]).len(), 0);
    assert_eq!(Offer6::parse(&[7, 0, 0]), Err(OfferError::Short));
    assert_eq!(Offer6::parse(&[1, 0, 0, 0]), Err(OfferError::NoReply));
}

proptest! {
    #[test]
    fn no_options_do_harm(options in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)), 0..20), tail in prop::collection::vec(any::<u8>(), 0..40)) {
        let list: Vec<u8> = options.iter().flat_map(|(number, value)| option(*number, value)).chain(tail).collect();
        let offer = Offer::parse(&message([0; 4], &list)).unwrap();
        prop_assert!(offer.notes.len() <= 20);
        if let Some(Err(why)) = offer.menu() {
            prop_assert!(why.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{}", why);
        }
    }
}
