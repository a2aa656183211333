//! The tree, case by case.

use super::super::{CHUNK, Kind};
use super::*;

fn tree() -> Tree {
    Tree::new(1 << 20, NOW)
}

fn content(tree: &mut Tree, path: &str) -> Vec<u8> {
    let inode = open(tree, path, READ).unwrap();
    let mut bytes = vec![0xaa; usize::try_from(tree.facts(inode).unwrap().len).unwrap() + 10];
    let n = tree.read(inode, 0, &mut bytes, NOW).unwrap();
    bytes.truncate(n);
    tree.close(inode);
    bytes
}

#[test]
fn modes_of_opening() {
    let mut t = tree();
    assert_eq!(open(&mut t, "a", READ), Err(Error::NotFound));
    assert_eq!(open(&mut t, "a", Open { write: true, ..READ }), Err(Error::NotFound));
    put(&mut t, "a", b"hello");
    let new = Open { exclusive: true, ..WRITE };
    assert_eq!(open(&mut t, "a", new), Err(Error::Exists));
    assert_eq!(open(&mut t, "a", Open { directory: true, ..READ }), Err(Error::NotADirectory));
    assert_eq!(open(&mut t, "a/b", WRITE), Err(Error::NotADirectory));
    assert_eq!(open(&mut t, "x/b", WRITE), Err(Error::NotFound));
    assert_eq!(open(&mut t, "", WRITE), Err(Error::IsADirectory));
    assert_eq!(open(&mut t, "", new), Err(Error::Exists));
    assert_eq!(content(&mut t, "a"), b"hello");
    let cut = open(&mut t, "a", Open { truncate: true, ..WRITE }).unwrap();
    t.close(cut);
    assert_eq!(content(&mut t, "a"), b"");
}

#[test]
fn directories() {
    let mut t = tree();
    let make = |t: &mut Tree, path: &str| t.make_directory(&parts(path), NOW);
    assert_eq!(make(&mut t, ""), Err(Error::Exists));
    assert_eq!(make(&mut t, "d/e"), Err(Error::NotFound));
    make(&mut t, "d").unwrap();
    assert_eq!(make(&mut t, "d"), Err(Error::Exists));
    make(&mut t, "d/e").unwrap();
    put(&mut t, "d/f", b"1");
    assert_eq!(make(&mut t, "d/f"), Err(Error::Exists));
    assert_eq!(make(&mut t, "d/f/g"), Err(Error::NotADirectory));
    assert_eq!(names(&t, "d"), ["e", "f"]);
    assert_eq!(t.remove_directory(&parts("d"), NOW), Err(Error::NotEmpty));
    assert_eq!(t.remove_directory(&parts("d/f"), NOW), Err(Error::NotADirectory));
    assert_eq!(t.remove_directory(&parts(""), NOW), Err(Error::IsTheRoot));
    assert_eq!(t.remove_file(&parts("d/e"), NOW), Err(Error::IsADirectory));
    assert_eq!(t.remove_file(&parts("d/x"), NOW), Err(Error::NotFound));
    t.remove_file(&parts("d/f"), NOW).unwrap();
    t.remove_directory(&parts("d/e"), NOW).unwrap();
    t.remove_directory(&parts("d"), NOW).unwrap();
    assert_eq!((names(&t, ""), t.used()), (vec![], 0));
}

#[test]
fn names_have_255_bytes_at_most() {
    let mut t = tree();
    put(&mut t, &"n".repeat(255), b"");
    assert_eq!(open(&mut t, &"n".repeat(256), WRITE), Err(Error::NameTooLong));
    assert_eq!(t.make_directory(&parts(&"n".repeat(256)), NOW), Err(Error::NameTooLong));
    assert_eq!(t.find(&parts(&format!("{}/x", "n".repeat(256))), true), Err(Error::NameTooLong));
}

#[test]
fn a_file_lives_until_it_is_closed() {
    let mut t = tree();
    put(&mut t, "a", b"still here");
    let held = open(&mut t, "a", READ).unwrap();
    t.remove_file(&parts("a"), NOW).unwrap();
    put(&mut t, "a", b"another");
    let mut buf = [0; 10];
    assert_eq!(t.read(held, 0, &mut buf, NOW), Ok(10));
    assert_eq!((&buf, t.facts(held).unwrap().names), (b"still here", 0));
    let used = t.used();
    t.close(held);
    assert!(t.used() + CHUNK as u64 <= used);
    assert_eq!(content(&mut t, "a"), b"another");
}

#[test]
fn a_directory_that_is_gone_can_still_be_listed() {
    let mut t = tree();
    t.make_directory(&parts("d"), NOW).unwrap();
    let held = open(&mut t, "d", READ).unwrap();
    t.remove_directory(&parts("d"), NOW).unwrap();
    assert_eq!(t.list(held), Ok(vec![]));
    t.close(held);
    assert_eq!((t.list(held), t.used()), (Err(Error::NotOpen), 0));
}

