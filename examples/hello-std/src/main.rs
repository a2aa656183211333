//! An ordinary program. It knows nothing of Xen, and runs on Linux as it does in a domain of its own.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, io, thread};

// The one trace of where it may run: a kernel to be linked in.
#[cfg(target_os = "hermit")]
use platform_xen as _;

thread_local! {
    static NAME: RefCell<String> = RefCell::new("main".to_owned());
}

fn main() {
    println!("hello from std; arguments: {:?}", env::args().collect::<Vec<_>>());

    let mut words: HashMap<&str, usize> = HashMap::new();
    for word in "the quick brown fox jumps over the lazy dog".split(' ') {
        *words.entry(word).or_default() += 1;
    }
    println!("\"the\" occurs {} times", words["the"]);

    let begun = Instant::now();
    let sum = Arc::new(Mutex::new(0u64));
    let (send, receive) = mpsc::channel();
    let workers: Vec<_> = (1..=4u64)
        .map(|n| {
            let (sum, send) = (sum.clone(), send.clone());
            thread::spawn(move || {
                NAME.set(format!("worker {n}"));
                thread::sleep(Duration::from_millis(10 * (5 - n)));
                *sum.lock().unwrap() += n;
                send.send(NAME.take()).unwrap();
            })
        })
        .collect();
    drop(send);
    println!("in order of arrival: {:?}", receive.iter().collect::<Vec<_>>());
    for worker in workers {
        worker.join().unwrap();
    }
    println!(
        "their sum is {}, after {} ms, in {}",
        sum.lock().unwrap(),
        begun.elapsed().as_millis(),
        NAME.take()
    );

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    println!("the square root of 2 is {:.6}; it is {} s after 1970", 2f64.sqrt(), now.as_secs());

    let devices =
        fs::read_dir("/dev").map(|list| list.flatten().map(|entry| entry.file_name()).collect::<Vec<_>>());
    println!("{} devices: {:.200}", devices.as_ref().map_or(0, Vec::len), format!("{devices:?}"));
    for path in env::args().filter(|arg| arg.starts_with('/')) {
        match sum_of(&path) {
            Ok(text) => println!("{path}: {text}"),
            Err(error) => println!("{path}: {error}"),
        }
    }
}

/// Reads a file, which may be a disk, and tells its length, a sum of its bytes, and how fast it was.
fn sum_of(path: &str) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut piece = vec![0; 4 << 20];
    let (mut bytes, mut sum, begun) = (0u64, 0u64, Instant::now());
    loop {
        let n = file.read(&mut piece)?;
        if n == 0 {
            break;
        }
        bytes += n as u64;
        sum = piece[..n].iter().fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    }
    let seconds = begun.elapsed().as_secs_f64();
    Ok(format!("{bytes} bytes, sum {sum:016x}, {:.1} MB/s", bytes as f64 / 1e6 / seconds))
}
