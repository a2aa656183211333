//! `/tmp`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::errno::{EBADF, EISDIR, ENAMETOOLONG, ENOSPC, ENOTDIR, ENOTEMPTY};
use crate::{Check, fails, fails_with, names};

pub const CHECKS: &[Check] = &[
    ("tmp: write and read", write_and_read),
    ("tmp: modes of opening", modes),
    ("tmp: positions and holes", positions),
    ("tmp: metadata", metadata),
    ("tmp: directories", directories),
    ("tmp: errors", errors),
    ("tmp: a removed file lives until it is closed", removed),
    ("tmp: threads that share a file", shared),
    ("tmp: six million bytes in small pieces", large),
    ("tmp: copy", copy),
];

pub const LIMITED: &[Check] = &[("tmp: a limit of 8 MiB", limited)];

fn write_and_read() -> io::Result<()> {
    fs::write("/tmp/a", "hello")?;
    assert_eq!(fs::read_to_string("/tmp/a")?, "hello");
    assert!(fs::exists("/tmp/a")? && !fs::exists("/tmp/b")?);
    fs::write("/tmp/a", "")?;
    assert_eq!(fs::read("tmp/./a")?, b"");
    fs::remove_file("/tmp/a")
}

fn modes() -> io::Result<()> {
    let path = "/tmp/modes";
    fails(OpenOptions::new().write(true).open(path), ErrorKind::NotFound);
    File::create_new(path)?.write_all(b"one")?;
    fails(File::create_new(path), ErrorKind::AlreadyExists);
    let mut appended = OpenOptions::new().read(true).append(true).open(path)?;
    appended.write_all(b" two")?;
    appended.rewind()?;
    appended.write_all(b" three")?;
    let mut text = String::new();
    appended.rewind()?;
    appended.read_to_string(&mut text)?;
    assert_eq!(text, "one two three");
    OpenOptions::new().write(true).open(path)?.write_all(b"ONE")?;
    assert_eq!(fs::read_to_string(path)?, "ONE two three");
    fails_with(File::open(path)?.write(b"x"), EBADF);
    fails_with(OpenOptions::new().write(true).open(path)?.read(&mut [0]), EBADF);
    assert_eq!(OpenOptions::new().write(true).truncate(true).open(path)?.metadata()?.len(), 0);
    fs::remove_file(path)
}

fn positions() -> io::Result<()> {
    let path = "/tmp/positions";
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
    assert_eq!(file.seek(SeekFrom::Start(1 << 40))?, 1 << 40);
    assert_eq!((file.read(&mut [0])?, file.metadata()?.len()), (0, 0));
    file.write_all(b"far")?;
    assert_eq!(file.stream_position()?, (1 << 40) + 3);
    assert_eq!(file.metadata()?.len(), (1 << 40) + 3);
    assert_eq!(file.seek(SeekFrom::End(-5))?, (1 << 40) - 2);
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    assert_eq!(end, b"\0\0far");
    fails(
        file.seek(SeekFrom::Start(0)).and_then(|_| file.seek(SeekFrom::Current(-1))),
        ErrorKind::InvalidInput,
    );
    let mut first = [1; 10_000];
    file.read_exact(&mut first)?;
    assert!(first.iter().all(|byte| *byte == 0));
    let (mut first, mut rest) = ([0; 2], [0; 5]);
    let mut parts = [io::IoSliceMut::new(&mut first), io::IoSliceMut::new(&mut rest)];
    file.seek(SeekFrom::End(-4))?;
    assert_eq!(file.read_vectored(&mut parts)?, 4);
    assert_eq!((&first, &rest[..2]), (b"\0f", &b"ar"[..]));
    fs::remove_file(path)
}

fn metadata() -> io::Result<()> {
    let begun = SystemTime::now();
    fs::write("/tmp/facts", vec![7; 5000])?;
    let facts = fs::metadata("/tmp/facts")?;
    assert!(facts.is_file() && !facts.is_dir() && !facts.is_symlink() && facts.len() == 5000);
    assert!(!facts.permissions().readonly());
    assert!(begun > SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000), "no time of day");
    for time in [facts.created()?, facts.modified()?, facts.accessed()?] {
        assert!(time >= begun && time <= SystemTime::now(), "{time:?}, begun {begun:?}");
    }
    thread::sleep(Duration::from_millis(5));
    File::options().append(true).open("/tmp/facts")?.write_all(b"x")?;
    let later = fs::symlink_metadata("/tmp/facts")?;
    assert!(later.modified()? > facts.modified()? && later.created()? == facts.created()?);
    assert!(fs::metadata("/tmp")?.is_dir() && fs::metadata("/")?.is_dir());
    fs::remove_file("/tmp/facts")
}

fn directories() -> io::Result<()> {
    fs::create_dir("/tmp/d")?;
    fails(fs::create_dir("/tmp/d"), ErrorKind::AlreadyExists);
    fs::create_dir_all("/tmp/d/e/f")?;
    fs::create_dir_all("/tmp/d/e")?;
    fs::write("/tmp/d/file", "x")?;
    let mut list = Vec::new();
    for entry in fs::read_dir("/tmp/d")? {
        let entry = entry?;
        assert_eq!(entry.file_type()?, entry.metadata()?.file_type());
        list.push((
            entry.file_name().into_string().unwrap(),
            entry.file_type()?.is_dir(),
            entry.metadata()?.len(),
        ));
    }
    assert_eq!(list, [("e".into(), true, 0), ("file".into(), false, 1)]);
    // What std can't show of an empty directory.
    assert_eq!(names("/tmp/d/e/f")?, ["."]);
    fails_with(fs::remove_dir("/tmp/d"), ENOTEMPTY);
    fs::remove_dir("/tmp/d/e/f/")?;
    fs::remove_dir("/tmp/d/e")?;
    fs::remove_file("/tmp/d/file")?;
    fs::remove_dir("/tmp/d")?;
    assert!(!fs::exists("/tmp/d")?);
    for n in 0..1000 {
        fs::write(format!("/tmp/many-{n}"), "")?;
    }
    assert_eq!(names("/tmp")?.len(), 1000);
    (0..1000).try_for_each(|n| fs::remove_file(format!("/tmp/many-{n}")))
}

