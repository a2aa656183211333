//! The block of variables that GRUB keeps in a file: `grubenv`.
//!
//! It begins with a line of its own; then come lines `NAME=VALUE`, in which a backslash stands before a backslash and before a
//! line end; `#` fills the rest. A block has a fixed size, 1,024 bytes as a rule, since GRUB writes over it in place.

use alloc::string::String;
use alloc::vec::Vec;

/// What a block begins with.
pub const SIGNATURE: &[u8] = b"# GRUB Environment Block\n";

/// An environment block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    bytes: Vec<u8>,
}

impl Block {
    /// The block that these bytes are; `None` if they are none.
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        // GRUB wants one byte more than the signature has.
        (bytes.starts_with(SIGNATURE) && bytes.len() > SIGNATURE.len()).then_some(Self { bytes })
    }

    /// Its bytes, as many as it always had.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Names and values, in their order. What is no UTF-8 is replaced.
    pub fn iter(&self) -> impl Iterator<Item = (String, String)> {
        let mut rest = self.bytes.get(SIGNATURE.len()..).unwrap_or_default();
        core::iter::from_fn(move || {
            loop {
                let first = rest.first()?;
                if *first == b'#' {
                    rest = behind_line(rest);
                    continue;
                }
                let equals = rest.iter().position(|b| *b == b'=')?;
                let name = String::from_utf8_lossy(rest.get(..equals)?).into_owned();
                let text = rest.get(equals + 1..)?;
                let length = value_length(text)?;
                let value = unescape(text.get(..length)?);
                rest = text.get(length + 1..).unwrap_or_default();
                return Some((name, value));
            }
        })
    }

    /// Where a variable's line begins, and how long it is with its end.
    fn find(&self, name: &str) -> Option<(usize, usize)> {
        let mut at = SIGNATURE.len();
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some(value) = rest.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) {
                return Some((at, name.len() + 1 + value_length(value)? + 1));
            }
            at += rest.len() - behind_line(rest).len();
        }
        None
    }

    /// Sets a variable; `false` if there is no room for it, and then nothing is changed. A name with `=` or a line end in it
    /// can't be kept.
    #[must_use]
    pub fn set(&mut self, name: &str, value: &str) -> bool {
        let mut line = Vec::from(name);
        line.push(b'=');
        for byte in value.bytes() {
            if matches!(byte, b'\\' | b'\n') {
                line.push(b'\\');
            }
            line.push(byte);
        }
        line.push(b'\n');
        // Where the filling begins.
        let used = self.bytes.iter().rposition(|b| *b != b'#').map_or(0, |last| last + 1);
        if name.is_empty()
            || name.contains(['=', '\n', '#'])
            || self.bytes.get(..used).is_none_or(|b| !b.ends_with(b"\n"))
        {
            return false;
        }
        let (at, old) = self.find(name).filter(|(at, length)| at + length <= used).unwrap_or((used, 0));
        let size = self.bytes.len();
        if used - old + line.len() > size {
            return false;
        }
        self.bytes.splice(at..at + old, line);
        self.bytes.resize(size.max(self.bytes.len()), b'#');
        self.bytes.truncate(size);
        true
    }

    /// Takes a variable away, if it is there.
    pub fn remove(&mut self, name: &str) {
        if let Some((at, length)) = self.find(name).filter(|(at, length)| at + length <= self.bytes.len()) {
            let size = self.bytes.len();
            self.bytes.drain(at..at + length);
            self.bytes.resize(size, b'#');
        }
    }
}

/// The length of a value, up to its line end; `None` if it has none.
fn value_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'\n' => return Some(at),
            _ => at += 1,
        }
    }
}

/// What stands behind the line that begins here.
fn behind_line(text: &[u8]) -> &[u8] {
    value_length(text).and_then(|length| text.get(length + 1..)).unwrap_or_default()
}

fn unescape(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => out.extend(rest.next()),
            _ => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use proptest::prelude::*;

    use super::*;

    fn block(lines: &str) -> Block {
        let mut bytes = Vec::from(SIGNATURE);
        bytes.extend(lines.bytes());
        bytes.resize(1024, b'#');
        Block::parse(bytes).unwrap()
    }

    fn pairs(block: &Block) -> Vec<(String, String)> {
        block.iter().collect()
    }

    #[test]
    fn a_block_is_read() {
        let block = block("saved_entry=Debian\\\\x\n# comment\nempty=\ntwo=a\\\nb\n");
        let want = [("saved_entry", "Debian\\x"), ("empty", ""), ("two", "a\nb")];
        assert_eq!(pairs(&block), want.map(|(a, b)| (a.into(), b.into())));
        assert!(Block::parse(SIGNATURE.to_vec()).is_none());
        assert!(Block::parse(b"# GRUB environment block\nx=1\n".to_vec()).is_none());
    }

    #[test]
    fn a_variable_is_written_in_place() {
        let mut changed = block("a=1\nb=22\nc=3\n");
        assert!(changed.set("b", "x"));
        assert_eq!(changed, block("a=1\nb=x\nc=3\n"));
        assert!(changed.set("b", "a longer\\one\n"));
        assert_eq!(changed, block("a=1\nb=a longer\\\\one\\\n\nc=3\n"));
        changed.remove("a");
        changed.remove("nothing");
        assert!(changed.set("d", ""));
        assert_eq!(changed, block("b=a longer\\\\one\\\n\nc=3\nd=\n"));
    }

    #[test]
    fn what_has_no_room_changes_nothing() {
        let mut changed = block("a=1\n");
        assert!(!changed.set("a", &"x".repeat(1000)));
        assert!(!changed.set("b", &"x".repeat(1000)));
        assert!(!changed.set("b=c", ""));
        assert_eq!(changed, block("a=1\n"));
        let rest = 1024 - SIGNATURE.len() - "a=1\n".len() - "b=\n".len();
        assert!(changed.set("b", &"x".repeat(rest)));
        assert_eq!(changed.bytes().len(), 1024);
        assert_eq!(pairs(&changed).len(), 2);
        // Nowhere to write: no line end before the filling.
        assert!(!Block::parse(b"# GRUB Environment Block\nx".to_vec()).unwrap().set("a", ""));
    }

    proptest! {
        #[test]
        fn no_block_panics_or_grows(tail in proptest::collection::vec(any::<u8>(), 1..300), name in "[a-z=\\\\]{0,3}", value in any::<String>()) {
            let mut bytes = SIGNATURE.to_vec();
            bytes.extend(tail);
            let size = bytes.len();
            let mut block = Block::parse(bytes).unwrap();
            let before = block.clone();
            let done = block.set(&name, &value);
            prop_assert_eq!(block.bytes().len(), size);
            prop_assert!(done || block == before);
            block.remove(&name);
            prop_assert_eq!(block.bytes().len(), size);
        }

        #[test]
        fn what_was_set_is_read(values in proptest::collection::vec(("[a-z_]{1,6}", "\\PC{0,20}"), 0..6)) {
            let mut block = block("");
            let mut want: Vec<(String, String)> = vec![];
            for (name, value) in values {
                prop_assert!(block.set(&name, &value));
                match want.iter_mut().find(|(known, _)| *known == name) {
                    Some(known) => known.1 = value,
                    None => want.push((name, value)),
                }
            }
            prop_assert_eq!(pairs(&block), want);
        }
    }
}
