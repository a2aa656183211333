//! A configuration's bytes as logical lines: comments gone, continued lines joined.
//!
//! The rules are those that GRUB 0.97 users know: carriage returns do not count, a tab is a space, a backslash right
//! before the end of a line joins the next line with a space between, `#` at the start of a line is a comment (which a
//! backslash continues as well), blank lines do not count.

use alloc::vec::Vec;

/// One logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Number of the physical line it began on, from 1.
    pub number: u32,
    /// The bytes, without leading and trailing spaces, never empty.
    pub bytes: Vec<u8>,
    /// It was longer than the limit; `bytes` is only its beginning.
    pub cut: bool,
}

/// Iterator over the logical lines of a text.
pub(crate) struct Lines<'a> {
    rest: core::slice::Iter<'a, u8>,
    number: u32,
    limit: usize,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a [u8], limit: usize) -> Self {
        // A byte order mark, as Windows editors write it, would hide the first command.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        Self { rest: text.iter(), number: 1, limit }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let mut line = Line { number: 0, bytes: Vec::new(), cut: false };
        let mut comment = false;
        // The byte before was a backslash; true also inside comments and beyond the limit.
        let mut backslash = false;
        for &byte in self.rest.by_ref() {
            let mut byte = match byte {
                b'\r' => continue,
                b'\t' => b' ',
                other => other,
            };
            let here = self.number;
            if byte == b'\n' {
                self.number = self.number.saturating_add(1);
                if backslash {
                    byte = b' ';
                    if !comment && !line.cut {
                        line.bytes.pop();
                    }
                }
            }
            backslash = byte == b'\\';
            match byte {
                b'\n' if line.bytes.is_empty() => comment = false,
                b'\n' => break,
                _ if comment => {}
                b'#' if line.bytes.is_empty() => comment = true,
                b' ' if line.bytes.is_empty() => {}
                _ if line.bytes.len() >= self.limit => line.cut = true,
                _ => {
                    if line.bytes.is_empty() {
                        line.number = here;
                    }
                    line.bytes.push(byte);
                }
            }
        }
        while line.bytes.last() == Some(&b' ') {
            line.bytes.pop();
        }
        (!line.bytes.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(u32, alloc::string::String)> {
        Lines::new(text.as_bytes(), 40)
            .map(|line| (line.number, alloc::string::String::from_utf8(line.bytes).unwrap()))
            .collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[(u32, &str)]) {
        let got = split(text);
        let got: Vec<(u32, &str)> = got.iter().map(|(n, s)| (*n, s.as_str())).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn blank_lines_comments_tabs_and_carriage_returns() {
        check("\n# c\r\n\t title\tA \r\n\n#x\n  kernel /k", &[(3, "title A"), (6, "kernel /k")]);
        check("", &[]);
        check("# only", &[]);
        check("default 0 # not a comment", &[(1, "default 0 # not a comment")]);
    }

    #[test]
    fn a_backslash_joins_lines() {
        check("kernel /k a\\\nb\ninitrd /i", &[(1, "kernel /k a b"), (3, "initrd /i")]);
        check("kernel /k\\\r\n  b", &[(1, "kernel /k   b")]);
        check("# c \\\nstill comment\ntitle A", &[(3, "title A")]);
        check("title a\\b\\\\", &[(1, "title a\\b\\\\")]);
        check("\\\ntitle A", &[(2, "title A")]);
        check("title A\\", &[(1, "title A\\")]);
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        check("\u{feff}password x", &[(1, "password x")]);
    }

    #[test]
    fn long_lines_are_cut_and_the_next_line_is_whole() {
        let text = alloc::format!("title {}\\\nmore\ntitle B", "x".repeat(100));
        let lines: Vec<Line> = Lines::new(text.as_bytes(), 40).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].cut);
        assert_eq!(lines[0].bytes.len(), 40);
        assert_eq!((lines[1].number, lines[1].bytes.as_slice()), (3, b"title B".as_slice()));
    }
}
