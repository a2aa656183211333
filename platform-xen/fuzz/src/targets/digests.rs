//! Digests and lists of them.

use pvgrub_net::{Digest, Sums};

use crate::Target;

/// Digests.
pub static DIGESTS: Target = Target {
    name: "digests",
    what: "a digest, a SHA256SUMS, and the name that is looked for in it",
    seeds,
    run,
    max_len: 1024,
    memory: 4 << 20,
    sources: &["net/src/digest"],
};

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A name, a zero, the list. Made by hand, in the forms that coreutils' sha256sum writes.
fn seeds() -> Vec<Vec<u8>> {
    let seeds = [
        format!("sha256:{ABC}"),
        format!("vmlinuz\0{ABC}  ./boot/vmlinuz\n{ABC} *initrd.img\r\n"),
        format!("a\\b\0\\SHA256 (a\\\\b) = {ABC}\nSHA256 (x) = {ABC}\n"),
        format!("a\nb\0# kernels\n\\{ABC}  a\\nb\n"),
        format!("vmlinuz\0{ABC}  vmlinuz\r"),
    ];
    seeds.map(String::into_bytes).to_vec()
}

fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(digest) = Digest::parse(&text) {
        assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
        assert!(digest.to_string().starts_with(digest.short().trim_end_matches('.')));
    }
    let (name, list) = text.split_once('\0').unwrap_or(("vmlinuz", &text));
    let Ok(sums) = Sums::parse(list.as_bytes()) else { return };
    if let Ok(digest) = sums.get(name) {
        let digits = digest.to_string();
        assert!(list.to_ascii_lowercase().contains(&digits), "{digits} is not in the list");
        let last = name.rsplit('/').next().unwrap_or(name);
        assert!(last.contains(['\\', '\n', '\r']) || list.contains(last), "{name} is not in the list");
    }
    // Whatever is listed is found, if only once.
    // `lines` would leave the last line a CR that no LF follows.
    let mut lines = list.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let line = lines.find_map(|line| line.strip_prefix(ABC)?.strip_prefix("  "));
    if let Some(name) = line.filter(|name| !name.is_empty()) {
        assert_ne!(sums.get(name), Err(pvgrub_net::NotListed::Missing), "{name}");
    }
}
