//! Another name for a file, by other characters in the entries that hold its long name.
//!
//! Its short name stays, so the sum over it that each part of the long name carries stays right, and it can't be one that is there
//! already. See docs/decisions/0091-tries.md.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::bpb::Bpb;
use super::directory::{Found, Slot, UNITS, entries};
use crate::bytes::{byte, le16, zeroed};
use crate::region::Region;
use crate::{Error, InPlace, MAX_OVERWRITE, Renaming};

/// Characters of the longest name.
const LONGEST: usize = 255;

fn refused(why: impl Into<String>) -> Error {
    Error::NotSaved(why.into())
}

/// The sector that gives the file at `path` the first of these names that it can have.
pub(super) fn plan(region: &Region, bpb: &Bpb, path: &str, names: &[&str]) -> Result<Renaming, Error> {
    let (directory, old) = path.rsplit_once('/').unwrap_or(("", path));
    let start = walk(region, bpb, directory)?;
    let old_upper = old.to_uppercase();
    let uppers: Vec<String> = names.iter().map(|name| name.to_uppercase()).collect();
    let mut taken = vec![false; names.len()];
    let (mut file, mut namesakes) = (None, 0);
    entries(region, bpb, start, |found| {
        let own = found.is(&old_upper);
        for (taken, upper) in taken.iter_mut().zip(&uppers) {
            *taken |= found.is(upper) && !(own && *upper == old_upper);
        }
        if own {
            namesakes += 1;
            file = Some(found);
        }
        ControlFlow::Continue(())
    })?;
    let file = file.ok_or_else(|| Error::NotFound(path.into()))?;
    let parts = check(&file, namesakes, old, &old_upper)?;
    let mut first = None;
    for (which, (name, taken)) in names.iter().zip(&taken).enumerate() {
        match sector(region, parts, name, *taken) {
            Ok((sector, old, new)) => return Ok(Renaming { which, sector, old, new }),
            Err(Error::NotSaved(why)) => first = first.or(Some(Error::NotSaved(why))),
            Err(other) => return Err(other),
        }
    }
    Err(first.unwrap_or_else(|| refused("there is no other name for it")))
}

/// The cluster with which the directory at this path begins; `None`: the root.
fn walk(region: &Region, bpb: &Bpb, path: &str) -> Result<Option<u32>, Error> {
    let mut start = None;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        if matches!(name, "." | "..") {
            return Err(refused(format!("`{name}` in a path")));
        }
        let (upper, mut found) = (name.to_uppercase(), None);
        entries(region, bpb, start, |entry| {
            if !entry.is(&upper) {
                return ControlFlow::Continue(());
            }
            found = Some(entry);
            ControlFlow::Break(())
        })?;
        let found = found.ok_or_else(|| Error::NotFound(path.into()))?;
        if !found.is_directory() {
            return Err(Error::NotADirectory(path.into()));
        }
        start = found.start(bpb);
    }
    Ok(start)
}

/// The entries of its long name, if they are as a file of this name has them.
fn check<'f>(file: &'f Found, namesakes: u32, old: &str, upper: &str) -> Result<&'f [Slot], Error> {
    if namesakes != 1 {
        return Err(refused("there are several of this name"));
    }
    if file.is_directory() {
        return Err(refused("it is a directory"));
    }
    if file.is_read_only() {
        return Err(refused("it is marked read-only"));
    }
    // Its short name would go on to say the old one.
    if file.parts.is_empty() || file.is_short(upper) {
        return Err(refused("it has no long name that is whole"));
    }
    let expected = lay(old).unwrap_or_default();
    let units = file.parts.iter().map(Slot::units);
    // Type and cluster of a part are 0.
    let plain = |part: &Slot| byte(&part.bytes, 12) == 0 && le16(&part.bytes, 26) == 0;
    if !units.eq(expected.into_iter().rev()) || !file.parts.iter().all(plain) {
        return Err(refused("the entries of its name are not as they should be"));
    }
    Ok(&file.parts)
}

/// The parts of a name, the first one first: after its end a 0, then 0xffff. `None`: it can't be one.
fn lay(name: &str) -> Option<Vec<[u16; 13]>> {
    let bad = |c: char| c < ' ' || "\"*/:<>?\\|\u{7f}".contains(c);
    if name.is_empty() || name.ends_with(['.', ' ']) || name.contains(bad) {
        return None;
    }
    let mut units: Vec<u16> = name.encode_utf16().collect();
    if units.len() > LONGEST {
        return None;
    }
    if !units.len().is_multiple_of(UNITS.len()) {
        units.push(0);
        units.resize(units.len().next_multiple_of(UNITS.len()), 0xffff);
    }
    units.chunks(UNITS.len()).map(|part| part.try_into().ok()).collect()
}

/// The one sector in which a file with these entries gets this name, with what it holds and what it will hold.
fn sector(
    region: &Region,
    parts: &[Slot],
    name: &str,
    taken: bool,
) -> Result<(InPlace, Vec<u8>, Vec<u8>), Error> {
    let new = lay(name).ok_or_else(|| refused(format!("{name:?} can't be a name")))?;
    if taken {
        return Err(refused(format!("there is a {name} already")));
    }
    if new.len() != parts.len() {
        return Err(refused(format!(
            "{name} takes more or fewer entries of the directory than the name before"
        )));
    }
    let changes: Vec<(u64, u8)> = parts.iter().zip(new.iter().rev()).flat_map(changed).collect();
    let size = region.sector_size();
    let of = |at: u64| at - at % u64::from(size);
    let first = changes.first().map(|(at, _)| of(*at)).ok_or_else(|| refused("it has this name"))?;
    if changes.iter().any(|(at, _)| of(*at) != first) {
        return Err(refused(format!("{name} changes more than one sector of the directory")));
    }
    let len = size as usize;
    if len > MAX_OVERWRITE || !region.is_whole_sectors(first, u64::from(size)) {
        return Err(refused(format!("its sectors of {size} bytes are not the file system's, or too large")));
    }
    let mut old = zeroed(len)?;
    region.read_at(first, &mut old)?;
    let mut new = old.clone();
    for (at, byte) in changes {
        if let Some(place) = new.get_mut((at - first) as usize) {
            *place = byte;
        }
    }
    let blocks = core::iter::once(first..first + u64::from(size)).collect();
    Ok((InPlace { len, blocks }, old, new))
}

/// Places and values of the bytes that differ.
fn changed((part, new): (&Slot, &[u16; 13])) -> Vec<(u64, u8)> {
    let bytes = UNITS.iter().zip(new).flat_map(|(at, unit)| {
        let [low, high] = unit.to_le_bytes();
        [(*at, low), (*at + 1, high)]
    });
    let differs = bytes.filter(|(at, new)| byte(&part.bytes, *at) != *new);
    differs.map(|(at, new)| (part.at + at as u64, new)).collect()
}
