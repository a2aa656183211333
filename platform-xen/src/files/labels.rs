//! Names under `/mnt`: which disk a volume's name is about, and labels as names of files.

use alloc::format;
use alloc::string::String;

/// Longest name, in bytes.
const MOST: usize = 255;

/// The disk that a volume's name is about: `xvda1` is on `xvda`, unless there is a disk of its own of that name, or the
/// longest such name.
///
/// ```
/// use platform_xen::files::base_of;
///
/// assert_eq!(base_of("xvda1", ["xvda", "xvdb"]), Some(0));
/// assert_eq!(base_of("xvdc", ["xvda", "xvdb"]), None);
/// ```
#[must_use]
pub fn base_of<'a>(volume: &str, disks: impl IntoIterator<Item = &'a str>) -> Option<usize> {
    let on = |disk: &str| {
        let rest = volume.strip_prefix(disk)?;
        let number = match rest {
            "" => return Some(disk.len()),
            // After a digit there is a letter between.
            _ if disk.ends_with(|c: char| c.is_ascii_digit()) => rest.strip_prefix('p')?,
            _ => rest,
        };
        (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(disk.len())
    };
    let found = disks.into_iter().enumerate().filter_map(|(i, disk)| Some((on(disk)?, i)));
    found.max_by_key(|(len, i)| (*len, core::cmp::Reverse(*i))).map(|(_, i)| i)
}

/// A label as the name of a file: what no name can hold, or what would be seen as something else on a terminal, is written
/// as udev does it (`\x2f`). `None` if nothing is left, or it would be too long.
#[must_use]
pub fn file_name(label: &str) -> Option<String> {
    let mut name = String::new();
    for c in label.chars() {
        if c == '/' || c == '\\' || c == ' ' || c.is_control() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                name += &format!("\\x{byte:02x}");
            }
        } else {
            name.push(c);
        }
        if name.len() > MOST {
            return None;
        }
    }
    (!matches!(name.as_str(), "" | "." | "..")).then_some(name)
}

/// Whether this can be the name of one file in a directory. A hostile disk may have others.
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && name.len() <= MOST && !name.iter().any(|b| matches!(b, 0 | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_on_their_disks() {
        let disks = ["xvda", "xvdaa", "xvdb", "xvdb1", "nvme0"];
        let base = |name| base_of(name, disks).map(|i| disks[i]);
        assert_eq!(base("xvda"), Some("xvda"));
        assert_eq!(base("xvda1"), Some("xvda"));
        assert_eq!(base("xvda128"), Some("xvda"));
        assert_eq!(base("xvdaa2"), Some("xvdaa"));
        assert_eq!(base("xvdab"), None);
        assert_eq!(base("xvdb1"), Some("xvdb1"));
        assert_eq!(base("xvdb2"), Some("xvdb"));
        assert_eq!(base("xvdb12"), Some("xvdb"));
        assert_eq!(base("xvdb1p2"), Some("xvdb1"));
        assert_eq!(base("nvme0p3"), Some("nvme0"));
        assert_eq!(base("nvme0p"), None);
        assert_eq!(base("xvdap1"), None);
        assert_eq!(base("xvdc"), None);
        assert_eq!(base(""), None);
    }

    #[test]
    fn what_is_no_name() {
        assert!(is_name(b"a") && is_name(&[b'x'; 255]) && is_name(b"...") && is_name(b"\xff"));
        for none in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0", &[b'x'; 256]] {
            assert!(!is_name(none));
        }
    }

    #[test]
    fn labels_become_names() {
        assert_eq!(file_name("root").as_deref(), Some("root"));
        assert_eq!(file_name("EFI system").as_deref(), Some("EFI\\x20system"));
        assert_eq!(file_name("../../dev").as_deref(), Some("..\\x2f..\\x2fdev"));
        assert_eq!(file_name("a\u{1b}[2J\\"), Some("a\\x1b[2J\\x5c".into()));
        assert_eq!(file_name("grün").as_deref(), Some("grün"));
        for none in ["", ".", "..", &"x".repeat(256), &"/".repeat(64)] {
            assert_eq!(file_name(none), None);
        }
    }
}
