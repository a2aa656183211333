//! BSD_SYMTAB: kernels that want their symbols behind them in memory.
//!
//! The loader puts there, 8-byte aligned after the last segment: a 32-bit length, an ELF header, three section
//! headers (none, symbols, names) whose offsets count from that ELF header, the symbols and the names. The layout is
//! that of libelf's elf_load_bsdsyms; the length counts from the ELF header to the end of the names.

use super::ImageError;
use super::elf::{Elf, HEADER_LEN, SECTION_LEN, Section};
use super::layout::{Bytes, Piece};
use alloc::vec;
use alloc::vec::Vec;
use xmas_elf::sections::ShType;

/// Length, header and three section headers, rounded up to 8.
const TABLES_LEN: usize = (4 + HEADER_LEN + 3 * SECTION_LEN).next_multiple_of(8);
/// From the start to the ELF header.
const LENGTH_LEN: u64 = 4;

/// What is to be put behind the kernel.
pub struct Symbols {
    /// The length and the headers.
    pub tables: Vec<u8>,
    /// Headers ([`Bytes::Made`] at 0), symbols and names.
    pub pieces: [Piece; 3],
    /// The end of it all, 8-byte aligned.
    pub end: u64,
}

/// The symbol table and its names, as libelf chooses them: the first SHT_SYMTAB, if its link is sound.
fn tables(sections: &[Section]) -> Option<(Section, Section)> {
    let symbols = sections.iter().find(|section| section.kind == Some(ShType::SymTab))?;
    let names = sections.iter().find(|section| u32::from(section.index) == symbols.link)?;
    (names.kind == Some(ShType::StrTab)).then_some((*symbols, *names))
}

fn set(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Lay out the symbols behind `p_max`; `None` if the kernel was stripped (then it starts without, as with `xl`).
pub fn lay_out(elf: &Elf<'_>, sections: &[Section], p_max: u64) -> Result<Option<Symbols>, ImageError> {
    let Some((symbols, names)) = tables(sections) else {
        return Ok(None);
    };
    for section in [&symbols, &names] {
        if elf.bytes_of(section.offset, section.size).is_none() {
            return Err(ImageError::damaged("its symbol table lies beyond its end"));
        }
    }
    // Both sizes are at most the file's size, so only `p_max` can make a sum overflow.
    let too_high = || ImageError::damaged("its symbols would lie beyond the end of memory");
    let start = p_max.checked_next_multiple_of(8).ok_or_else(too_high)?;
    let symbols_at = start.checked_add(TABLES_LEN as u64).ok_or_else(too_high)?;
    let names_at = symbols_at.checked_add(symbols.size.next_multiple_of(8)).ok_or_else(too_high)?;
    let end = names_at.checked_add(names.size.next_multiple_of(8)).ok_or_else(too_high)?;
    let from_header = |address: u64| address - start - LENGTH_LEN;

    let mut made = vec![0; TABLES_LEN];
    let length = u32::try_from(from_header(names_at) + names.size).map_err(|_| too_high())?;
    set(&mut made, 0, &length.to_le_bytes());
    let header = &mut made[LENGTH_LEN as usize..];
    let original = elf.bytes_of(0, HEADER_LEN as u64);
    let headers = [&symbols, &names].map(|section| elf.section_header_bytes(section));
    let (Some(original), [Some(symbols_header), Some(names_header)]) = (original, headers) else {
        return Err(ImageError::damaged("its section headers lie beyond its end"));
    };
    set(header, 0, original);
    set(header, 20, &1_u32.to_le_bytes()); // e_version
    set(header, 32, &0_u64.to_le_bytes()); // e_phoff
    set(header, 40, &(HEADER_LEN as u64).to_le_bytes()); // e_shoff
    // e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx
    for (i, value) in [HEADER_LEN as u16, 0, 0, SECTION_LEN as u16, 3, 0].into_iter().enumerate() {
        set(header, 52 + 2 * i, &value.to_le_bytes());
    }
    let at = HEADER_LEN + SECTION_LEN;
    set(header, at, symbols_header);
    set(header, at + 24, &from_header(symbols_at).to_le_bytes()); // sh_offset
    set(header, at + 40, &2_u32.to_le_bytes()); // sh_link: the names
    set(header, at + SECTION_LEN, names_header);
    set(header, at + SECTION_LEN + 24, &from_header(names_at).to_le_bytes());

    let piece = |paddr, size, from| Piece { paddr, mem_size: size, file_size: size, from };
    let pieces = [
        piece(start, TABLES_LEN as u64, Bytes::Made(0)),
        piece(symbols_at, symbols.size, Bytes::Image(symbols.offset)),
        piece(names_at, names.size, Bytes::Image(names.offset)),
    ];
    Ok(Some(Symbols { tables: made, pieces, end }))
}
