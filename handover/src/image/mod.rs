//! Loading a kernel: from a file to pages of memory and the facts of [`Kernel`].
//!
//! What can be loaded: Linux's bzImage (boot protocol 2.08 and later, packed with gzip, xz, lzma, lz4 or zstd), a plain
//! ELF64 file, and either of them in a gzip file, as `xl` takes them. Anything else is refused with its name.
//!
//! The way: `bzimage` finds the packed stream, `pvgrub-unpack` writes it into a buffer of whole pages that the caller
//! provides, `elf` checks the headers, `xen` reads what the kernel says to Xen, `address` makes addresses of it,
//! and `layout` says which page of the kernel is which page of that buffer. The bytes are not moved: the plan
//! makes the buffer's frames the kernel's. Of Debian's kernels, some four pages need to be put together.
//!
//! The file is from the guest's disk, so each value in it is checked; memory taken is bounded by [`Limits`].

mod address;
mod aligned;
mod bzimage;
mod elf;
mod features;
mod gunzip;
mod layout;
mod notes;
mod symbols;
mod uki;
mod xen;

pub use aligned::HostPages;
pub use gunzip::{gunzip, unpacked_len};
pub use layout::{Origin, Run};
pub use pvgrub_unpack::{ImageError, PAGE, Progress, Source, Window};
pub use uki::{Profile, Uki};

use crate::kernel::Kernel;
use aligned::HostPages as Scratch;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::DerefMut;
use elf::Elf;
use layout::{Bytes, Layout, Piece};
use pvgrub_unpack::{Codec, Input};
use xen::XenInfo;

/// What loading may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of memory the domain has: the loaded kernel must fit.
    pub domain: u64,
    /// Bytes that are free now, for the unpacked kernel and its decoder together.
    pub free: u64,
}

/// A loaded kernel: its pages, in pieces, and what it says of itself.
#[derive(Debug)]
pub struct Loaded<B> {
    /// The facts.
    pub kernel: Kernel,
    /// Where each of its pages comes from: from the page of `p_min` to that of `p_max`, in order, without a gap.
    pub runs: Vec<Run>,
    /// The unpacked file. Pages that no run names are free.
    pub image: B,
    /// Pages put together from several parts, if there are any.
    pub extra: Option<B>,
    /// How the file is made, from outside in: "bzImage, xz", for the user.
    pub format: String,
}

impl<B> Loaded<B> {
    /// The frame (PFN) of the kernel's first page, `runs[0]`.
    pub fn first_pfn(&self) -> u64 {
        // `address` has checked that p_min is not below paddr_offset.
        (self.kernel.p_min - self.kernel.paddr_offset) / PAGE
    }

    /// Frames of zeros that the kernel needs.
    pub fn zero_pages(&self) -> u64 {
        self.runs.iter().filter(|run| run.origin == Origin::Zero).map(|run| run.pages).sum()
    }

    /// The frames that become the kernel's, page by page, given those of the two buffers and of
    /// [`zero_pages`](Self::zero_pages) zeroed pages. `None` if there are too few.
    pub fn frames<F: Copy>(&self, image: &[F], extra: &[F], zeros: &[F]) -> Option<Vec<F>> {
        let mut zeros = zeros.iter().copied();
        let mut frames = Vec::new();
        for run in &self.runs {
            let pages = usize::try_from(run.pages).ok()?;
            let part = |from: &[F], first: u64| {
                let first = usize::try_from(first).ok()?;
                Some(from.get(first..first.checked_add(pages)?)?.to_vec())
            };
            match run.origin {
                Origin::Image(first) => frames.extend(part(image, first)?),
                Origin::Extra(first) => frames.extend(part(extra, first)?),
                Origin::Zero => frames.extend(zeros.by_ref().take(pages)),
            }
        }
        let expected: u64 = self.runs.iter().map(|run| run.pages).sum();
        (frames.len() as u64 == expected).then_some(frames)
    }
}

