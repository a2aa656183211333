//! Who has shown a password, and what that opens.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::auth::{Access, Secret};
use crate::key::Key;
use crate::keymap::KeyMap;
use crate::settings::Settings;
use crate::wrong::Wrong;

/// The most passwords that are remembered as shown.
const MAX_KNOWN: usize = 64;
/// The most lines of the command line's history.
const MAX_HISTORY: usize = 100;

/// What outlives one menu on the screen: who has shown which password, wrong ones and the wait for them, lines typed.
/// The program hands it from one [`crate::Ui`] to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// A password that was shown in one menu opens another only where the same user has the same secret.
    known: Vec<(String, Secret)>,
    wrong: Wrong,
    /// Lines of the command line, the newest last.
    pub(crate) history: Vec<String>,
    /// Keys that count as others: as in GRUB they do so in all menus that follow.
    pub(crate) keys: KeyMap,
}

impl Memory {
    /// What this key counts as.
    #[must_use]
    pub fn key(&self, key: Key) -> Key {
        self.keys.of(key)
    }

    pub(crate) fn add_history(&mut self, line: &str) {
        if line.is_empty() || self.history.last().is_some_and(|last| last == line) {
            return;
        }
        if self.history.len() >= MAX_HISTORY {
            self.history.remove(0);
        }
        self.history.push(line.into());
    }
}

/// The rules of one menu.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    superusers: Option<Vec<String>>,
    secrets: Vec<(String, Secret)>,
    keys: KeyMap,
    pub memory: Memory,
}

impl Guard {
    pub fn new(settings: &Settings) -> Self {
        Self {
            superusers: settings.superusers.clone(),
            secrets: settings.secrets.clone(),
            keys: settings.keys.clone(),
            memory: Memory { keys: settings.keys.clone(), ..Memory::default() },
        }
    }

    /// Takes what the menus before remember.
    pub fn remember(&mut self, memory: Memory) {
        let keys = self.keys.after(&memory.keys);
        self.memory = Memory { keys, ..memory };
    }

    /// The last secret of a name counts.
    fn secret(&self, user: &str) -> Option<&Secret> {
        self.secrets.iter().rev().find(|(name, _)| name == user).map(|(_, secret)| secret)
    }

    fn named(&self, access: &Access, user: &str) -> bool {
        let among = |list: &[String]| list.iter().any(|name| name == user);
        let listed = matches!(access, Access::Users(users) if among(users));
        listed || self.superusers.as_deref().is_some_and(among)
    }

    /// Whether somebody who may do this has shown a password, or none is needed.
    pub fn is_open(&self, access: &Access) -> bool {
        if self.superusers.is_none() || *access == Access::Unrestricted {
            return true;
        }
        let known = |user: &String| {
            let secret = self.secret(user);
            secret.is_some_and(|secret| {
                self.memory.known.iter().any(|(name, shown)| name == user && shown == secret)
            })
        };
        self.secrets.iter().any(|(user, _)| self.named(access, user) && known(user))
    }

    /// Whether there is a password that opens this.
    pub fn can_be_opened(&self, access: &Access) -> bool {
        self.is_open(access) || self.secrets.iter().any(|(user, _)| self.named(access, user))
    }

    /// Only one user may, who has no name: as in menu.lst.
    pub fn is_nameless(&self, access: &Access) -> bool {
        let mut users = self.secrets.iter().filter(|(user, _)| self.named(access, user));
        users.all(|(user, _)| user.is_empty())
    }

    /// The time until a password may be tried.
    pub fn time_left(&self, now: Duration) -> Option<Duration> {
        self.memory.wrong.time_left(now)
    }

