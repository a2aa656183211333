//! The bytes of a file that lies in pieces on its volume.

use alloc::vec::Vec;
use core::ops::Range;

use crate::region::Region;
use crate::{Error, File};

/// In more pieces than this no kernel or initrd lies.
const MAX_RUNS: usize = 1 << 18;

/// Bytes in a row.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Where in the file it ends.
    end: u64,
    /// Where on the volume it begins.
    start: u64,
    len: u64,
}

/// Where the bytes of a file are, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {
    runs: Vec<Run>,
}

impl Runs {
    /// How many bytes there are.
    pub(crate) fn len(&self) -> u64 {
        self.runs.last().map_or(0, |last| last.end)
    }

    /// Adds `len` bytes that begin at `start` on the volume.
    pub(crate) fn push(&mut self, start: u64, len: u64) -> Result<(), Error> {
        let too_large = || Error::TooLarge("a file in too many pieces".into());
        let end = self.len().checked_add(len).ok_or_else(too_large)?;
        if let Some(last) =
            self.runs.last_mut().filter(|last| last.start.checked_add(last.len) == Some(start))
        {
            last.len += len;
            last.end = end;
            return Ok(());
        }
        if self.runs.len() >= MAX_RUNS {
            return Err(too_large());
        }
        self.runs.push(Run { end, start, len });
        Ok(())
    }

    /// Where its pieces are on the volume, in bytes.
    pub(crate) fn places(&self) -> impl Iterator<Item = Range<u64>> {
        self.runs.iter().map(|run| run.start..run.start.saturating_add(run.len))
    }
}

/// An open file: the first `len` bytes of these.
pub(crate) struct RunFile {
    region: Region,
    len: u64,
    runs: Runs,
}

impl RunFile {
    /// A file of `len` bytes; there must be as many.
    pub(crate) fn new(region: Region, len: u64, runs: Runs) -> Self {
        Self { region, len: len.min(runs.len()), runs }
    }

    /// Where its bytes are on the volume.
    pub(crate) fn places(&self) -> impl Iterator<Item = Range<u64>> {
        self.runs.places()
    }
}

impl File for RunFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Error> {
        let left = self.len.saturating_sub(offset);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let mut buf = buf.get_mut(..len).unwrap_or_default();
        let mut at = offset;
        let runs = &self.runs.runs;
        let first = runs.partition_point(|run| run.end <= at);
        for run in runs.get(first..).unwrap_or_default() {
            if buf.is_empty() {
                break;
            }
            let remaining = run.end - at;
            let (piece, rest) =
                buf.split_at_mut(usize::try_from(remaining).unwrap_or(usize::MAX).min(buf.len()));
            self.region.read_at(run.start + (run.len - remaining), piece)?;
            at += piece.len() as u64;
            buf = rest;
        }
        Ok(len)
    }

    fn read_ahead(&self, offset: u64, len: usize) {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let runs = &self.runs.runs;
        if let Some(run) = runs.get(runs.partition_point(|run| run.end <= offset)) {
            let remaining = run.end - offset;
            let len = usize::try_from(remaining).unwrap_or(usize::MAX).min(left).min(len);
            self.region.read_ahead(run.start + (run.len - remaining), len);
        }
    }
}
