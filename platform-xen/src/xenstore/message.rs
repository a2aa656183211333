//! Messages: a header of four 32-bit numbers, then at most 4,096 bytes.

use alloc::vec::Vec;

use platform_xen_sys::xenstore::XENSTORE_PAYLOAD_MAX;

/// Bytes of a header: type, request id, transaction id, length.
pub(super) const HEADER: usize = 16;

/// One whole message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u32,
    pub(super) id: u32,
    pub(super) body: Vec<u8>,
}

/// The header of a request whose payload is `len` bytes (at most [`XENSTORE_PAYLOAD_MAX`]).
pub(super) fn header(kind: u32, id: u32, transaction: u32, len: u32) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    for (field, value) in bytes.chunks_exact_mut(4).zip([kind, id, transaction, len]) {
        field.copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

/// Puts messages together from the bytes as they come.
#[derive(Default)]
pub(super) struct Assembler {
    bytes: Vec<u8>,
}

impl Assembler {
    /// How many bytes it wants next: never past the end of the message under way.
    pub(super) fn wants(&self) -> Result<usize, &'static str> {
        let have = self.bytes.len();
        match self.body_len() {
            None => Ok(HEADER - have),
            Some(len) if len > XENSTORE_PAYLOAD_MAX => Err("a message longer than 4096 bytes"),
            Some(len) => Ok((HEADER + len).saturating_sub(have)),
        }
    }

    /// Whether a message has begun and is not whole.
    pub(super) fn is_partial(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Adds bytes, no more than it [`wants`](Assembler::wants); gives the message once it is whole.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<Option<Message>, &'static str> {
        self.bytes.extend_from_slice(bytes);
        if self.body_len().is_none() || self.wants()? > 0 {
            return Ok(None);
        }
        let bytes = core::mem::take(&mut self.bytes);
        let Some((head, body)) = bytes.split_at_checked(HEADER) else { return Ok(None) };
        Ok(Some(Message { kind: number(head, 0), id: number(head, 1), body: body.to_vec() }))
    }

    fn body_len(&self) -> Option<usize> {
        (self.bytes.len() >= HEADER).then(|| number(&self.bytes, 3) as usize)
    }
}

fn number(bytes: &[u8], field: usize) -> u32 {
    bytes.as_chunks().0.get(field).map_or(0, |field| u32::from_le_bytes(*field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(kind: u32, id: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = header(kind, id, 0, body.len() as u32).to_vec();
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn a_long_message_is_refused_before_it_is_stored() {
        let mut a = Assembler::default();
        assert_eq!(a.add(&header(2, 1, 0, 4097)[..15]), Ok(None));
        assert_eq!(a.wants(), Ok(1));
        assert!(a.add(&header(2, 1, 0, 4097)[15..]).is_err());
        let mut a = Assembler::default();
        assert_eq!(a.add(&header(2, 1, 0, 4096)), Ok(None));
        assert_eq!(a.wants(), Ok(4096));
    }

    proptest! {
        /// However the bytes are cut, the same messages come out, and no more is held than one message.
        #[test]
        fn any_cut(messages in prop::collection::vec((any::<u32>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..300)), 1..6), cuts in prop::collection::vec(1usize..200, 1..20)) {
            let mut bytes: Vec<u8> = messages.iter().flat_map(|(k, i, b)| encode(*k, *i, b)).collect();
            let mut assembler = Assembler::default();
            let mut out = Vec::new();
            let mut cuts = cuts.into_iter().cycle();
            while !bytes.is_empty() {
                let n = assembler.wants().unwrap().min(cuts.next().unwrap()).min(bytes.len());
                prop_assert!(n > 0);
                let piece: Vec<u8> = bytes.drain(..n).collect();
                out.extend(assembler.add(&piece).unwrap());
            }
            prop_assert!(!assembler.is_partial());
            let expected: Vec<Message> = messages.into_iter().map(|(kind, id, body)| Message { kind, id, body }).collect();
            prop_assert_eq!(out, expected);
        }

        /// Whatever comes: an error or bounded memory.
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..9000)) {
            let mut assembler = Assembler::default();
            let mut rest = &bytes[..];
            while let (false, Ok(wants)) = (rest.is_empty(), assembler.wants()) {
                let (piece, after) = rest.split_at(wants.min(rest.len()));
                rest = after;
                let _ = assembler.add(piece);
                prop_assert!(assembler.bytes.len() <= HEADER + XENSTORE_PAYLOAD_MAX);
            }
        }
    }
}
