//! Archives: made by hand, by the real tools where there are some, and by nobody who means well.

use super::super::archive::{self, Format, Outcome};
use super::super::{Kind, Place};
use super::*;
use proptest::prelude::*;
use std::io::Write;
use std::process::{Command, Stdio};

/// One member of a cpio archive: number, mode, links, name, bytes.
fn newc(archive: &mut Vec<u8>, inode: u32, mode: u32, links: u32, name: &[u8], bytes: &[u8]) {
    let fields = [inode, mode, 0, 0, links, 77, bytes.len() as u32, 8, 1, 0, 0, name.len() as u32 + 1, 0];
    archive.extend(b"070701");
    fields.iter().for_each(|field| archive.extend(format!("{field:08x}").bytes()));
    archive.extend(name);
    archive.push(0);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(4), 0);
}

fn trailer(archive: &mut Vec<u8>) {
    newc(archive, 0, 0, 1, b"TRAILER!!!", b"");
}

const FILE: u32 = 0o100_644;
const DIR: u32 = 0o040_755;
const LINK: u32 = 0o120_777;

/// One member of a tar archive, with a right sum.
fn ustar(archive: &mut Vec<u8>, kind: u8, name: &str, target: &str, bytes: &[u8]) {
    let mut header = [0; 512];
    let (prefix, name) = if name.len() > 100 { name.split_at(name.len() - 100) } else { ("", name) };
    let prefix = prefix.trim_end_matches('/');
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
    header[136..147].copy_from_slice(format!("{:011o}", 77).as_bytes());
    header[156] = kind;
    header[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header[257..263].copy_from_slice(b"ustar\0");
    header[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
    sum(&mut header);
    archive.extend(header);
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

fn sum(header: &mut [u8; 512]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn read(bytes: &[u8]) -> (Tree, Outcome) {
    let mut tree = Tree::new(1 << 24, NOW);
    let outcome = archive::read(bytes, &mut tree);
    (tree, outcome)
}

fn sound(bytes: &[u8]) -> Tree {
    let (tree, outcome) = read(bytes);
    assert_eq!((outcome.skipped, outcome.problem), (0, None), "{outcome:?}");
    tree
}

fn content<'a>(tree: &Tree, archive: &'a [u8], path: &str) -> &'a [u8] {
    let inode = tree.find(&parts(path), true).unwrap();
    match tree.place(inode).unwrap() {
        Place::Outside(range) => &archive[range],
        Place::Here => panic!("{path} is in the tree"),
    }
}

#[test]
fn cpio_by_hand() {
    let mut a = Vec::new();
    newc(&mut a, 1, DIR, 2, b".", b"");
    newc(&mut a, 2, FILE, 1, b"./deep/down/file", b"hello");
    newc(&mut a, 3, LINK, 1, b"link", b"deep/down/file");
    newc(&mut a, 4, FILE, 2, b"one", b"");
    newc(&mut a, 4, FILE, 2, b"two", b"same");
    newc(&mut a, 5, FILE, 1, b"/absolute", b"x");
    newc(&mut a, 5, FILE, 1, b"twice", b"old");
    newc(&mut a, 6, FILE, 1, b"twice", b"newer");
    trailer(&mut a);
    assert_eq!(Format::of(&a), Format::Cpio);
    let t = sound(&a);
    assert_eq!(names(&t, ""), ["absolute", "deep", "link", "one", "twice", "two"]);
    for (path, bytes) in
        [("deep/down/file", "hello"), ("link", "hello"), ("one", "same"), ("two", "same"), ("twice", "newer")]
    {
        assert_eq!(content(&t, &a, path), bytes.as_bytes(), "{path}");
    }
    let facts = t.facts(t.find(&parts("twice"), true).unwrap()).unwrap();
    assert_eq!((facts.modified.seconds, facts.names, facts.len), (77, 1, 5));
    assert_eq!(t.facts(t.find(&parts("two"), true).unwrap()).unwrap().names, 2);

    // Another one after it, whose numbers mean other files.
    let mut both = a.clone();
    both.resize(both.len().next_multiple_of(512), 0);
    newc(&mut both, 4, FILE, 2, b"three", b"other");
    trailer(&mut both);
    both.extend([0; 512]);
    let t = sound(&both);
    assert_eq!(content(&t, &both, "one"), b"same");
    assert_eq!(content(&t, &both, "three"), b"other");
}

#[test]
fn cpio_that_means_harm() {
    let mut a = Vec::new();
    newc(&mut a, 1, FILE, 1, b"../../dev/xvda", b"out");
    newc(&mut a, 1, FILE, 1, b"", b"no name");
    newc(&mut a, 1, 0o060_600, 1, b"device", b"");
    newc(&mut a, 1, FILE, 1, &[b'n'; 300], b"long");
    newc(&mut a, 1, LINK, 1, b"to", b"/etc");
    newc(&mut a, 1, FILE, 1, b"to/passwd", b"through a link");
    newc(&mut a, 1, DIR, 1, b"dir", b"");
    newc(&mut a, 1, FILE, 1, b"dir", b"over it");
    newc(&mut a, 1, FILE, 1, &[b'/'; 5000], b"longer");
    trailer(&mut a);
    let (t, outcome) = read(&a);
    assert_eq!((outcome.entries, outcome.skipped, outcome.problem), (2, 7, None), "{outcome:?}");
    assert_eq!(names(&t, ""), ["dir", "to"]);

    let mut cut = Vec::new();
    newc(&mut cut, 1, FILE, 1, b"a", b"kept");
    let end = cut.len();
    assert_eq!(read(&cut).1.problem, Some(Error::Damaged(end)));
    newc(&mut cut, 1, FILE, 1, b"b", &[7; 100]);
    for len in end..cut.len() {
        let (t, outcome) = read(&cut[..len]);
        assert!(matches!(outcome.problem, Some(Error::Damaged(_))), "{len}: {outcome:?}");
        assert_eq!(names(&t, ""), ["a"]);
    }
    let mut rest = Vec::new();
    trailer(&mut rest);
    rest.extend(b"\0\0\0\0something else");
    assert_eq!(read(&rest).1.problem, Some(Error::Unsupported(rest.len() - 14)));
}

#[test]
fn no_archive_takes_all_the_memory() {
    let deep = "d/".repeat(2000);
    let mut a = Vec::new();
    for n in 0..2000 {
        newc(&mut a, n, FILE, 1, format!("{n}/{deep}f").as_bytes(), b"");
    }
    trailer(&mut a);
    let (t, outcome) = read(&a);
    assert_eq!(outcome.problem, Some(Error::NoSpace));
    assert!(t.used() <= t.limit());
    let mut a = Vec::new();
    for n in 0..70_000 {
        newc(&mut a, n, FILE, 1, b"f", b"");
    }
    assert_eq!(read(&a).1.problem, Some(Error::TooLarge));
}

#[test]
fn tar_by_hand() {
    let mut a = Vec::new();
    let long = format!("{}/{}", "p".repeat(120), "n".repeat(99));
    ustar(&mut a, b'5', "dir/", "", b"");
    ustar(&mut a, b'0', "dir/file", "", b"hello");
    ustar(&mut a, b'2', "link", "dir/file", b"");
    ustar(&mut a, b'1', "hard", "dir/file", b"");
    ustar(&mut a, b'0', &long, "", b"in two parts");
    ustar(&mut a, 0, "old/", "", b"");
    ustar(&mut a, b'x', "PaxHeader", "", b"15 path=longer\n21 mtime=1234.500000\n");
    ustar(&mut a, b'0', "short", "", b"pax");
    ustar(&mut a, b'L', "././@LongLink", "", b"gnu/name\0");
    ustar(&mut a, b'0', "short", "", b"gnu");
    ustar(&mut a, b'0', "dir/file", "", b"newer");
    a.resize(a.len() + 1024, 0);
    assert_eq!(Format::of(&a), Format::Tar);
    let t = sound(&a);
    assert_eq!(names(&t, ""), ["dir", "gnu", "hard", "link", "longer", "old", &long[..120]]);
    for (path, bytes) in [
        ("dir/file", "newer"),
        ("link", "newer"),
        ("hard", "hello"),
        (&long, "in two parts"),
        ("gnu/name", "gnu"),
    ] {
        assert_eq!(content(&t, &a, path), bytes.as_bytes(), "{path}");
    }
    let facts = |path| t.facts(t.find(&parts(path), true).unwrap()).unwrap();
    assert_eq!(facts("longer").modified, Moment { seconds: 1234, nanos: 500_000_000 });
    assert_eq!((facts("hard").names, facts("old").kind), (1, Kind::Directory));
}

#[test]
fn tar_that_means_harm() {
    let mut a = Vec::new();
    ustar(&mut a, b'0', "kept", "", b"kept");
    let good = a.len();
    ustar(&mut a, b'0', "../out", "", b"");
    ustar(&mut a, b'1', "hard", "nothing", b"");
    ustar(&mut a, b'1', "kept", "kept", b"");
    ustar(&mut a, b'3', "device", "", b"");
    ustar(&mut a, b'x', "p", "", b"22 GNU.sparse.major=1\n");
    ustar(&mut a, b'0', "sparse", "", b"");
    let (t, outcome) = read(&a);
    assert_eq!((outcome.entries, outcome.skipped, outcome.problem), (2, 4, None));
    assert_eq!(content(&t, &a, "kept"), b"kept");

    for size in ["77777777777", "8888", "\u{1}"] {
        let mut b = a[..good].to_vec();
        ustar(&mut b, b'0', "large", "", b"");
        let header: &mut [u8; 512] = (&mut b[good..good + 512]).try_into().unwrap();
        header[124..136].fill(0);
        header[124..124 + size.len()].copy_from_slice(size.as_bytes());
        sum(header);
        assert_eq!(read(&b).1.problem, Some(Error::Damaged(good)), "{size}");
    }
    let mut b = a.clone();
    b[good] ^= 1;
    assert_eq!(read(&b).1.problem, Some(Error::Damaged(good)));
    for bad in ["99 path=x\n", "nonsense", "8 path=x\n", "0 ", "18446744073709551616 a=b\n", "9 size=x\n"] {
        let mut b = Vec::new();
        ustar(&mut b, b'x', "p", "", bad.as_bytes());
        assert_eq!(read(&b).1.problem, Some(Error::Damaged(0)), "{bad}");
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
    out.extend(crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

#[test]
fn gzip() {
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n / 7 % 251) as u8).collect();
    let packed = gzipped(&bytes);
    assert_eq!(Format::of(&packed), Format::Gzip);
    assert_eq!(archive::unpack(&packed, usize::MAX).unwrap(), bytes);
    assert_eq!(archive::unpack(&packed, bytes.len()).unwrap(), bytes);
    assert_eq!(archive::unpack(&packed, bytes.len() - 1), Err(Error::TooLarge));
    // Several, and zeros.
    let mut two = [packed.clone(), gzipped(b"tail")].concat();
    assert_eq!(archive::unpack(&two, usize::MAX).unwrap(), [&bytes[..], b"tail"].concat());
    two.extend([0; 100]);
    assert_eq!(archive::unpack(&two, usize::MAX).unwrap().len(), bytes.len() + 4);
    two.push(1);
    assert!(matches!(archive::unpack(&two, usize::MAX), Err(Error::Damaged(_))));
    assert_eq!(archive::unpack(&gzipped(b""), 0).unwrap(), b"");
    let small = gzipped(b"some words, and some words more");
    for at in 0..small.len() {
        assert!(archive::unpack(&small[..at], 1 << 20).is_err(), "{at}");
        let mut damaged = small.clone();
        damaged[at] ^= 0x55;
        // Time and the like are not looked at; flags may mean fields that are not there.
        assert!((4..10).contains(&at) || archive::unpack(&damaged, 1 << 20).is_err(), "{at}");
    }
}

/// A directory with a bit of everything, which the real tools pack.
fn staged() -> std::path::PathBuf {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("platform-xen-archive-{}-{n}", std::process::id()));
    std::fs::create_dir_all(dir.join("sub/empty")).unwrap();
    std::fs::write(dir.join("sub/file"), "hello").unwrap();
    std::fs::write(dir.join("large"), vec![7; 100_000]).unwrap();
    std::fs::write(dir.join("n".repeat(200)), "long name").unwrap();
    std::fs::hard_link(dir.join("sub/file"), dir.join("again")).unwrap();
    std::os::unix::fs::symlink("sub/file", dir.join("link")).unwrap();
    dir
}

fn is_staged(bytes: &[u8]) {
    let t = sound(bytes);
    let long = "n".repeat(200);
    assert_eq!(names(&t, ""), ["again", "large", "link", &long, "sub"]);
    assert_eq!(names(&t, "sub"), ["empty", "file"]);
    for (path, wanted) in [("sub/file", "hello"), ("again", "hello"), ("link", "hello"), (&long, "long name")]
    {
        assert_eq!(content(&t, bytes, path), wanted.as_bytes(), "{path}");
    }
    assert_eq!(content(&t, bytes, "large"), vec![7; 100_000]);
    let facts = t.facts(t.find(&parts("large"), true).unwrap()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    assert!((now - 100..=now).contains(&facts.modified.seconds));
}

fn output(command: &mut Command, input: &str) -> Option<Vec<u8>> {
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.ok()?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{command:?}");
    Some(out.stdout)
}

#[test]
fn tar_by_the_real_tool() {
    let dir = staged();
    for format in ["gnu", "pax", "posix", "ustar"] {
        let run = |zip: &str| {
            let format = format!("--format={format}");
            // ustar can't have the long name but in two parts, for which it has no slash.
            let mut command = Command::new("tar");
            if format.ends_with("ustar") {
                command.arg("--exclude=nnn*");
            }
            output(command.args([&format, zip, "-f", "-", "-C"]).arg(&dir).arg("."), "")
        };
        let Some(bytes) = run("-c") else { return };
        assert_eq!(Format::of(&bytes), Format::Tar, "{format}");
        if format == "ustar" {
            let t = sound(&bytes);
            assert_eq!(content(&t, &bytes, "again"), b"hello");
        } else {
            is_staged(&bytes);
            let packed = run("-cz").unwrap();
            assert_eq!(Format::of(&packed), Format::Gzip);
            is_staged(&archive::unpack(&packed, usize::MAX).unwrap());
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn cpio_by_the_real_tool() {
    let dir = staged();
    let list = format!("sub\nsub/empty\nsub/file\nagain\nlarge\nlink\n{}\n", "n".repeat(200));
    for format in ["newc", "crc"] {
        let bytes = output(Command::new("cpio").args(["-o", "-H", format]).current_dir(&dir), &list);
        // It is not on every machine; the archives by hand are.
        let Some(bytes) = bytes else { break };
        is_staged(&bytes);
    }
    std::fs::remove_dir_all(dir).unwrap();
}

/// Bases for damage.
fn bases() -> Vec<Vec<u8>> {
    let mut cpio = Vec::new();
    newc(&mut cpio, 1, DIR, 2, b"dir", b"");
    newc(&mut cpio, 2, FILE, 2, b"dir/one", b"");
    newc(&mut cpio, 2, FILE, 2, b"dir/two", b"bytes");
    newc(&mut cpio, 3, LINK, 1, b"link", b"dir/../link");
    trailer(&mut cpio);
    let mut tar = Vec::new();
    ustar(&mut tar, b'x', "p", "", b"15 path=longer\n14 size=00003\n");
    ustar(&mut tar, b'0', "f", "", b"abc");
    ustar(&mut tar, b'1', "g", "longer", b"");
    ustar(&mut tar, b'L', "l", "", b"name\0");
    ustar(&mut tar, b'2', "h", "g", b"");
    tar.resize(tar.len() + 1024, 0);
    vec![cpio, tar]
}

/// All that can be done with what was read.
fn walk(bytes: &[u8]) {
    let (mut tree, _) = read(bytes);
    let mut pending = vec![tree.find(&[], true).unwrap()];
    let mut seen = 0;
    while let Some(inode) = pending.pop() {
        seen += 1;
        for name in tree.list(inode).unwrap() {
            assert!((1..=255).contains(&name.name.len()) && !name.name.contains(&b'/'));
            match name.kind {
                Kind::Directory => pending.push(name.inode),
                Kind::Link => {}
                Kind::File => match tree.place(name.inode).unwrap() {
                    Place::Outside(range) => _ = bytes[range].len(),
                    Place::Here => panic!(),
                },
            }
        }
    }
    assert!(seen < 100_000);
    for path in ["link", "dir/one", "h", "longer/x"] {
        let _ = tree.open(&parts(path), READ, NOW).map(|inode| tree.close(inode));
    }
}

proptest! {
    #[test]
    fn damage_never_panics(which in 0usize..2, changes in prop::collection::vec((any::<u16>(), any::<u8>()), 0..8), mend: bool) {
        let mut bytes = bases().swap_remove(which);
        for (at, to) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = to;
        }
        if which == 1 && mend {
            for block in bytes.chunks_exact_mut(512) {
                if &block[257..262] == b"ustar" {
                    sum(block.try_into().unwrap());
                }
            }
        }
        walk(&bytes);
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2000), magic in 0usize..3) {
        let bytes = [[&b"070701"[..], b"", &[0x1f, 0x8b, 8]][magic], &bytes].concat();
        walk(&bytes);
        let _ = archive::unpack(&bytes, 1 << 20);
    }
}
