//! Small kernels, made to order.

use platform_xen_sys::elfnote;

pub const BASE: u64 = 0xffff_ffff_8000_0000;

/// Where a kernel has what it says to Xen.
#[derive(Clone, Debug)]
pub enum Says {
    /// In a PT_NOTE segment.
    Segment(Vec<(u32, Vec<u8>)>),
    /// In a SHT_NOTE section.
    Section(Vec<(u32, Vec<u8>)>),
    /// In a `__xen_guest` section.
    Legacy(&'static str),
    /// Nowhere.
    Nothing,
}

#[derive(Clone, Debug)]
pub struct Segment {
    pub paddr: u64,
    pub bytes: Vec<u8>,
    pub mem_size: u64,
}

#[derive(Clone, Debug)]
pub struct Kernel {
    pub segments: Vec<Segment>,
    pub says: Says,
    pub entry: u64,
    pub symbols: Option<(Vec<u8>, Vec<u8>)>,
    /// Bytes after everything, as Linux has its relocations there.
    pub tail: usize,
}

/// Bytes that look a little like code: repeats, and calls for the BCJ filter.
pub fn text(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut out = Vec::new();
    while out.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match state >> 28 {
            0..4 => out.extend([0xe8, (state >> 8) as u8, (state >> 16) as u8, 0, 0]),
            4..9 => out.extend([0x48, 0x8b, (state >> 9) as u8 | 1]),
            9..13 => out.extend_from_slice(b"\x0f\x1f\x44\x00\x01"),
            _ => out.extend(state.to_le_bytes()),
        }
    }
    out.truncate(len);
    out
}

pub fn linux_notes() -> Vec<(u32, Vec<u8>)> {
    let text = |s: &str| [s.as_bytes(), b"\0"].concat();
    let long = |n: u64| n.to_le_bytes().to_vec();
    vec![
        (elfnote::GUEST_OS, text("linux")),
        (elfnote::GUEST_VERSION, text("2.6")),
        (elfnote::XEN_VERSION, text("xen-3.0")),
        (elfnote::VIRT_BASE, long(BASE)),
        (elfnote::INIT_P2M, long(0x80_0000_0000)),
        (elfnote::ENTRY, long(BASE + 0x10_0040)),
        (elfnote::FEATURES, text("!writable_page_tables|pae_pgdir_above_4gb")),
        (elfnote::SUPPORTED_FEATURES, 0x8801_u32.to_le_bytes().to_vec()),
        (elfnote::PAE_MODE, text("yes")),
        (elfnote::LOADER, text("generic")),
        (elfnote::L1_MFN_VALID, [long(1), long(1)].concat()),
        (elfnote::SUSPEND_CANCEL, 1_u32.to_le_bytes().to_vec()),
        (elfnote::MOD_START_PFN, 1_u32.to_le_bytes().to_vec()),
        (elfnote::HV_START_LOW, long(0xffff_8000_0000_0000)),
        (elfnote::PADDR_OFFSET, long(0)),
        (elfnote::PHYS32_ENTRY, long(0x100_0050)),
    ]
}

/// Linked as Linux is, but small: text that ends within a page, data, percpu, and a bss.
pub fn linux() -> Kernel {
    let segment = |paddr, len, mem_size, seed| Segment { paddr, bytes: text(len, seed), mem_size };
    Kernel {
        segments: vec![
            segment(0x10_0000, 0x5432, 0x5432, 1),
            segment(0x10_8000, 0x2000, 0x2000, 2),
            segment(0x10_a000, 0x1000, 0x1000, 3),
            segment(0x10_b000, 0x2800, 0x6100, 4),
        ],
        says: Says::Segment(linux_notes()),
        entry: 0x10_0000,
        symbols: None,
        tail: 5000,
    }
}

/// The same with almost nothing in it, for what is done many times.
pub fn small() -> Kernel {
    let mut kernel = linux();
    kernel.tail = 0;
    kernel.segments.iter_mut().for_each(|segment| segment.bytes.truncate(0x300));
    kernel
}

