//! Where the kernel's bytes come from, and a buffered window on them for the decoders.

use super::ImageError;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// A kernel file.
pub trait Source {
    /// Bytes in the file.
    fn size(&self) -> u64;

    /// Fill `buf` from `offset` on, or say why not. Never asked for bytes beyond [`size`](Self::size).
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), String>;

    /// A hint that this range, which lies in the file, will be asked for next: it may be read meanwhile.
    fn read_ahead(&mut self, _offset: u64, _len: u64) {}

    /// By how much offsets are more in the file that lies on the disk, modulo a page.
    fn skew(&self) -> u64 {
        0
    }
}

impl Source for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), String> {
        let start = usize::try_from(offset).map_err(|_| String::from("beyond the end"))?;
        let end = start.checked_add(buf.len());
        let from = end.and_then(|end| self.get(start..end)).ok_or_else(|| String::from("beyond the end"))?;
        buf.copy_from_slice(from);
        Ok(())
    }
}

/// Called with the bytes of the file done so far, and the whole.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// How much is read at a time. Large, so that the disk streams; small against what the kernel takes. A multiple of a page.
const PIECE: u64 = 512 * 1024;

/// The bytes `position..end` of the file, read in pieces as they are wanted.
///
/// Decoders see the end of the window as the end of their input. A failed read is kept, since their error types
/// can't carry it: [`take_failure`](Self::take_failure).
pub struct Input<'a> {
    source: &'a mut dyn Source,
    progress: Progress<'a>,
    /// File offset of the first byte that is not in `piece`.
    position: u64,
    end: u64,
    piece: Vec<u8>,
    used: usize,
    failure: Option<ImageError>,
}

impl<'a> Input<'a> {
    /// A window on the bytes `start..end` of the file.
    pub fn new(source: &'a mut dyn Source, start: u64, end: u64, progress: Progress<'a>) -> Self {
        let end = end.min(source.size());
        Self { source, progress, position: start.min(end), end, piece: Vec::new(), used: 0, failure: None }
    }

    /// Bytes not handed out yet.
    pub fn remaining(&self) -> u64 {
        (self.end - self.position) + (self.piece.len() - self.used) as u64
    }

    /// The error of a read, if one failed.
    pub fn take_failure(&mut self) -> Option<ImageError> {
        self.failure.take()
    }

    /// The bytes at hand, at least one unless the input is at its end or a read failed.
    pub fn fill(&mut self) -> &[u8] {
        if self.used == self.piece.len() && self.failure.is_none() {
            self.refill();
        }
        self.piece.get(self.used..).unwrap_or(&[])
    }

    /// Mark the first `n` bytes of [`fill`](Self::fill) as used.
    pub fn consume(&mut self, n: usize) {
        self.used = self.used.saturating_add(n).min(self.piece.len());
    }

    /// Copy out up to `buf.len()` bytes.
    pub fn read_some(&mut self, buf: &mut [u8]) -> usize {
        let have = self.fill();
        let n = have.len().min(buf.len());
        buf[..n].copy_from_slice(&have[..n]);
        self.consume(n);
        n
    }

    /// Fill `buf` wholly; false at the end of the input or on a failed read.
    #[must_use]
    pub fn read_full(&mut self, mut buf: &mut [u8]) -> bool {
        while !buf.is_empty() {
            let n = self.read_some(buf);
            if n == 0 {
                return false;
            }
            buf = &mut buf[n..];
        }
        true
    }

    /// Up to a page of the disk's, so that all pieces but the first begin with one.
    fn next_len(&self) -> u64 {
        let skew = (self.position + self.source.skew()) % super::PAGE;
        (self.end - self.position).min(PIECE - skew)
    }

    fn refill(&mut self) {
        self.used = 0;
        let len = self.next_len();
        if len == 0 {
            self.piece.clear();
            return;
        }
        if self.piece.len() as u64 != len {
            // `len` is at most PIECE, so the cast holds on any host.
            self.piece = vec![0; len as usize];
        }
        match self.source.read_at(self.position, &mut self.piece) {
            Ok(()) => {
                self.position += len;
                // The disk works while the decoder does.
                let next = self.next_len();
                if next > 0 {
                    self.source.read_ahead(self.position, next);
                }
                (self.progress)(self.position, self.source.size());
            }
            Err(why) => {
                self.piece.clear();
                self.failure = Some(ImageError::Read { at: self.position, why });
            }
        }
    }
}

/// A part of another source.
pub struct Window<'a> {
    source: &'a mut dyn Source,
    start: u64,
    len: u64,
}

impl<'a> Window<'a> {
    /// The bytes `start..end`, which must lie in `source`.
    pub fn new(source: &'a mut dyn Source, start: u64, end: u64) -> Self {
        Self { source, start, len: end.saturating_sub(start) }
    }
}

impl Source for Window<'_> {
    fn size(&self) -> u64 {
        self.len
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), String> {
        let within = offset.checked_add(buf.len() as u64).is_some_and(|end| end <= self.len);
        let at = self
            .start
            .checked_add(offset)
            .filter(|_| within)
            .ok_or_else(|| String::from("beyond the end"))?;
        self.source.read_at(at, buf)
    }

    fn read_ahead(&mut self, offset: u64, len: u64) {
        if let Some(at) = self.start.checked_add(offset) {
            self.source.read_ahead(at, len);
        }
    }

    fn skew(&self) -> u64 {
        (self.start + self.source.skew()) % super::PAGE
    }
}
