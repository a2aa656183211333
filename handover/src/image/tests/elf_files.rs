//! Plain ELF files: what they say to Xen, and what is refused.

use super::build::{BASE, Kernel, Says, bzimage, linux, linux_notes, note, text};
use super::*;
use platform_xen_sys::elfnote;

#[test]
fn a_kernel_lies_in_memory_as_its_segments_say() {
    let kernel = linux();
    let loaded = load_bytes(&kernel.elf()).unwrap();
    assert_eq!(memory(&loaded), kernel.flat());
    let facts = &loaded.kernel;
    assert_eq!((facts.virt_base, facts.paddr_offset, facts.entry), (BASE, 0, BASE + 0x10_0040));
    assert_eq!((facts.p_min, facts.p_max), (0x10_0000, 0x11_1100));
    assert_eq!((facts.init_p2m, facts.mod_start_pfn), (Some(0x80_0000_0000), true));
    assert_eq!((facts.features.supported, facts.features.required), (0x8811, 1));
    assert_eq!((facts.guest_os.as_str(), facts.guest_version.as_str()), ("linux", "2.6"));
    assert_eq!((facts.hypercall_page, loaded.first_pfn()), (None, 0x100));
    assert!(loaded.extra.unwrap().len() <= 3 * 4096);
}

#[test]
fn a_kernel_that_is_not_congruent_lies_the_same() {
    let kernel = linux();
    let file = kernel.elf();
    // Shift everything after the headers by 24 bytes.
    let mut shifted = [&file[..64 + 5 * 56], &[0; 24], &file[64 + 5 * 56..]].concat();
    for i in 0..5 {
        let at = 64 + 56 * i + 8;
        let offset = u64::from_le_bytes(shifted[at..at + 8].try_into().unwrap()) + 24;
        shifted[at..at + 8].copy_from_slice(&offset.to_le_bytes());
    }
    let loaded = load_bytes(&shifted).unwrap();
    assert_eq!(memory(&loaded), kernel.flat());
    assert!(loaded.runs.iter().all(|run| !matches!(run.origin, Origin::Image(_))));
}

#[test]
fn notes_in_sections_and_the_old_string() {
    let notes = Kernel { says: Says::Section(linux_notes()), ..linux() };
    assert_eq!(load_bytes(&notes.elf()).unwrap().kernel, load_bytes(&linux().elf()).unwrap().kernel);

    let string = "GUEST_OS=linux,XEN_VER=xen-3.0,LOADER=generic,VIRT_BASE=0xffffffff80000000,\
        ELF_PADDR_OFFSET=0x0,VIRT_ENTRY=0xffffffff80100000,HYPERCALL_PAGE=0x109,FEATURES=pae_pgdir_above_4gb";
    let kernel = Kernel { says: Says::Legacy(string), ..linux() };
    let loaded = load_bytes(&kernel.elf()).unwrap();
    assert_eq!(memory(&loaded), kernel.flat());
    assert_eq!(loaded.kernel.hypercall_page, Some(BASE + 0x10_9000));
    assert_eq!((loaded.kernel.entry, loaded.kernel.init_p2m), (BASE + 0x10_0000, None));
}

#[test]
fn the_hypercall_page_can_be_written_wherever_it_lies() {
    for page in [0x10_0000, 0x10_5000, 0x10_9000, 0x10_f000, 0x11_1000] {
        let mut kernel = linux();
        kernel.set_note(elfnote::HYPERCALL_PAGE, &(BASE + page).to_le_bytes());
        let mut loaded = load_bytes(&kernel.elf()).unwrap();
        loaded.hypercall_page_mut().unwrap().fill(0xf4);
        let mut expected = kernel.flat();
        expected[(page - 0x10_0000) as usize..][..4096].fill(0xf4);
        assert!(memory(&loaded) == expected, "{page:#x}");
    }
    assert!(load_bytes(&linux().elf()).unwrap().hypercall_page_mut().is_none());
}

