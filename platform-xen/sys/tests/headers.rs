//! Checks every layout and constant of this crate against Xen's C headers.
//!
//! The headers are looked for in `$XEN_HEADERS`, then in `/usr/include/xen` (Debian: `libxen-dev`). If they and a C
//! compiler are there, a small program prints what the C side thinks; otherwise the numbers come from `abi.table`, which
//! that program made (`XEN_ABI_WRITE=1 cargo test -p platform-xen-sys` makes it again).

mod checks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One thing to compare: a C expression, and what Rust says it is.
pub struct Check {
    c: String,
    rust: i128,
}

fn table_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/abi.table")
}

fn headers() -> Option<PathBuf> {
    let dir =
        std::env::var_os("XEN_HEADERS").map_or_else(|| PathBuf::from("/usr/include/xen"), PathBuf::from);
    dir.join("xen.h").is_file().then_some(dir)
}

/// The C program: one line `value<TAB>expression` for each check.
fn program(dir: &Path, checks: &[Check]) -> String {
    let mut c =
        String::from("#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n");
    for header in [
        "xen.h",
        "memory.h",
        "event_channel.h",
        "sched.h",
        "vcpu.h",
        "version.h",
        "features.h",
        "elfnote.h",
        "grant_table.h",
        "callback.h",
        "errno.h",
        "io/console.h",
        "io/xs_wire.h",
        "io/xenbus.h",
        "io/ring.h",
        "io/blkif.h",
        "io/netif.h",
    ] {
        c += &format!("#include \"{}\"\n", dir.join(header).display());
    }
    c += "int main(void) {\n";
    for check in checks {
        c += &format!("printf(\"%lld\\t%s\\n\", (long long)({0}), \"{0}\");\n", check.c);
    }
    c + "return 0; }\n"
}

fn parse(text: &str) -> BTreeMap<String, i128> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (value, expression) = line.split_once('\t').expect("value<TAB>expression");
            (expression.to_string(), value.parse().expect("a number"))
        })
        .collect()
}

/// What the C compiler makes of the headers; `None` if there are none, or no compiler.
fn from_headers(checks: &[Check]) -> Option<BTreeMap<String, i128>> {
    let dir = headers()?;
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (source, binary) = (out.join("abi.c"), out.join("abi"));
    std::fs::write(&source, program(&dir, checks)).unwrap();
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let compiled = Command::new(cc)
        .args(["-std=gnu11", "-D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__", "-o"])
        .args([&binary, &source])
        .output();
    let compiled = match compiled {
        Ok(done) => done,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        Err(e) => panic!("the C compiler could not be started: {e}"),
    };
    assert!(
        compiled.status.success(),
        "the headers don't compile:\n{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    let run = Command::new(&binary).output().unwrap();
    assert!(run.status.success());
    Some(parse(&String::from_utf8(run.stdout).unwrap()))
}

/// Lines that say where Rust and C differ.
fn differences(checks: &[Check], c: &BTreeMap<String, i128>) -> Vec<String> {
    let differs = |check: &Check| match c.get(&check.c) {
        Some(&value) if value == check.rust => None,
        // C prints everything as a signed 64-bit number.
        Some(&value) if value == i128::from(check.rust as u64 as i64) => None,
        Some(value) => Some(format!("{}: C says {value}, Rust says {}", check.c, check.rust)),
        None => Some(format!("{}: not known to C (make abi.table again?)", check.c)),
    };
    checks.iter().filter_map(differs).collect()
}

#[test]
fn layouts_and_constants_agree_with_the_headers() {
    let checks = checks::all();
    assert!(checks.len() > 400, "the list of checks has shrunk to {}", checks.len());
    let from_headers = from_headers(&checks);
    if let (Some(c), Some(_)) = (&from_headers, std::env::var_os("XEN_ABI_WRITE")) {
        let mut text =
            String::from("# Made from Xen's public headers by tests/headers.rs: value, C expression.\n");
        for check in &checks {
            text += &format!("{}\t{}\n", c[&check.c], check.c);
        }
        std::fs::write(table_path(), text).unwrap();
    }
    let table = parse(&std::fs::read_to_string(table_path()).unwrap());
    for (source, c) in [("the C headers", from_headers), ("abi.table", Some(table))] {
        let Some(c) = c else { continue };
        let wrong = differences(&checks, &c);
        assert!(wrong.is_empty(), "against {source}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn a_wrong_number_is_noticed() {
    let mut checks = checks::all();
    let table = parse(&std::fs::read_to_string(table_path()).unwrap());
    for i in [0, checks.len() / 2, checks.len() - 1] {
        checks[i].rust += 1;
        assert_eq!(differences(&checks, &table).len(), 1);
        checks[i].rust -= 1;
    }
}
