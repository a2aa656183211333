//! What a kernel tells Xen: the XEN_ELFNOTE_* notes, or the `__xen_guest` section of kernels before them.
//!
//! | note | here |
//! |---|---|
//! | ENTRY, VIRT_BASE, PADDR_OFFSET, HYPERCALL_PAGE, INIT_P2M, MOD_START_PFN | obeyed: see [`address`](super::address) |
//! | LOADER, GUEST_OS, XEN_VERSION | checked as the domain builder does |
//! | GUEST_VERSION | shown |
//! | FEATURES, SUPPORTED_FEATURES | obeyed; a required one that a PV domain lacks is refused by name |
//! | BSD_SYMTAB | obeyed: see [`symbols`](super::symbols) |
//! | HV_START_LOW | refused if the kernel puts itself above where Xen begins |
//! | PHYS32_ENTRY | the PVH entry: not for us; a kernel with no other is refused |
//! | PAE_MODE | about 32-bit page tables: nothing to do on x86-64 |
//! | SUSPEND_CANCEL, L1_MFN_VALID | told to the toolstack about suspend and migration: it asks nothing of a loader |

use super::ImageError;
use super::elf::{Elf, Section};
use super::features;
use super::notes::{Note, Notes, until_nul};
use crate::kernel::Features;
use alloc::string::String;
use platform_xen_sys::elfnote;
use xmas_elf::sections::ShType;

/// Notes looked at in one file at most (as libelf).
const MAX_NOTES: u32 = 65_536;
/// Characters of a string that are kept. libelf keeps 15 of most.
const MAX_TEXT: usize = 64;

/// All that was said. Absent things have no defaults yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XenInfo {
    /// From a `__xen_guest` section: PADDR_OFFSET has another default.
    pub legacy: bool,
    /// ENTRY.
    pub entry: Option<u64>,
    /// HYPERCALL_PAGE, a virtual address.
    pub hypercall_page: Option<u64>,
    /// VIRT_BASE.
    pub virt_base: Option<u64>,
    /// PADDR_OFFSET.
    pub paddr_offset: Option<u64>,
    /// INIT_P2M.
    pub init_p2m: Option<u64>,
    /// HV_START_LOW.
    pub hv_start_low: Option<u64>,
    /// PHYS32_ENTRY.
    pub phys32_entry: Option<u64>,
    /// MOD_START_PFN with a value other than 0.
    pub mod_start_pfn: bool,
    /// BSD_SYMTAB.
    pub bsd_symtab: bool,
    /// FEATURES and SUPPORTED_FEATURES.
    pub features: Features,
    /// LOADER.
    pub loader: String,
    /// GUEST_OS.
    pub guest_os: String,
    /// GUEST_VERSION.
    pub guest_version: String,
    /// XEN_VERSION.
    pub xen_version: String,
}

/// The name of a note, for messages.
fn note_name(kind: u32) -> &'static str {
    match kind {
        elfnote::ENTRY => "ENTRY",
        elfnote::HYPERCALL_PAGE => "HYPERCALL_PAGE",
        elfnote::VIRT_BASE => "VIRT_BASE",
        elfnote::PADDR_OFFSET => "PADDR_OFFSET",
        elfnote::HV_START_LOW => "HV_START_LOW",
        elfnote::INIT_P2M => "INIT_P2M",
        elfnote::MOD_START_PFN => "MOD_START_PFN",
        elfnote::SUPPORTED_FEATURES => "SUPPORTED_FEATURES",
        elfnote::PHYS32_ENTRY => "PHYS32_ENTRY",
        _ => "unknown",
    }
}

/// The printable ASCII of `bytes`, cut to a line.
pub fn printable(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(MAX_TEXT)
        .filter(|b| b.is_ascii_graphic() || **b == b' ')
        .map(|b| char::from(*b))
        .collect()
}

impl XenInfo {
    /// What the PT_NOTE segments say; `None` if there is no Xen note in them.
    pub fn from_segments(elf: &Elf<'_>) -> Result<Option<Self>, ImageError> {
        let mut budget = MAX_NOTES;
        let ranges = elf.note_segments().filter_map(|(offset, size)| elf.bytes_of(offset, size));
        Self::from_notes(ranges, &mut budget)
    }

