//! A machine that does one thing wrong on its way to the hypervisor.

use std::ops::Range;

use platform_xen::kexec::{Machine, Parameters, Segment, WritePage};
use platform_xen_fake::hypervisor::Hypervisor;
use platform_xen_sys::errno::Errno;
use platform_xen_sys::mmu::{MmuExtOp, MmuUpdate, PteFlags};
use platform_xen_sys::{Mfn, Pfn, Vaddr};
use pvgrub_handover::plan::Registers;

/// A hypervisor, and what is done wrong to it.
pub struct Faulty {
    pub inner: Hypervisor,
    pub fault: Fault,
}

/// One thing done wrong.
#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    /// A page table stays writable in the new boot mapping.
    WritableTable,
    /// An entry in a slot of the root table that is Xen's.
    XenSlot,
    /// An entry points to a table of the wrong level.
    WrongLevel,
    /// An entry points to a frame of another domain.
    ForeignFrame,
    /// Two entries of the p2m are exchanged.
    P2mSwapped,
    /// One M2P update is lost.
    LostUpdate,
    /// An M2P update names a frame of another domain.
    ForeignUpdate,
    /// The trampoline unpins the old root before it loads the new one.
    UnpinFirst,
    /// The old root stays pinned.
    NoUnpin,
    /// One port is passed over.
    PortForgotten,
    /// The root given to the trampoline is not the new one.
    WrongRoot,
    /// Xen refuses the n-th batch of M2P updates, once.
    Refused(usize),
}

impl Machine for Faulty {
    type End = Result<Registers, String>;

    fn mfn(&self, pfn: Pfn) -> Option<Mfn> {
        self.inner.mfn(pfn)
    }
    fn root(&self) -> Mfn {
        self.inner.root()
    }
    fn scratch_mfn(&self, page: usize) -> Option<Mfn> {
        self.inner.scratch_mfn(page)
    }
    fn write_scratch(&mut self, page: usize, write: WritePage<'_>) {
        let fault = self.fault;
        let own = self.inner.scratch_mfn(page).unwrap();
        let root = self.inner.scratch_mfn(0).unwrap();
        self.inner.write_scratch(page, &mut |bytes, mfn| {
            write(bytes, mfn);
            let mut entries: Vec<u64> =
                bytes.as_chunks().0.iter().map(|entry| u64::from_le_bytes(*entry)).collect();
            match fault {
                // Pages 0 to 7 are the tables of the boot mapping of 8 MiB, then come those of the p2m, then the p2m.
                Fault::WritableTable if page < 7 => {
                    for entry in entries.iter_mut().filter(|e| **e & 0xfff == 0x21) {
                        *entry |= PteFlags::WRITABLE.bits();
                    }
                }
                Fault::XenSlot if own == root => entries[260] = entries[511],
                Fault::WrongLevel if own == root => entries[511] = root.maddr().0 | 0x67,
                Fault::ForeignFrame if page == 4 => entries[0] = 0x1234_5000 | 0x23,
                Fault::P2mSwapped if page == 12 => entries.swap(100, 300),
                _ => return,
            }
            for (bytes, entry) in bytes.as_chunks_mut().0.iter_mut().zip(entries) {
                *bytes = entry.to_le_bytes();
            }
        });
    }
    fn write_trampoline(&mut self, page: usize, parameters: &Parameters) {
        let mut p = *parameters;
        match self.fault {
            Fault::UnpinFirst => p.ops.swap(0, 1),
            Fault::NoUnpin => p.ops[1] = p.ops[0],
            Fault::WrongRoot => p.ops[0].arg1 = self.inner.scratch_mfn(1).unwrap().0,
            _ => {}
        }
        self.inner.write_trampoline(page, &p);
    }
    fn protect(&mut self, pages: Range<usize>, writable: bool) -> Result<(), Errno> {
        self.inner.protect(pages, writable)
    }
    fn mmuext(&mut self, ops: &[MmuExtOp]) -> Result<(), Errno> {
        self.inner.mmuext(ops)
    }
    fn mmu_update(&mut self, requests: &[MmuUpdate]) -> Result<(), Errno> {
        match &mut self.fault {
            Fault::LostUpdate => self.inner.mmu_update(&requests[1..]),
            Fault::ForeignUpdate => {
                self.fault = Fault::Refused(usize::MAX);
                let mut requests = requests.to_vec();
                requests[1] = MmuUpdate::machphys(Mfn(7), Pfn(7));
                self.inner.mmu_update(&requests)
            }
            Fault::Refused(0) => {
                self.fault = Fault::Refused(usize::MAX);
                Err(Errno::EPERM)
            }
            Fault::Refused(left) => {
                *left -= 1;
                self.inner.mmu_update(requests)
            }
            _ => self.inner.mmu_update(requests),
        }
    }
    fn port_status(&mut self, port: u32) -> Result<u32, Errno> {
        if self.fault == Fault::PortForgotten && port == 7 {
            return Ok(0);
        }
        self.inner.port_status(port)
    }
    fn close_port(&mut self, port: u32) -> Result<(), Errno> {
        self.inner.close_port(port)
    }
    fn write_shared(&mut self, offset: usize, value: u64) {
        self.inner.write_shared(offset, value);
    }
    fn write_shared_byte(&mut self, offset: usize, value: u8) {
        self.inner.write_shared_byte(offset, value);
    }
    fn clear_traps(&mut self) -> Result<(), Errno> {
        self.inner.clear_traps()
    }
    fn clear_gdt(&mut self) -> Result<(), Errno> {
        self.inner.clear_gdt()
    }
    fn set_segment_base(&mut self, segment: Segment, base: u64) -> Result<(), Errno> {
        self.inner.set_segment_base(segment, base)
    }
    fn stack_switch(&mut self, top: Vaddr) -> Result<(), Errno> {
        self.inner.stack_switch(top)
    }
    fn disable_assist(&mut self, kind: u32) -> Result<(), Errno> {
        self.inner.disable_assist(kind)
    }
    fn stop_singleshot_timer(&mut self) -> Result<(), Errno> {
        self.inner.stop_singleshot_timer()
    }
    fn set_periodic_timer(&mut self, period_ns: u64) -> Result<(), Errno> {
        self.inner.set_periodic_timer(period_ns)
    }
    fn jump(&mut self, at: Vaddr) -> Self::End {
        self.inner.jump(at)
    }
    fn give_up(&mut self, what: &'static str) -> Self::End {
        self.inner.give_up(what)
    }
}
