//! The bytes of a file on FAT.

use alloc::vec::Vec;
use core::ops::Range;

use super::bpb::Bpb;
use crate::region::Region;
use crate::{Error, File};

/// In more pieces than this no kernel or initrd lies.
const MAX_RUNS: usize = 1 << 18;

/// Clusters in a row, in bytes.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Where in the file it ends.
    end: u64,
    /// Where on the volume it begins.
    start: u64,
    len: u64,
}

/// An open file: where its bytes are.
pub(super) struct FatFile {
    region: Region,
    len: u64,
    runs: Vec<Run>,
}

impl FatFile {
    /// Collects the places of `len` bytes from a chain of clusters, given by where each one begins on the volume.
    pub(super) fn new(
        region: Region,
        bpb: &Bpb,
        len: u64,
        clusters: impl Iterator<Item = Result<u64, Error>>,
    ) -> Result<Self, Error> {
        if len > u64::from(bpb.clusters) * u64::from(bpb.cluster) {
            return Err(Error::corrupt("FAT: a file larger than its volume"));
        }
        let mut runs: Vec<Run> = Vec::new();
        let mut end = 0;
        for start in clusters {
            if end >= len {
                break;
            }
            let start = start?;
            let size = u64::from(bpb.cluster);
            let cluster = start.checked_sub(bpb.data_start).map(|bytes| bytes / size);
            if cluster.is_none_or(|n| n >= u64::from(bpb.clusters)) {
                return Err(Error::corrupt("FAT: a cluster that is none"));
            }
            end += size;
            if let Some(last) = runs.last_mut().filter(|last| last.start + last.len == start) {
                last.len += size;
                last.end = end;
                continue;
            }
            if runs.len() >= MAX_RUNS {
                return Err(Error::TooLarge("FAT: a file in too many pieces".into()));
            }
            runs.push(Run { end, start, len: size });
        }
        if end < len {
            return Err(Error::corrupt("FAT: a file whose chain of clusters is too short"));
        }
        Ok(Self { region, len, runs })
    }

    /// Where its clusters are on the volume, in bytes.
    pub(super) fn places(&self) -> impl Iterator<Item = Range<u64>> {
        self.runs.iter().map(|run| run.start..run.start + run.len)
    }
}

impl File for FatFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Error> {
        let left = self.len.saturating_sub(offset);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let mut buf = buf.get_mut(..len).unwrap_or_default();
        let mut at = offset;
        let first = self.runs.partition_point(|run| run.end <= at);
        for run in self.runs.get(first..).unwrap_or_default() {
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
        let run = self.runs.get(self.runs.partition_point(|run| run.end <= offset));
        if let Some(run) = run {
            let remaining = run.end - offset;
            let len = usize::try_from(remaining).unwrap_or(usize::MAX).min(left).min(len);
            self.region.read_ahead(run.start + (run.len - remaining), len);
        }
    }
}
