//! What DHCP says of booting.

use pvgrub_net::{Offer, Offer6};

use crate::Target;

/// Messages of DHCP.
pub static OFFER: Target = Target {
    name: "offer",
    what: "a DHCP or DHCPv6 message, whole or only its options; and the menu that it names",
    seeds,
    run,
    max_len: 1500,
    memory: 4 << 20,
    sources: &["net/src/offer"],
};

/// The first byte: a whole message (0), only a DHCP message's options (1), only a DHCPv6 message's (2).
fn seeds() -> Vec<Vec<u8>> {
    // What dnsmasq sent: net/tests/captures.
    let captures: [&[u8]; 7] = [
        include_bytes!("../../../../net/tests/captures/dnsmasq-grub-150.bin"),
        include_bytes!("../../../../net/tests/captures/dnsmasq-servers-150.bin"),
        include_bytes!("../../../../net/tests/captures/dnsmasq-pxelinux.bin"),
        include_bytes!("../../../../net/tests/captures/dnsmasq-rfc5071.bin"),
        include_bytes!("../../../../net/tests/captures/dnsmasq-url.bin"),
        include_bytes!("../../../../net/tests/captures/dnsmasq-overload.bin"),
        include_bytes!("../../../../net/tests/captures/dnsmasq-v6.bin"),
    ];
    // The rest is made by hand.
    let parts: [&[u8]; 5] = [
        b"\x01\x96\x08menu.lst\xff",
        b"\x01\x34\x01\x03\x43\x05/menu\x43\x04.lst\xff",
        b"\x01\xd1\x05b.lst\xd2\x0ahttp://a/b\xff",
        b"\x01\x42\x04tftp\x43\x0a(nd)/x.lst\x36\x04\x0a\0\0\x01\xff",
        b"\x02\0\x3b\0\x0ahttp://a/m",
    ];
    let whole = captures.map(|message| [&[0], message].concat());
    whole.into_iter().chain(parts.map(<[u8]>::to_vec)).collect()
}

fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let (v4, v6) = match kind % 3 {
        0 => (rest.to_vec(), rest.to_vec()),
        1 => {
            let mut message = vec![0; 236];
            message[0] = 2;
            message[20..24].copy_from_slice(&[192, 0, 2, 1]);
            // Names of fixed length, which may be options.
            let (names, options) = rest.split_at(rest.len().min(192) * usize::from(kind / 3 % 2));
            message[44..44 + names.len()].copy_from_slice(names);
            (
                message.into_iter().chain([99, 130, 83, 99]).chain(options.iter().copied()).collect(),
                Vec::new(),
            )
        }
        _ => (Vec::new(), [&[7, 0, 0, 0], rest].concat()),
    };
    if let Ok(offer) = Offer::parse(&v4) {
        assert!(offer.notes.len() < 32);
        let _ = offer.server();
        check(offer.menu());
    }
    if let Ok(offer) = Offer6::parse(&v6) {
        check(offer.menu());
    }
}

fn check(menu: Option<Result<pvgrub_net::Place, String>>) {
    let text = match menu {
        None => return,
        Some(Ok(place)) => {
            assert!(place.path.len() > 1 || place.server.scheme != pvgrub_net::Scheme::Tftp, "{place:?}");
            place.to_string()
        }
        Some(Err(why)) => why,
    };
    assert!(text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{text:?}");
}
