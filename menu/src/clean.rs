//! Text from outside, made fit for a terminal.

use alloc::string::String;
use unicode_width::UnicodeWidthChar;

/// `text` with everything gone that could move the cursor, change the terminal or mislead the reader: control characters
/// (escape among them) and characters of no known width become `?`, those of width zero (joiners, direction marks,
/// combining marks) are dropped. What remains takes one or two columns a character.
pub fn clean(text: &str) -> String {
    text.chars().filter_map(clean_char).collect()
}

/// What is seen of a character that must stay what it is, since somebody edits it: always one character for one.
pub(crate) fn seen(c: char) -> char {
    clean_char(c).unwrap_or('?')
}

fn clean_char(c: char) -> Option<char> {
    match c {
        '\t' => Some(' '),
        // Line and paragraph separators, and what a lossy conversion leaves.
        '\u{2028}' | '\u{2029}' | char::REPLACEMENT_CHARACTER => Some('?'),
        // Direction marks, embeddings, overrides and isolates; the annotation characters; tags.
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => None,
        // What is private has no agreed width.
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. => Some('?'),
        _ => match c.width() {
            None => Some('?'),
            Some(0) => None,
            Some(_) => Some(c),
        },
    }
}

/// Columns that `text` (already [`clean`]) takes.
pub fn width(text: &str) -> usize {
    // Character by character: what joins characters (emoji sequences) was dropped by `clean`.
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// `text` cut to at most `columns`; a cut is marked with `~` in the last column.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return String::from(text);
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > columns {
            break;
        }
        used += w;
        out.push(c);
    }
    if columns > 0 {
        out.push('~');
    }
    out
}

/// `text` in lines of at most `columns`, broken at spaces where there are any; at most `most` lines.
pub(crate) fn wrap(text: &str, columns: usize, most: usize) -> alloc::vec::Vec<String> {
    let columns = columns.max(2);
    let mut lines = alloc::vec::Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let w = width(word).min(columns);
        if used > 0 && used + 1 + w > columns {
            if lines.len() + 1 >= most {
                break;
            }
            lines.push(core::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        let word = cut(word, columns);
        used += width(&word);
        line.push_str(&word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_lose_their_escape() {
        assert_eq!(clean("\x1b[2Jboo\x07\x7f\u{9b}31m"), "?[2Jboo???31m");
        assert_eq!(clean("a\u{202e}b\u{200b}c\u{2028}d\te"), "abc?d e");
        assert_eq!(clean("Größe 漢字"), "Größe 漢字");
    }

    #[test]
    fn cutting_counts_columns_not_bytes() {
        assert_eq!(cut("Größe", 5), "Größe");
        assert_eq!(cut("Größer", 5), "Größ~");
        assert_eq!(cut("漢字漢字", 5), "漢字~");
        assert_eq!(cut("漢字漢字", 4), "漢~");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn wrapping_breaks_at_spaces_and_is_bounded() {
        assert_eq!(wrap("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij x", 5, 9), ["abcd~", "x"]);
        assert_eq!(wrap("a b c d", 2, 2), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn cleaned_text_is_harmless(text in any::<String>(), columns in 0usize..100) {
            let text = clean(&text);
            prop_assert!(text.chars().all(|c| !c.is_control()));
            prop_assert!(width(&cut(&text, columns)) <= columns);
            for line in wrap(&text, columns, 5) {
                prop_assert!(width(&line) <= columns.max(2));
            }
        }
    }
}
