//! Words that dom0 adds to a kernel's command line, where the kernel reads them as its own whatever stands before.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// Linux's blanks (`lib/ctype.c`): 0xa0 is one, though in UTF-8 it is a part of letters.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ' | 0xa0)
}

/// The command line with `more` in it: at its end, where Linux lets the last word count. A quote that is open there is closed, since it
/// would make all the rest a part of one word; and behind a word `--` everything is for init, so it comes before that.
#[must_use]
pub fn append(args: &str, more: &str) -> String {
    if more.is_empty() {
        return args.to_owned();
    }
    let mut args = args.to_owned();
    if args.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        args.push('"');
    }
    let (before, behind) = args.split_at(for_init(&args));
    let parts = [before.trim_end_matches(' '), more, behind];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Where the word begins behind which all is for init, or the end. Words are as `next_arg` in Linux's `lib/cmdline.c` takes them: blanks
/// within quotes are none, a backslash is a letter.
fn for_init(args: &str) -> usize {
    let bytes = args.as_bytes();
    let mut start = 0;
    let mut quoted = false;
    for (at, byte) in bytes.iter().copied().chain([b' ']).enumerate() {
        quoted ^= byte == b'"';
        if quoted || !is_blank(byte) {
            continue;
        }
        if matches!(bytes.get(start..at), Some(br#"--"# | br#""--""#)) {
            return start;
        }
        start = at.saturating_add(1);
    }
    args.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The words that Linux takes as its own, by another way than above: letter after letter, as `next_arg` goes.
    fn words_of_linux(line: &[u8]) -> Vec<Vec<u8>> {
        let mut words = Vec::new();
        let mut rest = line;
        loop {
            while let [first, behind @ ..] = rest
                && is_blank(*first)
            {
                rest = behind;
            }
            let (mut quoted, mut length) = (false, 0);
            while let Some(byte) = rest.get(length).filter(|byte| quoted || !is_blank(**byte)) {
                quoted ^= *byte == b'"';
                length += 1;
            }
            let (word, behind) = rest.split_at(length);
            rest = behind;
            let bare = match word.strip_prefix(b"\"") {
                Some(word) => word.strip_suffix(b"\"").unwrap_or(word),
                None => word,
            };
            if word.is_empty() || bare == b"--" {
                return words;
            }
            words.push(word.to_vec());
        }
    }

    #[test]
    fn where_the_words_go() {
        for (args, line) in [
            ("", "a=1 b"),
            ("ro quiet", "ro quiet a=1 b"),
            ("ro -- single", "ro a=1 b -- single"),
            ("-- x", "a=1 b -- x"),
            ("--", "a=1 b --"),
            ("ro \"--\" x", "ro a=1 b \"--\" x"),
            ("x=\"1 2\" ro", "x=\"1 2\" ro a=1 b"),
            ("x=\"1 -- 2\" y", "x=\"1 -- 2\" y a=1 b"),
            ("x=\"1", "x=\"1\" a=1 b"),
            ("\"--", "a=1 b \"--\""),
            (r#"x=\"1"#, r#"x=\"1" a=1 b"#),
            ("--x x-- --=", "--x x-- --= a=1 b"),
            ("ro\t--\tx", "ro\t a=1 b --\tx"),
            // Its last byte is 0xa0.
            ("ro \u{e0}-- x", "ro \u{e0} a=1 b -- x"),
        ] {
            assert_eq!(append(args, "a=1 b"), line, "{args}");
            assert_eq!(append(args, ""), args);
        }
    }

    proptest! {
        #[test]
        fn linux_takes_them_whatever_stands_before(args in "[-\"\\\\= ax\t\u{e0}\u{a0}]{0,24}") {
            let line = append(&args, "forced=1 last");
            let words = words_of_linux(line.as_bytes());
            let end = [b"forced=1".to_vec(), b"last".to_vec()];
            prop_assert!(words.ends_with(&end), "{line:?}: {words:?}");
            // And nothing of the guest's gets lost.
            let own = words_of_linux(args.as_bytes());
            prop_assert!(own.len() <= words.len());
        }
    }
}
