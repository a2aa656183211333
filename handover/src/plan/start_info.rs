//! The start_info page of the next kernel.

use core::mem::offset_of;

use platform_xen_sys::start_info::{MAX_GUEST_CMDLINE, StartFlags, StartInfo};
use platform_xen_sys::{Maddr, Mfn, PAGE_SIZE, Pfn};

use super::PlanError;
use super::layout::Layout;

/// A ring that the builder set up and that goes on living: its frame, event channel, and its frame's number now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The frame.
    pub mfn: Mfn,
    /// Our port to the other end.
    pub port: u32,
    /// The frame's number now.
    pub pfn: Pfn,
}

/// What this domain's own start_info said: facts of the domain that the next kernel gets too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// "xen-3.0-x86_64", NUL padded.
    pub magic: [u8; 32],
    /// Pages of the domain.
    pub nr_pages: u64,
    /// Machine address of the shared info page.
    pub shared_info: Maddr,
    /// Flags as found.
    pub flags: StartFlags,
    /// The xenstore ring; dom0 starts without.
    pub store: Option<Ring>,
    /// The console ring; dom0 has none.
    pub console: Option<Ring>,
}

/// Refuses a command line that start_info can't hold. libxc cuts it in silence.
pub fn check_cmdline(cmdline: &[u8]) -> Result<(), PlanError> {
    if cmdline.len() >= MAX_GUEST_CMDLINE {
        return Err(PlanError::CommandLineTooLong { len: cmdline.len() });
    }
    if cmdline.contains(&0) {
        return Err(PlanError::CommandLineHasNul);
    }
    Ok(())
}

/// Writes the page: all of it, zeroes where nothing is said.
pub fn fill(page: &mut [u8; PAGE_SIZE], who: &Identity, layout: &Layout, cmdline: &[u8]) {
    page.fill(0);
    let mut put = |offset: usize, bytes: &[u8]| page[offset..offset + bytes.len()].copy_from_slice(bytes);
    let word = u64::to_le_bytes;
    put(offset_of!(StartInfo, magic), &who.magic);
    put(offset_of!(StartInfo, nr_pages), &word(who.nr_pages));
    put(offset_of!(StartInfo, shared_info), &word(who.shared_info.0));
    // These two say how *our* initrd came.
    let mut flags = who.flags.difference(StartFlags::MOD_START_PFN | StartFlags::MULTIBOOT_MOD);
    if let Some(initrd) = layout.initrd {
        let (start, len) = if initrd.mapped {
            (layout.va(initrd.frames.first).0, initrd.len)
        } else {
            // libxc: the length of whole pages.
            flags |= StartFlags::MOD_START_PFN;
            (initrd.frames.first.0, initrd.frames.pages * PAGE_SIZE as u64)
        };
        flags.set(StartFlags::MULTIBOOT_MOD, initrd.package);
        put(offset_of!(StartInfo, mod_start), &word(start));
        put(offset_of!(StartInfo, mod_len), &word(len));
    }
    put(offset_of!(StartInfo, flags), &flags.bits().to_le_bytes());
    if let Some(store) = who.store {
        put(offset_of!(StartInfo, store_mfn), &word(store.mfn.0));
        put(offset_of!(StartInfo, store_evtchn), &store.port.to_le_bytes());
    }
    if let Some(console) = who.console {
        put(offset_of!(StartInfo, console_mfn), &word(console.mfn.0));
        put(offset_of!(StartInfo, console_evtchn), &console.port.to_le_bytes());
    }
    let boot = layout.tables.boot.tables();
    put(offset_of!(StartInfo, pt_base), &word(layout.va(boot.first).0));
    put(offset_of!(StartInfo, nr_pt_frames), &word(boot.pages));
    put(offset_of!(StartInfo, mfn_list), &word(layout.p2m_va.0));
    if let Some(p2m) = &layout.tables.p2m {
        put(offset_of!(StartInfo, first_p2m_pfn), &word(layout.p2m.first.0));
        put(offset_of!(StartInfo, nr_p2m_frames), &word(layout.p2m.pages + p2m.tables().pages));
    }
    put(offset_of!(StartInfo, cmd_line), cmdline);
}
