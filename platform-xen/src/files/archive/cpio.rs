//! cpio's "newc" format: Linux's own documentation, driver-api/early-userspace/buffer-format.
//!
//! Archives may follow one another, with zeros between them, as for Linux.

use super::{Entry, Error, Moment, What, text};

/// Bytes of a header: six of magic, thirteen numbers of eight hexadecimal digits.
const HEADER: usize = 110;
const TRAILER: &[u8] = b"TRAILER!!!";

const TYPE: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// Whether it begins like one: without sums (070701), or with them (070702), which nobody checks, as Linux doesn't.
pub fn is_cpio(bytes: &[u8]) -> bool {
    bytes.starts_with(b"070701") || bytes.starts_with(b"070702")
}

/// The number `n` of a header.
fn number(header: &[u8], n: usize) -> Option<u32> {
    let digits = header.get(6 + n * 8..14 + n * 8)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum << 4 | char::from(*digit).to_digit(16)?))
}

/// What is from `at` on, and where it ends, with what fills up to a multiple of four.
fn field(archive: &[u8], at: usize, len: u32) -> Option<(core::ops::Range<usize>, usize)> {
    let end = at.checked_add(usize::try_from(len).ok()?).filter(|end| *end <= archive.len())?;
    Some((at..end, end.checked_next_multiple_of(4)?))
}

/// Gives each entry to `each`.
pub fn read(
    archive: &[u8],
    each: &mut dyn FnMut(Option<Entry<'_>>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut at = 0;
    // Numbers of files count anew in each of several archives.
    let mut which = 0u32;
    loop {
        let rest = archive.get(at..).unwrap_or_default();
        if !is_cpio(rest) {
            if which == 0 {
                return Err(Error::Damaged(at));
            }
            // After an archive there may be zeros, and then another one.
            let zeros = rest.iter().take_while(|byte| **byte == 0).count();
            match rest.get(zeros..).unwrap_or_default() {
                [] => return Ok(()),
                next if zeros > 0 && is_cpio(next) => at += zeros,
                _ => return Err(Error::Unsupported(at + zeros)),
            }
            continue;
        }
        let damaged = Error::Damaged(at);
        let header = rest.get(..HEADER).ok_or(damaged)?;
        let get = |n| number(header, n).ok_or(damaged);
        let (inode, mode, links, time, size) = (get(0)?, get(1)?, get(4)?, get(5)?, get(6)?);
        let (major, minor, len) = (get(7)?, get(8)?, get(11)?);
        let (name, data_at) = field(archive, at + HEADER, len).ok_or(damaged)?;
        let path = text(&archive[name]);
        if path == TRAILER {
            which = which.saturating_add(1);
            at = data_at;
            continue;
        }
        let (data, next) = field(archive, data_at, size).ok_or(damaged)?;
        let what = match mode & TYPE {
            DIRECTORY => Some(What::Directory),
            FILE => {
                let number = u64::from(inode) | u64::from(major ^ minor.rotate_left(16)) << 32;
                Some(What::File { data, same: (links > 1).then_some((number, which)) })
            }
            LINK => Some(What::Link(&archive[data])),
            _ => None,
        };
        let modified = Moment { seconds: time.into(), nanos: 0 };
        each(what.map(|what| Entry { path, what, modified }))?;
        at = next;
    }
}
