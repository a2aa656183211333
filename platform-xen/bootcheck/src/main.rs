//! Prints its start of day.
fn main() {}
