//! Servers that lie, for what no real server can be told to do. They run on Linux, in the lab's dom0:
//!
//! ```text
//! rogue http 10.77.0.9:80 DIRECTORY          what it does stands in the path that is asked for: see http.rs
//! rogue tftp 10.77.0.9:69 DIRECTORY LIE [N]  see tftp.rs
//! rogue dhcp 0.0.0.0:67 LIE [CODE=TEXT …]    see dhcp.rs
//! ```
//!
//! Each prints "ready" once it listens, and then what it is asked.

#![forbid(unsafe_code)]

mod dhcp;
mod http;
mod tftp;

use std::path::Path;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["http", address, directory] => http::run(address, Path::new(directory)),
        ["tftp", address, directory, lie] => tftp::run(address, Path::new(directory), lie.parse()?, 0),
        ["tftp", address, directory, lie, n] => {
            tftp::run(address, Path::new(directory), lie.parse()?, n.parse()?)
        }
        ["dhcp", address, lie, options @ ..] => dhcp::run(address, lie.parse()?, options),
        _ => bail!(
            "rogue http ADDRESS DIRECTORY | tftp ADDRESS DIRECTORY LIE [N] | dhcp ADDRESS LIE [CODE=TEXT …]"
        ),
    }
}
