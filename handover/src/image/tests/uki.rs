//! Unified kernel images.

use super::pe::uki;
use super::*;
use alloc::string::ToString;
use proptest::prelude::*;

const X64: u16 = 0x8664;
const OSREL: &[u8] =
    b"NAME=\"Debian GNU/Linux\"\nID=debian\n# c\nPRETTY_NAME=\"Debian \\\"12\\\" $x\"\nVERSION_ID='12'\n\0";

fn read(file: &[u8]) -> Result<Uki, ImageError> {
    Uki::read(&mut { file })
}

#[test]
fn one_without_profiles() {
    let sections: [(&str, &[u8]); 8] = [
        (".text", b"program"),
        (".osrel", OSREL),
        (".uname", b"6.1.0-18-amd64\n"),
        (".cmdline", b"root=/dev/xvda1 \n ro quiet\n\0"),
        (".ucode", b"microcode"),
        (".linux", b"the kernel"),
        (".initrd", b"the ramdisk"),
        (".sbat", b""),
    ];
    let file = uki(X64, &sections);
    let image = read(&file).unwrap();
    assert_eq!(image.title.as_deref(), Some("Debian \"12\" $x"));
    assert_eq!(image.version.as_deref(), Some("12"));
    assert_eq!(image.sort_key.as_deref(), Some("debian"));
    assert_eq!(image.uname.as_deref(), Some("6.1.0-18-amd64"));
    let [profile] = &image.profiles[..] else { panic!("{image:?}") };
    assert_eq!((&profile.id, &profile.title), (&None, &None));
    assert_eq!(profile.cmdline.as_deref(), Some("root=/dev/xvda1 ro quiet"));
    let bytes = |range: &Range<u64>| &file[range.start as usize..range.end as usize];
    assert_eq!(bytes(&profile.kernel), b"the kernel");
    let initrds: Vec<&[u8]> = profile.initrds.iter().map(bytes).collect();
    assert_eq!(initrds, [&b"microcode"[..], b"the ramdisk"]);
}

#[test]
fn one_with_profiles() {
    let file = uki(
        X64,
        &[
            (".linux", b"kernel"),
            (".initrd", b"one"),
            (".cmdline", b"quiet"),
            (".profile", b"ID=regular\nTITLE=\"Regular boot\"\n"),
            (".profile", b"ID=reset\nTITLE='Reset'"),
            (".cmdline", b"quiet reset"),
            (".profile", b""),
            (".linux", b"other"),
            (".initrd", b""),
        ],
    );
    let image = read(&file).unwrap();
    assert_eq!((image.title, image.version), (None, None));
    let [regular, reset, other] = &image.profiles[..] else { panic!("{:?}", image.profiles) };
    assert_eq!(regular.title.as_deref(), Some("Regular boot"));
    assert_eq!((regular.id.as_deref(), regular.cmdline.as_deref()), (Some("regular"), Some("quiet")));
    assert_eq!((reset.id.as_deref(), reset.cmdline.as_deref()), (Some("reset"), Some("quiet reset")));
    assert_eq!((&reset.kernel, reset.initrds.len()), (&regular.kernel, 1));
    assert_eq!((&other.id, other.initrds.len()), (&None, 0));
    assert_eq!(&file[other.kernel.start as usize..other.kernel.end as usize], b"other");
}

#[test]
fn what_is_none() {
    let why = |file: &[u8]| read(file).unwrap_err().to_string();
    assert!(why(b"").contains("no EFI program"));
    assert!(why(&[b'M'; 100]).contains("no EFI program"));
    assert!(why(&uki(X64, &[(".text", b"x")])).contains(".linux"));
    assert!(why(&uki(0xaa64, &[(".linux", b"x")])).contains("another machine (0xaa64)"));
    let whole = uki(X64, &[(".linux", b"x"), (".cmdline", b"ro")]);
    assert!(why(&whole[..400]).contains("cut off"));
    assert!(why(&whole[..whole.len() - 512]).contains("section .cmdline is beyond the end"));
    assert!(why(&uki(X64, &[(".linux", b"x"), (".cmdline", b"\xff")])).contains("other things"));
    assert!(why(&uki(X64, &[(".linux", b"x"), (".cmdline", b"\x1b[2J")])).contains("other things"));
    assert!(why(&uki(X64, &[(".linux", b"x"), (".osrel", &[b'a'; 70_000])])).contains("70000 bytes of text"));
    let many = alloc::vec![(".profile", &b""[..]); 65];
    assert!(why(&uki(X64, &many)).contains("more than 64 profiles"));
    let many = alloc::vec![(".x", &b""[..]); 1025];
    assert!(why(&uki(X64, &many)).contains("1025 sections"));
}

proptest! {
    #[test]
    fn damaged(at in 0usize..700, bytes: [u8; 4], cut in 0usize..4000) {
        let mut file = uki(X64, &[(".osrel", OSREL), (".linux", b"kernel"), (".profile", b"ID=a"), (".cmdline", b"x"), (".initrd", b"y")]);
        file.truncate(cut);
        for (old, new) in file.iter_mut().skip(at).zip(bytes) {
            *old = new;
        }
        if let Ok(image) = read(&file) {
            for profile in &image.profiles {
                let within = |range: &Range<u64>| range.start <= range.end && range.end <= file.len() as u64;
                prop_assert!(within(&profile.kernel) && profile.initrds.iter().all(within));
            }
        }
    }
}
