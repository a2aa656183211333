//! Which entries are tried, and in which order, when nobody chooses.

use alloc::string::String;
use alloc::vec::Vec;

use crate::clean::clean;
use crate::model::Entry;
use crate::settings::{Default, Settings};

/// The entries to try one after the other: the default one, then those of `fallback`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    entries: Vec<usize>,
    next: usize,
}

impl Attempts {
    /// The order for a menu with these entries. Whoever can read files has replaced [`Default::Saved`] by the entry that the
    /// file names; else it is entry 0.
    ///
    /// As in GRUB: a default that does not exist gives way to the first fallback, or to entry 0; a fallback that does not
    /// exist is passed over. One that the host insists on gives way to nothing. Each entry stands at most once, so a failing menu comes to an end.
    pub fn new(settings: &Settings, entries: &[Entry]) -> Self {
        let count = entries.len();
        let default = match &settings.default {
            Default::Entry(number) => Some(*number),
            Default::Path(path) => entry_by_path(path, entries).map(|(entry, _)| entry),
            Default::Saved => Some(0),
        };
        let fallbacks = || settings.fallback.iter().copied().filter(|&entry| entry < count);
        let mut first = default.filter(|entry| *entry < count);
        if settings.forced.is_some() {
            return Self { entries: first.into_iter().collect(), next: 0 };
        }
        first = first.or_else(|| fallbacks().next()).or((count > 0).then_some(0));
        let mut entries = Vec::new();
        for entry in first.into_iter().chain(fallbacks()) {
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        Self { entries, next: 0 }
    }

    /// The entry that is tried first; `None` in an empty menu.
    pub fn first(&self) -> Option<usize> {
        self.entries.first().copied()
    }
}

impl Iterator for Attempts {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let entry = self.entries.get(self.next).copied();
        self.next = self.next.saturating_add(1);
        entry
    }
}

/// The entry that the first part of `path` names, by its number, id or title, and the rest of the path, which is meant for the menu within
/// that entry: `Advanced options>1`. In a name `>>` stands for `>`, as in GRUB 2.
#[must_use]
pub fn entry_by_path<'p>(path: &'p str, entries: &[Entry]) -> Option<(usize, &'p str)> {
    let mut name = String::new();
    let mut rest = path;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or("");
        match (c, rest.strip_prefix('>')) {
            ('>', Some(after)) => rest = after,
            ('>', None) => break,
            _ => {}
        }
        name.push(c);
    }
    let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let number = name.parse().ok().filter(|number| digits && *number < entries.len());
    // Titles are cleaned for the terminal.
    let title = clean(&name);
    let by_id = || entries.iter().position(|entry| entry.id.as_deref() == Some(name.as_str()));
    let by_title = || entries.iter().position(|entry| entry.title == title);
    Some((number.or_else(by_id).or_else(by_title)?, rest))
}

