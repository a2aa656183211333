//! The tree.

use std::fmt::Write;

use platform_xen::devices;
use platform_xen::xenstore::{Xenstore, XsError};

/// How deep it goes: a path has 3,072 bytes at most (docs/misc/xenstore.txt), so two of them a level.
const DEEPEST: usize = 1536;

/// Prints what is below the path, or below the domain's own place.
pub fn print(path: Option<&str>) -> Result<(), String> {
    let devices = devices::get().ok_or("this domain has no xenstore")?;
    let xs = devices.xenstore();
    let said = |error: XsError| error.to_string();
    let home = || xs.read_text("domid").map(|domid| format!("/local/domain/{domid}"));
    let path = path.map_or_else(home, |path| Ok(path.to_owned())).map_err(said)?;
    // The root's path ends with the slash that others get.
    children(xs, path.trim_end_matches('/'), 0).map_err(said)
}

fn children(xs: &Xenstore, path: &str, depth: usize) -> Result<(), XsError> {
    let names = match xs.directory(if path.is_empty() { "/" } else { path }) {
        Ok(names) => names,
        // One that goes while we look, or that is not for us, is no reason to stop.
        Err(XsError::Server(_)) if depth > 0 => return Ok(()),
        Err(error) => return Err(error),
    };
    for name in names {
        let child = format!("{path}/{name}");
        match xs.read(&child) {
            Ok(value) => println!("{:depth$}{name} = \"{}\"", "", printable(&value)),
            Err(XsError::Server(error)) => println!("{:depth$}{name}:  {}", "", error.name()),
            Err(error) => return Err(error),
        }
        if depth < DEEPEST {
            children(xs, &child, depth + 1)?;
        }
    }
    Ok(())
}

/// As Xen's tools print values: in ASCII, with C's escapes.
fn printable(value: &[u8]) -> String {
    value.iter().fold(String::new(), |mut text, byte| {
        let _ = match byte {
            b'\t' => text.write_str("\\t"),
            b'\n' => text.write_str("\\n"),
            b'\r' => text.write_str("\\r"),
            b'\\' => text.write_str("\\\\"),
            b' '..=b'~' => text.write_char(char::from(*byte)),
            _ => write!(text, "\\{byte:03o}"),
        };
        text
    })
}
