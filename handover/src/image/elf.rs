//! ELF64 headers, segments and sections: each range checked, then read through `xmas-elf`.
//!
//! That crate slices without asking (its readers assert size and alignment, its data accessors index the file), so
//! nothing of it is called before the table is known to lie in the file, aligned, with entries of the right size;
//! its names, data and notes are never used.

use super::ImageError;
use alloc::vec::Vec;
use core::ops::Range;
use xmas_elf::ElfFile;
use xmas_elf::program::Type;
use xmas_elf::sections::ShType;

/// `\x7fELF`.
pub const MAGIC: [u8; 4] = *b"\x7fELF";
/// Bytes of an ELF64 header.
pub const HEADER_LEN: usize = 64;
/// Bytes of an ELF64 section header.
pub const SECTION_LEN: usize = 64;
const PROGRAM_LEN: usize = 56;
/// The headers must be aligned so in memory and in the file.
pub const ALIGN: usize = 8;
/// More program headers than any kernel has; a bound on what we do for each.
const MAX_SEGMENTS: u16 = 64;
/// The same for sections: kernels have some 40, with `-ffunction-sections` some 10,000.
const MAX_SECTIONS: u16 = 0xff00 - 1;

const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const MACHINE_386: u16 = 3;
const MACHINE_X86_64: u16 = 62;

/// A piece of the file that is to be in memory (PT_LOAD).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it is in the file.
    pub offset: u64,
    /// Its bytes in the file.
    pub file_size: u64,
    /// Physical address in the sense of the ELF header.
    pub paddr: u64,
    /// Its bytes in memory; those beyond `file_size` are zero.
    pub mem_size: u64,
}

impl Segment {
    /// The end in memory; checked when the segment was made.
    pub fn end(&self) -> u64 {
        self.paddr + self.mem_size
    }
}

/// One section header.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its number.
    pub index: u16,
    /// Offset of its name in the table of names.
    pub name: u32,
    /// What it is; `None` for a kind that ELF does not know.
    pub kind: Option<ShType>,
    /// Its range in the file, not checked: [`Elf::bytes_of`].
    pub offset: u64,
    /// See `offset`.
    pub size: u64,
    /// The section it refers to.
    pub link: u32,
}

/// An ELF64 file for x86-64 whose header and program headers are sound.
pub struct Elf<'a> {
    bytes: &'a [u8],
    file: ElfFile<'a>,
    /// Size of the whole file, of which `bytes` may be the beginning.
    file_size: u64,
}

/// `count` entries of `size` bytes at `offset`: a table that lies in the file, aligned. The range it takes.
fn table(what: &str, offset: u64, count: u16, size: usize, within: u64) -> Result<Range<u64>, ImageError> {
    let end = offset.checked_add(u64::from(count) * size as u64).filter(|end| *end <= within);
    match end {
        None => Err(ImageError::damaged(alloc::format!("its {what} headers lie beyond its end"))),
        Some(_) if !offset.is_multiple_of(ALIGN as u64) => {
            Err(ImageError::damaged(alloc::format!("its {what} headers are not aligned")))
        }
        Some(end) => Ok(offset..end),
    }
}

/// The fixed part of the header: is this a file for us at all?
fn check_identity(bytes: &[u8]) -> Result<(), ImageError> {
    let Some(header) = bytes.get(..HEADER_LEN) else {
        return Err(ImageError::damaged("it ends within its ELF header"));
    };
    if header[..4] != MAGIC {
        return Err(ImageError::NotAKernel("what was unpacked is no ELF file".into()));
    }
    let machine = u16::from_le_bytes([header[18], header[19]]);
    if header[4] != CLASS_64 {
        let what =
            if machine == MACHINE_386 { "this is a 32-bit x86 kernel" } else { "this is a 32-bit kernel" };
        return Err(ImageError::unsupported(
            what,
            "only 64-bit PV kernels can be started from here; install an amd64 kernel, or have xl start this one itself",
        ));
    }
    if header[5] != LITTLE_ENDIAN || machine != MACHINE_X86_64 {
        return Err(ImageError::unsupported(
            alloc::format!("this kernel is for another machine (ELF machine {machine})"),
            "install a kernel for x86-64 (amd64)",
        ));
    }
    Ok(())
}