#[test]
fn symbols_follow_a_kernel_that_wants_them() {
    let mut kernel = linux();
    kernel.set_note(elfnote::BSD_SYMTAB, b"yes\0");
    kernel.symbols = Some((text(24 * 11, 7), b"\0start\0panic\0x\0".to_vec()));
    let loaded = load_bytes(&kernel.elf()).unwrap();
    let all = memory(&loaded);
    let start = (0x11_1100 - 0x10_0000_usize).next_multiple_of(8);
    assert_eq!(all[..0x11_1000 - 0x10_0000], kernel.flat()[..0x11_1000 - 0x10_0000]);
    let word = |at: usize| u32::from_le_bytes(all[start + at..][..4].try_into().unwrap()) as usize;
    let long = |at: usize| u64::from_le_bytes(all[start + at..][..8].try_into().unwrap()) as usize;
    // An ELF header, 4 bytes in, with three sections behind it.
    assert_eq!(all[start + 4..][..4], *b"\x7fELF");
    assert_eq!((long(4 + 32), long(4 + 40)), (0, 64));
    assert_eq!(word(4 + 60) & 0xffff, 3);
    let (symbols, names) = (4 + 64 + 64, 4 + 64 + 128);
    assert_eq!((word(symbols + 4), word(names + 4), word(symbols + 40)), (2, 3, 2));
    let (expected_symbols, expected_names) = kernel.symbols.as_ref().unwrap();
    let at = start + 4 + long(symbols + 24);
    assert_eq!(all[at..][..long(symbols + 32)], expected_symbols[..]);
    let at = start + 4 + long(names + 24);
    assert_eq!(all[at..][..long(names + 32)], expected_names[..]);
    assert_eq!(start + 4 + word(0), at + expected_names.len());
    assert_eq!(loaded.kernel.p_max as usize, 0x10_0000 + (at + expected_names.len()).next_multiple_of(8));

    // Stripped: it starts without.
    kernel.symbols = None;
    assert_eq!(load_bytes(&kernel.elf()).unwrap().kernel.p_max, 0x11_1100);
}

#[test]
fn kernels_that_can_not_start_here_say_why() {
    let with = |change: &dyn Fn(&mut Kernel)| {
        let mut kernel = linux();
        change(&mut kernel);
        message(&kernel.elf())
    };
    let refused = |word: &str, change: &dyn Fn(&mut Kernel)| {
        let said = with(change);
        assert!(said.contains(word), "{said:?} has no {word:?}");
    };
    refused("CONFIG_XEN_PV", &|k| k.says = Says::Nothing);
    refused("PVH", &|k| {
        for kind in [elfnote::ENTRY, elfnote::VIRT_BASE, elfnote::PADDR_OFFSET] {
            k.drop_note(kind);
        }
    });
    refused("auto_translated_physmap", &|k| k.set_note(elfnote::FEATURES, b"!auto_translated_physmap\0"));
    refused("dom0", &|k| k.set_note(elfnote::FEATURES, b"!dom0|writable_page_tables\0"));
    refused("INIT_P2M", &|k| k.set_note(elfnote::INIT_P2M, &(BASE + 0x10_3000).to_le_bytes()));
    refused("entry", &|k| k.set_note(elfnote::ENTRY, &1_u64.to_le_bytes()));
    refused("HV_START_LOW", &|k| k.set_note(elfnote::HV_START_LOW, &u64::MAX.to_le_bytes()));
    refused("HYPERCALL_PAGE", &|k| k.set_note(elfnote::HYPERCALL_PAGE, &BASE.to_le_bytes()));
    refused("VIRT_BASE", &|k| k.drop_note(elfnote::VIRT_BASE));
    refused("VIRT_BASE", &|k| k.set_note(elfnote::VIRT_BASE, b"abc"));
    refused("xen-3.0", &|k| k.set_note(elfnote::XEN_VERSION, b"xen-4.0\0"));
    refused("64 MiB", &|k| k.segments[3].mem_size = 64 << 20);
}

