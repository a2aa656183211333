//! Asks much of platform-xen, by means of std: `stress threads|memory|full|vectors|overflow`. Each prints `ok` and what it
//! did, or panics; `overflow` must not come back.

mod heap;
mod vectors;

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, mpsc};
use std::thread::{self, Builder, JoinHandle};

#[cfg(target_os = "hermit")]
use platform_xen as _;

/// Bytes of stack for each of many threads.
pub const STACK: usize = 32 << 10;

fn main() {
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "threads" => threads(),
            "memory" => heap::memory(),
            "full" => heap::full(),
            "vectors" => vectors::check(),
            "overflow" => overflow(),
            _ => continue,
        }
        println!("ok {word}");
    }
    println!("done");
}

/// A thread with a small stack.
pub fn spawn<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    Builder::new().stack_size(STACK).spawn(f).expect("a thread")
}

/// Counts what was dropped at the ends of threads.
static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Counted(Cell<usize>);

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.fetch_add(self.0.get(), Ordering::Relaxed);
    }
}

thread_local! {
    static MINE: Counted = const { Counted(Cell::new(0)) };
}

/// A thousand threads at once, which meet, pass a token around, share a lock and a channel, and end.
fn threads() {
    const N: usize = 1000;
    let meet = Arc::new(Barrier::new(N + 1));
    let sum = Arc::new(Mutex::new(0));
    let turn = Arc::new((Mutex::new(0), Condvar::new()));
    let (send, receive) = mpsc::channel();
    let all: Vec<_> = (0..N)
        .map(|n| {
            let (meet, sum, turn, send) = (meet.clone(), sum.clone(), turn.clone(), send.clone());
            spawn(move || {
                MINE.with(|mine| mine.0.set(n));
                meet.wait();
                // Each has its turn once, in order: all others are woken for nothing.
                let (lock, changed) = &*turn;
                let mut now = changed.wait_while(lock.lock().unwrap(), |now| *now / 10 < n / 10).unwrap();
                *now += 1;
                drop(now);
                changed.notify_all();
                for _ in 0..10 {
                    *sum.lock().unwrap() += n;
                    thread::yield_now();
                }
                send.send(n).unwrap();
                n
            })
        })
        .collect();
    drop(send);
    println!("{} threads run", all.len());
    meet.wait();
    let mut came: Vec<usize> = receive.iter().collect();
    let returned: usize = all.into_iter().map(|thread| thread.join().unwrap()).sum();
    came.sort_unstable();
    assert!(came.iter().copied().eq(0..N));
    let whole = N * (N - 1) / 2;
    assert_eq!((returned, *sum.lock().unwrap(), DROPPED.load(Ordering::Relaxed)), (whole, whole * 10, whole));
}

/// Runs over the end of the stack of one thread among others.
fn overflow() {
    let others: Vec<_> = (0..5).map(|_| spawn(thread::park)).collect();
    println!("one overflows");
    spawn(|| println!("wrong: {}", deeper(1))).join().unwrap();
    drop(others);
}

#[expect(unconditional_recursion, reason = "the point is to run over the end of the stack")]
fn deeper(n: u64) -> u64 {
    let room = black_box([n; 64]);
    deeper(n + 1) + black_box(room)[n as usize % 64]
}
