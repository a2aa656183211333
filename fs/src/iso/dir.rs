//! Directories.

use alloc::string::String;
use core::ops::ControlFlow;

use super::descriptor::SECTOR;
use super::record::{Node, Record, flags, joliet_name, plain_name};
use super::rock::{Budget, Rock};
use super::{Names, Volume};
use crate::bytes::zeroed;
use crate::runs::Runs;
use crate::{Error, FileKind};

/// A directory of a hundred thousand long names is smaller.
const MAX_SIZE: u64 = 32 << 20;
/// Pieces of a file; each but the last has almost 4 GiB.
const MAX_PIECES: usize = 1024;

/// A name in a directory.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) node: Node,
}

/// A file whose next record has its next piece.
struct Begun {
    name: [u8; 256],
    name_len: usize,
    pieces: usize,
    entry: Entry,
}

/// Calls `each` for all that is in the directory, but for "." and "..", until it breaks.
pub(super) fn entries(
    volume: &Volume,
    dir: &Node,
    mut each: impl FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), Error> {
    if dir.runs.len() > MAX_SIZE {
        return Err(Error::TooLarge(alloc::format!("a directory of {} bytes", dir.runs.len())));
    }
    let mut sector = zeroed(SECTOR)?;
    let mut budget = Budget::default();
    let mut begun: Option<Begun> = None;
    for place in dir.runs.places() {
        let mut at = place.start;
        while at < place.end {
            let len = usize::try_from(place.end - at).unwrap_or(SECTOR).min(SECTOR);
            let bytes = sector.get_mut(..len).unwrap_or_default();
            volume.region.read_at(at, bytes)?;
            at += len as u64;
            let mut rest = &*bytes;
            // A record lies within a sector; zeros fill it up.
            while rest.first().is_some_and(|len| *len != 0) {
                let record = Record::first(rest)
                    .ok_or_else(|| Error::corrupt("ISO 9660: a directory record's length"))?;
                rest = rest.get(record.0.len()..).unwrap_or_default();
                if record.is_dot() || record.has(flags::ASSOCIATED) {
                    continue;
                }
                let Some(entry) = join(volume, &mut begun, record, &mut budget)? else { continue };
                if each(entry).is_break() {
                    return Ok(());
                }
            }
        }
    }
    match begun {
        Some(_) => Err(Error::corrupt("ISO 9660: a file without its last piece")),
        None => Ok(()),
    }
}

/// What `record` says, once it is the last of its file.
fn join(
    volume: &Volume,
    begun: &mut Option<Begun>,
    record: Record<'_>,
    budget: &mut Budget,
) -> Result<Option<Entry>, Error> {
    let goes_on = record.has(flags::MORE) && !record.has(flags::DIRECTORY);
    let file = match begun.take() {
        Some(mut file) => {
            file.pieces += 1;
            if file.name.get(..file.name_len) != Some(record.name()) || file.pieces > MAX_PIECES {
                return Err(Error::corrupt("ISO 9660: a file in pieces that don't fit together"));
            }
            volume.add(&mut file.entry.node.runs, record)?;
            file
        }
        None => {
            let Some(entry) = entry(volume, record, budget)? else { return Ok(None) };
            if !goes_on {
                return Ok(Some(entry));
            }
            let mut name = [0; 256];
            let name_len = record.name().len();
            name.iter_mut().zip(record.name()).for_each(|(to, from)| *to = *from);
            Begun { name, name_len, pieces: 1, entry }
        }
    };
    if goes_on {
        *begun = Some(file);
        return Ok(None);
    }
    Ok(Some(file.entry))
}

fn entry(volume: &Volume, record: Record<'_>, budget: &mut Budget) -> Result<Option<Entry>, Error> {
    let is_directory = record.has(flags::DIRECTORY);
    let mut node = volume.node(record)?;
    let name = match volume.names {
        Names::Plain => plain_name(record.name(), is_directory),
        Names::Joliet => joliet_name(record.name(), is_directory),
        Names::Rock { skip } => {
            let rock = Rock::read(volume, record.system_use().get(skip..).unwrap_or_default(), budget)?;
            if rock.is_moved {
                return Ok(None);
            }
            node.modified = rock.modified.unwrap_or(node.modified);
            if let Some(child) = rock.child {
                node.runs = moved(volume, child)?;
                node.kind = FileKind::Directory;
            } else if node.kind == FileKind::Regular {
                match (rock.target, rock.kind) {
                    (Some(target), _) => {
                        node.target = target;
                        node.kind = FileKind::Symlink;
                    }
                    (None, Some(FileKind::Special)) => node.kind = FileKind::Special,
                    _ => {}
                }
                if rock.is_compressed {
                    node.refused = Some(Error::Unsupported("a file compressed with zisofs".into()));
                }
            }
            match rock.name {
                Some(name) if !name.is_empty() => String::from_utf8_lossy(&name).into_owned(),
                _ => plain_name(record.name(), is_directory),
            }
        }
    };
    Ok(Some(Entry { name, node }))
}

/// Where the directory lies that begins with this block: its own first record tells its length.
fn moved(volume: &Volume, block: u32) -> Result<Runs, Error> {
    let mut head = [0; 256];
    volume.region.read_at(volume.place(block.into()), &mut head)?;
    let record = Record::first(&head).filter(|first| first.is_dot() && first.has(flags::DIRECTORY));
    let record =
        record.ok_or_else(|| Error::corrupt("ISO 9660: a directory that is not where it should be"))?;
    let mut runs = Runs::default();
    volume.add(&mut runs, record)?;
    Ok(runs)
}
