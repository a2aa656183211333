//! The grant table: its version, its size, every entry that is in use.

use crate::window::MISC;
use crate::{Machine, hypercall, line};
use platform_xen_sys::grant::{
    GNTST_OKAY, GNTTABOP_GET_VERSION, GNTTABOP_QUERY_SIZE, GNTTABOP_SETUP_TABLE, GRANTS_PER_PAGE,
    GnttabGetVersion, GnttabQuerySize, GnttabSetupTable, GrantEntryV1,
};
use platform_xen_sys::hypercall::GRANT_TABLE_OP;
use platform_xen_sys::{DomId, Mfn};

/// Most frames of a table that are looked at.
const MOST: usize = 64;

fn table_op<T>(command: u32, argument: &mut T) -> bool {
    // SAFETY: the command's argument, one of it.
    unsafe {
        hypercall::call(GRANT_TABLE_OP, [u64::from(command), core::ptr::from_mut(argument) as u64, 1, 0, 0])
            .is_ok()
    }
}

pub fn report(machine: &mut Machine) {
    let mut version = GnttabGetVersion { dom: DomId::SELF, pad: 0, version: 0 };
    if table_op(GNTTABOP_GET_VERSION, &mut version) {
        line!(machine.out, "grants version {}", version.version);
    } else {
        line!(machine.out, "grants version unknown");
    }
    let mut size = GnttabQuerySize { dom: DomId::SELF, ..GnttabQuerySize::default() };
    if !table_op(GNTTABOP_QUERY_SIZE, &mut size) || size.status != GNTST_OKAY {
        line!(machine.out, "grants size unknown");
        return;
    }
    line!(machine.out, "grants max_frames {}", size.max_nr_frames);
    line!(machine.out, "grants frames {}", size.nr_frames);
    let mut frames = [0u64; MOST];
    let mut setup = GnttabSetupTable {
        dom: DomId::SELF,
        nr_frames: size.nr_frames.min(MOST as u32),
        status: 0,
        frame_list: frames.as_mut_ptr(),
    };
    if !table_op(GNTTABOP_SETUP_TABLE, &mut setup) || setup.status != GNTST_OKAY {
        line!(machine.out, "grants table refused: {}", setup.status);
        return;
    }
    let mut used = 0;
    for (nth, frame) in frames[..setup.nr_frames as usize].iter().enumerate() {
        let Ok(page) = machine.window.map(MISC, Mfn(*frame), true) else {
            line!(machine.out, "grants frame {nth} can't be mapped");
            continue;
        };
        for i in 0..GRANTS_PER_PAGE {
            // SAFETY: an entry of the table just mapped; Xen may write it, so the read is volatile.
            let entry = unsafe { page.cast::<GrantEntryV1>().add(i).read_volatile() };
            if entry == GrantEntryV1::default() {
                continue;
            }
            used += 1;
            let reference = nth * GRANTS_PER_PAGE + i;
            let GrantEntryV1 { flags, domid, frame } = entry;
            // Reading and writing (bits 3 and 4) say that dom0 has it mapped at this moment.
            match machine.m2p.pfn(Mfn(u64::from(frame))) {
                Some(pfn) => line!(
                    machine.out,
                    "grant {reference} flags {:#x} mapped={} dom{} pfn {pfn}",
                    flags & !0x18,
                    flags & 0x18 != 0,
                    domid.0
                ),
                None => {
                    line!(machine.out, "grant {reference} flags {flags:#x} dom{} mfn {frame:#x}", domid.0)
                }
            }
        }
    }
    line!(machine.out, "grants used {used}");
}
