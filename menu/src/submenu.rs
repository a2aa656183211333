//! A menu within a menu.

use alloc::string::{String, ToString};

use crate::auth::Access;
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
        let forced = outer.settings.forced.clone().filter(|_| by_itself && !path.is_empty());
        self.settings = Settings {
            title: None,
            default: if path.is_empty() { self.settings.default.clone() } else { Default::Path(path) },
            marked: None,
            forced,
            timeout: by_itself.then_some(0),
            timeout_style: TimeoutStyle::Menu,
            hidden_keys: [].into(),
            fallback: [].into(),
            new_config: None,
            entered_by_itself: by_itself,
            ..outer.settings.clone()
        };
    }

    /// Makes sure that the same people may edit and type commands as in `outer`, if this menu doesn't say who may. (In GRUB 2 a submenu
    /// doesn't know of superusers unless the variable is exported, and asks for nothing: so its entries are free here, too.)
    pub fn guard_as(&mut self, outer: &Settings) {
        if self.settings.superusers.is_some() || outer.superusers.is_none() {
            return;
        }
        self.settings.superusers.clone_from(&outer.superusers);
        self.settings.secrets.clone_from(&outer.secrets);
        self.entries.iter_mut().for_each(|entry| entry.access = Access::Unrestricted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Blocked, Entry, Secret};
    use alloc::boxed::Box;
    use alloc::vec::Vec;

    #[test]
    fn a_submenu_that_knows_no_superusers_has_those_of_its_menu() {
        let users = |name: &str| Settings {
            superusers: Some(Vec::from([name.into()])),
            secrets: Vec::from([(name.into(), Secret::Plain("x".into()))]),
            ..Settings::default()
        };
        let locked = Entry { access: Access::Superusers, ..Entry::new("a", Err(Blocked::NoKernel)) };
        let menu = Menu { entries: Vec::from([locked]), ..Menu::default() };
        let guarded = |own: Settings, outer: &Settings| {
            let mut menu = Menu { settings: own, ..menu.clone() };
            menu.guard_as(outer);
            (menu.settings, menu.entries[0].access.clone())
        };
        assert_eq!(guarded(Settings::default(), &users("root")), (users("root"), Access::Unrestricted));
        assert_eq!(guarded(users("ann"), &users("root")), (users("ann"), Access::Superusers));
        let none = Settings::default();
        assert_eq!(guarded(none.clone(), &none), (none.clone(), Access::Superusers));
    }

    #[test]
    fn the_path_leads_on() {
        let leaf = |title| Entry::new(title, Err(Blocked::NoKernel));
        let inner = Menu { entries: Vec::from([leaf("x"), leaf("y")]), ..Menu::default() };
        let inner = Entry::new("inner", Ok(Target::Submenu(Box::new(inner))));
        let settings = Settings { default: Default::Entry(1), ..Settings::default() };
        let middle = Menu { settings, entries: Vec::from([leaf("z"), inner]), ..Menu::default() };
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
        assert_eq!((inner.settings.default, inner.settings.forced), (Default::Path("y".into()), None));
        // The host insists on it; but not where somebody chose, or there is nothing left of it.
        outer.insist("0>1>gone", "word");
        let middle = outer.enter(0, Cause::Automatic).unwrap();
        let inner = middle.enter(1, Cause::Automatic).unwrap();
        assert!(
            middle.missed().is_none()
                && inner.missed().unwrap().starts_with("word: this menu has no entry gone")
        );
        assert_eq!(middle.enter(1, Cause::User).unwrap().settings.forced, None);
        outer.insist("0", "word");
        let middle = outer.enter(0, Cause::Automatic).unwrap();
        // Its own then (extlinux's MENU DEFAULT).
        assert_eq!((middle.settings.default, middle.settings.forced), (Default::Entry(1), None));
        outer.insist("More>1>y", "word");
        // Somebody chose: the entry is marked, but nothing goes on by itself.
        let middle = outer.enter(0, Cause::User).unwrap();
        assert_eq!(middle.settings.default, Default::Path("1>y".into()));
        assert_eq!((middle.settings.timeout, middle.settings.entered_by_itself), (None, false));
        assert_eq!(middle.enter(0, Cause::User), None);
        assert_eq!(middle.enter(9, Cause::User), None);
    }
}