impl<B: DerefMut<Target = [u8]>> Loaded<B> {
    /// The page that the kernel wants filled with hypercall stubs, if it does.
    pub fn hypercall_page_mut(&mut self) -> Option<&mut [u8; PAGE as usize]> {
        let offset = self.kernel.hypercall_page? - self.kernel.virt_base;
        let page = (offset / PAGE).checked_sub(self.first_pfn())?;
        let run = self.runs.iter().find(|run| (run.page..run.page + run.pages).contains(&page))?;
        let (buffer, first) = match run.origin {
            Origin::Image(first) => (&mut self.image, first),
            Origin::Extra(first) => (self.extra.as_mut()?, first),
            // `Layout` makes sure that it isn't one.
            Origin::Zero => return None,
        };
        let at = usize::try_from((first + page - run.page) * PAGE).ok()?;
        buffer.get_mut(at..)?.first_chunk_mut()
    }
}

/// Bytes at the beginning of a file that tell what it is; the program headers of plain ELF files lie in them, too.
const HEAD: u64 = 16 * 1024;
/// The smallest file that can be anything.
const TINY: u64 = 64;

/// Load the kernel in `file`.
///
/// `pages` gives a buffer of that many pages, aligned to 4096 bytes; it is called once or twice (thrice for an ELF file
/// that keeps its notes in sections). `progress` is called with the bytes of the file that have been read, and
/// their number.
pub fn load<B: DerefMut<Target = [u8]>>(
    file: &mut dyn Source,
    limits: Limits,
    pages: &mut dyn FnMut(usize) -> Option<B>,
    progress: Progress<'_>,
) -> Result<Loaded<B>, ImageError> {
    Loader { limits, pages, layers: Vec::new() }.any(file, progress, true)
}

/// What every step needs.
struct Loader<'p, B> {
    limits: Limits,
    pages: &'p mut dyn FnMut(usize) -> Option<B>,
    /// What was found on the way in.
    layers: Vec<&'static str>,
}

