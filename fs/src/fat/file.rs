//! Where the bytes of a file on FAT are.

use super::bpb::Bpb;
use crate::Error;
use crate::region::Region;
use crate::runs::{RunFile, Runs};

/// Collects the places of `len` bytes from a chain of clusters, given by where each one begins on the volume.
pub(super) fn open(
    region: Region,
    bpb: &Bpb,
    len: u64,
    clusters: impl Iterator<Item = Result<u64, Error>>,
) -> Result<RunFile, Error> {
    let size = u64::from(bpb.cluster);
    if len > u64::from(bpb.clusters) * size {
        return Err(Error::corrupt("FAT: a file larger than its volume"));
    }
    let mut runs = Runs::default();
    for start in clusters {
        if runs.len() >= len {
            break;
        }
        let start = start?;
        let cluster = start.checked_sub(bpb.data_start).map(|bytes| bytes / size);
        if cluster.is_none_or(|n| n >= u64::from(bpb.clusters)) {
            return Err(Error::corrupt("FAT: a cluster that is none"));
        }
        runs.push(start, size)?;
    }
    if runs.len() < len {
        return Err(Error::corrupt("FAT: a file whose chain of clusters is too short"));
    }
    Ok(RunFile::new(region, len, runs))
}