fn errors() -> io::Result<()> {
    fs::write("/tmp/file", "")?;
    fs::create_dir("/tmp/dir")?;
    fails(File::open("/tmp/nothing"), ErrorKind::NotFound);
    fails(fs::write("/tmp/nothing/x", ""), ErrorKind::NotFound);
    fails(fs::create_dir("/tmp/nothing/x"), ErrorKind::NotFound);
    fails(fs::remove_file("/tmp/nothing"), ErrorKind::NotFound);
    fails(fs::remove_dir("/tmp/nothing"), ErrorKind::NotFound);
    fails_with(File::open("/tmp/file/x"), ENOTDIR);
    fails_with(fs::read_dir("/tmp/file"), ENOTDIR);
    fails_with(fs::remove_dir("/tmp/file"), ENOTDIR);
    fails_with(File::open("/tmp/file/"), ENOTDIR);
    fails_with(fs::metadata("/tmp/file/"), ENOTDIR);
    fails_with(fs::remove_file("/tmp/file/"), ENOTDIR);
    fails_with(File::create("/tmp/new/"), EISDIR);
    fails_with(fs::remove_file("/tmp/dir"), EISDIR);
    fails_with(File::create("/tmp/dir"), EISDIR);
    fails_with(File::open("/tmp/dir")?.read(&mut [0]), EISDIR);
    fails_with(fs::write(format!("/tmp/{}", "n".repeat(256)), ""), ENAMETOOLONG);
    fs::write(format!("/tmp/{}", "n".repeat(255)), "")?;
    assert!(names("/tmp")?.contains(&"n".repeat(255)));
    fs::remove_file(format!("/tmp/{}", "n".repeat(255)))?;
    fs::remove_dir("/tmp/dir")?;
    fs::remove_file("/tmp/file")
}

fn removed() -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open("/tmp/gone")?;
    file.write_all(b"still")?;
    fs::remove_file("/tmp/gone")?;
    file.write_all(b" here")?;
    file.rewind()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    assert_eq!((text.as_str(), fs::exists("/tmp/gone")?), ("still here", false));
    Ok(())
}

fn shared() -> io::Result<()> {
    let file = Arc::new(OpenOptions::new().create(true).append(true).open("/tmp/shared")?);
    let threads: Vec<_> = (0..4u8)
        .map(|n| {
            let file = file.clone();
            thread::spawn(move || {
                for _ in 0..100 {
                    (&*file).write_all(&[n; 50])?;
                    thread::yield_now();
                }
                io::Result::Ok(())
            })
        })
        .collect();
    threads.into_iter().try_for_each(|thread| thread.join().unwrap())?;
    let bytes = fs::read("/tmp/shared")?;
    let runs = bytes.chunks(50).filter(|run| run.iter().all(|byte| *byte == run[0])).count();
    assert_eq!((bytes.len(), runs), (20_000, 400));
    fs::remove_file("/tmp/shared")
}

fn large() -> io::Result<()> {
    let begun = Instant::now();
    let mut file = File::create("/tmp/large")?;
    for n in 0..6000u32 {
        file.write_all(&[n as u8; 1000])?;
    }
    let written = begun.elapsed();
    let bytes = fs::read("/tmp/large")?;
    let read = begun.elapsed() - written;
    let begun = Instant::now();
    (0..1000).for_each(|_| _ = SystemTime::now());
    println!(
        "  written at {:.0} MB/s, read at {:.0}; the clock takes {} ns",
        6.0 / written.as_secs_f64(),
        6.0 / read.as_secs_f64(),
        begun.elapsed().as_nanos() / 1000
    );
    assert_eq!(bytes.len(), 6_000_000);
    assert!(bytes.chunks(1000).enumerate().all(|(n, piece)| piece.iter().all(|byte| *byte == n as u8)));
    fs::remove_file("/tmp/large")
}

/// All bytes arrive, but std then wants to set permissions, and refuses that to itself.
fn copy() -> io::Result<()> {
    fs::write("/tmp/from", "copied")?;
    fails(fs::copy("/tmp/from", "/tmp/to"), ErrorKind::InvalidInput);
    assert_eq!(fs::read_to_string("/tmp/to")?, "copied");
    io::copy(&mut File::open("/tmp/from")?, &mut File::create("/tmp/to")?)?;
    fs::remove_file("/tmp/from")?;
    fs::remove_file("/tmp/to")
}

fn limited() -> io::Result<()> {
    let mut file = File::create("/tmp/full")?;
    let piece = vec![1; 100_000];
    let full = loop {
        match file.write(&piece) {
            Ok(n) => assert!(n > 0),
            Err(error) => break error,
        }
    };
    fails_with::<()>(Err(full), ENOSPC);
    let len = file.metadata()?.len();
    assert!((7 << 20..8 << 20).contains(&len), "{len}");
    fails_with(fs::create_dir("/tmp/x").and_then(|()| fs::write("/tmp/x/y", [0; 10_000])), ENOSPC);
    drop(file);
    fs::remove_file("/tmp/full")?;
    fs::write("/tmp/room", &piece)?;
    fs::remove_file("/tmp/room")?;
    fs::remove_file("/tmp/x/y")?;
    fs::remove_dir("/tmp/x")
}