impl<B: DerefMut<Target = [u8]>> Loader<'_, B> {
    /// Look at the beginning and take the way for that kind. `outermost`: not within a gzip file.
    fn any(
        &mut self,
        file: &mut dyn Source,
        progress: Progress<'_>,
        outermost: bool,
    ) -> Result<Loaded<B>, ImageError> {
        let size = file.size();
        if size < TINY {
            return Err(ImageError::NotAKernel(format!("it has only {size} bytes").into()));
        }
        let mut head = vec![0; size.min(HEAD) as usize];
        file.read_at(0, &mut head).map_err(|why| ImageError::Read { at: 0, why })?;
        if bzimage::is_bzimage(&head) {
            let payload = bzimage::payload(&head, size)?;
            self.layers.push("bzImage");
            return self.packed(Window::new(file, payload.start, payload.end), progress);
        }
        if head.starts_with(&elf::MAGIC) {
            return self.plain(file, &head, progress);
        }
        match Codec::of(&head)? {
            Some(Codec::Gzip) if outermost => self.gzip_file(file, progress),
            Some(codec) => Err(ImageError::unsupported(
                format!("this file is compressed ({codec:?}), and not a bzImage"),
                "unpack it on the disk; only bzImage, ELF, and gzip around one of them can be started",
            )),
            None => Err(not_a_kernel(&head)),
        }
    }

    /// The packed kernel in a bzImage: a stream, then its unpacked size in 4 bytes (which gzip has anyway).
    fn packed(&mut self, mut payload: Window<'_>, progress: Progress<'_>) -> Result<Loaded<B>, ImageError> {
        let mut head = vec![0; payload.size().min(HEAD) as usize];
        payload.read_at(0, &mut head).map_err(|why| ImageError::Read { at: 0, why })?;
        if head.starts_with(&elf::MAGIC) {
            return self.plain(&mut payload, &head, progress);
        }
        let Some(codec) = Codec::of(&head)? else {
            return Err(ImageError::unsupported(
                "the kernel in this bzImage is packed in a way we don't know",
                "use one compressed with gzip, xz, lz4 or zstd, or its uncompressed vmlinux",
            ));
        };
        self.layers.push(codec.name());
        let (image, size) = self.unpacked(&mut payload, codec, progress)?;
        self.elf(image, size)
    }

    fn gzip_file(&mut self, file: &mut dyn Source, progress: Progress<'_>) -> Result<Loaded<B>, ImageError> {
        self.layers.push("gzip file");
        let (image, size) = self.unpacked(file, Codec::Gzip, progress)?;
        if image.starts_with(&elf::MAGIC) {
            return self.elf(image, size);
        }
        let mut inner = image.get(..size).unwrap_or(&[]);
        // The outer image stays until the inner one is loaded.
        self.limits.free = self.limits.free.saturating_sub(inner.len() as u64);
        self.any(&mut inner, &mut |_, _| {}, false)
    }

    /// Unpack all of `file`, whose last 4 bytes are the unpacked size. Returns the size too, since the buffer is
    /// whole pages.
    fn unpacked(
        &mut self,
        file: &mut dyn Source,
        codec: Codec,
        progress: Progress<'_>,
    ) -> Result<(B, usize), ImageError> {
        let Some(stream_end) = file.size().checked_sub(4) else {
            return Err(ImageError::damaged("it ends too early"));
        };
        // Packed data is smaller than unpacked; this bounds what is read of a file made to waste our time.
        if stream_end > self.limits.domain {
            let have = self.limits.domain;
            return Err(ImageError::Memory { purpose: "unpacking the kernel", need: Some(stream_end), have });
        }
        let mut word = [0; 4];
        file.read_at(stream_end, &mut word).map_err(|why| ImageError::Read { at: stream_end, why })?;
        let size = u32::from_le_bytes(word);
        let mut image = self.buffer(size.into())?;
        let free = self.limits.free.saturating_sub(image.len() as u64);
        let end = if codec == Codec::Gzip { file.size() } else { stream_end };
        let mut input = Input::new(file, 0, end, progress);
        let out = image.get_mut(..size as usize).unwrap_or(&mut []);
        codec.unpack(&mut input, out, free)?;
        Ok((image, size as usize))
    }

    /// Whole pages for at least `bytes` bytes.
    fn buffer(&mut self, bytes: u64) -> Result<B, ImageError> {
        let too_big = |have| ImageError::Memory { purpose: "the unpacked kernel", need: Some(bytes), have };
        if bytes < TINY {
            return Err(ImageError::damaged("it claims to unpack to nothing"));
        }
        let have = self.limits.free.min(self.limits.domain);
        if bytes > have {
            return Err(too_big(have));
        }
        let pages = usize::try_from(bytes.div_ceil(PAGE)).map_err(|_| too_big(have))?;
        match (self.pages)(pages) {
            Some(buffer) if buffer.len() as u64 >= bytes => Ok(buffer),
            _ => Err(too_big(have)),
        }
    }

    /// An ELF file that lies plainly in `file`: only what is to be loaded is read, unless the sections are needed
    /// (an unstripped vmlinux is ten times as large as what it loads).
    fn plain(
        &mut self,
        file: &mut dyn Source,
        head: &[u8],
        progress: Progress<'_>,
    ) -> Result<Loaded<B>, ImageError> {
        let size = file.size();
        let aligned = Scratch::copy_of(head);
        let used = {
            let elf = Elf::parse(&aligned, size)?;
            let segments = elf.segments()?;
            let ends = segments.iter().map(|segment| segment.offset + segment.file_size);
            let notes = elf.note_segments().map(|(offset, len)| offset.saturating_add(len).min(size));
            ends.chain(notes).max().unwrap_or(size).max(head.len() as u64)
        };
        let image = self.read(file, used, progress)?;
        let enough = used == size || {
            let elf = Elf::parse(&image, size)?;
            XenInfo::from_segments(&elf)?.is_some_and(|info| !info.bsd_symtab)
        };
        if enough {
            return self.elf_of(image, used as usize, size);
        }
        drop(image);
        let image = self.read(file, size, progress)?;
        self.elf_of(image, size as usize, size)
    }

    /// The first `bytes` bytes of `file` in a buffer.
    fn read(&mut self, file: &mut dyn Source, bytes: u64, progress: Progress<'_>) -> Result<B, ImageError> {
        let mut image = self.buffer(bytes)?;
        let mut done = 0;
        for piece in image[..bytes as usize].chunks_mut(4 << 20) {
            file.read_at(done, piece).map_err(|why| ImageError::Read { at: done, why })?;
            done += piece.len() as u64;
            progress(done, bytes);
        }
        Ok(image)
    }

    fn elf(&mut self, image: B, size: usize) -> Result<Loaded<B>, ImageError> {
        self.elf_of(image, size, size as u64)
    }

    /// `image` holds the first `at_hand` bytes of an ELF file of `size` bytes. (`at_hand` is at most the length.)
    fn elf_of(&mut self, image: B, at_hand: usize, size: u64) -> Result<Loaded<B>, ImageError> {
        let (kernel, layout, made) = {
            let elf = Elf::parse(image.get(..at_hand).unwrap_or(&[]), size)?;
            self.facts(&elf)?
        };
        let extra = match layout.extra_pages() {
            0 => None,
            pages => {
                let mut extra = self.buffer(pages * PAGE)?;
                layout.fill(&image, &made, &mut extra)?;
                Some(extra)
            }
        };
        log::debug!("kernel: {} pages, {} of them put together", layout.pages(), layout.extra_pages());
        self.layers.push("ELF");
        Ok(Loaded { kernel, runs: layout.runs, image, extra, format: self.layers.join(", ") })
    }

    /// Facts, layout, and the tables for the symbols.
    fn facts(&self, elf: &Elf<'_>) -> Result<(Kernel, Layout, Vec<u8>), ImageError> {
        let segments = elf.segments()?;
        let p_min = segments.iter().map(|segment| segment.paddr).min().unwrap_or(0);
        let mut p_max = segments.iter().map(elf::Segment::end).max().unwrap_or(0);
        let info = match XenInfo::from_segments(elf)? {
            Some(info) => info,
            None => XenInfo::from_sections(elf, &elf.sections()?)?.ok_or_else(xen::no_notes)?,
        };
        info.check()?;
        let mut pieces: Vec<Piece> = segments.iter().map(piece).collect();
        let mut made = Vec::new();
        if info.bsd_symtab
            && let Some(symbols) = symbols::lay_out(elf, &elf.sections()?, p_max)?
        {
            p_max = symbols.end;
            pieces.extend(symbols.pieces);
            made = symbols.tables;
        }
        let kernel = address::kernel(&info, elf.entry(), p_min, p_max)?;
        // From frame 0 on, since that is where the domain's memory begins.
        let need = p_max.saturating_sub(kernel.paddr_offset);
        if need > self.limits.domain {
            let have = self.limits.domain;
            return Err(ImageError::Memory { purpose: "the loaded kernel", need: Some(need), have });
        }
        let hypercall_page = kernel.hypercall_page.map(|va| va - kernel.virt_base + kernel.paddr_offset);
        Ok((kernel, Layout::new(pieces, hypercall_page), made))
    }
}

fn piece(segment: &elf::Segment) -> Piece {
    Piece {
        paddr: segment.paddr,
        mem_size: segment.mem_size,
        file_size: segment.file_size,
        from: Bytes::Image(segment.offset),
    }
}

/// A file of no kind that could be a kernel: say what it seems to be.
fn not_a_kernel(head: &[u8]) -> ImageError {
    let what = match head {
        [b'M', b'Z', ..] => {
            "an EFI program, but no Linux for x86 (a bootloader, or a kernel for another machine?)"
        }
        [b'#', b'!', ..] => "a script",
        _ if head.get(0x1fe..0x200) == Some(&[0x55, 0xaa]) => "a boot sector, or a Linux older than 2.0",
        _ if head.starts_with(b"070701") => "an initrd (cpio)",
        _ => "neither a bzImage nor an ELF file",
    };
    ImageError::NotAKernel(what.into())
}

#[cfg(test)]
mod tests;