pub fn note(name: &[u8], kind: u32, desc: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [name.len() as u32, desc.len() as u32, kind] {
        out.extend(word.to_le_bytes());
    }
    for part in [name, desc] {
        out.extend(part);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

fn notes(list: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = note(b"GNU\0", 3, &[0xab; 20]);
    list.iter().for_each(|(kind, desc)| out.extend(note(b"Xen\0", *kind, desc)));
    out
}

struct Section {
    name: &'static str,
    kind: u32,
    bytes: Vec<u8>,
    link: u32,
}

impl Kernel {
    pub fn set_note(&mut self, kind: u32, desc: &[u8]) {
        let (Says::Segment(list) | Says::Section(list)) = &mut self.says else { panic!("no notes") };
        list.retain(|(other, _)| *other != kind);
        list.push((kind, desc.to_vec()));
    }

    pub fn drop_note(&mut self, kind: u32) {
        let (Says::Segment(list) | Says::Section(list)) = &mut self.says else { panic!("no notes") };
        list.retain(|(other, _)| *other != kind);
    }

    fn sections(&self) -> Vec<Section> {
        let mut list = Vec::new();
        match &self.says {
            Says::Section(notes_) => {
                list.push(Section { name: ".notes", kind: 7, bytes: notes(notes_), link: 0 })
            }
            Says::Legacy(string) => {
                list.push(Section {
                    name: "__xen_guest",
                    kind: 1,
                    bytes: [string.as_bytes(), b"\0"].concat(),
                    link: 0,
                });
            }
            Says::Segment(_) | Says::Nothing => {}
        }
        if let Some((symbols, names)) = &self.symbols {
            let link = list.len() as u32 + 2;
            list.push(Section { name: ".symtab", kind: 2, bytes: symbols.clone(), link });
            list.push(Section { name: ".strtab", kind: 3, bytes: names.clone(), link: 0 });
        }
        list
    }

    pub fn elf(&self) -> Vec<u8> {
        let note_segment = match &self.says {
            Says::Segment(list) => Some(notes(list)),
            _ => None,
        };
        let count = self.segments.len() + usize::from(note_segment.is_some());
        let mut out = vec![0; 64 + 56 * count];
        let mut headers: Vec<[u64; 7]> = Vec::new();
        for segment in &self.segments {
            // Congruent to its address modulo 4096, as linkers do.
            let at = (out.len() as u64).next_multiple_of(4096) + segment.paddr % 4096;
            out.resize(at as usize, 0xcc);
            out.extend(&segment.bytes);
            let (paddr, file, mem) = (segment.paddr, segment.bytes.len() as u64, segment.mem_size);
            headers.push([1 | 7 << 32, at, BASE.wrapping_add(paddr), paddr, file, mem, 4096]);
        }
        if let Some(bytes) = note_segment {
            out.resize(out.len().next_multiple_of(4), 0);
            headers.push([4 | 4 << 32, out.len() as u64, 0, 0, bytes.len() as u64, bytes.len() as u64, 4]);
            out.extend(bytes);
        }
        for (i, header) in headers.iter().enumerate() {
            for (j, word) in header.iter().enumerate() {
                out[64 + 56 * i + 8 * j..][..8].copy_from_slice(&word.to_le_bytes());
            }
        }
        let (sh_offset, sh_count) = self.put_sections(&mut out);
        out.extend(vec![0x5a; self.tail]);
        let identity = [0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        out[..16].copy_from_slice(&identity);
        let half =
            |out: &mut [u8], at: usize, value: u16| out[at..at + 2].copy_from_slice(&value.to_le_bytes());
        let long =
            |out: &mut [u8], at: usize, value: u64| out[at..at + 8].copy_from_slice(&value.to_le_bytes());
        half(&mut out, 16, 2);
        half(&mut out, 18, 62);
        half(&mut out, 20, 1);
        long(&mut out, 24, self.entry);
        long(&mut out, 32, 64);
        long(&mut out, 40, sh_offset);
        for (i, value) in
            [64, 56, count as u16, 64, sh_count, sh_count.saturating_sub(1)].into_iter().enumerate()
        {
            half(&mut out, 52 + 2 * i, value);
        }
        out
    }

    /// Append the sections and their headers; offset and number of these.
    fn put_sections(&self, out: &mut Vec<u8>) -> (u64, u16) {
        let mut sections = self.sections();
        if sections.is_empty() {
            return (0, 0);
        }
        let mut names = vec![0];
        let mut name_at: Vec<u32> = Vec::new();
        for name in sections.iter().map(|section| section.name).chain([".shstrtab"]) {
            name_at.push(names.len() as u32);
            names.extend([name.as_bytes(), b"\0"].concat());
        }
        sections.push(Section { name: ".shstrtab", kind: 3, bytes: names, link: 0 });
        let mut headers = vec![0; 64];
        for (section, name) in sections.iter().zip(name_at) {
            out.resize(out.len().next_multiple_of(8), 0);
            headers.extend(name.to_le_bytes());
            headers.extend(section.kind.to_le_bytes());
            headers.extend([0; 16]);
            headers.extend((out.len() as u64).to_le_bytes());
            headers.extend((section.bytes.len() as u64).to_le_bytes());
            headers.extend(section.link.to_le_bytes());
            headers.extend([0; 20]);
            out.extend(&section.bytes);
        }
        out.resize(out.len().next_multiple_of(8), 0);
        let at = out.len() as u64;
        out.extend(headers);
        (at, sections.len() as u16 + 1)
    }

    /// What is to be in memory from the page of the lowest address on.
    pub fn flat(&self) -> Vec<u8> {
        let start = self.segments.iter().map(|s| s.paddr).min().unwrap() & !4095;
        let end = self.segments.iter().map(|s| s.paddr + s.mem_size).max().unwrap().next_multiple_of(4096);
        let mut out = vec![0; (end - start) as usize];
        for segment in &self.segments {
            out[(segment.paddr - start) as usize..][..segment.bytes.len()].copy_from_slice(&segment.bytes);
        }
        out
    }
}

/// A bzImage around a packed kernel (with its 4 bytes of size already at the end).
pub fn bzimage(payload: &[u8]) -> Vec<u8> {
    let (setup_sects, before) = (3_u8, 0x2cc_u32);
    let mut out = text((usize::from(setup_sects) + 1) * 512 + before as usize, 9);
    out[0x1f1] = setup_sects;
    out[0x202..0x206].copy_from_slice(b"HdrS");
    out[0x206..0x208].copy_from_slice(&0x20f_u16.to_le_bytes());
    out[0x248..0x24c].copy_from_slice(&before.to_le_bytes());
    out[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend(payload);
    out.extend([0; 700]);
    out
}
