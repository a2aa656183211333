//! `/mnt`.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::errno::{EIO, ELOOP, ENOTDIR, EROFS};
use crate::{Check, fails, fails_with, names, noise};

pub const CHECKS: &[Check] = &[
    ("mnt: volumes", volumes),
    ("mnt: ext4", ext4),
    ("mnt: links", links),
    ("mnt: FAT", fat),
    ("mnt: a whole disk", whole),
    ("mnt: a damaged volume", damaged),
    ("mnt: nothing can be written", unwritable),
    ("mnt: threads", threads),
    ("mnt: speed", speed),
];

/// The seed of /data on every root that xtask makes, which has 1 MiB.
const DATA: u64 = 0x1234_5678_9abc_def0;
/// Length and seed of /big on xvda2.
const BIG: (usize, u64) = (9_000_001, 5);

fn volumes() -> io::Result<()> {
    assert_eq!(names("/mnt")?, ["by-label", "by-uuid", "xvda1", "xvda2", "xvdc", "xvdd"]);
    assert_eq!(names("/mnt/by-label")?, ["PVBOOT", "pvroot"]);
    assert_eq!(names("/mnt/by-uuid")?, ["0ABC-DEF0", "6f1c5a0e-5d1b-4c8e-9d5a-3b1e7a9c0d42"]);
    assert!(fs::read("/mnt/by-label/pvroot/data")? == noise(1 << 20, DATA));
    assert!(fs::exists("/mnt/by-uuid/0ABC-DEF0/grub")?);
    assert!(fs::metadata("/mnt/xvda2")?.is_dir() && fs::metadata("/mnt/by-uuid")?.is_dir());
    for path in ["/mnt/xvda3", "/mnt/xvde1", "/mnt/by-label/nothing", "/mnt/xvdb1"] {
        fails(fs::metadata(path), ErrorKind::NotFound);
    }
    Ok(())
}

fn ext4() -> io::Result<()> {
    let root = "/mnt/xvda2";
    assert!(names(root)?.iter().any(|name| name == "lost+found"));
    assert_eq!(fs::read_to_string(format!("{root}/etc/greeting"))?, "hello from ext4\n");
    let facts = fs::metadata(format!("{root}/etc/greeting"))?;
    assert!(facts.is_file() && facts.len() == 16 && facts.permissions().readonly());
    let age = SystemTime::now().duration_since(facts.modified()?).unwrap_or_default();
    assert!(age < Duration::from_secs(100_000), "{age:?} old");
    let mut file = File::open(format!("{root}/big"))?;
    let big = noise(BIG.0, BIG.1);
    for at in [0, 1, 4095, 1_000_000, BIG.0 - 1, BIG.0, BIG.0 + 5] {
        file.seek(SeekFrom::Start(at as u64))?;
        let mut buf = [0; 5000];
        let n = file.read(&mut buf)?;
        let wanted = big.get(at..).unwrap_or_default();
        assert!(buf[..n] == wanted[..wanted.len().min(5000)], "at {at}");
    }
    fails(File::open(format!("{root}/nothing")), ErrorKind::NotFound);
    fails_with(File::open(format!("{root}/big/x")), ENOTDIR);
    fails_with(fs::read_dir(format!("{root}/big")), ENOTDIR);
    Ok(())
}

fn links() -> io::Result<()> {
    let root = "/mnt/xvda2";
    assert_eq!(fs::read_to_string(format!("{root}/absolute"))?, "hello from ext4\n");
    assert_eq!(fs::read_to_string(format!("{root}/etc/up/etc/greeting"))?, "hello from ext4\n");
    let link = format!("{root}/absolute");
    assert!(fs::symlink_metadata(&link)?.is_symlink() && fs::metadata(&link)?.is_file());
    fails_with(fs::metadata(format!("{root}/loop")), ELOOP);
    assert!(fs::symlink_metadata(format!("{root}/loop"))?.is_symlink());
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        assert_eq!(entry.file_type()?, entry.metadata()?.file_type(), "{:?}", entry.path());
        let link = ["absolute", "loop"].iter().any(|name| entry.file_name() == *name);
        assert_eq!(entry.file_type()?.is_symlink(), link, "{:?}", entry.path());
    }
    Ok(())
}

