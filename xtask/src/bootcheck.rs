//! The kernel that reports its start of day (platform-xen/bootcheck): making its variants.

use anyhow::{Context, Result, bail};

/// The package's and the program's name.
pub const NAME: &str = "bootcheck";

/// It is linked in the top 2 GiB, as Linux is.
pub const FLAGS: &[&str] = &["-Ccode-model=kernel"];

/// What a copy of the image asks of its loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// It has the note INIT_P2M: the p2m goes to a virtual address of its own.
    pub init_p2m: bool,
    /// It has the note MOD_START_PFN: the ramdisk need not be mapped.
    pub mod_start_pfn: bool,
    /// It has the note HYPERCALL_PAGE: the loader fills that page.
    pub hypercall_page: bool,
    /// Physical address of its first segment; a multiple of 4 KiB.
    pub load: u64,
    /// More bytes of .bss.
    pub more_bss: u64,
}

impl Variant {
    /// The image as it is built: every note there, loaded at 1 MiB.
    pub const PLAIN: Variant =
        Variant { init_p2m: true, mod_start_pfn: true, hypercall_page: true, load: 0x10_0000, more_bss: 0 };

    /// Changes a copy of the image.
    pub fn make(&self, image: &[u8]) -> Result<Vec<u8>> {
        let mut elf = Elf { bytes: image.to_vec() };
        elf.check()?;
        let first = elf.segments(PT_LOAD)?.first().copied().context("no segment")?;
        let moved = self.load.wrapping_sub(elf.u64(first + P_PADDR)?);
        let loads = elf.segments(PT_LOAD)?;
        for &header in &loads {
            let paddr = elf.u64(header + P_PADDR)?.wrapping_add(moved);
            elf.set_u64(header + P_PADDR, paddr)?;
        }
        let last = *loads.last().context("no segment")?;
        let size = elf.u64(last + P_MEMSZ)? + self.more_bss;
        elf.set_u64(last + P_MEMSZ, size)?;
        let virt_base = elf.note(NOTE_VIRT_BASE)?.context("no note VIRT_BASE")?;
        // Virtual addresses stay, so what is at PFN 0 moves the other way.
        let base = elf.u64(virt_base.value)?.wrapping_sub(moved);
        elf.set_u64(virt_base.value, base)?;
        for (keep, kind) in [
            (self.init_p2m, NOTE_INIT_P2M),
            (self.mod_start_pfn, NOTE_MOD_START_PFN),
            (self.hypercall_page, NOTE_HYPERCALL_PAGE),
        ] {
            let note = elf.note(kind)?.with_context(|| format!("no note {kind}"))?;
            if !keep {
                // A note of another owner means nothing to a loader.
                elf.set(note.name, b"Off\0")?;
            }
        }
        Ok(elf.bytes)
    }
}

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const P_OFFSET: usize = 8;
const P_PADDR: usize = 24;
const P_FILESZ: usize = 32;
const P_MEMSZ: usize = 40;
const NOTE_HYPERCALL_PAGE: u32 = 2;
const NOTE_VIRT_BASE: u32 = 3;
const NOTE_INIT_P2M: u32 = 15;
const NOTE_MOD_START_PFN: u32 = 16;

/// An ELF file of our own making, in memory.
struct Elf {
    bytes: Vec<u8>,
}

/// Offsets in the file.
struct Note {
    name: usize,
    value: usize,
}

impl Elf {
    fn check(&self) -> Result<()> {
        match self.bytes.starts_with(b"\x7fELF\x02\x01") {
            true => Ok(()),
            false => bail!("not a 64-bit little-endian ELF file"),
        }
    }

    fn get<const N: usize>(&self, at: usize) -> Result<[u8; N]> {
        let bytes = self.bytes.get(at..at + N).context("the ELF file is too short")?;
        Ok(bytes.try_into().expect("N bytes"))
    }

    fn set(&mut self, at: usize, value: &[u8]) -> Result<()> {
        self.bytes.get_mut(at..at + value.len()).context("the ELF file is too short")?.copy_from_slice(value);
        Ok(())
    }

    fn u32(&self, at: usize) -> Result<u32> {
        self.get(at).map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize) -> Result<u64> {
        self.get(at).map(u64::from_le_bytes)
    }

    fn set_u64(&mut self, at: usize, value: u64) -> Result<()> {
        self.set(at, &value.to_le_bytes())
    }

