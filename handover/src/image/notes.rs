//! ELF notes, one after another, from bytes that nobody has checked.

/// A note of the owner "Xen".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// XEN_ELFNOTE_*.
    pub kind: u32,
    /// The value, without padding.
    pub desc: &'a [u8],
}

impl<'a> Note<'a> {
    /// The number in it: 1, 2, 4 or 8 bytes, as libelf takes them; `None` for another size.
    pub fn number(&self) -> Option<u64> {
        let mut bytes = [0; 8];
        match self.desc.len() {
            n @ (1 | 2 | 4 | 8) => bytes[..n].copy_from_slice(self.desc),
            _ => return None,
        }
        Some(u64::from_le_bytes(bytes))
    }

    /// The string in it: up to the first NUL or the end.
    pub fn text(&self) -> &'a [u8] {
        until_nul(self.desc)
    }
}

/// `bytes` up to the first NUL, or all.
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| *b == 0).next().unwrap_or(bytes)
}

/// The Xen notes in `bytes`, in order. Every note counts against `budget`, so that a file of many overlapping note
/// segments costs no more than one. Ends at the first note that does not fit, as libelf does.
pub struct Notes<'a, 'b> {
    rest: &'a [u8],
    budget: &'b mut u32,
}

impl<'a, 'b> Notes<'a, 'b> {
    /// Read `bytes`, the contents of a PT_NOTE segment or a SHT_NOTE section.
    pub fn new(bytes: &'a [u8], budget: &'b mut u32) -> Self {
        Self { rest: bytes, budget }
    }

    /// `n` bytes and their padding to 4 (libelf pads to 4 whatever the segment's alignment).
    fn take(&mut self, n: u32) -> Option<&'a [u8]> {
        let n = usize::try_from(n).ok()?;
        let taken = self.rest.get(..n)?;
        // The padding of the last note may be missing.
        self.rest = self.rest.get(n.checked_next_multiple_of(4)?..).unwrap_or(&[]);
        Some(taken)
    }

    fn word(&mut self) -> Option<u32> {
        let (word, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*word))
    }

    fn any(&mut self) -> Option<(&'a [u8], Note<'a>)> {
        *self.budget = self.budget.checked_sub(1)?;
        let (name_len, desc_len, kind) = (self.word()?, self.word()?, self.word()?);
        let name = self.take(name_len)?;
        let desc = self.take(desc_len)?;
        Some((name, Note { kind, desc }))
    }
}

impl<'a> Iterator for Notes<'a, '_> {
    type Item = Note<'a>;

    fn next(&mut self) -> Option<Note<'a>> {
        loop {
            let (name, note) = self.any()?;
            if until_nul(name) == b"Xen" {
                return Some(note);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn raw(name: &[u8], kind: u32, desc: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for word in [name.len() as u32, desc.len() as u32, kind] {
            out.extend(word.to_le_bytes());
        }
        for part in [name, desc] {
            out.extend(part);
            out.resize(out.len().next_multiple_of(4), 0);
        }
        out
    }

    #[test]
    fn only_notes_of_xen_are_seen() {
        let bytes = [raw(b"GNU\0", 3, &[7; 20]), raw(b"Xen\0", 8, b"generic\0"), raw(b"Linux\0", 1, &[0; 4])]
            .concat();
        let notes: Vec<Note> = Notes::new(&bytes, &mut 100).collect();
        assert_eq!(notes.len(), 1);
        assert_eq!((notes[0].kind, notes[0].text()), (8, &b"generic"[..]));
    }

    #[test]
    fn the_last_notes_padding_may_be_missing() {
        let mut bytes = raw(b"Xen\0", 5, b"xen-3.0\0x");
        bytes.truncate(bytes.len() - 3);
        assert_eq!(Notes::new(&bytes, &mut 9).map(|n| n.desc.len()).collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn a_note_that_does_not_fit_ends_the_list() {
        let mut bytes = [raw(b"Xen\0", 1, &[1; 8]), raw(b"Xen\0", 2, &[2; 8])].concat();
        bytes.pop();
        assert_eq!(Notes::new(&bytes, &mut 9).count(), 1);
        let huge = [raw(b"Xen\0", 1, &[1; 8]), vec![0xff; 12]].concat();
        assert_eq!(Notes::new(&huge, &mut 9).count(), 1);
    }

    #[test]
    fn numbers_have_the_sizes_libelf_takes() {
        let number = |desc| Note { kind: 1, desc }.number();
        assert_eq!(number(&[1, 2, 3, 4]), Some(0x0403_0201));
        assert_eq!(number(&[0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff]), Some(0xffff_ffff_8000_0000));
        assert_eq!(number(&[5]), Some(5));
        assert_eq!(number(&[1, 2, 3]), None);
        assert_eq!(number(&[]), None);
    }

    #[test]
    fn the_budget_bounds_the_work() {
        let bytes = raw(b"Xen\0", 1, &[0; 4]).repeat(1000);
        let mut budget = 600;
        assert_eq!(Notes::new(&bytes, &mut budget).count(), 600);
        assert_eq!(budget, 0);
        assert_eq!(Notes::new(&bytes, &mut budget).count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for note in Notes::new(&bytes, &mut 50) {
                let _ = (note.number(), note.text());
            }
        }
    }
}
