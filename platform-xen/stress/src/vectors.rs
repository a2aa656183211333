//! The vector registers beyond SSE: used by several threads in turn.

use std::arch::x86_64::{
    _mm256_add_epi64, _mm256_loadu_si256, _mm256_mul_epu32, _mm256_set1_epi64x, _mm256_storeu_si256,
};
use std::hint::black_box;
use std::thread;

use crate::spawn;

/// Asks as crates do, and uses what is there.
pub fn check() {
    let avx2 = is_x86_feature_detected!("avx2");
    println!(
        "avx {} avx2 {avx2} avx512f {}",
        is_x86_feature_detected!("avx"),
        is_x86_feature_detected!("avx512f")
    );
    if !avx2 {
        return;
    }
    let all: Vec<_> = (1..=8u64)
        .map(|n| {
            spawn(move || {
                let start = [n, n * 3, n * 7, n * 11];
                // SAFETY: the processor has AVX2, as it says.
                let found = unsafe { with_avx2(start) };
                assert_eq!(found, plain(start), "the registers of thread {n} were changed by another");
            })
        })
        .collect();
    all.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Rounds, after each of which other threads run.
const ROUNDS: u32 = 300;

fn plain(mut x: [u64; 4]) -> [u64; 4] {
    for _ in 0..ROUNDS {
        x = x.map(|x| (x & 0xffff_ffff).wrapping_mul(0x9e37_79b1).wrapping_add(x));
    }
    x
}

/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
unsafe fn with_avx2(start: [u64; 4]) -> [u64; 4] {
    let mut out = [0; 4];
    // SAFETY: loads and stores of four words, which both arrays have.
    unsafe {
        let mut x = _mm256_loadu_si256(start.as_ptr().cast());
        let factor = _mm256_set1_epi64x(0x9e37_79b1);
        for _ in 0..ROUNDS {
            x = black_box(_mm256_add_epi64(_mm256_mul_epu32(x, factor), x));
            thread::yield_now();
        }
        _mm256_storeu_si256(out.as_mut_ptr().cast(), x);
    }
    out
}
