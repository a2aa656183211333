//! The heap: many blocks, and none left.

use std::sync::{Arc, Barrier};
use std::thread;

use crate::spawn;

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize
    }
}

/// A million blocks of random sizes, allocated by some threads and freed by others, each with its own contents.
pub fn memory() {
    const THREADS: usize = 16;
    const BLOCKS: usize = 1_000_000;
    let meet = Arc::new(Barrier::new(THREADS));
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..THREADS).map(|_| std::sync::mpsc::channel::<Vec<u8>>()).unzip();
    let all: Vec<_> = receivers
        .into_iter()
        .enumerate()
        .map(|(n, receive)| {
            let (meet, senders) = (meet.clone(), senders.clone());
            spawn(move || {
                let mut random = Random(n as u64);
                meet.wait();
                let mut kept: Vec<Vec<u8>> = Vec::new();
                for i in 0..BLOCKS / THREADS {
                    // Mostly small, now and then large.
                    let size = 1 + random.next() % if i % 100 == 0 { 60_000 } else { 400 };
                    let mut block = Vec::with_capacity(size);
                    block.resize(size, size as u8);
                    match random.next() % 4 {
                        0 => kept.push(block),
                        1 => senders[random.next() % THREADS].send(block).unwrap(),
                        2 if !kept.is_empty() => {
                            let at = random.next() % kept.len();
                            let mut other = std::mem::replace(&mut kept[at], block);
                            check(&other);
                            let grown = other.len() * 2;
                            other.resize(grown, other[0]);
                        }
                        _ => check(&block),
                    }
                    if kept.len() > 100 {
                        kept.drain(..60).for_each(|block| check(&block));
                    }
                    while let Ok(block) = receive.try_recv() {
                        check(&block);
                    }
                    if i % 64 == 0 {
                        thread::yield_now();
                    }
                }
                drop(senders);
                kept.iter().chain(&receive.iter().collect::<Vec<_>>()).for_each(|block| check(block));
            })
        })
        .collect();
    drop(senders);
    all.into_iter().for_each(|thread| thread.join().unwrap());
    println!("{BLOCKS} blocks");
}

fn check(block: &[u8]) {
    assert!(
        block.iter().all(|byte| *byte == block.len() as u8),
        "a block of {} bytes was written by another",
        block.len()
    );
}

/// Takes all memory: std says so where it can, and goes on when there is some again.
pub fn full() {
    for round in 0..3 {
        let mut blocks: Vec<Vec<u8>> = Vec::new();
        let mut size = 1 << 20;
        while size >= 4096 {
            let mut block = Vec::new();
            match block.try_reserve_exact(size) {
                Ok(()) => {
                    block.resize(size, round);
                    // The list of blocks grows too.
                    if blocks.try_reserve(1).is_err() {
                        break;
                    }
                    blocks.push(block);
                }
                Err(_) => size /= 2,
            }
        }
        let bytes: usize = blocks.iter().map(Vec::len).sum();
        assert!(blocks.iter().flatten().step_by(4096).all(|byte| *byte == round));
        let refused =
            thread::Builder::new().stack_size(1 << 20).spawn(|| {}).expect_err("no memory for a stack");
        blocks.truncate(blocks.len() / 2);
        drop(blocks);
        println!("full after {} MiB; a thread is refused: {refused}", bytes >> 20);
        spawn(|| {}).join().unwrap();
    }
}