    /// What the sections say, which must be at hand: the SHT_NOTE ones, else `__xen_guest`.
    pub fn from_sections(elf: &Elf<'_>, sections: &[Section]) -> Result<Option<Self>, ImageError> {
        let mut budget = MAX_NOTES;
        let notes = sections.iter().filter(|section| section.kind == Some(ShType::Note));
        let ranges = notes.filter_map(|section| elf.bytes_of(section.offset, section.size));
        if let Some(info) = Self::from_notes(ranges, &mut budget)? {
            return Ok(Some(info));
        }
        let Some(guest) = elf.section_named(sections, "__xen_guest") else {
            return Ok(None);
        };
        let Some(text) = elf.bytes_of(guest.offset, guest.size) else {
            return Err(ImageError::damaged("its __xen_guest section lies beyond its end"));
        };
        Self::from_guest_string(until_nul(text)).map(Some)
    }

    fn from_notes<'a>(
        ranges: impl Iterator<Item = &'a [u8]>,
        budget: &mut u32,
    ) -> Result<Option<Self>, ImageError> {
        let mut info = Self::default();
        let mut any = false;
        for range in ranges {
            for note in Notes::new(range, budget) {
                info.take(&note)?;
                any = true;
            }
        }
        Ok(any.then_some(info))
    }

    fn take(&mut self, note: &Note<'_>) -> Result<(), ImageError> {
        let number = || {
            note.number().ok_or_else(|| {
                let (name, len) = (note_name(note.kind), note.desc.len());
                ImageError::damaged(alloc::format!("the Xen note {name} has {len} bytes, which is no number"))
            })
        };
        match note.kind {
            elfnote::ENTRY => self.entry = Some(number()?),
            elfnote::HYPERCALL_PAGE => self.hypercall_page = Some(number()?),
            elfnote::VIRT_BASE => self.virt_base = Some(number()?),
            elfnote::PADDR_OFFSET => self.paddr_offset = Some(number()?),
            elfnote::HV_START_LOW => self.hv_start_low = Some(number()?),
            elfnote::INIT_P2M => self.init_p2m = Some(number()?),
            elfnote::MOD_START_PFN => self.mod_start_pfn = number()? != 0,
            elfnote::PHYS32_ENTRY => self.phys32_entry = Some(number()?),
            elfnote::XEN_VERSION => self.xen_version = printable(note.text()),
            elfnote::GUEST_OS => self.guest_os = printable(note.text()),
            elfnote::GUEST_VERSION => self.guest_version = printable(note.text()),
            elfnote::LOADER => self.loader = printable(note.text()),
            elfnote::FEATURES => features::parse(note.text(), &mut self.features)?,
            // An array of 32-bit words, of which Xen has defined one.
            elfnote::SUPPORTED_FEATURES => match note.desc.first_chunk() {
                Some(word) if note.desc.len().is_multiple_of(4) => {
                    self.features.supported |= u32::from_le_bytes(*word);
                }
                _ => return number().map(|_| ()),
            },
            elfnote::BSD_SYMTAB => self.bsd_symtab = note.text() == b"yes",
            elfnote::PAE_MODE | elfnote::SUSPEND_CANCEL | elfnote::L1_MFN_VALID => {}
            kind => log::debug!("kernel: Xen note {kind:#x} is not known"),
        }
        Ok(())
    }

    /// `KEY=VALUE,KEY=VALUE,…`
    fn from_guest_string(text: &[u8]) -> Result<Self, ImageError> {
        let mut info = Self { legacy: true, ..Self::default() };
        let mut hypercall_pfn = None;
        for pair in text.split(|b| *b == b',') {
            let split = pair.iter().position(|b| *b == b'=');
            let (key, value) = split.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
            let number = || {
                parse_number(value).ok_or_else(|| {
                    let (key, value) = (printable(key), printable(value));
                    ImageError::damaged(alloc::format!(
                        "its __xen_guest section says {key}={value}, which is no number"
                    ))
                })
            };
            match key {
                b"LOADER" => info.loader = printable(value),
                b"GUEST_OS" => info.guest_os = printable(value),
                b"GUEST_VER" => info.guest_version = printable(value),
                b"XEN_VER" => info.xen_version = printable(value),
                b"VIRT_BASE" => info.virt_base = Some(number()?),
                b"VIRT_ENTRY" => info.entry = Some(number()?),
                b"ELF_PADDR_OFFSET" => info.paddr_offset = Some(number()?),
                b"HYPERCALL_PAGE" => hypercall_pfn = Some(number()?),
                b"FEATURES" => features::parse(value, &mut info.features)?,
                // Here its presence counts, not its value.
                b"BSD_SYMTAB" => info.bsd_symtab = true,
                _ => {}
            }
        }
        // A page number counted from VIRT_BASE.
        if let Some(pfn) = hypercall_pfn {
            let page =
                pfn.checked_mul(4096).and_then(|offset| offset.checked_add(info.virt_base.unwrap_or(0)));
            info.hypercall_page =
                Some(page.ok_or_else(|| ImageError::damaged("HYPERCALL_PAGE is out of range"))?);
        }
        Ok(info)
    }

    /// Is this a kernel for a PV domain at all? The checks of the domain builder, with better words.
    pub fn check(&self) -> Result<(), ImageError> {
        if self.phys32_entry.is_some() && self.entry.is_none() && self.virt_base.is_none() {
            return Err(ImageError::unsupported(
                "this kernel has only a PVH entry: it was built without CONFIG_XEN_PV",
                "install a kernel with CONFIG_XEN_PV=y, or start it with type=\"pvh\" or \"hvm\"",
            ));
        }
        if !self.loader.starts_with("generic") && !self.guest_os.starts_with("linux") {
            return Err(ImageError::unsupported(
                alloc::format!(
                    "this kernel wants the loader \"{}\" (its system is \"{}\")",
                    self.loader,
                    self.guest_os
                ),
                "only kernels for the loader \"generic\" can be started",
            ));
        }
        if !self.xen_version.starts_with("xen-3.0") {
            return Err(ImageError::unsupported(
                alloc::format!("this kernel is for the Xen interface \"{}\"", self.xen_version),
                "only kernels for \"xen-3.0\" (which all since 2005 are) can be started",
            ));
        }
        features::check(self.features)
    }
}

