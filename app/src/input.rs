//! A file that is loaded, wherever it lies.

use std::cell::RefCell;
use std::rc::Rc;

use pvgrub_fs::File;
use pvgrub_handover::image::{PAGE, Source};
use pvgrub_net::{Digest, Hasher, Place, Transfer};

use crate::network::Settings;
use crate::timings::Timings;

/// A file that is loaded.
pub enum Input<'a> {
    /// On a disk.
    Disk(Box<dyn File>),
    /// Read already.
    Memory(Vec<u8>),
    /// On a server that told its length. It can only be read from its beginning on.
    Remote(Remote<'a>),
    /// A part of another.
    Part(Part<'a>),
}

/// A part of a file.
pub struct Part<'a> {
    /// The file.
    pub whole: Rc<Input<'a>>,
    /// Where it begins there, in bytes.
    pub start: u64,
    /// Bytes.
    pub len: u64,
}

/// A file on a server.
pub struct Remote<'a> {
    place: Place,
    settings: &'a Settings<'a>,
    len: u64,
    /// The transfer, and how far it is.
    under_way: RefCell<Option<(Box<dyn Transfer + 'a>, u64)>>,
}

impl<'a> Remote<'a> {
    /// A file whose length is known; it is fetched when it is read.
    pub fn new(place: Place, len: u64, settings: &'a Settings<'a>) -> Self {
        Self { place, settings, len, under_way: RefCell::new(None) }
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, String> {
        let mut under_way = self.under_way.borrow_mut();
        if offset == 0 || under_way.is_none() {
            let transfer = pvgrub_net::open(&self.place, self.settings).map_err(|why| why.to_string())?;
            if let Some(len) = transfer.len().filter(|len| *len != self.len) {
                return Err(format!("the file has {len} bytes now; a moment ago it had {}", self.len));
            }
            *under_way = Some((transfer, 0));
        }
        let (transfer, at) = under_way.as_mut().ok_or("internal error: nothing is fetched")?;
        if *at != offset {
            return Err("internal error: a file of a server was to be read out of order".into());
        }
        let n = transfer.read(buf).map_err(|why| why.to_string())?;
        *at += n as u64;
        Ok(n)
    }

    /// What comes after the last byte: it must be nothing.
    fn end(&self) -> Result<(), String> {
        match self.read_at(self.len, &mut [0])? {
            0 => Ok(()),
            _ => Err(format!("the file goes on after {} bytes, the length that its server told", self.len)),
        }
    }
}

impl Input<'_> {
    /// Bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Disk(file) => file.len(),
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Remote(remote) => remote.len,
            Self::Part(part) => part.len,
        }
    }

    /// In pieces of so many bytes it is best read, so that progress can be shown.
    pub fn piece(&self) -> usize {
        match self {
            Self::Remote(_) => 64 << 10,
            _ => 4 << 20,
        }
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, String> {
        match self {
            Self::Disk(file) => file.read_at(offset, buf).map_err(|why| why.to_string()),
            Self::Memory(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|from| bytes.get(from..)).unwrap_or(&[]);
                let n = rest.len().min(buf.len());
                buf[..n].copy_from_slice(&rest[..n]);
                Ok(n)
            }
            Self::Remote(remote) => remote.read_at(offset, buf),
            Self::Part(part) => {
                let left = usize::try_from(part.len.saturating_sub(offset)).unwrap_or(usize::MAX);
                let n = left.min(buf.len());
                part.whole.read_at(part.start.saturating_add(offset), &mut buf[..n])
            }
        }
    }

    /// A hint that this range will be read next.
    fn read_ahead(&self, offset: u64, len: u64) {
        match self {
            Self::Disk(file) => file.read_ahead(offset, usize::try_from(len).unwrap_or(0)),
            Self::Part(part) => part.whole.read_ahead(part.start.saturating_add(offset), len),
            Self::Memory(_) | Self::Remote(_) => {}
        }
    }

    /// Fills `buf`; a file that ends before is an error.
    pub fn read_exactly(&self, mut offset: u64, mut buf: &mut [u8]) -> Result<(), String> {
        while !buf.is_empty() {
            let read = self.read_at(offset, buf)?;
            let rest = buf.get_mut(read..).filter(|_| read > 0);
            buf = rest.ok_or_else(|| format!("the file ends at byte {offset}, before its length"))?;
            offset = offset.saturating_add(read as u64);
        }
        Ok(())
    }

    /// Reads the whole file to `place`, which is as long, and says now and then how far it is. It must be what `digest` says.
    pub fn read_whole(
        &self,
        place: &mut [u8],
        digest: Option<Digest>,
        show: &mut dyn FnMut(u64) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut hash = digest.map(|wanted| (wanted, Hasher::new()));
        let mut done = 0;
        for piece in place.chunks_mut(self.piece()) {
            show(done)?;
            self.read_exactly(done, piece)?;
            done += piece.len() as u64;
            if let Some((_, hash)) = &mut hash {
                hash.update(piece);
            }
        }
        show(done)?;
        if let Self::Remote(remote) = self {
            remote.end()?;
        }
        match hash {
            Some((wanted, hash)) => check(hash.finish(), wanted),
            None => Ok(()),
        }
    }
}

/// Whether a file is the one that the menu asks for.
pub fn check(arrived: Digest, wanted: Digest) -> Result<(), String> {
    if arrived == wanted {
        return Ok(());
    }
    let (arrived, wanted) = (arrived.short(), wanted.short());
    Err(format!("this is not the file that the menu asks for: its SHA-256 is {arrived}, not {wanted}"))
}

/// A file as `image` reads it.
pub struct FileSource<'a, 'f> {
    /// The file.
    pub file: &'a Input<'f>,
    /// Count its reads as `kernel-read`.
    pub timings: &'a Timings,
}

impl Source for FileSource<'_, '_> {
    fn size(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), String> {
        self.timings.of("kernel-read", || self.file.read_exactly(offset, buf))
    }

    fn read_ahead(&mut self, offset: u64, len: u64) {
        self.timings.of("kernel-read", || self.file.read_ahead(offset, len));
    }

    fn skew(&self) -> u64 {
        match self.file {
            Input::Part(part) => part.start % PAGE,
            _ => 0,
        }
    }
}
