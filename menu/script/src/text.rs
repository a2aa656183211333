//! A script's text, line by line.

use alloc::string::String;

/// Where the lexer gets its lines.
pub(crate) struct Lines<'a> {
    rest: Option<&'a str>,
    /// A file: lines that begin with `#` are never seen, not even within quotation marks, and carriage returns neither.
    file: bool,
    /// The number of the line that was read last.
    pub line: u32,
}

impl<'a> Lines<'a> {
    /// `first` is the first line's number.
    pub fn new(text: &'a str, file: bool, first: u32) -> Self {
        // A file's last line end does not begin another line; other text's does, and it is empty.
        let rest = if file && text.is_empty() { None } else { Some(text) };
        Self { rest, file, line: first.saturating_sub(1) }
    }

    /// Appends the next line with its line end; `false` if there is none.
    pub fn next(&mut self, to: &mut String) -> bool {
        while let Some(rest) = self.rest {
            self.line = self.line.saturating_add(1);
            let (line, rest) = match rest.split_once('\n') {
                Some((line, rest)) => (line, Some(rest)),
                None => (rest, None),
            };
            self.rest = if self.file { rest.filter(|rest| !rest.is_empty()) } else { rest };
            // Lines are C strings in GRUB.
            let line = line.split('\0').next().unwrap_or(line);
            if !self.file {
                to.push_str(line);
            } else if line.trim_start_matches('\r').starts_with('#') {
                continue;
            } else {
                to.extend(line.chars().filter(|c| *c != '\r'));
            }
            to.push('\n');
            return true;
        }
        false
    }
}
