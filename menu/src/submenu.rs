//! A menu within a menu.

use alloc::string::{String, ToString};

use crate::model::{Menu, Target};
use crate::order::entry_by_path;
use crate::settings::{Default, Settings, TimeoutStyle};
use crate::ui::Cause;

impl Menu {
    /// The menu within this entry, if there is one, with what [`inherit`](Self::inherit) gives it.
    #[must_use]
    pub fn enter(&self, entry: usize, cause: Cause) -> Option<Self> {
        let Ok(Target::Submenu(menu)) = &self.entries.get(entry)?.target else { return None };
        let mut menu = Self::clone(menu);
        menu.inherit(self, entry, cause);
        Some(menu)
    }

    /// Makes this the menu within entry number `entry` of `outer`: the same people may do the same, and the rest of a default's path
    /// leads on in here. If a countdown chose the entry, it goes on at once.
    pub fn inherit(&mut self, outer: &Self, entry: usize, cause: Cause) {
        let path = match &outer.settings.default {
            Default::Path(path) => entry_by_path(path, &outer.entries).filter(|(number, _)| *number == entry),
            _ => None,
        };
        let path = path.map_or(String::new(), |(_, rest)| rest.to_string());
        let by_itself = cause == Cause::Automatic;
        self.settings = Settings {
            default: if path.is_empty() { Default::Entry(0) } else { Default::Path(path) },
            timeout: by_itself.then_some(0),
            timeout_style: TimeoutStyle::Menu,
            fallback: [].into(),
            new_config: None,
            entered_by_itself: by_itself,
            ..outer.settings.clone()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, Blocked, Entry, Secret};
    use alloc::boxed::Box;
    use alloc::vec::Vec;

    #[test]
    fn the_path_leads_on() {
        let leaf = |title| Entry::new(title, Err(Blocked::NoKernel));
        let inner = Menu { entries: Vec::from([leaf("x"), leaf("y")]), ..Menu::default() };
        let inner = Entry::new("inner", Ok(Target::Submenu(Box::new(inner))));
        let middle = Menu { entries: Vec::from([leaf("z"), inner]), ..Menu::default() };
        let mut outer = Menu::default();
        outer.entries.push(Entry::new("More", Ok(Target::Submenu(Box::new(middle)))));
        outer.settings = Settings {
            default: Default::Path("More>1>y".into()),
            timeout: Some(5),
            fallback: Vec::from([7]),
            superusers: Some(Vec::from(["root".into()])),
            secrets: Vec::from([("root".into(), Secret::Plain("x".into()))]),
            ..Settings::default()
        };
        let middle = outer.enter(0, Cause::Automatic).unwrap();
        assert_eq!(middle.settings.default, Default::Path("1>y".into()));
        assert_eq!((middle.settings.timeout, middle.settings.entered_by_itself), (Some(0), true));
        assert_eq!(middle.settings.fallback, [0usize; 0]);
        assert_eq!(middle.settings.secrets, outer.settings.secrets);
        assert!(middle.entries[0].access == Access::Unrestricted);
        let inner = middle.enter(1, Cause::Automatic).unwrap();
        assert_eq!(inner.settings.default, Default::Path("y".into()));
        // Somebody chose: the entry is marked, but nothing goes on by itself.
        let middle = outer.enter(0, Cause::User).unwrap();
        assert_eq!(middle.settings.default, Default::Path("1>y".into()));
        assert_eq!((middle.settings.timeout, middle.settings.entered_by_itself), (None, false));
        assert_eq!(middle.enter(0, Cause::User), None);
        assert_eq!(middle.enter(9, Cause::User), None);
    }
}