    /// Offsets of the program headers of a kind.
    fn segments(&self, kind: u32) -> Result<Vec<usize>> {
        let (table, size) = (self.u64(32)? as usize, usize::from(u16::from_le_bytes(self.get(54)?)));
        let count = usize::from(u16::from_le_bytes(self.get(56)?));
        let mut found = Vec::new();
        for header in (0..count).map(|i| table + i * size) {
            if self.u32(header)? == kind {
                found.push(header);
            }
        }
        Ok(found)
    }

    /// Xen's note of a kind.
    fn note(&self, kind: u32) -> Result<Option<Note>> {
        for header in self.segments(PT_NOTE)? {
            let mut at = self.u64(header + P_OFFSET)? as usize;
            let end = at + self.u64(header + P_FILESZ)? as usize;
            while at + 12 <= end {
                let (name_len, len) = (self.u32(at)? as usize, self.u32(at + 4)? as usize);
                let value = at + 12 + name_len.next_multiple_of(4);
                if self.u32(at + 8)? == kind && self.get::<4>(at + 12)? == *b"Xen\0" {
                    return Ok(Some(Note { name: at + 12, value }));
                }
                at = value + len.next_multiple_of(4);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small image: two segments and the notes that matter.
    fn image() -> Vec<u8> {
        let mut notes = Vec::new();
        for (kind, value) in [
            (NOTE_VIRT_BASE, 0xffff_ffff_8000_0000_u64),
            (NOTE_HYPERCALL_PAGE, 0xffff_ffff_8011_0000),
            (NOTE_INIT_P2M, 0x80_0000_0000),
            (NOTE_MOD_START_PFN, 1),
        ] {
            notes.extend([4u32, 8, kind].iter().flat_map(|n| n.to_le_bytes()));
            notes.extend(b"Xen\0");
            notes.extend(value.to_le_bytes());
        }
        let mut elf = b"\x7fELF\x02\x01".to_vec();
        elf.resize(64, 0);
        elf[32] = 64;
        elf[54] = 56;
        elf[56] = 3;
        for (kind, offset, paddr, filesz, memsz) in [
            (PT_LOAD, 0u64, 0x10_0000u64, 16u64, 16u64),
            (PT_LOAD, 0, 0x11_4000, 16, 0x2000),
            (PT_NOTE, 64 + 3 * 56, 0, notes.len() as u64, notes.len() as u64),
        ] {
            let header = elf.len();
            elf.resize(header + 56, 0);
            elf[header] = kind as u8;
            for (at, value) in [(P_OFFSET, offset), (P_PADDR, paddr), (P_FILESZ, filesz), (P_MEMSZ, memsz)] {
                elf[header + at..header + at + 8].copy_from_slice(&value.to_le_bytes());
            }
        }
        elf.extend(notes);
        elf
    }

    #[test]
    fn plain_changes_nothing() {
        assert_eq!(Variant::PLAIN.make(&image()).unwrap(), image());
    }

    #[test]
    fn notes_are_switched_off_one_by_one() {
        let variant = Variant { init_p2m: false, hypercall_page: false, ..Variant::PLAIN };
        let elf = Elf { bytes: variant.make(&image()).unwrap() };
        assert!(elf.note(NOTE_INIT_P2M).unwrap().is_none());
        assert!(elf.note(NOTE_HYPERCALL_PAGE).unwrap().is_none());
        assert!(elf.note(NOTE_MOD_START_PFN).unwrap().is_some());
    }

    #[test]
    fn moving_keeps_virtual_addresses() {
        let variant = Variant { load: 0x100_0000, more_bss: 0x100, ..Variant::PLAIN };
        let elf = Elf { bytes: variant.make(&image()).unwrap() };
        let loads = elf.segments(PT_LOAD).unwrap();
        assert_eq!(elf.u64(loads[0] + P_PADDR).unwrap(), 0x100_0000);
        assert_eq!(elf.u64(loads[1] + P_PADDR).unwrap(), 0x101_4000);
        assert_eq!(elf.u64(loads[1] + P_MEMSZ).unwrap(), 0x2100);
        let base = elf.note(NOTE_VIRT_BASE).unwrap().unwrap();
        // p_vaddr − p_paddr of the first segment, as before.
        assert_eq!(elf.u64(base.value).unwrap(), 0xffff_ffff_8000_0000 - 0xf0_0000);
    }
}
