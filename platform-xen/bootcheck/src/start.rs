//! The start info page, field by field. Machine frames are reported by their PFN, which is what must agree.

use crate::entry::{ENTRY_STATE, RSI};
use crate::{Machine, line};
use core::fmt;
use platform_xen_sys::{Mfn, PAGE_SIZE, start_info::StartInfo};

/// Text with anything but printable ASCII escaped.
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            fmt::Display::fmt(&byte.escape_ascii(), f)?;
        }
        Ok(())
    }
}

/// Bytes up to the first NUL, and whether only NULs follow.
fn text(field: &[u8]) -> (&[u8], bool) {
    let len = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    (&field[..len], field[len..].iter().all(|b| *b == 0))
}

pub fn report(machine: &mut Machine) {
    let start = machine.start;
    let (magic, clean) = text(&start.magic);
    line!(machine.out, "start.magic {} rest_zero={clean}", Escaped(magic));
    line!(machine.out, "start.nr_pages {}", start.nr_pages);
    line!(machine.out, "start.shared_info page_offset {:#x}", start.shared_info.offset());
    line!(machine.out, "~start.shared_info {}", start.shared_info);
    line!(machine.out, "start.flags {:#x}", start.flags.bits());
    if !machine.is_dom0() {
        frame(machine, "store", start.store_mfn);
        line!(machine.out, "start.store_evtchn {}", start.store_evtchn);
        frame(machine, "console", start.console_mfn);
        line!(machine.out, "start.console_evtchn {}", start.console_evtchn);
    }
    line!(machine.out, "start.pt_base {:#x}", start.pt_base);
    line!(machine.out, "start.nr_pt_frames {}", start.nr_pt_frames);
    line!(machine.out, "start.mfn_list {:#x}", start.mfn_list);
    line!(machine.out, "start.mod_start {:#x}", start.mod_start);
    line!(machine.out, "start.mod_len {}", start.mod_len);
    let (command, clean) = text(&start.cmd_line);
    line!(machine.out, "start.cmd_line length {} rest_zero={clean}", command.len());
    line!(machine.out, "start.cmd_line text {}", Escaped(command));
    line!(machine.out, "start.first_p2m_pfn {}", start.first_p2m_pfn);
    line!(machine.out, "start.nr_p2m_frames {}", start.nr_p2m_frames);
    // SAFETY: the page rsi points to; nobody writes it.
    let page = unsafe { &*(ENTRY_STATE.gpr[RSI] as *const [u8; PAGE_SIZE]) };
    let after = page[size_of::<StartInfo>()..].iter().filter(|b| **b != 0).count();
    line!(machine.out, "~start.bytes_after nonzero {after}");
}

fn frame(machine: &mut Machine, name: &str, mfn: Mfn) {
    match machine.m2p.pfn(mfn) {
        Some(pfn) if pfn.0 < machine.start.nr_pages && machine.mfn(pfn.0) == mfn => {
            line!(machine.out, "start.{name}_mfn pfn {pfn}");
        }
        Some(pfn) => line!(machine.out, "start.{name}_mfn pfn {pfn} but the p2m disagrees"),
        None => line!(machine.out, "start.{name}_mfn without a pfn"),
    }
    line!(machine.out, "~start.{name}_mfn {mfn}");
}
