//! Random numbers.
//!
//! With std this is the crate `getrandom`, and the seed of `HashMap`.
//!
//! ```no_run
//! use platform_xen::entropy;
//!
//! let mut key = [0; 32];
//! match entropy::fill(&mut key) {
//!     Ok(()) => log::info!("a key that nobody can guess"),
//!     Err(why) => log::warn!("no keys here: {why}"),
//! }
//! ```

use crate::{boot, cpu, hypercall, time};
use core::arch::asm;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// This machine has no source of true random numbers: nothing secret can be made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEntropy;

impl core::fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("this processor has no instruction for random numbers (rdrand)")
    }
}

impl core::error::Error for NoEntropy {}

/// One number from the processor. It may have none at the moment; some tries are recommended (Intel SDM, 7.3.17).
fn rdrand() -> Option<u64> {
    (0..16).find_map(|_| {
        let (value, ok): (u64, u8);
        // SAFETY: only called where the processor has the instruction.
        unsafe { asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) ok, options(nomem, nostack)) };
        // Processors with a known fault answer with all ones for ever.
        (ok != 0 && value != u64::MAX && value != 0).then_some(value)
    })
}

/// Fills the buffer with numbers that nobody can guess.
///
/// # Errors
/// [`NoEntropy`].
pub fn fill(buf: &mut [u8]) -> Result<(), NoEntropy> {
    if !cpu::has_rdrand() {
        return Err(NoEntropy);
    }
    for chunk in buf.chunks_mut(8) {
        let number = rdrand().ok_or(NoEntropy)?.to_le_bytes();
        chunk.copy_from_slice(&number[..chunk.len()]);
    }
    Ok(())
}

static WEAK: AtomicU64 = AtomicU64::new(0);
static WARNED: AtomicBool = AtomicBool::new(false);

/// Fills the buffer with numbers that differ from one start to the next but could be guessed: enough to spread the
/// entries of a hash table, and for nothing else. Says so on the console, once.
pub fn fill_weakly(buf: &mut [u8]) {
    if !WARNED.swap(true, Ordering::Relaxed) {
        log::warn!("no rdrand: hash tables are seeded from the clock, and nothing secret can be made");
    }
    let start = boot::start();
    let mut state = WEAK.load(Ordering::Relaxed)
        ^ cpu::tsc()
        ^ time::wall_clock().as_nanos() as u64
        ^ start.shared_info.0.rotate_left(20)
        ^ start.store.map_or(0, |(mfn, port)| mfn.0.rotate_left(32) ^ u64::from(port))
        ^ hypercall::domain_handle().rotate_left(40);
    for chunk in buf.chunks_mut(8) {
        let number = splitmix(&mut state).to_le_bytes();
        chunk.copy_from_slice(&number[..chunk.len()]);
    }
    WEAK.store(state, Ordering::Relaxed);
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
