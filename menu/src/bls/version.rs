//! Which of two versions is newer: by systemd's rules, and by those that GRUB's `blscfg` has.

use core::cmp::Ordering;

/// What [`uapi`] does not pass over.
fn counts(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'-' | b'^' | b'.')
}

/// Drops the bytes at the beginning for which `is` holds; they are the first of the result.
fn split(text: &[u8], is: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !is(*byte)).unwrap_or(text.len());
    text.split_at(end)
}

/// Compares digits as a number of any length.
fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let zero = |byte| byte == b'0';
    let (a, b) = (split(a, zero).1, split(b, zero).1);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// By the Version Format Specification, [UAPI.10](https://uapi-group.org/specifications/specs/version_format_specification/):
/// what systemd-boot sorts by.
pub fn uapi(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        (a, b) = (split(a, |byte| !counts(byte)).1, split(b, |byte| !counts(byte)).1);
        // In the specification's order: a tilde is below the end of a version, the others are above it.
        for separator in *b"~\0-^." {
            if separator == 0 {
                if a.is_empty() || b.is_empty() {
                    return a.len().cmp(&b.len());
                }
                continue;
            }
            match (a.split_first(), b.split_first()) {
                (Some((x, rest_a)), Some((y, rest_b))) if *x == separator && *y == separator => {
                    (a, b) = (rest_a, rest_b);
                }
                (Some((x, _)), _) if *x == separator => return Ordering::Less,
                (_, Some((y, _))) if *y == separator => return Ordering::Greater,
                _ => {}
            }
        }
        let digit = |text: &[u8]| text.first().is_some_and(u8::is_ascii_digit);
        let is_number = digit(a) || digit(b);
        let part = |byte: u8| if is_number { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
        let ((one, rest_a), (two, rest_b)) = (split(a, part), split(b, part));
        let order = if is_number { numbers(one, two) } else { one.cmp(two) };
        if order.is_ne() {
            return order;
        }
        // Two separators in a row can leave nothing that was compared: then the next round sees the second one.
        (a, b) = (rest_a, rest_b);
    }
}

/// As rpm compares versions, with `+` as GRUB's `blscfg` has it: a part behind a plus is newer than none, and older than any other
/// part. (rpm's own manual, "rpm-version"; Fedora's grub2, `grub-core/commands/blscfg.c`.)
pub fn rpm(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let between = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'~' && byte != b'+';
        (a, b) = (split(a, between).1, split(b, between).1);
        let (x, y) = (a.first().copied(), b.first().copied());
        match (x, y) {
            (Some(b'~'), Some(b'~')) | (Some(b'+'), Some(b'+')) => {
                (a, b) = (a.get(1..).unwrap_or(&[]), b.get(1..).unwrap_or(&[]));
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            (None, _) | (_, None) => break,
            (Some(b'+'), _) => return Ordering::Less,
            (_, Some(b'+')) => return Ordering::Greater,
            _ => {}
        }
        let is_number = x.is_some_and(|x| x.is_ascii_digit());
        let part = |byte: u8| if is_number { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
        let ((one, rest_a), (two, rest_b)) = (split(a, part), split(b, part));
        if two.is_empty() {
            // A number is newer than a word.
            return if is_number { Ordering::Greater } else { Ordering::Less };
        }
        let order = if is_number { numbers(one, two) } else { one.cmp(two) };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.len().min(1).cmp(&b.len().min(1))
}

/// Compares file names as `blscfg` does: as NAME-VERSION-RELEASE, part by part.
pub(super) fn package(a: &str, b: &str) -> Ordering {
    let ((name_a, version_a, release_a), (name_b, version_b, release_b)) = (parts(a), parts(b));
    rpm(name_a, name_b).then_with(|| rpm(version_a, version_b)).then_with(|| rpm(release_a, release_b))
}

fn parts(name: &str) -> (&str, &str, &str) {
    match name.rsplit_once('-') {
        None => (name, "", ""),
        Some((rest, release)) => match rest.rsplit_once('-') {
            None => (rest, release, ""),
            Some((name, version)) => (name, version, release),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Equal, Greater, Less};
    use proptest::prelude::*;

    #[track_caller]
    fn check(compare: fn(&str, &str) -> Ordering, a: &str, b: &str, expected: Ordering) {
        assert_eq!(compare(a, b), expected, "{a} {b}");
        assert_eq!(compare(b, a), expected.reverse(), "{b} {a}");
    }

    /// The examples of the specification.
    #[test]
    fn the_examples_of_uapi_10() {
        for (a, b, expected) in [
            ("11", "11", Equal),
            ("systemd-123", "systemd-123", Equal),
            ("bar-123", "foo-123", Less),
            ("123a", "123", Greater),
            ("123.a", "123", Greater),
            ("123.a", "123.b", Less),
            ("123a", "123.a", Greater),
            ("11α", "11β", Equal),
            ("B", "a", Less),
            ("", "0", Less),
            ("0.", "0", Greater),
            ("0.0", "0", Greater),
            ("0", "~", Greater),
            ("", "~", Greater),
            ("1_", "1", Equal),
            ("_1", "1", Equal),
            ("1_", "1.2", Less),
            ("1_2_3", "1.3.3", Greater),
            ("1+", "1", Equal),
            ("+1", "1", Equal),
            ("1+", "1.2", Less),
            ("1+2+3", "1.3.3", Greater),
        ] {
            check(uapi, a, b, expected);
        }
        let line = [
            "122.1",
            "123~rc1-1",
            "123",
            "123-a",
            "123-a.1",
            "123-1",
            "123-1.1",
            "123^post1",
            "123.a-1",
            "123.1-1",
            "123a-1",
            "124-1",
        ];
        for (i, a) in line.iter().enumerate() {
            for (j, b) in line.iter().enumerate() {
                check(uapi, a, b, i.cmp(&j));
            }
        }
    }

    #[test]
    fn rpm_versions() {
        for (a, b, expected) in [
            ("1.0", "1.0", Equal),
            ("1.0", "2.0", Less),
            ("2.0.1a", "2.0.1", Greater),
            ("5.5p1", "5.5p10", Less),
            ("10xyz", "10.1xyz", Less),
            ("xyz10", "xyz10.1", Less),
            ("1.0010", "1.9", Greater),
            ("1.05", "1.5", Equal),
            ("fc4", "fc.4", Equal),
            ("a", "1", Less),
            ("1.0~rc1", "1.0", Less),
            ("1.0~rc1", "1.0~rc2", Less),
            ("1.0~~", "1.0~", Less),
            ("6.1", "6.1+debug", Less),
            ("6.1+debug", "6.1.2", Less),
            ("6.1.", "6.1", Equal),
        ] {
            check(rpm, a, b, expected);
        }
    }

    proptest! {
        /// Sorting must not meet a contradiction.
        #[test]
        fn both_are_orders(a in "[0-2aB.~^+-]{0,6}", b in "[0-2aB.~^+-]{0,6}", c in "[0-2aB.~^+-]{0,6}") {
            for compare in [uapi, rpm, package] {
                prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
                prop_assert_eq!(compare(&a, &a), Equal);
                if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                    prop_assert!(compare(&a, &c).is_le(), "{} {} {}", a, b, c);
                }
            }
        }
    }
}
