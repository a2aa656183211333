//! A tar archive, as it comes.

use std::error::Error;
use std::fmt::Write;
use std::io::{self, Read};

use sha2::{Digest, Sha256};
use tar_core::parse::{Limits, ParseEvent, Parser};

/// Bytes read at once.
const PIECE: usize = 64 << 10;
/// Most bytes that a file's name and its other properties may take.
const MOST_OF_HEAD: u32 = 64 << 10;

/// A file of the archive.
pub struct File {
    pub name: String,
    pub size: u64,
    /// The SHA-256 of its bytes, in hex.
    pub sum: String,
}

/// Bytes of the archive that were read but not used.
struct Feed<R> {
    from: R,
    held: Vec<u8>,
}

impl<R: Read> Feed<R> {
    /// Has so many bytes ready; false if the archive ends before.
    fn hold(&mut self, n: usize) -> io::Result<bool> {
        let missing = n.saturating_sub(self.held.len()) as u64;
        self.from.by_ref().take(missing).read_to_end(&mut self.held)?;
        Ok(self.held.len() >= n)
    }
}

impl<R: Read> Read for Feed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.held.is_empty() {
            return self.from.read(buf);
        }
        let n = self.held.len().min(buf.len());
        buf[..n].copy_from_slice(&self.held[..n]);
        self.held.drain(..n);
        Ok(n)
    }
}

/// Reads the archive to its end and tells of each regular file; how many there are, and bytes in them.
pub fn list(from: impl Read, mut tell: impl FnMut(&File)) -> Result<(u64, u64), Box<dyn Error>> {
    let limits = Limits { max_metadata_size: MOST_OF_HEAD, ..Limits::default() };
    let mut parser = Parser::new(limits);
    let mut feed = Feed { from, held: Vec::new() };
    let mut piece = vec![0; PIECE];
    let (mut files, mut bytes) = (0, 0);
    loop {
        let (consumed, entry) = match parser.parse(&feed.held)? {
            ParseEvent::NeedData { min_bytes } => {
                if feed.hold(min_bytes)? {
                    continue;
                }
                // Some archives end without the two blocks of zeros.
                return if feed.held.is_empty() {
                    Ok((files, bytes))
                } else {
                    Err("the archive is cut off".into())
                };
            }
            ParseEvent::End { .. } => return Ok((files, bytes)),
            ParseEvent::GlobalExtensions { consumed, .. } => (consumed, None),
            ParseEvent::Entry { consumed, entry } | ParseEvent::SparseEntry { consumed, entry, .. } => {
                let name = entry.is_file().then(|| entry.path_lossy().into_owned());
                (consumed, Some((name, entry.size, entry.padded_size())))
            }
        };
        feed.held.drain(..consumed);
        let Some((name, size, padded)) = entry else { continue };
        let sum = sum(&mut feed, &mut piece, size)?;
        skip(&mut feed, &mut piece, padded - size)?;
        if let Some(name) = name {
            files += 1;
            bytes += size;
            tell(&File { name, size, sum });
        }
    }
}

/// The SHA-256 of the next bytes.
fn sum(from: &mut impl Read, piece: &mut [u8], mut left: u64) -> io::Result<String> {
    let mut hash = Sha256::new();
    while left > 0 {
        let n = left.min(piece.len() as u64) as usize;
        from.read_exact(&mut piece[..n])?;
        hash.update(&piece[..n]);
        left -= n as u64;
    }
    Ok(hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Passes over the padding after a file.
fn skip(from: &mut impl Read, piece: &mut [u8], padding: u64) -> io::Result<()> {
    from.read_exact(&mut piece[..padding as usize])
}
