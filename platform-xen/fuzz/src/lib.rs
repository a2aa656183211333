//! Fuzz targets: all that reads what somebody hostile may have written, each as a function of some bytes.
//!
//! [`targets::ALL`] has them. Three programs run them: `fuzz` (plain: seeds, then random changes of them, the same on
//! every machine; tests/seconds.rs is made of it), `libfuzzer` (guided by coverage, for as long as one likes) and
//! `coverage` (which lines a corpus reaches). `cargo xtask fuzz` builds and starts the latter two; docs/fuzzing.md says
//! what came of it.
//!
//! It stands under platform-xen because the last of these programs needs a little unsafe code.

mod alloc;
mod disk;
mod ends;
mod mutate;
mod patch;
mod plain;
mod script;
pub mod target;
pub mod targets;

pub use plain::{End, run_for};
pub use target::{Target, execute};
