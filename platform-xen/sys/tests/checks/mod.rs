//! The list of what is compared: C names on the left, ours on the right.

mod constants;
mod layouts;

use super::Check;

/// All of them.
pub fn all() -> Vec<Check> {
    let mut list = Vec::new();
    layouts::add(&mut list);
    constants::add(&mut list);
    list
}

/// Adds one comparison.
fn check(list: &mut Vec<Check>, c: impl Into<String>, rust: impl TryInto<i128>) {
    let Ok(rust) = rust.try_into() else { panic!("too large a number") };
    list.push(Check { c: c.into(), rust });
}
