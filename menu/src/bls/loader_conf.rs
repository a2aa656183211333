//! `loader/loader.conf`: what systemd-boot is told about its menu.

use alloc::string::String;
use alloc::vec::Vec;

use crate::text;

/// What a `loader.conf` says, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoaderConf {
    /// The pattern of the entry that is booted when nobody chooses; or `@saved`.
    pub default: Option<String>,
    /// How long the menu waits.
    pub timeout: Timeout,
    /// Whether a command line may be edited.
    pub editor: Option<bool>,
}

/// How long systemd-boot's menu waits, and whether it is seen at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Timeout {
    /// It is not said. systemd-boot shows no menu then unless a key is held.
    #[default]
    Unset,
    /// Seconds; 0: no menu unless a key is held.
    Seconds(u32),
    /// `menu-force`: the menu waits for ever.
    Force,
    /// `menu-hidden`: no menu unless a key is held.
    Hidden,
    /// `menu-disabled`: no menu, whatever key is held.
    Disabled,
}

impl LoaderConf {
    /// Reads a `loader.conf`. Lines that mean nothing here are passed over, as systemd-boot passes over unknown ones; so is a file
    /// that is no text.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut conf = Self::default();
        for (_, line) in text::lines(text::text(bytes).unwrap_or("")) {
            let (key, value) = text::first_word(line);
            match key {
                "default" if text::usable(value).is_ok() && !value.is_empty() => {
                    conf.default = Some(value.into());
                }
                "timeout" => match value {
                    "menu-force" => conf.timeout = Timeout::Force,
                    "menu-hidden" => conf.timeout = Timeout::Hidden,
                    "menu-disabled" => conf.timeout = Timeout::Disabled,
                    _ => conf.timeout = value.parse().map_or(conf.timeout, Timeout::Seconds),
                },
                "editor" => conf.editor = boolean(value).or(conf.editor),
                _ => {}
            }
        }
        conf
    }
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

/// Whether a name matches a shell's pattern (`*`, `?`, `[a-z]`, `[!a-z]`, `\` before a character that stands for itself), without
/// regard to the case of ASCII letters.
pub fn glob(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.to_ascii_lowercase().chars().collect(), name.to_ascii_lowercase().chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last star was, and how much of the name it has taken: only that one is ever tried again.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match one(pattern.get(p..).unwrap_or(&[]), name[n]) {
            Some(Step::Star) => {
                p += 1;
                star = Some((p, n));
                continue;
            }
            Some(Step::Took(len)) => {
                p += len;
                n += 1;
                continue;
            }
            None => {}
        }
        let Some((after, taken)) = &mut star else { return false };
        *taken += 1;
        (p, n) = (*after, *taken);
    }
    pattern.get(p..).unwrap_or(&[]).iter().all(|c| *c == '*')
}

enum Step {
    Star,
    /// One character, by so many of the pattern.
    Took(usize),
}

fn one(pattern: &[char], c: char) -> Option<Step> {
    match pattern {
        ['*', ..] => Some(Step::Star),
        ['?', ..] => Some(Step::Took(1)),
        ['\\', escaped, ..] => (*escaped == c).then_some(Step::Took(2)),
        ['[', rest @ ..] => set(rest, c).map(|len| Step::Took(len + 1)),
        [plain, ..] => (*plain == c).then_some(Step::Took(1)),
        [] => None,
    }
}

/// Whether `c` is in the set whose text follows a `[`; how long that text is, with its `]`.
fn set(text: &[char], c: char) -> Option<usize> {
    let negated = matches!(text.first(), Some('!' | '^'));
    let start = usize::from(negated);
    // A `]` right at the beginning belongs to the set.
    let end = text.iter().skip(start + 1).position(|c| *c == ']')? + start + 1;
    let mut inside = false;
    let mut members = text.get(start..end)?;
    while let [first, rest @ ..] = members {
        members = match rest {
            ['-', last, rest @ ..] => {
                inside |= (*first..=*last).contains(&c);
                rest
            }
            _ => {
                inside |= *first == c;
                rest
            }
        };
    }
    (inside != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file() {
        let text = b"# c\ntimeout\t3\r\n#console-mode keep\ndefault  fedora-*\neditor no\nbeep yes\n";
        let conf = LoaderConf::parse(text);
        let expected = LoaderConf {
            default: Some("fedora-*".into()),
            timeout: Timeout::Seconds(3),
            editor: Some(false),
        };
        assert_eq!(conf, expected);
        let of = |text: &[u8]| LoaderConf::parse(text).timeout;
        assert_eq!(of(b"timeout menu-force"), Timeout::Force);
        assert_eq!(of(b"timeout menu-hidden"), Timeout::Hidden);
        assert_eq!(of(b"timeout 5\ntimeout -1"), Timeout::Seconds(5));
        assert_eq!(of(b"\0timeout 5"), Timeout::Unset);
    }

    #[test]
    fn patterns() {
        for (pattern, name) in [
            ("arch.conf", "Arch.conf"),
            ("*", ""),
            ("a*b*c", "aXbYbZc"),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[]x]", "]"),
            ("\\*", "*"),
            ("*.conf", "ä.conf"),
            ("a**", "a"),
        ] {
            assert!(glob(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("a", "ab"), ("", "a"), ("a?", "a"), ("[a-c", "a"), ("[!a]", "a"), ("*b", "abc"), ("\\a", "\\a")]
        {
            assert!(!glob(pattern, name), "{pattern} {name}");
        }
        // Many stars take no more time than length times length.
        assert!(!glob(&"*a".repeat(1000), &"a".repeat(999)));
    }
}
