//! The hypervisor as the sequence of a handover sees it.

use core::ops::Range;

use platform_xen::kexec::{Machine, Parameters, Segment, WritePage};
use platform_xen_sys::errno::Errno;
use platform_xen_sys::event::{
    EVTCHNSTAT_CLOSED, EVTCHNSTAT_INTERDOMAIN, EVTCHNSTAT_UNBOUND, EVTCHNSTAT_VIRQ,
};
use platform_xen_sys::mmu::{
    MMU_MACHPHYS_UPDATE, MMU_NORMAL_PT_UPDATE, MMUEXT_NEW_BASEPTR, MMUEXT_NEW_USER_BASEPTR,
    MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L4_TABLE, MMUEXT_SET_LDT, MMUEXT_UNPIN_TABLE, MmuExtOp, MmuUpdate, Pte,
    PteFlags,
};
use platform_xen_sys::{Maddr, Mfn, Pfn, Vaddr};
use pvgrub_handover::plan::Registers;

use super::frames::Type;
use super::{Hypervisor, PortState};

/// Ports up to here are answered for; Xen sets them up in groups.
const PORTS: u32 = 128;

impl Hypervisor {
    fn one_mmuext(&mut self, op: &MmuExtOp) -> Result<(), Errno> {
        let mfn = Mfn(op.arg1);
        let result = match op.cmd {
            MMUEXT_PIN_L1_TABLE..=MMUEXT_PIN_L4_TABLE => {
                self.frames.pin(mfn, op.cmd - MMUEXT_PIN_L1_TABLE + 1)
            }
            MMUEXT_UNPIN_TABLE if mfn == self.base => Err("the root in use can't be unpinned".into()),
            MMUEXT_UNPIN_TABLE => self.frames.unpin(mfn),
            MMUEXT_NEW_BASEPTR => self.frames.get(mfn, Type::Table(4)).map(|()| {
                self.frames.put(self.base);
                self.base = mfn;
            }),
            MMUEXT_NEW_USER_BASEPTR if op.arg1 == 0 => {
                if let Some(old) = self.vcpu.user_base.take() {
                    self.frames.put(old);
                }
                Ok(())
            }
            MMUEXT_SET_LDT => {
                self.vcpu.ldt_entries = op.arg2 as u32;
                Ok(())
            }
            other => Err(format!("mmuext command {other} is not known here")),
        };
        result.map_err(|why| self.refuse(why))
    }

    fn one_update(&mut self, request: &MmuUpdate) -> Result<(), Errno> {
        let at = Maddr(request.ptr & !7);
        match request.ptr & 7 {
            MMU_NORMAL_PT_UPDATE => self
                .frames
                .update(at.mfn(), at.offset() as usize / 8, Pte(request.val))
                .map_err(|why| self.refuse(why)),
            MMU_MACHPHYS_UPDATE => {
                if !self.frames.is_owned(at.mfn()) {
                    return Err(self.refuse(format!("M2P of {:?}, which is not the domain's", at.mfn())));
                }
                if self.p2m.get(request.val as usize).is_none_or(Option::is_none) {
                    return Err(self.refuse(format!("frame number {:#x} does not exist", request.val)));
                }
                self.m2p.insert(at.mfn(), Pfn(request.val));
                Ok(())
            }
            _ => Err(self.refuse("unknown update")),
        }
    }

    /// Plays the processor in the trampoline.
    fn trampoline(&mut self, at: Vaddr) -> Result<Registers, String> {
        let fetch = |hypervisor: &Hypervisor, when: &str| {
            let pte = hypervisor.walk(at).ok_or_else(|| format!("{when}: the trampoline is not mapped"))?;
            if pte.flags().contains(PteFlags::NX) {
                return Err(format!("{when}: the trampoline can't be executed"));
            }
            let parameters = Parameters::read(hypervisor.frames.page(pte.mfn()))
                .ok_or_else(|| format!("{when}: there is no trampoline at {at}"))?;
            Ok((pte.mfn(), parameters))
        };
        let (frame, parameters) = fetch(self, "before")?;
        for (n, op) in parameters.ops.iter().enumerate() {
            // Xen reads each operation by its virtual address, which after the first is in the new space.
            let (now, again) = fetch(self, "within")?;
            if now != frame || again.ops[n] != *op {
                return Err("the trampoline changed under way".into());
            }
            self.one_mmuext(op)
                .map_err(|e| format!("{e}: {}", self.refusals.last().map_or("", String::as_str)))?;
        }
        let (now, parameters) = fetch(self, "after")?;
        if now != frame {
            return Err("the trampoline is another frame in the new space".into());
        }
        Ok(parameters.registers)
    }
}

