//! An ordinary program. It knows nothing of Xen, and runs on Linux as it does in a domain of its own.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant, SystemTime};
use std::{env, thread};

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
}