    /// The same in seconds, rounded up.
    pub fn wait(&self, now: Duration) -> Option<u64> {
        let left = self.time_left(now)?;
        Some(left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0)))
    }

    /// Tries a password; the error is for the user, and the next try has to wait.
    pub fn log_in(
        &mut self,
        user: &str,
        password: &str,
        access: &Access,
        now: Duration,
    ) -> Result<(), String> {
        // For a name that does not exist some other secret is compared with, so that it takes as long.
        let secret = self.secret(user).cloned();
        let other = self.secrets.first().map(|(_, secret)| secret.clone());
        let right = secret.as_ref().or(other.as_ref()).is_some_and(|secret| secret.is(password));
        match secret {
            Some(secret) if right => {
                self.memory.wrong.succeeded(&secret);
                if self.memory.known.len() < MAX_KNOWN
                    && !self.memory.known.iter().any(|(name, _)| name == user)
                {
                    self.memory.known.push((user.into(), secret));
                } else if let Some(place) = self.memory.known.iter_mut().find(|(name, _)| name == user) {
                    place.1 = secret;
                }
                if self.is_open(access) {
                    Ok(())
                } else {
                    Err(format!("{} may not do this.", crate::clean(user)))
                }
            }
            secret => {
                self.memory.wrong.failed(secret.as_ref(), now);
                Err("The password is wrong.".into())
            }
        }
    }

    /// Tries the password of an entry's own; `false`: the next try has to wait.
    pub fn check(&mut self, secret: &Secret, password: &str, now: Duration) -> bool {
        let right = secret.is(password);
        if right {
            self.memory.wrong.succeeded(secret)
        } else {
            self.memory.wrong.failed(Some(secret), now)
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(superusers: Option<&[&str]>) -> Guard {
        let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
        let secret = |name: &str| (name.into(), Secret::Plain(alloc::format!("{name}!")));
        let settings = Settings {
            superusers: superusers.map(names),
            secrets: ["root", "ann", "bob"].map(secret).into(),
            ..Settings::default()
        };
        Guard::new(&settings)
    }

    fn ann() -> Access {
        Access::Users(Vec::from(["ann".into(), "eve".into()]))
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// GRUB 2's manual, "Authentication and authorisation".
    #[test]
    fn who_may_do_what() {
        let mut guard = guard(Some(&["root"]));
        let all = [Access::Unrestricted, Access::Superusers, ann()];
        let open = |guard: &Guard| all.iter().map(|access| guard.is_open(access)).collect::<Vec<_>>();
        assert_eq!(open(&guard), [true, false, false]);
        assert_eq!(guard.log_in("ann", "ann!", &ann(), s(0)), Ok(()));
        assert_eq!(open(&guard), [true, false, true]);
        assert_eq!(
            guard.log_in("ann", "ann!", &Access::Superusers, s(0)).unwrap_err(),
            "ann may not do this."
        );
        guard.log_in("root", "root!", &Access::Superusers, s(0)).unwrap();
        assert_eq!(open(&guard), [true, true, true]);
    }

    #[test]
    fn no_superusers_at_all_and_an_empty_list() {
        assert!(guard(None).is_open(&Access::Superusers) && guard(None).is_open(&ann()));
        let empty = guard(Some(&[]));
        assert!(!empty.is_open(&Access::Superusers) && !empty.can_be_opened(&Access::Superusers));
        assert!(!empty.is_open(&ann()) && empty.can_be_opened(&ann()));
        // A superuser without a password can't show one.
        assert!(!guard(Some(&["eve"])).can_be_opened(&Access::Superusers));
    }

    #[test]
    fn wrong_passwords_take_longer_and_longer() {
        let mut guard = guard(Some(&["root"]));
        assert_eq!(guard.wait(s(5)), None);
        for seconds in [1, 2, 4, 8, 16, 32, 64, 64] {
            assert!(guard.log_in("eve", "root!", &ann(), s(5)).is_err());
            assert_eq!(guard.wait(s(5)), Some(seconds));
            assert_eq!(guard.wait(s(5 + seconds)), None);
        }
    }

    /// Who knows one password can't try another as often as they like.
    #[test]
    fn a_right_password_takes_back_its_own_wrong_ones_only() {
        let mut guard = guard(Some(&["root"]));
        for (now, seconds) in [(0, 1), (10, 2), (20, 4)] {
            assert!(guard.log_in("root", "guess", &ann(), s(now)).is_err());
            assert_eq!(guard.wait(s(now)), Some(seconds));
            // Bob may not do this, but his password is right.
            let _ = guard.log_in("bob", "bob!", &ann(), s(now));
            guard.log_in("ann", "ann!", &ann(), s(now)).unwrap();
            assert!(guard.check(&Secret::Plain("x".into()), "x", s(now)));
        }
        assert!(!guard.check(&Secret::Plain("x".into()), "y", s(30)));
        assert_eq!(guard.wait(s(30)), Some(8));
        guard.log_in("root", "root!", &ann(), s(99)).unwrap();
        guard.check(&Secret::Plain("x".into()), "x", s(99));
        assert!(guard.log_in("root", "guess", &ann(), s(99)).is_err());
        assert_eq!(guard.wait(s(99)), Some(1));
    }

    /// A menu that another leads to can't be opened by a password of the same user's that is not the same.
    #[test]
    fn what_was_shown_opens_the_same_secret_only() {
        let mut first = guard(Some(&["root"]));
        first.log_in("root", "root!", &Access::Superusers, s(0)).unwrap();
        let mut second = guard(Some(&["root"]));
        second.memory = first.memory.clone();
        assert!(second.is_open(&Access::Superusers));
        second.secrets.push(("root".into(), Secret::Plain("other".into())));
        assert!(!second.is_open(&Access::Superusers));
        second.log_in("root", "other", &Access::Superusers, s(0)).unwrap();
        assert!(second.is_open(&Access::Superusers));
    }
}
