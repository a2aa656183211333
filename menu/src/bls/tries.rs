//! Boot counting: what the name of an entry's file says, and how it goes on.

use alloc::format;
use alloc::string::String;
use core::fmt;

/// The counters in a name like `fedora+2-1.conf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// How often it may still be tried. 0: the entry is bad.
    pub left: u32,
    /// How often it was tried in vain.
    pub done: u32,
}

impl Tries {
    /// Whether nothing is left: such entries come last.
    pub fn bad(self) -> bool {
        self.left == 0
    }
}

impl fmt::Display for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { left: 0, done } => write!(f, "bad: failed {done} times"),
            Self { left: 1, .. } => f.write_str("1 try left"),
            Self { left, .. } => write!(f, "{left} tries left"),
        }
    }
}

/// A file's name in its parts: what is before the counters, and the counters' digits.
pub(super) struct Name<'a> {
    pub stem: &'a str,
    digits: Option<(&'a str, Option<&'a str>)>,
}

impl<'a> Name<'a> {
    /// `name` is without `.conf` or `.efi`.
    pub fn parse(name: &'a str) -> Self {
        let digits = |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let plain = Self { stem: name, digits: None };
        let Some((stem, counters)) = name.rsplit_once('+') else { return plain };
        match counters.split_once('-') {
            None if digits(counters) => Self { stem, digits: Some((counters, None)) },
            Some((left, done)) if digits(left) && digits(done) => {
                Self { stem, digits: Some((left, Some(done))) }
            }
            _ => plain,
        }
    }

    pub fn tries(&self) -> Option<Tries> {
        let (left, done) = self.digits?;
        Some(Tries { left: left.parse().ok()?, done: done.map_or(Some(0), |done| done.parse().ok())? })
    }
}

/// The name that `file` gets when it is booted: one try less, one more done, and as many digits as before
/// ([UAPI.1, "Boot counting"](https://uapi-group.org/specifications/specs/boot_loader_specification/#boot-counting)). `None`: it
/// is not counted, or nothing is left to count.
///
/// ```
/// # use pvgrub_menu::bls::counted_down;
/// assert_eq!(counted_down("a+3.conf").as_deref(), Some("a+2-1.conf"));
/// assert_eq!(counted_down("a+10-009.efi").as_deref(), Some("a+09-010.efi"));
/// assert_eq!(counted_down("a+0-3.conf"), None);
/// assert_eq!(counted_down("a.conf"), None);
/// ```
pub fn counted_down(file: &str) -> Option<String> {
    let (name, suffix) = file.rsplit_once('.')?;
    let name = Name::parse(name);
    let tries = name.tries()?;
    let (left, done) = name.digits?;
    let done = done.unwrap_or("0");
    // Nine digits at the most: 10^9 - 1 fits.
    let most = 10u32.pow(done.len() as u32) - 1;
    let next = (tries.left.checked_sub(1)?, tries.done.saturating_add(1).min(most));
    Some(format!(
        "{}+{:0left$}-{:0done$}.{suffix}",
        name.stem,
        next.0,
        next.1,
        left = left.len(),
        done = done.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let of = |name| Name::parse(name).tries().map(|tries| (tries.left, tries.done));
        assert_eq!(of("a+3"), Some((3, 0)));
        assert_eq!(of("a+b+03-2"), Some((3, 2)));
        for plain in ["a", "a+", "a+b", "a+3-", "a+3-x", "a+-3", "a+3b", "6.1+debug", "a+9999999999"] {
            assert_eq!(of(plain), None, "{plain}");
            assert_eq!(Name::parse(plain).stem, plain);
        }
        assert_eq!(Name::parse("a+b+03-2").stem, "a+b");
    }

    #[test]
    fn counting() {
        assert_eq!(counted_down("a+1-9.conf").as_deref(), Some("a+0-9.conf"));
        assert_eq!(counted_down("a+1-000000009.conf").as_deref(), Some("a+0-000000010.conf"));
        assert_eq!(counted_down("+1.conf").as_deref(), Some("+0-1.conf"));
        assert_eq!(counted_down("a+1"), None);
    }
}