/// The entry number in the file `default` that `default saved` reads: digits at its start, anything after them.
pub fn parse_saved_default(text: &[u8]) -> Option<usize> {
    let text = text.trim_ascii_start();
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    // The file is ten bytes of number, then comments; more digits than that are no number of an entry.
    let digits = text.get(..digits).filter(|d| (1..=10).contains(&d.len()))?;
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// What the file `default` holds once this entry is saved: as long as before, which must be `before`. `None`: there is no room. (GRUB
/// 0.97's savedefault writes the number and a line's end, and has the rest of its lines as they are.)
pub fn with_saved_default(before: &[u8], entry: usize) -> Option<Vec<u8>> {
    let mut after = alloc::format!("{entry}\n").into_bytes();
    let rest =
        before.iter().position(|byte| *byte == b'\n').and_then(|end| before.get(end.saturating_add(1)..));
    after.extend_from_slice(rest.unwrap_or(&[]));
    // A longer number takes of the filling at the end; a shorter one adds to it.
    while after.len() > before.len()
        && after.last().is_some_and(|byte| matches!(byte, b'\n' | b'#' | b' ' | 0))
    {
        after.pop();
    }
    after.resize(after.len().max(before.len()), b'\n');
    (after.len() == before.len()).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blocked;
    use proptest::prelude::*;

    fn entries(titles: &[&str]) -> Vec<Entry> {
        titles.iter().map(|title| Entry::new(title, Err(Blocked::NoKernel))).collect()
    }

    fn order(default: Default, fallback: &[usize], count: usize) -> Vec<usize> {
        let settings = Settings { default, fallback: fallback.to_vec(), ..Settings::default() };
        Attempts::new(&settings, &entries(&["x"; 8][..count])).collect()
    }

    #[test]
    fn an_entry_is_saved_in_the_same_length() {
        let file = b"0\n#\n#\n#\n# WARNING: a text\n";
        let after = with_saved_default(file, 12).unwrap();
        assert_eq!((after.len(), parse_saved_default(&after)), (file.len(), Some(12)));
        let back = with_saved_default(&after, 3).unwrap();
        assert_eq!((back.len(), parse_saved_default(&back)), (file.len(), Some(3)));
        assert!(with_saved_default(b"", 0).is_none() && with_saved_default(b"1", 10).is_none());
        assert_eq!(with_saved_default(b"1\n", 2).unwrap(), b"2\n");
    }

    #[test]
    fn default_then_fallbacks() {
        assert_eq!(order(Default::Entry(1), &[0, 2], 3), [1, 0, 2]);
        assert_eq!(order(Default::Entry(1), &[1, 1, 0, 1], 3), [1, 0]);
        assert_eq!(order(Default::Entry(0), &[7, 1], 2), [0, 1]);
    }

    #[test]
    fn a_default_that_is_not_there() {
        assert_eq!(order(Default::Entry(9), &[2, 1], 3), [2, 1]);
        assert_eq!(order(Default::Entry(9), &[], 3), [0]);
        assert_eq!(order(Default::Entry(0), &[0], 0), [0usize; 0]);
    }

    #[test]
    fn paths_name_entries() {
        let mut list = entries(&["Linux", "More > less", "2", "Größe"]);
        list[1].id = Some("more".into());
        list[3].id = Some("Linux".into());
        for (path, found) in [
            ("0", Some((0, ""))),
            ("1>0>x", Some((1, "0>x"))),
            ("more>Linux", Some((1, "Linux"))),
            ("More >> less>2", Some((1, "2"))),
            ("More > less", None),
            // An id goes before a title, and a number that exists before both.
            ("Linux", Some((3, ""))),
            ("2", Some((2, ""))),
            ("Größe>", Some((3, ""))),
            ("9", None),
            ("+1", None),
            ("", None),
            (">", None),
            (">>>1", None),
        ] {
            assert_eq!(entry_by_path(path, &list), found, "{path}");
        }
        let order = |path: &str| {
            let settings = Settings {
                default: Default::Path(path.into()),
                fallback: Vec::from([2]),
                ..Settings::default()
            };
            Attempts::new(&settings, &list).collect::<Vec<_>>()
        };
        assert_eq!(order("more>0"), [1, 2]);
        assert_eq!(order("gone>0"), [2]);
    }

    #[test]
    fn saved() {
        assert_eq!(order(Default::Saved, &[], 3), [0]);
        assert_eq!(parse_saved_default(b"2\n#\n#\n# WARNING: do not edit\n"), Some(2));
        assert_eq!(parse_saved_default(b"\n 12"), Some(12));
        for bad in [&b""[..], b"x", b"-1", b"99999999999999999999"] {
            assert_eq!(parse_saved_default(bad), None);
        }
    }

    proptest! {
        #[test]
        fn each_entry_once_and_all_exist(default in 0usize..9, fallback in prop::collection::vec(0usize..9, 0..20), count in 0usize..8) {
            let got = order(Default::Entry(default), &fallback, count);
            prop_assert_eq!(got.is_empty(), count == 0);
            for (i, entry) in got.iter().enumerate() {
                prop_assert!(*entry < count);
                prop_assert!(!got[..i].contains(entry));
            }
        }
    }
}
