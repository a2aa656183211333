//! A program that is a Xen domain of its own, and an ordinary one on Linux.

use std::thread;
use std::time::Instant;

// The one trace of where it may run: a kernel to be linked in.
#[cfg(target_os = "hermit")]
use platform_xen as _;

fn main() {
    let begun = Instant::now();
    let sums: Vec<u64> = thread::scope(|scope| {
        let all: Vec<_> = (1..=4).map(|n| scope.spawn(move || sum(n * 1000))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    println!("hello from @NAME@; four threads found {sums:?} in {:?}", begun.elapsed());
    println!("arguments: {:?}", std::env::args().skip(1).collect::<Vec<_>>());
}

/// The sum of all numbers up to `n`.
fn sum(n: u64) -> u64 {
    (1..=n).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn sums() {
        assert_eq!(sum(100), 5050);
    }

    #[test]
    fn std_is_all_there() {
        let words: HashMap<&str, usize> = HashMap::from([("a", 1), ("b", 2)]);
        let doubled = thread::spawn(move || words["b"] * 2).join().unwrap();
        assert_eq!(doubled, 4);
    }

    #[test]
    #[should_panic = "too much"]
    fn a_panic_that_is_wanted() {
        assert!(sum(10) < 50, "too much");
    }
}