fn fat() -> io::Result<()> {
    let lines: Vec<String> =
        BufReader::new(File::open("/mnt/xvda1/grub/menu.lst")?).lines().collect::<io::Result<_>>()?;
    assert_eq!(lines, ["title nothing", "root (hd0,0)"]);
    // FAT's names have no case.
    assert!(fs::exists("/mnt/xvda1/GRUB/MENU.LST")?);
    assert_eq!(names("/mnt/xvda1/grub")?, ["menu.lst"]);
    Ok(())
}

fn whole() -> io::Result<()> {
    assert!(fs::read("/mnt/xvdc/data")? == noise(1 << 20, DATA));
    assert_eq!(names("/mnt/xvdc/boot")?, ["grub"]);
    assert_eq!(names("/mnt/xvdc/boot/grub")?, ["."]);
    Ok(())
}

fn damaged() -> io::Result<()> {
    fails_with(fs::metadata("/mnt/xvdd"), EIO);
    fails_with(File::open("/mnt/xvdd/etc/passwd"), EIO);
    fails_with(fs::read_dir("/mnt/xvdd"), EIO);
    // What nobody can read is another thing than damage, but no better.
    fails_with(fs::metadata("/mnt/xvdb"), EIO);
    Ok(())
}

fn unwritable() -> io::Result<()> {
    fails_with(fs::write("/mnt/xvda2/new", ""), EROFS);
    fails_with(File::options().append(true).open("/mnt/xvda2/data"), EROFS);
    fails_with(fs::create_dir("/mnt/xvda2/new"), EROFS);
    fails_with(fs::remove_file("/mnt/xvda2/data"), EROFS);
    fails_with(fs::remove_dir("/mnt/xvda2/etc"), EROFS);
    fails_with(fs::create_dir("/mnt/new"), EROFS);
    Ok(())
}

fn threads() -> io::Result<()> {
    let paths = ["/mnt/xvda2/data", "/mnt/xvdc/data", "/mnt/xvda2/big", "/mnt/xvda2/data"];
    let threads = paths.map(|path| thread::spawn(move || fs::read(path)));
    for (path, thread) in paths.into_iter().zip(threads) {
        let (len, seed) = if path.ends_with("big") { BIG } else { (1 << 20, DATA) };
        assert!(thread.join().unwrap()? == noise(len, seed), "{path}");
    }
    // Of one open file, each has other pieces.
    let file = std::sync::Arc::new(File::open("/mnt/xvda2/data")?);
    let threads = [0, 1, 2].map(|_| {
        let file = file.clone();
        thread::spawn(move || {
            let mut pieces = Vec::new();
            loop {
                let mut piece = vec![0; 4096];
                let n = (&*file).read(&mut piece)?;
                if n == 0 {
                    return io::Result::Ok(pieces);
                }
                piece.truncate(n);
                pieces.push(piece);
                thread::yield_now();
            }
        })
    });
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    for thread in threads {
        pieces.extend(thread.join().unwrap()?);
    }
    let data = noise(1 << 20, DATA);
    let mut wanted: Vec<&[u8]> = data.chunks(4096).collect();
    let mut found: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    wanted.sort();
    found.sort();
    assert!(found == wanted);
    Ok(())
}

fn speed() -> io::Result<()> {
    let mb = |begun: Instant| BIG.0 as f64 / 1e6 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let bytes = fs::read("/mnt/xvda2/big")?;
    let whole = mb(begun);
    assert!(bytes == noise(BIG.0, BIG.1));
    let mut pieces = Vec::new();
    for size in [4096, 64 << 10, 1 << 20] {
        let (begun, mut file, mut piece, mut sum) =
            (Instant::now(), File::open("/mnt/xvda2/big")?, vec![0; size], 0);
        loop {
            let n = file.read(&mut piece)?;
            if n == 0 {
                break;
            }
            sum += n;
        }
        assert_eq!(sum, BIG.0);
        pieces.push(format!("{:.0}", mb(begun)));
    }
    let begun = Instant::now();
    let mut disk = vec![0; BIG.0];
    File::open("/dev/xvda")?.read_exact(&mut disk)?;
    println!(
        "  fs::read {whole:.0} MB/s; by 4 KiB, 64 KiB, 1 MiB: {}; the disk itself {:.0}",
        pieces.join(", "),
        mb(begun)
    );
    Ok(())
}