#[test]
fn holes_take_no_room() {
    let mut t = tree();
    let far = 1 << 40;
    let inode = open(&mut t, "sparse", WRITE).unwrap();
    t.write(inode, far, b"end", NOW).unwrap();
    t.write(inode, 3, b"begin", NOW).unwrap();
    let facts = t.facts(inode).unwrap();
    assert_eq!(facts.len, far + 3);
    assert!(facts.held < 3 * CHUNK as u64, "{facts:?}");
    let mut buf = [1; 10];
    t.read(inode, 0, &mut buf, NOW).unwrap();
    assert_eq!(&buf, b"\0\0\0begin\0\0");
    let mut buf = [1; 5000];
    assert_eq!(t.read(inode, far - 4990, &mut buf, NOW), Ok(4993));
    assert!(buf[..4990].iter().all(|byte| *byte == 0) && &buf[4990..4993] == b"end");
    assert_eq!(t.read(inode, far + 3, &mut buf, NOW), Ok(0));
    assert_eq!(t.write(inode, u64::MAX, b"x", NOW), Err(Error::TooLarge));
    let last = i64::MAX as u64 - 1;
    assert_eq!(t.write(inode, last, b"xy", NOW), Ok(1));
    assert_eq!(t.write(inode, last + 1, b"x", NOW), Err(Error::TooLarge));
}

#[test]
fn the_limit_holds() {
    let limit = 100_000;
    let mut t = Tree::new(limit, NOW);
    let inode = open(&mut t, "large", WRITE).unwrap();
    let (mut written, piece) = (0, [7; 10_000]);
    let end = loop {
        match t.write(inode, written, &piece, NOW) {
            Ok(n) => written += n as u64,
            Err(error) => break error,
        }
        assert!(t.used() <= limit);
    };
    assert_eq!(end, Error::NoSpace);
    // All but what is counted for the node and each chunk.
    assert!((90_000..100_000).contains(&written), "{written}");
    assert_eq!(t.facts(inode).unwrap().len, written);
    // What is there can still be changed.
    assert_eq!(t.write(inode, 0, b"x", NOW), Ok(1));
    for n in 0.. {
        if let Err(error) = t.make_directory(&parts(&n.to_string()), NOW) {
            assert_eq!(error, Error::NoSpace);
            break;
        }
        assert!(n < 1000);
    }
    t.close(inode);
    t.remove_file(&parts("large"), NOW).unwrap();
    put(&mut t, "room again", &piece);
}

#[test]
fn no_more_is_taken_than_there_is() {
    let mut t = tree();
    t.set_spare(3 * CHUNK as u64);
    let inode = open(&mut t, "a", WRITE).unwrap();
    assert_eq!(t.write(inode, 0, &[1; 10 * CHUNK], NOW), Ok(2 * CHUNK));
    assert_eq!(t.write(inode, 2 * CHUNK as u64, &[1; 10], NOW), Err(Error::NoSpace));
    t.set_spare(3 * CHUNK as u64);
    assert_eq!(t.write(inode, 2 * CHUNK as u64, &[1; 10], NOW), Ok(10));
}

#[test]
fn times() {
    let mut t = tree();
    put(&mut t, "a", b"1");
    let later = |seconds| Moment { seconds, nanos: 0 };
    let a = t.open(&parts("a"), READ, later(1)).unwrap();
    t.read(a, 0, &mut [0; 1], later(2)).unwrap();
    t.write(a, 0, b"2", later(3)).unwrap();
    let facts = t.facts(a).unwrap();
    assert_eq!((facts.created, facts.accessed, facts.modified), (NOW, later(2), later(3)));
    t.make_directory(&parts("d"), later(4)).unwrap();
    let root = t.find(&[], true).unwrap();
    assert_eq!(t.facts(root).unwrap().modified, later(4));
}

#[test]
fn links() {
    let mut t = tree();
    t.add_outside(&parts("etc/conf"), 3..9, NOW).unwrap();
    for (path, target) in [
        ("l", "etc/conf"),
        ("etc/up", "../l"),
        ("abs", "/etc/up"),
        ("dir", "etc/."),
        ("loop", "loop"),
        ("gone", "x"),
    ] {
        t.add_link(&parts(path), target.as_bytes(), NOW).unwrap();
    }
    let conf = t.find(&parts("etc/conf"), true).unwrap();
    for path in ["l", "etc/up", "abs", "dir/conf", "dir/up"] {
        assert_eq!(t.find(&parts(path), true), Ok(conf), "{path}");
        assert_ne!(t.find(&parts(path), false).ok().filter(|_| path != "dir/conf"), Some(conf), "{path}");
    }
    assert_eq!(t.facts(t.find(&parts("l"), false).unwrap()).unwrap().kind, Kind::Link);
    assert_eq!(t.find(&parts("loop"), true), Err(Error::TooManyLinks));
    assert_eq!(t.find(&parts("gone"), true), Err(Error::NotFound));
    assert_eq!(open(&mut t, "l", Open { write: true, ..READ }), Err(Error::ReadOnly));
    // Who unpacks is not led elsewhere.
    assert_eq!(t.add_outside(&parts("dir/new"), 0..0, NOW), Err(Error::NotADirectory));
    t.remove_file(&parts("l"), NOW).unwrap();
    assert_eq!(t.find(&parts("etc/up"), true), Err(Error::NotFound));
}
