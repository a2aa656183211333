//! `start_info`, checked once and kept as types.

use platform_xen_sys::start_info::{MAX_GUEST_CMDLINE, StartFlags, StartInfo};
use platform_xen_sys::{Maddr, Mfn, Vaddr};

/// How the magic begins, whatever the version.
const MAGIC: &[u8] = b"xen-";

/// What `start_info` says, copied before its page is unmapped.
#[derive(Clone)]
pub struct Start {
    /// Where the page itself is, in the boot mapping.
    pub page: Vaddr,
    /// PFNs are 0 … `nr_pages` − 1.
    pub nr_pages: u64,
    /// Machine address of the page shared with Xen.
    pub shared_info: Maddr,
    /// What kind of domain this is.
    pub flags: StartFlags,
    /// The xenstore page and its port; none for dom0, which has no xenstore before it starts one.
    pub store: Option<(Mfn, u32)>,
    /// The console's page and its port; none for dom0, which writes by hypercall.
    pub console: Option<(Mfn, u32)>,
    /// Root page table.
    pub pt_base: Vaddr,
    /// Boot page tables, in frames from `pt_base`.
    pub nr_pt_frames: u64,
    /// The p2m.
    pub mfn_list: Vaddr,
    /// PFN of the first frame of the p2m and its page tables, and how many there are, unless it is in the boot mapping.
    pub p2m_frames: Option<(u64, u64)>,
    /// First PFN or virtual address of the ramdisk.
    pub mod_start: u64,
    /// Bytes of the ramdisk; 0: there is none.
    pub mod_len: u64,
    cmd_line: [u8; MAX_GUEST_CMDLINE],
}

/// Why `start_info` can't be what Xen's builders make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// The magic is another.
    Magic,
    /// An address that must be on a page boundary is not.
    Misaligned,
    /// There is hardly any memory.
    TooSmall,
}

impl core::fmt::Display for StartError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            StartError::Magic => "it is of no Xen that is known",
            StartError::Misaligned => "an address is not on a page boundary",
            StartError::TooSmall => "the domain has less than 4 MiB of memory",
        })
    }
}

/// Where the console of the domain is that this page describes: its frame and port. To be asked first, as it is where all
/// other errors are to be seen; `None` also if the page can't be trusted.
#[must_use]
pub fn console_of(info: &StartInfo) -> Option<(Mfn, u32)> {
    let dom0 = info.flags.contains(StartFlags::INITDOMAIN);
    let there = info.magic.starts_with(MAGIC) && !dom0 && info.console_evtchn != 0;
    there.then_some((info.console_mfn, info.console_evtchn))
}

impl Start {
    /// Checks and copies the page.
    ///
    /// # Errors
    /// If a builder can't have made it.
    pub fn new(info: &StartInfo) -> Result<Start, StartError> {
        if !info.magic.starts_with(MAGIC) {
            return Err(StartError::Magic);
        }
        let page = Vaddr(core::ptr::from_ref(info) as u64);
        let aligned = |a: u64| a.is_multiple_of(4096);
        if ![page.0, info.pt_base, info.mfn_list, info.shared_info.0].into_iter().all(aligned) {
            return Err(StartError::Misaligned);
        }
        if info.nr_pages < 1024 {
            return Err(StartError::TooSmall);
        }
        Ok(Start {
            page,
            nr_pages: info.nr_pages,
            shared_info: info.shared_info,
            flags: info.flags,
            store: (info.store_evtchn != 0).then_some((info.store_mfn, info.store_evtchn)),
            console: console_of(info),
            pt_base: Vaddr(info.pt_base),
            nr_pt_frames: info.nr_pt_frames,
            mfn_list: Vaddr(info.mfn_list),
            p2m_frames: (info.nr_p2m_frames != 0).then_some((info.first_p2m_pfn, info.nr_p2m_frames)),
            mod_start: info.mod_start,
            mod_len: info.mod_len,
            cmd_line: info.cmd_line,
        })
    }

    /// Whether we are the first domain: then the console is Xen's own, by hypercall.
    #[must_use]
    pub fn is_dom0(&self) -> bool {
        self.flags.contains(StartFlags::INITDOMAIN)
    }

    /// The command line, without its NUL.
    #[must_use]
    pub fn cmd_line(&self) -> &[u8] {
        self.cmd_line.split(|b| *b == 0).next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform_xen_sys::PAGE_SIZE;

    #[repr(C, align(4096))]
    struct Page(StartInfo);

    fn of_a_guest() -> Page {
        let mut magic = [0; 32];
        magic[..16].copy_from_slice(b"xen-3.0-x86_64\0\0");
        let mut cmd_line = [0; MAX_GUEST_CMDLINE];
        cmd_line[..9].copy_from_slice(b"a=1 b\0c\0d");
        Page(StartInfo {
            magic,
            nr_pages: 8192,
            shared_info: Maddr(0x1234_5000),
            flags: StartFlags::MOD_START_PFN,
            store_mfn: Mfn(77),
            store_evtchn: 1,
            console_mfn: Mfn(78),
            console_evtchn: 2,
            pt_base: 0x4004_0000,
            nr_pt_frames: 5,
            mfn_list: 1 << 39,
            mod_start: 0,
            mod_len: 0,
            cmd_line,
            first_p2m_pfn: 70,
            nr_p2m_frames: 19,
        })
    }

    #[test]
    fn a_guests_page_is_understood() {
        let page = of_a_guest();
        let start = Start::new(&page.0).unwrap();
        assert_eq!(start.page.0 % PAGE_SIZE as u64, 0);
        assert_eq!((start.store, start.console), (Some((Mfn(77), 1)), Some((Mfn(78), 2))));
        assert_eq!(start.p2m_frames, Some((70, 19)));
        assert_eq!(start.cmd_line(), b"a=1 b");
        assert!(!start.is_dom0());
    }

    #[test]
    fn dom0_has_neither_ring() {
        let mut page = of_a_guest();
        page.0.flags |= StartFlags::INITDOMAIN | StartFlags::PRIVILEGED;
        page.0.store_evtchn = 0;
        let start = Start::new(&page.0).unwrap();
        assert_eq!((start.store, start.console, start.is_dom0()), (None, None, true));
    }

    #[test]
    fn a_line_without_its_end_is_taken_whole() {
        let mut page = of_a_guest();
        page.0.cmd_line = [b'x'; MAX_GUEST_CMDLINE];
        assert_eq!(Start::new(&page.0).unwrap().cmd_line().len(), MAX_GUEST_CMDLINE);
    }

    #[test]
    fn what_no_builder_makes_is_refused() {
        type Change = fn(&mut StartInfo);
        let changes: [(Change, StartError); 5] = [
            (|s| s.magic[0] = b'X', StartError::Magic),
            (|s| s.pt_base += 8, StartError::Misaligned),
            (|s| s.mfn_list += 8, StartError::Misaligned),
            (|s| s.shared_info.0 += 64, StartError::Misaligned),
            (|s| s.nr_pages = 100, StartError::TooSmall),
        ];
        for (change, error) in changes {
            let mut page = of_a_guest();
            change(&mut page.0);
            assert_eq!(Start::new(&page.0).err(), Some(error));
            // It can be said, unless nothing is to be trusted.
            assert_eq!(console_of(&page.0).is_none(), error == StartError::Magic);
        }
    }
}
