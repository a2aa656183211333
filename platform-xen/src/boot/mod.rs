//! From the first instruction to the program's `main`.

#[cfg(feature = "bare")]
mod entry;
#[cfg(feature = "bare")]
mod sequence;
pub mod start;
#[cfg(feature = "bare")]
pub mod symbols;

#[cfg(feature = "bare")]
pub use sequence::start;
