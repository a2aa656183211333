//! Long lines on a terminal: broken at its width, wherever that is.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use unicode_width::UnicodeWidthChar;

/// Columns of these characters, which are clean.
pub(crate) fn columns(chars: &[char]) -> usize {
    chars.iter().map(|c| c.width().unwrap_or(0)).sum()
}

/// The characters of each row that a line takes; one row at least. A row has at most `width` columns (at least 2).
pub(crate) fn rows(line: &[char], width: usize) -> Vec<Range<usize>> {
    let width = width.max(2);
    let mut rows = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, c) in line.iter().enumerate() {
        let w = c.width().unwrap_or(0);
        if used + w > width {
            rows.push(start..at);
            (start, used) = (at, 0);
        }
        used += w;
    }
    rows.push(start..line.len());
    rows
}

/// Row and column of character `at` of a line that is broken so.
pub(crate) fn place(line: &[char], rows: &[Range<usize>], at: usize) -> (usize, usize) {
    let row = rows.iter().rposition(|row| row.start <= at).unwrap_or(0);
    let start = rows.get(row).map_or(0, |row| row.start);
    (row, columns(line.get(start..at).unwrap_or(&[])))
}

/// A line of text as rows.
pub(crate) fn fold(text: &str, width: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    rows(&chars, width).into_iter().map(|row| chars.get(row).unwrap_or(&[]).iter().collect()).collect()
}

/// What is seen of a line in one row of `width` columns when character `at` must be: the text, and the column of that character.
/// `<` and `>` stand where there is more.
pub(crate) fn window(line: &[char], at: usize, width: usize) -> (String, usize) {
    let width = width.max(8);
    if columns(line) < width {
        return (line.iter().collect(), columns(line.get(..at).unwrap_or(line)));
    }
    // Moves by half a window, so that not each key changes the whole row.
    let half = (width - 2) / 2;
    let before = columns(line.get(..at).unwrap_or(line));
    let skip = if before < width - 2 { 0 } else { (before - (width - 3)).div_ceil(half) * half };
    let (mut text, mut column, mut used, mut at_column) = (String::new(), 0, 0, 0);
    if skip > 0 {
        text.push('<');
        used = 1;
    }
    for (index, c) in line.iter().enumerate() {
        let w = c.width().unwrap_or(0);
        if index == at {
            at_column = used;
        }
        if column >= skip {
            if used + w > width - 2 {
                text.push('>');
                break;
            }
            text.push(*c);
            used += w;
        }
        column += w;
    }
    if at >= line.len() {
        at_column = used;
    }
    (text, at_column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_and_places() {
        let line: Vec<char> = "abc漢字d".chars().collect();
        let broken = rows(&line, 4);
        assert_eq!(broken, [0..3, 3..5, 5..6]);
        let places: Vec<_> = (0..=6).map(|at| place(&line, &broken, at)).collect();
        assert_eq!(places, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]);
        assert_eq!(rows(&[], 4).len(), 1);
        assert_eq!(fold("abcdef", 4), ["abcd", "ef"]);
    }

    #[test]
    fn windows() {
        let line: Vec<char> = ('a'..='z').collect();
        assert_eq!(window(&line[..5], 5, 10), ("abcde".into(), 5));
        assert_eq!(window(&line, 0, 10), ("abcdefgh>".into(), 0));
        assert_eq!(window(&line, 7, 10), ("abcdefgh>".into(), 7));
        let (text, column) = window(&line, 26, 10);
        assert!(text.starts_with('<') && text.ends_with('z') && column == text.len(), "{text}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[a漢ä]{0,80}", width in 2usize..30, at in 0usize..90) {
            prop_assert_eq!(fold(&text, width).concat(), text.clone());
            let line: Vec<char> = text.chars().collect();
            let at = at.min(line.len());
            let broken = rows(&line, width);
            let (row, column) = place(&line, &broken, at);
            prop_assert!(row < broken.len() && column <= width);
            let (text, column) = window(&line, at, width);
            prop_assert!(crate::width(&text) < width.max(8) && column <= crate::width(&text));
        }
    }
}