#[test]
fn files_that_are_no_kernel_say_what_they_are() {
    let file = |start: &[u8]| {
        let mut file = start.to_vec();
        file.resize(2000, 0);
        message(&file)
    };
    assert!(file(b"#!/bin/sh").contains("script"));
    assert!(file(b"070701").contains("initrd"));
    assert!(file(b"MZ").contains("EFI"));
    assert!(file(b"\x28\xb5\x2f\xfd").contains("Zstd"));
    assert!(file(b"BZh9").contains("bzip2"));
    assert!(file(b"hello").contains("neither"));
    assert!(message(b"").contains("0 bytes"));
    let elf = |at: usize, value: u8| {
        let mut file = linux().elf();
        file[at] = value;
        message(&file)
    };
    assert!(elf(4, 1).contains("32-bit"));
    assert!(elf(18, 183).contains("another machine"));
    assert!(elf(5, 2).contains("another machine"));
    assert!(elf(56, 0).contains("program headers"));
    assert!(elf(54, 55).contains("damaged"));
    let mut i386 = linux().elf();
    (i386[4], i386[18]) = (1, 3);
    assert!(message(&i386).contains("32-bit x86"));
    let mut old = bzimage(&[0; 100]);
    old[0x206] = 7;
    old[0x207] = 2;
    assert!(message(&old).contains("2.07"));
    assert!(
        message(&bzimage(b"\x89LZO and more of it, enough for anything ...............")).contains("lzo")
    );
}

/// A file whose end must not be looked at.
struct Prefix<'a>(&'a [u8], u64);

impl Source for Prefix<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64 + (700 << 20)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), String> {
        self.1 += buf.len() as u64;
        self.0.read_at(offset, buf)
    }
}

#[test]
fn of_a_large_vmlinux_only_what_is_loaded_is_read() {
    // 700 MiB of debugging information after it, in a domain of 64 MiB.
    let kernel = linux();
    let file = kernel.elf();
    let mut source = Prefix(&file, 0);
    let loaded = load(&mut source, LIMITS, &mut HostPages::new, &mut |_, _| {}).unwrap();
    assert_eq!(memory(&loaded), kernel.flat());
}

#[test]
fn every_cut_is_noticed() {
    let mut kernel = linux();
    kernel.tail = 0;
    let file = kernel.elf();
    for len in (0..file.len()).step_by(37) {
        assert!(load_bytes(&file[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn overlapping_segments_lie_as_the_last_says() {
    let mut kernel = linux();
    kernel.segments[1].paddr = 0x10_4000;
    let loaded = load_bytes(&kernel.elf()).unwrap();
    assert_eq!(memory(&loaded), kernel.flat());
}

/// As many notes as fit, in as many segments as there may be, all over the same bytes.
#[test]
fn notes_without_end_cost_little() {
    let mut kernel = linux();
    let many: Vec<u8> = note(b"XenX", 1, &[]).repeat(400_000);
    kernel.segments[3].bytes = many;
    kernel.segments[3].mem_size = kernel.segments[3].bytes.len() as u64;
    let file = kernel.elf();
    let offset = u64::from_le_bytes(file[64 + 3 * 56 + 8..][..8].try_into().unwrap());
    let mut headers = Vec::new();
    for _ in 0..60 {
        for word in [4, offset, 0, 0, kernel.segments[3].mem_size, 0, 4] {
            headers.extend(u64::to_le_bytes(word));
        }
    }
    // The first segment begins at 0x1000, so 60 headers fit before it with the four that are there.
    let mut file = file;
    file[64 + 4 * 56..][..headers.len()].copy_from_slice(&headers[..]);
    file[56..58].copy_from_slice(&64_u16.to_le_bytes());
    let start = std::time::Instant::now();
    let _ = load_bytes(&file);
    assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
}