impl<'a> Elf<'a> {
    /// Check the headers of a file of `file_size` bytes that begins with `bytes`. `bytes` must be aligned to
    /// [`ALIGN`] in memory and hold the program headers.
    pub fn parse(bytes: &'a [u8], file_size: u64) -> Result<Self, ImageError> {
        check_identity(bytes)?;
        if !bytes.as_ptr().addr().is_multiple_of(ALIGN) {
            return Err(ImageError::damaged("it was read to an address that is not aligned"));
        }
        let file = ElfFile::new(bytes).map_err(ImageError::damaged)?;
        let header = &file.header.pt2;
        if header.ph_count() == 0 || header.ph_offset() == 0 {
            return Err(ImageError::NotAKernel(
                "this ELF file has no program headers: an object file?".into(),
            ));
        }
        if header.ph_count() > MAX_SEGMENTS {
            return Err(ImageError::damaged(alloc::format!("{} program headers", header.ph_count())));
        }
        if usize::from(header.ph_entry_size()) != PROGRAM_LEN {
            return Err(ImageError::damaged("its program headers have a wrong size"));
        }
        table("program", header.ph_offset(), header.ph_count(), PROGRAM_LEN, bytes.len() as u64)?;
        Ok(Self { bytes, file, file_size })
    }

    /// e_entry.
    pub fn entry(&self) -> u64 {
        self.file.header.pt2.entry_point()
    }

    /// The bytes `offset..offset + size`, if they are at hand.
    pub fn bytes_of(&self, offset: u64, size: u64) -> Option<&'a [u8]> {
        let end = offset.checked_add(size)?;
        self.bytes.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
    }

    fn program_headers(&self) -> impl Iterator<Item = xmas_elf::program::ProgramHeader<'a>> {
        // In bounds, aligned and of the right size: checked in `parse`.
        (0..self.file.header.pt2.ph_count()).filter_map(|i| self.file.program_header(i).ok())
    }

    /// What is to be loaded, in the file's order. As libelf: PT_LOAD with any of the flags R, W, X.
    /// Each lies within the file (of `file_size` bytes), and its addresses do not overflow.
    pub fn segments(&self) -> Result<Vec<Segment>, ImageError> {
        let mut segments = Vec::new();
        for header in self.program_headers() {
            let flags = header.flags();
            let loadable = flags.is_read() || flags.is_write() || flags.is_execute();
            if header.get_type() != Ok(Type::Load) || !loadable {
                continue;
            }
            let segment = Segment {
                offset: header.offset(),
                file_size: header.file_size(),
                paddr: header.physical_addr(),
                mem_size: header.mem_size(),
            };
            if segment.offset.checked_add(segment.file_size).is_none_or(|end| end > self.file_size) {
                return Err(ImageError::damaged("a segment lies beyond its end"));
            }
            if segment.file_size > segment.mem_size || segment.paddr.checked_add(segment.mem_size).is_none() {
                return Err(ImageError::damaged("a segment has an impossible size"));
            }
            if segment.mem_size > 0 {
                segments.push(segment);
            }
        }
        if segments.is_empty() {
            return Err(ImageError::NotAKernel("this ELF file has nothing to load".into()));
        }
        Ok(segments)
    }

    /// Ranges of the file that hold notes (PT_NOTE), not checked. As libelf, without those at offset 0, which some
    /// binutils wrote by mistake.
    pub fn note_segments(&self) -> impl Iterator<Item = (u64, u64)> {
        self.program_headers()
            .filter(|header| header.get_type() == Ok(Type::Note) && header.offset() != 0)
            .map(|header| (header.offset(), header.file_size()))
    }

    /// All sections but the first (which is none); empty if the file has none.
    pub fn sections(&self) -> Result<Vec<Section>, ImageError> {
        let header = &self.file.header.pt2;
        let count = header.sh_count();
        if count == 0 || header.sh_offset() == 0 {
            return Ok(Vec::new());
        }
        if count > MAX_SECTIONS || usize::from(header.sh_entry_size()) != SECTION_LEN {
            return Err(ImageError::damaged("its section headers have a wrong size"));
        }
        table("section", header.sh_offset(), count, SECTION_LEN, self.bytes.len() as u64)?;
        let section = |index| {
            let header = self.file.section_header(index).ok()?;
            let (offset, size) = (header.offset(), header.size());
            Some(Section {
                index,
                name: header.name(),
                kind: header.get_type().ok(),
                offset,
                size,
                link: header.link(),
            })
        };
        Ok((1..count).filter_map(section).collect())
    }

    /// The first section of this name.
    pub fn section_named(&self, sections: &[Section], name: &str) -> Option<Section> {
        let names = self.file.header.pt2.sh_str_index();
        let names = sections.iter().find(|section| section.index == names)?;
        let names = self.bytes_of(names.offset, names.size)?;
        let is_named = |section: &&Section| {
            let found = usize::try_from(section.name).ok().and_then(|at| names.get(at..));
            found
                .and_then(|found| found.strip_prefix(name.as_bytes()))
                .is_some_and(|rest| rest.first() == Some(&0))
        };
        sections.iter().find(is_named).copied()
    }

    /// The header of a section as it stands in the file.
    pub fn section_header_bytes(&self, section: &Section) -> Option<&'a [u8]> {
        let at = u64::from(section.index) * SECTION_LEN as u64;
        self.bytes_of(self.file.header.pt2.sh_offset().checked_add(at)?, SECTION_LEN as u64)
    }
}
