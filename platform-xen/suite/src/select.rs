//! Which tests to run: the names on the domain's disk.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};

use test::TestDescAndFn;

/// The tests that are named on the disk, in the disk's order; a name without a test is an error.
pub fn chosen<'a>(tests: &[&'a TestDescAndFn]) -> io::Result<Vec<&'a TestDescAndFn>> {
    let mut bytes = Vec::new();
    File::open("/dev/xvda")?.read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    let known: HashMap<&str, &TestDescAndFn> =
        tests.iter().map(|test| (test.desc.name.as_slice(), *test)).collect();
    // The last sector is filled up with newlines.
    text.lines()
        .filter(|name| !name.is_empty())
        .map(|name| known.get(name).copied().ok_or_else(|| io::Error::other(format!("no test {name:?}"))))
        .collect()
}
