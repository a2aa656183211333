//! Messages that are kept back while somebody else has the screen.
//!
//! ```
//! use platform_xen::held::Held;
//!
//! let mut held = Held::new();
//! held.push("a disk has gone\n".into());
//! assert_eq!(held.take(), ["a disk has gone\n"]);
//! assert!(held.take().is_empty());
//! ```

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// Messages that are kept; of more, the first give way.
const MOST: usize = 32;
/// Bytes of one that are kept.
const LONGEST: usize = 500;

/// The messages.
#[derive(Debug, Default)]
pub struct Held {
    lines: VecDeque<String>,
    lost: u64,
}

impl Held {
    /// No messages.
    #[must_use]
    pub const fn new() -> Held {
        Held { lines: VecDeque::new(), lost: 0 }
    }

    /// Keeps a message.
    pub fn push(&mut self, mut line: String) {
        if line.len() > LONGEST {
            line.truncate(line.floor_char_boundary(LONGEST));
            line.push('\n');
        }
        if self.lines.len() == MOST {
            self.lines.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
        self.lines.push_back(line);
    }

    /// Takes all, with a word on those that were lost.
    pub fn take(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.lost > 0 {
            let mut first = String::new();
            let _ = writeln!(first, "[{} messages were lost]", core::mem::take(&mut self.lost));
            lines.push(first);
        }
        lines.extend(self.lines.drain(..));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn messages_come_in_their_order() {
        let mut held = Held::new();
        assert_eq!(held.take(), [""; 0]);
        held.push("a\n".into());
        held.push("b\n".into());
        assert_eq!(held.take(), ["a\n", "b\n"]);
        assert_eq!(held.take(), [""; 0]);
    }

    #[test]
    fn they_are_bounded() {
        let mut held = Held::new();
        for n in 0..1000 {
            held.push(format!("{n} {}\n", "ä".repeat(1000)));
        }
        let lines = held.take();
        assert_eq!(lines.len(), MOST + 1);
        assert_eq!(lines[0], "[968 messages were lost]\n");
        assert!(lines[1].starts_with("968 ä") && lines[1].ends_with("ä\n"));
        assert!(lines.iter().all(|line| line.len() <= LONGEST + 1));
        assert_eq!(held.take(), [""; 0]);
    }
}
