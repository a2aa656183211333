//! Places: URLs, references, GRUB 2's servers.

use proptest::prelude::*;
use pvgrub_net::{Place, PlaceError, Scheme, Server};

fn place(text: &str) -> Place {
    Place::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn places_come_back_as_they_were() {
    for text in [
        "http://boot.example:8080/debian/vmlinuz",
        "https://boot.example/a%20b?x=/../y",
        "http://admin@boot.example/vmlinuz",
        "tftp://192.0.2.1/menu.lst",
        "tftp://[2001:db8::1]:6969/pxe/menu.lst",
        "tftp://a/odd%20name%3F%23%25",
        "http://a/",
    ] {
        assert_eq!(place(text).to_string(), text);
    }
    for (text, same) in [
        ("HTTP://A.Example:80/x", "http://a.example/x"),
        ("http://a", "http://a/"),
        ("http://a?x", "http://a/?x"),
        ("http://a:/x#there", "http://a/x"),
        ("http://[2001:DB8:0::1]/x", "http://[2001:db8::1]/x"),
        ("http://a/x/./y/../z/..", "http://a/x/"),
        ("tftp://a/../../etc/%2e%2e/x;mode=octet", "tftp://a/x"),
        ("http://a/Größe", "http://a/Gr%C3%B6%C3%9Fe"),
    ] {
        assert_eq!(place(text).to_string(), same, "{text}");
    }
}

#[test]
fn the_parts_of_a_place() {
    let found = place("https://me%40home:a%3Ab%20c@[::1]:8443/x?y");
    let who = found.server.credentials.clone().unwrap();
    assert_eq!((who.user.as_str(), who.password.as_str()), ("me@home", "a:b c"));
    assert_eq!((found.server.host.as_str(), found.server.port, found.path.as_str()), ("::1", 8443, "/x?y"));
    assert_eq!(found.to_string(), "https://me%40home@[::1]:8443/x?y");
    assert!(!format!("{found:?}").contains("a:b c"), "{found:?}");
    assert_eq!(place("tftp://a/x%20y%zz?").path, "/x y%zz?");
}

#[test]
fn texts_that_name_no_place() {
    for (text, why) in [
        ("/boot/vmlinuz", PlaceError::Scheme),
        ("ftp://a/x", PlaceError::Scheme),
        ("http:///x", PlaceError::NoServer),
        ("http://user@/x", PlaceError::NoServer),
        ("http://a b/x", PlaceError::Host),
        ("http://2001:db8::1/x", PlaceError::Port),
        ("http://[2001:db8::1/x", PlaceError::Host),
        ("http://[2001:db8::1]8080/x", PlaceError::Host),
        ("http://[a]/x", PlaceError::Host),
        ("http://a:0/x", PlaceError::Port),
        ("http://a:+1/x", PlaceError::Port),
        ("http://a:65536/x", PlaceError::Port),
        ("tftp://user@a/x", PlaceError::Credentials),
        ("http://user%0a@a/x", PlaceError::Credentials),
        ("http://user:%ff@a/x", PlaceError::Credentials),
        ("tftp://a", PlaceError::Path),
        ("tftp://a/", PlaceError::Path),
        ("tftp://a/x%0ay", PlaceError::Path),
        ("tftp://a/%ff", PlaceError::Path),
        ("http://a/x y", PlaceError::Path),
        ("http://a/x\r\nHost: b", PlaceError::Path),
        ("http://a/x\u{1b}[2J", PlaceError::Path),
    ] {
        assert_eq!(Place::parse(text), Err(why), "{text}");
    }
    assert_eq!(Place::parse(&format!("http://a/{}", "x".repeat(2048))), Err(PlaceError::Path));
    assert_eq!(Place::parse(&format!("http://{}/x", "x".repeat(254))), Err(PlaceError::Host));
}

/// The examples of RFC 3986 5.4 whose base has no `;`, and some more.
#[test]
fn references() {
    let base = place("http://who:secret@a/b/c/d;p?q");
    for (reference, result) in [
        ("g", "http://who@a/b/c/g"),
        ("./g", "http://who@a/b/c/g"),
        ("g/", "http://who@a/b/c/g/"),
        ("/g", "http://who@a/g"),
        ("//g", "http://g/"),
        ("?y", "http://who@a/b/c/d;p?y"),
        ("g?y", "http://who@a/b/c/g?y"),
        ("#s", "http://who@a/b/c/d;p?q"),
        ("", "http://who@a/b/c/d;p?q"),
        (".", "http://who@a/b/c/"),
        ("..", "http://who@a/b/"),
        ("../g", "http://who@a/b/g"),
        ("../../g", "http://who@a/g"),
        ("../../../g", "http://who@a/g"),
        ("/../g", "http://who@a/g"),
        ("g;x=1/../y", "http://who@a/b/c/y"),
        ("g?y/../x", "http://who@a/b/c/g?y/../x"),
        (".g", "http://who@a/b/c/.g"),
        ("https://b/x", "https://b/x"),
        ("tftp://b/x", "tftp://b/x"),
    ] {
        assert_eq!(base.join(reference).unwrap().to_string(), result, "{reference}");
    }
    assert!(base.join("g").unwrap().server.credentials.is_some());
    assert_eq!(base.join("ftp://a/x"), Err(PlaceError::Scheme));
    assert_eq!(base.join("a b"), Err(PlaceError::Path));

    let base = place("tftp://a/x%25y/menu.lst");
    assert_eq!(base.join("vmlinuz?").unwrap().path, "/x%y/vmlinuz?");
    assert_eq!(base.join("//vmlinuz").unwrap().path, "//vmlinuz");
    assert_eq!(base.join(".."), Err(PlaceError::Path), "a directory is no file");
}

#[test]
fn servers_as_grub_writes_them() {
    let server = |text: &str| Server::parse_grub(text).map(|found| found.map(|server| server.to_string()));
    for (text, result) in [
        ("tftp,192.0.2.1", "tftp://192.0.2.1"),
        ("http,boot.example:8080", "http://boot.example:8080"),
        ("http,boot.example,8080", "http://boot.example:8080"),
        ("https;boot.example", "https://boot.example"),
        ("tftp,2001:db8::1", "tftp://[2001:db8::1]"),
        ("http,[2001:db8::1]:81", "http://[2001:db8::1]:81"),
        ("http,2001:db8::1,81", "http://[2001:db8::1]:81"),
    ] {
        assert_eq!(server(text), Some(Ok(result.to_owned())), "{text}");
    }
    for text in ["hd0,0", "nd", "", ",", "xen/xvda,gpt1", "httpd,x"] {
        assert_eq!(server(text), None, "{text}");
    }
    assert_eq!(server("tftp"), Some(Err(PlaceError::NoServer)));
    assert_eq!(server("tftp,"), Some(Err(PlaceError::NoServer)));
    assert_eq!(server("http,a:1,2"), Some(Err(PlaceError::Port)));
    assert_eq!(server("http,a,"), Some(Err(PlaceError::Port)));
    assert_eq!(server("http,a/b"), Some(Err(PlaceError::Host)));
}

#[test]
fn files_of_a_server() {
    let file = |server: &str, path: &str| Server::parse_grub(server).unwrap().unwrap().file(path).to_string();
    assert_eq!(file("http,a", "/boot/my kernel#1?x%41"), "http://a/boot/my%20kernel%231?x%41");
    assert_eq!(file("tftp,a", "boot/../my kernel#1%41"), "tftp://a/my%20kernel%231%2541");
    assert_eq!(file("http,a", "/x\r\nHost: b"), "http://a/x%0D%0AHost:%20b");
}

proptest! {
    #[test]
    fn what_is_printed_is_the_same_place(text in "(tftp|https?)://([a-z]{1,3}(:[a-z%0-9]{0,3})?@)?([a-z]{1,3}|\\[::1\\])(:[0-9]{1,5})?/.{0,20}") {
        if let Ok(found) = Place::parse(&text) {
            let mut again = Place::parse(&found.to_string()).unwrap();
            if let (Some(again), Some(found)) = (&mut again.server.credentials, &found.server.credentials) {
                again.password.clone_from(&found.password);
            }
            prop_assert_eq!(again, found);
        }
    }

    #[test]
    fn nothing_panics_and_nothing_climbs(base in ".{0,30}", reference in "[./a?#%: \\PC]{0,20}") {
        let base = Place::parse(&format!("http://a/{base}")).unwrap_or_else(|_| place("http://a/b/c"));
        if let Ok(found) = base.join(&reference) {
            let path = found.path.split('?').next().unwrap_or_default();
            prop_assert!(path.starts_with('/') && path.split('/').all(|part| part != ".." && part != "."), "{}", found);
            prop_assert!(found.to_string().is_ascii());
        }
        let _ = Server::parse_grub(&reference);
        for scheme in ["tftp,a", "http,a"] {
            let file = Server::parse_grub(scheme).unwrap().unwrap().file(&reference);
            prop_assert!(file.path.starts_with('/'));
            prop_assert_eq!(file.server.scheme, if scheme == "tftp,a" { Scheme::Tftp } else { Scheme::Http });
        }
    }
}
