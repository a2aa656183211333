//! Digests and lists of them.

use proptest::prelude::*;
use pvgrub_net::{Digest, DigestError, Hasher, NotListed, Sums, SumsError};

/// FIPS 180-2, appendix B.1.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn sums(text: &str) -> Sums {
    Sums::parse(text.as_bytes()).unwrap()
}

#[test]
fn digests_as_text() {
    let abc = Digest::of(b"abc");
    assert_eq!(abc.to_string(), ABC);
    assert_eq!(abc.short(), "ba7816bf8f01...");
    for text in [ABC.to_owned(), format!("sha256:{ABC}"), format!("SHA256:{}", ABC.to_uppercase())] {
        assert_eq!(Digest::parse(&text), Ok(abc), "{text}");
    }
    for text in [
        "",
        "sha256:",
        &ABC[1..],
        &format!("{ABC}0"),
        &format!("sha512:{ABC}"),
        &format!("sha256: {ABC}"),
        &ABC.replace('b', "g"),
        &ABC.replace("ba", "é"),
    ] {
        assert_eq!(Digest::parse(text), Err(DigestError), "{text}");
    }
    let mut hasher = Hasher::new();
    hasher.update(b"a");
    hasher.update(b"bc");
    assert_eq!(hasher.finish(), abc);
}

/// In the forms in which coreutils' `sha256sum` 9.1 writes them: plain, with `-b`, with `--tag`, and with names that it escapes.
#[test]
fn lists_as_sha256sum_writes_them() {
    let one = Digest::parse(ABC).unwrap();
    let found = |text: &str, name: &str| sums(text).get(name);
    assert_eq!(found(&format!("{ABC}  vmlinuz\n"), "vmlinuz"), Ok(one));
    assert_eq!(found(&format!("{ABC} *vmlinuz\r\n"), "vmlinuz"), Ok(one));
    assert_eq!(found(&format!("{ABC} *vmlinuz\r"), "vmlinuz"), Ok(one), "the file ends within a line's end");
    assert_eq!(found(&format!("SHA256 (vmlinuz) = {ABC}"), "vmlinuz"), Ok(one));
    assert_eq!(found(&format!("{ABC}  a b\n"), "a b"), Ok(one));
    assert_eq!(found(&format!("\\{ABC}  a\\nb\n"), "a\nb"), Ok(one));
    assert_eq!(found(&format!("\\{ABC} *a\\\\b\n"), "a\\b"), Ok(one));
    assert_eq!(found(&format!("\\SHA256 (a\\\\b) = {ABC}\n"), "a\\b"), Ok(one));
    assert_eq!(
        found(&format!("{ABC}  a\\nb\n"), "a\\nb"),
        Ok(one),
        "without the backslash before it: as it is"
    );
    assert_eq!(found(&format!("SHA256 (a) = b) = {ABC}"), "a) = b"), Ok(one));
}

#[test]
fn names_in_lists() {
    let other = ABC.replace('b', "c");
    let (one, two) = (Digest::parse(ABC).unwrap(), Digest::parse(&other).unwrap());
    let list = sums(&format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n# kernels\n{ABC}  ./amd64/linux\n{other}  linux\n\
         {other}  i386/initrd.gz\n{ABC}  amd64/initrd.gz\n{ABC}  amd64/only\nSHA512 (only) = {ABC}{ABC}\n{ABC} bad\n{ABC}\n"
    ));
    assert_eq!(list.get("linux"), Ok(two));
    assert_eq!(list.get("amd64/linux"), Ok(one));
    assert_eq!(list.get("./linux"), Ok(two));
    assert_eq!(list.get("initrd.gz"), Err(NotListed::Ambiguous));
    assert_eq!(list.get("only"), Ok(one));
    assert_eq!(list.get("elsewhere/only"), Ok(one));
    assert_eq!(list.get("bad"), Err(NotListed::Missing));
    assert_eq!(list.get("nly"), Err(NotListed::Missing));
    assert_eq!(sums(&format!("{ABC}  x\n{ABC}  x\n")).get("x"), Ok(one));
    assert_eq!(sums(&format!("{ABC}  x\n{other}  x\n")).get("x"), Err(NotListed::Ambiguous));
    for none in [
        "",
        "\n\n",
        "<html>404</html>",
        &format!("{ABC}  "),
        &format!("\\{ABC}  a\\x"),
        &format!("\\{ABC}  a\\"),
    ] {
        assert_eq!(Sums::parse(none.as_bytes()), Err(SumsError), "{none}");
    }
}

proptest! {
    #[test]
    fn any_name_is_found_again(name in "[^\\r\\n]{1,20}", binary in any::<bool>(), tag in any::<bool>()) {
        let escaped = name.contains('\\');
        let written = name.replace('\\', "\\\\");
        let start = if escaped { "\\" } else { "" };
        let line = match (tag, binary) {
            (true, _) => format!("{start}SHA256 ({written}) = {ABC}"),
            (_, true) => format!("{start}{ABC} *{written}"),
            (_, false) => format!("{start}{ABC}  {written}"),
        };
        prop_assert_eq!(sums(&line).get(&name).map(|digest| digest.to_string()), Ok(ABC.to_owned()));
    }
}
