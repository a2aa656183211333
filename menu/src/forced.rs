//! An entry that the host insists on.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::clean::{clean, cut};
use crate::model::{Entry, Menu};
use crate::order::{Attempts, entry_by_path};
use crate::settings::Default;

/// The most entries that are named.
const MOST: usize = 10;
/// The longest title and id that are shown whole, in columns.
const LONGEST: usize = 40;

impl Menu {
    /// Makes this the entry that is booted when nobody chooses: if it isn't there, none is. `word` is how the host said so, for the user.
    pub fn insist(&mut self, path: &str, word: &str) {
        self.settings.default = Default::Path(path.into());
        self.settings.forced = Some(word.into());
        self.settings.fallback.clear();
        self.settings.marked = None;
    }

    /// What the host insists on within one of the entries (`a>b`): the entry's number, what is meant for the menu that it leads to, and how
    /// the host said so.
    #[must_use]
    pub fn forced_within(&self) -> Option<(usize, &str, &str)> {
        let Default::Path(path) = &self.settings.default else { return None };
        let word = self.settings.forced.as_deref()?;
        let (entry, rest) = entry_by_path(path, &self.entries)?;
        (!rest.is_empty()).then_some((entry, rest, word))
    }

    /// Why nothing is booted by itself: the entry that the host insists on is not in this menu. Which there are is said, too.
    #[must_use]
    pub fn missed(&self) -> Option<String> {
        let word = self.settings.forced.as_ref()?;
        if Attempts::new(&self.settings, &self.entries).first().is_some() {
            return None;
        }
        let Default::Path(path) = &self.settings.default else { return None };
        let mut names: Vec<String> = self.entries.iter().enumerate().take(MOST).map(name).collect();
        match self.entries.len().checked_sub(MOST) {
            _ if names.is_empty() => names.push("none".into()),
            Some(more @ 1..) => names.push(format!("and {more} more")),
            _ => {}
        }
        Some(format!(
            "{}: this menu has no entry {}, so nothing is booted by itself. There are: {}.",
            clean(word),
            clean(path),
            names.join("; ")
        ))
    }
}

/// By which names an entry can be asked for.
fn name((number, entry): (usize, &Entry)) -> String {
    let title = cut(&entry.title, LONGEST);
    match entry.id.as_deref().map(clean).filter(|id| !id.is_empty() && *id != entry.title) {
        Some(id) => format!("{number} {title} ({})", cut(&id, LONGEST)),
        None => format!("{number} {title}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Blocked, Settings};

    fn menu(count: usize) -> Menu {
        let entry = |number| Entry::new(&format!("Entry {number}"), Err(Blocked::NoKernel));
        let settings = Settings { fallback: Vec::from([1]), timeout: Some(0), ..Settings::default() };
        Menu { settings, entries: (0..count).map(entry).collect(), notes: Vec::new() }
    }

    #[test]
    fn what_is_not_there_gives_way_to_nothing() {
        let mut menu = menu(3);
        menu.entries[1].id = Some("one\u{1b}".into());
        menu.entries[2].id = Some("Entry 2".into());
        assert_eq!(menu.missed(), None);
        menu.insist("gone>x", "pvgrub.entry=gone>x");
        assert_eq!(
            menu.missed().unwrap(),
            "pvgrub.entry=gone>x: this menu has no entry gone>x, so nothing is booted by itself. \
             There are: 0 Entry 0; 1 Entry 1 (one?); 2 Entry 2."
        );
        assert_eq!(Attempts::new(&menu.settings, &menu.entries).first(), None);
        assert_eq!(menu.forced_within(), None);
        menu.insist("one\u{1b}>a>b", "word");
        assert_eq!(menu.forced_within(), Some((1, "a>b", "word")));
        menu.insist("Entry 2", "pvgrub.entry=Entry 2");
        assert_eq!(menu.forced_within(), None);
        assert_eq!(menu.missed(), None);
        assert_eq!(Attempts::new(&menu.settings, &menu.entries).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn the_list_is_bounded() {
        for (count, end) in [(0, "are: none."), (10, "; 9 Entry 9."), (12, "; 9 Entry 9; and 2 more.")] {
            let mut menu = menu(count);
            menu.insist("99", "pvgrub.entry=99");
            assert!(menu.missed().unwrap().ends_with(end), "{:?}", menu.missed());
        }
        let mut menu = menu(1);
        menu.entries[0].title = "x".repeat(1000);
        menu.insist("y", "pvgrub.entry=y");
        assert!(menu.missed().unwrap().len() < 200);
    }
}
