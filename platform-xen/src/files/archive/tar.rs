//! tar: POSIX's ustar and pax, GNU's long names, and the format of old (no magic, but the same sum).

use super::{Entry, Error, Moment, What, text};
use core::ops::Range;

/// Everything comes in blocks of this size.
const BLOCK: usize = 512;

/// Whether the first block is a header: its sum is right.
pub fn is_tar(bytes: &[u8]) -> bool {
    bytes.first_chunk::<BLOCK>().is_some_and(|block| block[0] != 0 && sum_is_right(block))
}

fn sum_is_right(block: &[u8; BLOCK]) -> bool {
    let wanted = octal(&block[148..156]);
    let others = || block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]);
    let unsigned: u64 = others().map(|byte| u64::from(*byte)).sum();
    // Some wrote sums of signed bytes.
    let signed: i64 = others().map(|byte| i64::from(byte.cast_signed())).sum();
    wanted.is_some_and(|wanted| wanted == unsigned || i64::try_from(wanted) == Ok(signed))
}

/// A number in octal digits, with spaces before and a space or NUL after; nothing is 0.
fn octal(field: &[u8]) -> Option<u64> {
    let start = field.iter().position(|byte| *byte != b' ').unwrap_or(field.len());
    let digits = field[start..].split(|byte| matches!(byte, 0 | b' ')).next().unwrap_or_default();
    digits.iter().try_fold(0u64, |sum, digit| {
        let digit = char::from(*digit).to_digit(8)?;
        sum.checked_mul(8)?.checked_add(digit.into())
    })
}

/// A number, in octal digits or, as GNU writes large ones, in binary.
fn number(field: &[u8]) -> Option<u64> {
    match field {
        [0x80, rest @ ..] => {
            rest.iter().try_fold(0u64, |sum, byte| Some(sum.checked_mul(256)? | u64::from(*byte)))
        }
        _ => octal(field),
    }
}

/// What a pax header, or GNU's, says of the next entry.
#[derive(Default)]
struct Said<'a> {
    path: Option<&'a [u8]>,
    target: Option<&'a [u8]>,
    size: Option<u64>,
    modified: Option<Moment>,
    /// It has holes, in a manner that is not read.
    sparse: bool,
}

/// Records of a pax header: `LENGTH KEY=VALUE\n`. `None`: they make no sense.
fn pax<'a>(mut records: &'a [u8], said: &mut Said<'a>) -> Option<()> {
    while !records.is_empty() {
        let space = records.iter().position(|byte| *byte == b' ')?;
        let len = decimal(records.get(..space)?)?;
        let record = records.get(space + 1..usize::try_from(len).ok()?)?.strip_suffix(b"\n")?;
        records = records.get(usize::try_from(len).ok()?..)?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => said.path = Some(text(value)),
            b"linkpath" => said.target = Some(text(value)),
            b"size" => said.size = Some(decimal(value)?),
            b"mtime" => said.modified = moment(value),
            _ if key.starts_with(b"GNU.sparse.") => said.sparse = true,
            _ => {}
        }
    }
    Some(())
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    text.parse().ok()
}

/// `seconds.fraction`, as pax has it.
fn moment(text: &[u8]) -> Option<Moment> {
    let text = core::str::from_utf8(text).ok()?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds = seconds.parse::<i64>().ok()?;
    let digits = fraction.bytes().chain(core::iter::repeat(b'0')).take(9);
    let nanos =
        digits.map(|byte| char::from(byte).to_digit(10)).try_fold(0, |sum, digit| Some(sum * 10 + digit?))?;
    // A fraction before 1970 counts backwards in the text, forwards here; it is left out.
    Some(Moment { seconds, nanos: if seconds < 0 { 0 } else { nanos } })
}

/// Gives each entry to `each`.
pub fn read(
    archive: &[u8],
    each: &mut dyn FnMut(Option<Entry<'_>>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut at = 0;
    let mut said = Said::default();
    while let Some(header) = archive.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        if header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let damaged = Error::Damaged(at);
        if !sum_is_right(header) {
            return Err(damaged);
        }
        let kind = header[156];
        // What a pax header says is about the entry, not about the headers before it.
        let about = !matches!(kind, b'x' | b'g' | b'L' | b'K' | b'X');
        let size = said.size.filter(|_| about).or_else(|| number(&header[124..136])).ok_or(damaged)?;
        // Directories and links have no bytes, whatever they say.
        let size = if matches!(kind, b'1'..=b'6') { 0 } else { size };
        let (data, next) = data(archive, at + BLOCK, size).ok_or(damaged)?;
        match kind {
            b'x' | b'X' => pax(&archive[data], &mut said).ok_or(damaged)?,
            b'g' => {}
            b'L' => said.path = Some(text(&archive[data])),
            b'K' => said.target = Some(text(&archive[data])),
            _ => entry(header, data, core::mem::take(&mut said), each)?,
        }
        at = next;
    }
    // Zeros, or the end of the bytes at the end of an entry, which some writers leave it at.
    if at >= archive.len() { Ok(()) } else { Err(Error::Damaged(at)) }
}

/// The bytes of an entry, and where the next header is.
fn data(archive: &[u8], at: usize, size: u64) -> Option<(Range<usize>, usize)> {
    let end = at.checked_add(usize::try_from(size).ok()?).filter(|end| *end <= archive.len())?;
    Some((at..end, end.checked_next_multiple_of(BLOCK)?))
}

fn entry(
    header: &[u8; BLOCK],
    data: Range<usize>,
    said: Said<'_>,
    each: &mut dyn FnMut(Option<Entry<'_>>) -> Result<(), Error>,
) -> Result<(), Error> {
    let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
    // The name of a ustar header may be in two parts.
    let mut joined = [0; 256];
    let path = match said.path {
        Some(path) => path,
        None if &header[257..263] == b"ustar\0" && !prefix.is_empty() => {
            let len = prefix.len() + 1 + name.len();
            joined[..prefix.len()].copy_from_slice(prefix);
            joined[prefix.len()] = b'/';
            joined[prefix.len() + 1..len].copy_from_slice(name);
            &joined[..len]
        }
        None => name,
    };
    let target = said.target.unwrap_or_else(|| text(&header[157..257]));
    let what = match header[156] {
        _ if said.sparse => None,
        // In the format of old a directory is a file whose name ends so.
        0 | b'0' | b'7' if path.ends_with(b"/") => Some(What::Directory),
        0 | b'0' | b'7' => Some(What::File { data, same: None }),
        b'1' => Some(What::Name(target)),
        b'2' => Some(What::Link(target)),
        b'5' => Some(What::Directory),
        _ => None,
    };
    let seconds = number(&header[136..148]).and_then(|seconds| i64::try_from(seconds).ok());
    let modified = said.modified.unwrap_or(Moment { seconds: seconds.unwrap_or(0), nanos: 0 });
    each(what.map(|what| Entry { path, what, modified }))
}
