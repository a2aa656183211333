//! Boot counting: what the name of an entry's file says, and how it goes on.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
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

    /// What is before the counters of a name without `.conf` or `.efi`, and the counters.
    ///
    /// ```
    /// # use pvgrub_menu::bls::Tries;
    /// assert_eq!(Tries::of("debian+3"), ("debian", Some(Tries { left: 3, done: 0 })));
    /// assert_eq!(Tries::of("debian+b"), ("debian+b", None));
    /// ```
    pub fn of(name: &str) -> (&str, Option<Self>) {
        let name = Name::parse(name);
        (name.stem, name.tries())
    }
}

impl fmt::Display for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { left: 0, done: 0 } => f.write_str("bad"),
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
    counted_names(file).into_iter().next()
}

/// The names that `file` may get when it is booted, the best one first: that of [`counted_down`]; and, where there is no room for it, one
/// in which only the tries that are left are counted, as long as the name before. None: nothing is to be counted.
///
/// ```
/// # use pvgrub_menu::bls::counted_names;
/// assert_eq!(counted_names("a+3.conf"), ["a+2-1.conf", "a+2.conf"]);
/// assert_eq!(counted_names("a+10-0.efi"), ["a+09-1.efi", "a+09-0.efi"]);
/// ```
pub fn counted_names(file: &str) -> Vec<String> {
    names(file).unwrap_or_default()
}

fn names(file: &str) -> Option<Vec<String>> {
    let (name, suffix) = file.rsplit_once('.')?;
    let name = Name::parse(name);
    let tries = name.tries()?;
    let (left, done) = name.digits?;
    let width = done.unwrap_or("0").len();
    // Nine digits at the most: 10^9 - 1 fits.
    let most = 10u32.pow(width as u32) - 1;
    let less = format!("{}+{:0places$}", name.stem, tries.left.checked_sub(1)?, places = left.len());
    let next = tries.done.saturating_add(1).min(most);
    let same = done.map_or(String::new(), |done| format!("-{done}"));
    let mut names = vec![format!("{less}-{next:0width$}.{suffix}"), format!("{less}{same}.{suffix}")];
    names.dedup();
    Some(names)
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
        assert_eq!(counted_names("a+1-9.conf"), ["a+0-9.conf"]);
        assert_eq!(counted_names("a+100-08.conf"), ["a+099-09.conf", "a+099-08.conf"]);
        assert!(counted_names("a+0.conf").is_empty() && counted_names("a+0-3.efi").is_empty());
    }
}