impl Machine for Hypervisor {
    /// The registers of the next kernel, or why the domain died.
    type End = Result<Registers, String>;

    fn mfn(&self, pfn: Pfn) -> Option<Mfn> {
        *self.p2m.get(usize::try_from(pfn.0).ok()?)?
    }

    fn root(&self) -> Mfn {
        self.base
    }

    fn scratch_mfn(&self, page: usize) -> Option<Mfn> {
        self.mfn(self.scratch.get(page)?.0)
    }

    fn write_scratch(&mut self, page: usize, write: WritePage<'_>) {
        let (pfn, va) = self.scratch[page];
        let pte = self.walk(va).filter(|pte| pte.flags().contains(PteFlags::WRITABLE));
        let mfn = pte
            .unwrap_or_else(|| panic!("page fault: scratch page {page} is written and not mapped so"))
            .mfn();
        assert_eq!(Some(mfn), self.mfn(pfn), "the scratch page is another frame");
        // Until it is written it holds what memory happens to hold.
        let mut bytes = [0xa5; 4096];
        write(&mut bytes, &|pfn| self.mfn(pfn).unwrap_or(Mfn::INVALID));
        *self.frames.page_mut(mfn) = bytes;
    }

    fn protect(&mut self, pages: Range<usize>, writable: bool) -> Result<(), Errno> {
        for page in pages {
            let (_, va) = self.scratch[page];
            let mut table = self.base;
            for level in (2..=4).rev() {
                table = self.frames.entry(table, va.index(level)).mfn();
            }
            let slot = va.index(1);
            let pte = self.frames.entry(table, slot);
            let flags =
                if writable { pte.0 | PteFlags::WRITABLE.bits() } else { pte.0 & !PteFlags::WRITABLE.bits() };
            let request = MmuUpdate::pt(Maddr(table.maddr().0 + 8 * slot as u64), Pte(flags));
            self.one_update(&request)?;
        }
        Ok(())
    }

    fn mmuext(&mut self, ops: &[MmuExtOp]) -> Result<(), Errno> {
        ops.iter().try_for_each(|op| self.one_mmuext(op))
    }

    fn mmu_update(&mut self, requests: &[MmuUpdate]) -> Result<(), Errno> {
        requests.iter().try_for_each(|request| self.one_update(request))
    }

    fn port_status(&mut self, port: u32) -> Result<u32, Errno> {
        if port >= PORTS {
            return Err(Errno::EINVAL);
        }
        Ok(match self.ports.get(&port) {
            None => EVTCHNSTAT_CLOSED,
            Some(PortState::Interdomain) => EVTCHNSTAT_INTERDOMAIN,
            Some(PortState::Virq) => EVTCHNSTAT_VIRQ,
            Some(PortState::Unbound) => EVTCHNSTAT_UNBOUND,
        })
    }

    fn close_port(&mut self, port: u32) -> Result<(), Errno> {
        self.ports.remove(&port).map(drop).ok_or_else(|| self.refuse("the port is not open"))
    }

    fn write_shared(&mut self, offset: usize, value: u64) {
        self.shared[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    }

    fn write_shared_byte(&mut self, offset: usize, value: u8) {
        self.shared[offset] = value;
    }

    fn clear_traps(&mut self) -> Result<(), Errno> {
        self.vcpu.traps = false;
        Ok(())
    }

    fn clear_gdt(&mut self) -> Result<(), Errno> {
        self.vcpu.gdt_entries = 0;
        Ok(())
    }

    fn set_segment_base(&mut self, segment: Segment, base: u64) -> Result<(), Errno> {
        if base == 0 {
            self.vcpu.bases.remove(&segment);
        } else {
            self.vcpu.bases.insert(segment, base);
        }
        Ok(())
    }

    fn stack_switch(&mut self, top: Vaddr) -> Result<(), Errno> {
        self.vcpu.kernel_stack = top.0;
        Ok(())
    }

    fn disable_assist(&mut self, kind: u32) -> Result<(), Errno> {
        self.assists.remove(&kind);
        Ok(())
    }

    fn stop_singleshot_timer(&mut self) -> Result<(), Errno> {
        self.vcpu.singleshot = None;
        Ok(())
    }

    fn set_periodic_timer(&mut self, period_ns: u64) -> Result<(), Errno> {
        self.vcpu.periodic = Some(period_ns);
        Ok(())
    }

    fn jump(&mut self, at: Vaddr) -> Self::End {
        self.trampoline(at)
    }

    fn give_up(&mut self, what: &'static str) -> Self::End {
        Err(what.into())
    }
}
