//! Ramdisks that are archives: cpio, tar, and gzip around them.

use std::cell::Cell;

use platform_xen::files::archive::{self, Format};
use platform_xen::files::{Inode, Kind, Moment, Open, Place, Tree};

use crate::Target;

/// Archives.
pub static ARCHIVE: Target = Target {
    name: "archive",
    what: "a ramdisk: cpio (newc), tar (ustar, pax, GNU's), within gzip or not, tar's sums mended or not",
    seeds,
    run,
    max_len: 16 << 10,
    memory: 24 << 20,
    sources: &["platform-xen/src/files"],
};

/// Bytes that the names may take.
const LIMIT: u64 = 4 << 20;
/// Bytes that gzip may unpack.
const UNPACKED: usize = 4 << 20;

/// One member of a cpio archive.
fn newc(archive: &mut Vec<u8>, inode: u32, mode: u32, links: u32, name: &str, bytes: &[u8]) {
    let fields = [inode, mode, 0, 0, links, 7, bytes.len() as u32, 8, 1, 0, 0, name.len() as u32 + 1, 0];
    archive.extend(b"070701");
    fields.iter().for_each(|field| archive.extend(format!("{field:08x}").bytes()));
    archive.extend(name.bytes());
    archive.push(0);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(4), 0);
}

/// One member of a tar archive.
fn ustar(archive: &mut Vec<u8>, kind: u8, name: &str, target: &str, bytes: &[u8]) {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000007");
    header[156] = kind;
    header[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header[257..263].copy_from_slice(b"ustar\0");
    header[345..348].copy_from_slice(b"pre");
    archive.extend(header);
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

/// Makes tar's sums right, wherever a block may be a header.
fn mend(archive: &mut [u8]) {
    for header in archive.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
    out.extend(crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

/// The first byte says whether sums are mended.
fn seeds() -> Vec<Vec<u8>> {
    let mut cpio = Vec::new();
    newc(&mut cpio, 1, 0o040_755, 2, "dir", b"");
    newc(&mut cpio, 2, 0o100_644, 2, "dir/one", b"");
    newc(&mut cpio, 2, 0o100_644, 2, "dir/two", b"bytes");
    newc(&mut cpio, 3, 0o120_777, 1, "link", b"dir/../dir");
    newc(&mut cpio, 0, 0, 1, "TRAILER!!!", b"");
    cpio.resize(cpio.len() + 64, 0);
    newc(&mut cpio, 2, 0o100_644, 2, "./link", b"other");
    newc(&mut cpio, 0, 0, 1, "TRAILER!!!", b"");
    let mut tar = Vec::new();
    ustar(&mut tar, b'5', "dir/", "", b"");
    ustar(&mut tar, b'x', "p", "", b"15 path=longer\n14 size=00003\n20 mtime=1.5000000\n");
    ustar(&mut tar, b'0', "f", "", b"abc");
    ustar(&mut tar, b'1', "g", "longer", b"");
    ustar(&mut tar, b'L', "l", "", b"name\0");
    ustar(&mut tar, b'2', "h", "/g", b"");
    tar.resize(tar.len() + 1024, 0);
    let mut seeds: Vec<Vec<u8>> = [gzipped(&cpio), gzipped(b"no archive"), cpio, tar]
        .iter()
        .map(|bytes| [&[0], &bytes[..]].concat())
        .collect();
    let mended = seeds.iter().map(|seed| [&[1], &seed[1..]].concat()).collect::<Vec<_>>();
    seeds.extend(mended);
    seeds
}

fn run(data: &[u8]) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let mut bytes = rest.to_vec();
    if first & 1 != 0 {
        mend(&mut bytes);
    }
    if Format::of(&bytes) == Format::Gzip {
        match archive::unpack(&bytes, UNPACKED) {
            Ok(unpacked) => bytes = unpacked,
            Err(error) => drop(error.to_string()),
        }
        assert!(bytes.len() <= UNPACKED);
    }
    let now = Moment { seconds: 1, nanos: 0 };
    let mut tree = Tree::new(LIMIT, now);
    let outcome = archive::read(&bytes, &mut tree);
    outcome.problem.iter().for_each(|problem| drop(problem.to_string()));
    assert!(tree.used() <= LIMIT);
    let nodes = look(&tree, &bytes);
    // What was read can be opened by every name, and taken apart again: then nothing is left.
    use_it(&mut tree, now);
    assert!(tree.used() == 0, "{nodes} nodes; {} bytes are still counted", tree.used());
}

const ROOT: Inode = 1;

/// Looks at every node; how many there are.
fn look(tree: &Tree, bytes: &[u8]) -> usize {
    let seen = Cell::new(0);
    let mut pending = vec![ROOT];
    while let Some(directory) = pending.pop() {
        for name in tree.list(directory).expect("a directory") {
            seen.set(seen.get() + 1);
            assert!((1..=255).contains(&name.name.len()) && !name.name.contains(&b'/'));
            assert!(name.name != b"." && name.name != b"..");
            let facts = tree.facts(name.inode).expect("facts");
            assert!(facts.names > 0);
            match name.kind {
                Kind::Directory => pending.push(name.inode),
                Kind::File => {
                    let Ok(Place::Outside(range)) = tree.place(name.inode) else {
                        panic!("a file of its own")
                    };
                    assert!(bytes.get(range).expect("within the archive").len() as u64 == facts.len);
                }
                Kind::Link => {}
            }
        }
    }
    seen.get()
}

/// Opens and removes everything, the deepest first.
fn use_it(tree: &mut Tree, now: Moment) {
    let mut way: Vec<(Inode, Vec<Vec<u8>>)> = vec![(ROOT, Vec::new())];
    while let Some((directory, path)) = way.pop() {
        let list = tree.list(directory).expect("a directory");
        let Some(name) = list.into_iter().next() else {
            if !path.is_empty() {
                let parts: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
                tree.remove_directory(&parts, now).expect("an empty directory");
            }
            continue;
        };
        let mut below = path.clone();
        below.push(name.name);
        way.push((directory, path));
        if name.kind == Kind::Directory {
            way.push((name.inode, below));
            continue;
        }
        let parts: Vec<&[u8]> = below.iter().map(Vec::as_slice).collect();
        if let Ok(inode) = tree.open(&parts, Open::default(), now) {
            tree.close(inode);
        }
        tree.remove_file(&parts, now).expect("a name");
    }
}
