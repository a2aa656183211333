//! A file's bytes in memory: chunks, and holes between them.

use super::Error;
use super::tree::Budget;
use alloc::vec::Vec;

/// Bytes that are allocated together.
pub const CHUNK: usize = 4096;

/// What a chunk counts against the limit: its bytes, its place in the list, and what the allocator needs.
pub const COST: u64 = CHUNK as u64 + 64;

/// Most bytes that a file can have: positions are `i64`.
const MOST: u64 = i64::MAX as u64;

/// A file's bytes.
#[derive(Debug, Default)]
pub struct Bytes {
    len: u64,
    /// By number of the chunk, in order. What no chunk has is zeros, and so is what a chunk has past the end.
    chunks: Vec<(u64, Vec<u8>)>,
}

/// Which chunk a byte is in, and where in it.
const fn split(offset: u64) -> (u64, usize) {
    (offset / CHUNK as u64, (offset % CHUNK as u64) as usize)
}

impl Bytes {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// What they count against the limit.
    pub fn cost(&self) -> u64 {
        self.chunks.len() as u64 * COST
    }

    /// Where the chunk is or would be.
    fn place(&self, number: u64) -> Result<usize, usize> {
        // Appending is what happens most.
        match self.chunks.last() {
            Some((last, _)) if *last < number => Err(self.chunks.len()),
            Some((last, _)) if *last == number => Ok(self.chunks.len() - 1),
            _ => self.chunks.binary_search_by_key(&number, |(number, _)| *number),
        }
    }

    /// Reads from `offset` on; less than asked for only at the end.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> usize {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = left.min(buf.len());
        let (mut number, mut within) = split(offset);
        let (Ok(mut place) | Err(mut place)) = self.place(number);
        let mut rest = &mut buf[..len];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at_mut((CHUNK - within).min(rest.len()));
            match self.chunks.get(place) {
                Some((there, chunk)) if *there == number => {
                    piece.copy_from_slice(&chunk[within..within + piece.len()]);
                    place += 1;
                }
                _ => piece.fill(0),
            }
            (number, within, rest) = (number + 1, 0, after);
        }
        len
    }

    /// Writes at `offset`: as many bytes as there is room for.
    pub fn write(&mut self, offset: u64, bytes: &[u8], budget: &mut Budget) -> Result<usize, Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let room = MOST.checked_sub(offset).filter(|room| *room > 0).ok_or(Error::TooLarge)?;
        let bytes = &bytes[..usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len())];
        let (mut number, mut within) = split(offset);
        let mut done = 0;
        while done < bytes.len() {
            let len = (CHUNK - within).min(bytes.len() - done);
            let place = match self.place(number) {
                Ok(place) => place,
                Err(place) => match self.insert(place, number, budget) {
                    Ok(()) => place,
                    Err(_) if done > 0 => break,
                    Err(error) => return Err(error),
                },
            };
            self.chunks[place].1[within..within + len].copy_from_slice(&bytes[done..done + len]);
            done += len;
            (number, within) = (number + 1, 0);
        }
        self.len = self.len.max(offset + done as u64);
        Ok(done)
    }

    fn insert(&mut self, place: usize, number: u64, budget: &mut Budget) -> Result<(), Error> {
        budget.take(COST)?;
        let mut chunk = Vec::new();
        let reserved = self.chunks.try_reserve(1).and_then(|()| chunk.try_reserve_exact(CHUNK));
        if reserved.is_err() {
            budget.give(COST);
            return Err(Error::NoSpace);
        }
        chunk.resize(CHUNK, 0);
        self.chunks.insert(place, (number, chunk));
        Ok(())
    }

    /// Forgets all of them.
    pub fn clear(&mut self, budget: &mut Budget) {
        budget.give(self.cost());
        *self = Bytes::default();
    }
}