/// A number as C's strtoull reads it with base 0: decimal, 0x… or 0… for octal.
fn parse_number(text: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(text).ok()?.trim();
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// The refusal of a kernel that says nothing to Xen.
pub fn no_notes() -> ImageError {
    ImageError::unsupported(
        "this kernel has no Xen notes: it was built without CONFIG_XEN_PV",
        "install a kernel with CONFIG_XEN_PV=y (most distributions' kernels have it), or start it with type=\"hvm\"",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_string_of_an_old_kernel() {
        let text = b"GUEST_OS=linux,GUEST_VER=2.6,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000,\
            HYPERCALL_PAGE=0x102,FEATURES=writable_page_tables|auto_translated_physmap,LOADER=generic,BSD_SYMTAB,PAE=yes";
        let info = XenInfo::from_guest_string(text).unwrap();
        assert!(info.legacy && info.bsd_symtab);
        assert_eq!(info.virt_base, Some(0xffff_ffff_8000_0000));
        assert_eq!(info.hypercall_page, Some(0xffff_ffff_8010_2000));
        assert_eq!((info.guest_os.as_str(), info.features.supported), ("linux", 5));
        assert_eq!(info.entry, None);
        info.check().unwrap();
    }

    #[test]
    fn numbers_as_strtoull_reads_them() {
        assert_eq!(parse_number(b"0x10"), Some(16));
        assert_eq!(parse_number(b"010"), Some(8));
        assert_eq!(parse_number(b"10"), Some(10));
        assert_eq!(parse_number(b"0"), Some(0));
        assert_eq!(parse_number(b"x"), None);
        assert_eq!(parse_number(b"0x1ffffffffffffffff"), None);
        assert!(XenInfo::from_guest_string(b"VIRT_BASE=zebra").unwrap_err().to_string().contains("zebra"));
    }

    #[test]
    fn a_number_note_of_an_odd_size_is_named() {
        let mut info = XenInfo::default();
        let error = info.take(&Note { kind: elfnote::VIRT_BASE, desc: &[0; 5] }).unwrap_err();
        assert!(error.to_string().contains("VIRT_BASE"), "{error}");
    }

    #[test]
    fn kernels_for_others_are_refused_in_words() {
        let good = XenInfo { loader: "generic".into(), xen_version: "xen-3.0".into(), ..XenInfo::default() };
        good.check().unwrap();
        let message = |info: XenInfo| info.check().unwrap_err().to_string();
        assert!(
            message(XenInfo { phys32_entry: Some(0x100_0000), ..good.clone() }).contains("CONFIG_XEN_PV")
        );
        assert!(message(XenInfo { loader: "weird".into(), ..good.clone() }).contains("weird"));
        assert!(message(XenInfo { xen_version: "xen-2.0".into(), ..good.clone() }).contains("xen-2.0"));
        let both = XenInfo { phys32_entry: Some(0x100_0000), entry: Some(1), ..good };
        both.check().unwrap();
    }
}
