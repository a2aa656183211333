//! Wrong passwords, and the wait for them.

use alloc::vec::Vec;
use core::time::Duration;

use crate::auth::Secret;

/// After so many wrong passwords the wait no longer doubles: 64 s.
const MAX_DOUBLINGS: u32 = 6;
/// The most secrets whose wrong passwords are counted apart.
const MAX_SECRETS: usize = 64;
/// After so long without a wrong one they are forgotten. Trying on meanwhile gives more tries than waiting for that.
const FORGET: Duration = Duration::from_secs(15 * 60);

/// The wait doubles with each wrong password, whoever's it was meant to be: all are typed at one terminal. A right one takes back
/// only those that were meant to be it, so who knows one can't use it to try another faster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wrong {
    by_secret: Vec<(Secret, u32)>,
    /// For names that don't exist, and where there are too many.
    others: u32,
    /// Until then no password is tried.
    until: Duration,
}

impl Wrong {
    /// The time until a password may be tried.
    pub fn time_left(&self, now: Duration) -> Option<Duration> {
        Some(self.until.saturating_sub(now)).filter(|left| !left.is_zero())
    }

    /// A wrong one: it was meant to be this.
    pub fn failed(&mut self, secret: Option<&Secret>, now: Duration) {
        if now.saturating_sub(self.until) >= FORGET {
            *self = Self::default();
        }
        let counted = self.by_secret.iter().map(|(_, count)| *count);
        let before = counted.fold(self.others, u32::saturating_add);
        self.until = now.saturating_add(Duration::from_secs(1 << before.min(MAX_DOUBLINGS)));
        let room = self.by_secret.len() < MAX_SECRETS;
        let known = self.by_secret.iter_mut().find(|(have, _)| Some(have) == secret).map(|(_, count)| count);
        match (known, secret) {
            (Some(count), _) => *count = count.saturating_add(1),
            (None, Some(secret)) if room => self.by_secret.push((secret.clone(), 1)),
            _ => self.others = self.others.saturating_add(1),
        }
    }

    /// The right one for this.
    pub fn succeeded(&mut self, secret: &Secret) {
        self.by_secret.retain(|(have, _)| have != secret);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn secret(name: &str) -> Secret {
        Secret::Plain(name.into())
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// One more wrong one, and the wait that it costs.
    fn wait(wrong: &mut Wrong, name: Option<&str>, now: Duration) -> u64 {
        wrong.failed(name.map(secret).as_ref(), now);
        wrong.time_left(now).unwrap().as_secs()
    }

    #[test]
    fn another_password_does_not_take_them_back() {
        let mut wrong = Wrong::default();
        for seconds in [1, 2, 4, 8, 16, 32, 64, 64] {
            assert_eq!(wait(&mut wrong, Some("root"), s(9)), seconds);
            wrong.succeeded(&secret("bob"));
        }
        wrong.succeeded(&secret("root"));
        assert_eq!(wait(&mut wrong, Some("root"), s(9)), 1);
        // Nor for a name that isn't there.
        let mut wrong = Wrong::default();
        assert_eq!((wait(&mut wrong, None, s(9)), wait(&mut wrong, Some("bob"), s(9))), (1, 2));
        wrong.succeeded(&secret("bob"));
        assert_eq!(wait(&mut wrong, None, s(9)), 2);
    }

    #[test]
    fn they_are_forgotten_after_a_while_without_any() {
        let mut wrong = Wrong::default();
        assert_eq!((wait(&mut wrong, Some("a"), s(0)), wait(&mut wrong, None, s(10))), (1, 2));
        assert_eq!(wait(&mut wrong, None, s(12) + FORGET - s(1)), 4);
        assert_eq!(wait(&mut wrong, None, s(15 + 2000)), 1);
    }

    #[test]
    fn of_many_secrets_not_all_are_kept() {
        let mut wrong = Wrong::default();
        (0..1000).for_each(|number| wrong.failed(Some(&secret(&format!("{number}"))), s(0)));
        assert_eq!((wrong.by_secret.len(), wrong.others), (MAX_SECRETS, 1000 - 64));
        (0..1000).for_each(|number| wrong.succeeded(&secret(&format!("{number}"))));
        assert_eq!(wait(&mut wrong, None, s(0)), 64);
    }
}
