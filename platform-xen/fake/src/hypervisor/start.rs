//! What xen.h promises to a kernel at its first instruction ("start-of-day memory layout"), and what a fresh domain
//! looks like besides. It is written from those promises, not from the plan.

use core::mem::offset_of;
use std::collections::BTreeSet;

use platform_xen_sys::mmu::PteFlags;
use platform_xen_sys::shared_info::{ArchSharedInfo, LEGACY_MAX_VCPUS, SharedInfo, VcpuInfo};
use platform_xen_sys::start_info::{StartFlags, StartInfo};
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};
use pvgrub_handover::plan::Registers;

use super::world::{World, initrd_page, kernel_page};
use super::{ByFrame, Hypervisor};

const PAGE: u64 = PAGE_SIZE as u64;

/// A promise that was broken.
pub type Broken = String;

macro_rules! promise {
    ($holds:expr, $($what:tt)*) => {
        if !$holds {
            return Err(format!($($what)*));
        }
    };
}

/// The machine at the first instruction of the next kernel.
struct Start<'a> {
    hypervisor: &'a Hypervisor,
    world: &'a World,
    registers: Registers,
    /// Entries of the p2m that the kernel finds.
    p2m: Vec<Option<Mfn>>,
}

/// Checks a handover that has happened in `world`.
///
/// # Errors
/// The first promise that does not hold.
pub fn check(world: &World, registers: Registers) -> Result<(), Broken> {
    let mut start = Start { hypervisor: &world.hypervisor, world, registers, p2m: Vec::new() };
    start.p2m = start.read_p2m()?;
    start.domain()?;
    start.p2m_and_m2p()?;
    let mapped = start.boot_mapping()?;
    start.tables(mapped)?;
    start.contents()?;
    start.events()?;
    start.vcpu()
}

impl Start<'_> {
    fn word(&self, va: u64) -> Result<u64, Broken> {
        self.hypervisor.word(Vaddr(va)).ok_or_else(|| format!("nothing is mapped at {va:#x}"))
    }

    fn info(&self, offset: usize) -> Result<u64, Broken> {
        self.word(self.registers.rsi.0 + offset as u64)
    }

    fn info_bytes(&self) -> Result<&[u8; PAGE_SIZE], Broken> {
        self.hypervisor.page(self.registers.rsi).ok_or_else(|| "start_info is not mapped".into())
    }

    fn flags(&self) -> Result<StartFlags, Broken> {
        Ok(StartFlags::from_bits_retain(self.info(offset_of!(StartInfo, flags))? as u32))
    }

    fn read_p2m(&self) -> Result<Vec<Option<Mfn>>, Broken> {
        let list = self.info(offset_of!(StartInfo, mfn_list))?;
        (0..self.world.wish.p2m_size)
            .map(|i| Ok(Some(Mfn(self.word(list + 8 * i)?)).filter(|mfn| *mfn != Mfn::INVALID)))
            .collect()
    }

    /// What the domain is.
    fn domain(&self) -> Result<(), Broken> {
        let who = &self.world.identity;
        let bytes = self.info_bytes()?;
        promise!(bytes.starts_with(b"xen-3.0-x86_64\0"), "magic");
        promise!(self.info(offset_of!(StartInfo, nr_pages))? == who.nr_pages, "nr_pages");
        promise!(self.info(offset_of!(StartInfo, shared_info))? == who.shared_info.0, "shared_info");
        // These two say what kind of initrd there is: see `contents`.
        let initrd = StartFlags::MOD_START_PFN | StartFlags::MULTIBOOT_MOD;
        promise!(self.flags()?.difference(initrd) == who.flags.difference(initrd), "flags");
        let (store, console) = (self.world.identity.store.unwrap(), self.world.identity.console.unwrap());
        promise!(self.info(offset_of!(StartInfo, store_mfn))? == store.mfn.0, "store_mfn");
        promise!(self.info(offset_of!(StartInfo, store_evtchn))? as u32 == store.port, "store_evtchn");
        promise!(self.info(offset_of!(StartInfo, console_mfn))? == console.mfn.0, "console_mfn");
        promise!(self.info(offset_of!(StartInfo, console_evtchn))? as u32 == console.port, "console_evtchn");
        // libxc puts them behind start_info, and kernels rely on the p2m to find them.
        let first = self.registers.rsi.0.wrapping_sub(self.world.wish.kernel.virt_base) / PAGE;
        promise!(self.frame(first + 1) == Some(store.mfn), "the xenstore page is not behind start_info");
        promise!(
            self.frame(first + 2) == Some(console.mfn),
            "the console page is not behind the xenstore page"
        );
        let cmdline = &bytes[offset_of!(StartInfo, cmd_line)..][..1024];
        let (text, rest) = cmdline.split_at(self.world.wish.cmdline.len());
        promise!(text == self.world.wish.cmdline && rest.iter().all(|b| *b == 0), "cmd_line");
        Ok(())
    }

    fn frame(&self, pfn: u64) -> Option<Mfn> {
        *self.p2m.get(usize::try_from(pfn).ok()?)?
    }

    /// Every frame has one number, and Xen knows it by that.
    fn p2m_and_m2p(&self) -> Result<(), Broken> {
        let mut seen = ByFrame::default();
        for (pfn, mfn) in (0..).zip(&self.p2m) {
            let hole = self.world.wish.holes.contains(&pfn);
            let Some(mfn) = mfn else {
                promise!(hole, "frame {pfn:#x} is missing");
                continue;
            };
            promise!(!hole, "frame {pfn:#x} should be a hole");
            promise!(self.hypervisor.frames.is_owned(*mfn), "frame {pfn:#x} is not the domain's");
            promise!(seen.insert(*mfn, ()).is_none(), "frame {pfn:#x} has two numbers");
            let m2p = self.hypervisor.m2p.get(mfn);
            promise!(m2p == Some(&Pfn(pfn)), "m2p[p2m[{pfn:#x}]] is {m2p:?}");
        }
        Ok(())
    }

    /// Frames 0… in a row from VIRT_BASE on, with the spare room; returns how many.
    fn boot_mapping(&self) -> Result<u64, Broken> {
        let base = self.world.wish.kernel.virt_base;
        let mut pages = 0;
        while let Some(va) = base.checked_add(pages * PAGE)
            && let Some(pte) = self.hypervisor.walk(Vaddr(va))
        {
            promise!(Some(pte.mfn()) == self.frame(pages), "frame {pages:#x} is not mapped at {va:#x}");
            let is_table =
                self.hypervisor.frames.kind(pte.mfn()).is_some_and(|k| k != super::frames::Type::Writable);
            let writable = pte.flags().contains(PteFlags::WRITABLE);
            promise!(writable != is_table, "frame {pages:#x}: table {is_table}, writable {writable}");
            promise!(!pte.flags().contains(PteFlags::NX), "frame {pages:#x} can't be executed");
            pages += 1;
        }
        let end = base + pages * PAGE;
        promise!(end.is_multiple_of(4 << 20), "the boot mapping ends at {end:#x}");
        let top = self.registers.rsp.0;
        promise!(top <= end && end - top >= 512 << 10, "spare room: stack top {top:#x}, end {end:#x}");
        let tables = self.info(offset_of!(StartInfo, pt_base))?;
        let count = self.info(offset_of!(StartInfo, nr_pt_frames))?;
        promise!(tables == self.registers.rsi.0 + 3 * PAGE, "the tables are not behind the console page");
        promise!(top == tables + (count + 1) * PAGE, "the boot stack is not behind the tables");
        let stack = self.hypervisor.page(Vaddr(top - 8));
        promise!(stack.is_some_and(|page| page.iter().all(|b| *b == 0)), "the boot stack is not empty");
        let p2m_pages = (self.world.wish.p2m_size * 8).div_ceil(PAGE);
        let list = self.info(offset_of!(StartInfo, mfn_list))?;
        let in_mapping = self.info(offset_of!(StartInfo, nr_p2m_frames))? == 0;
        // Nothing else is mapped.
        let mut expected: Vec<u64> = (0..pages).map(|i| base + i * PAGE).collect();
        if in_mapping {
            promise!((base..end).contains(&list), "mfn_list is outside of the boot mapping");
        } else {
            expected.extend((0..p2m_pages).map(|i| list + i * PAGE));
        }
        expected.sort_unstable();
        // Already in order.
        let found: Vec<u64> = self.hypervisor.mapped().into_iter().map(|(va, _)| va.0).collect();
        promise!(found == expected, "other things are mapped, or fewer");
        Ok(pages)
    }

    /// The tables are those that start_info tells of, and nothing else has a type.
    fn tables(&self, mapped: u64) -> Result<(), Broken> {
        let frames = &self.hypervisor.frames;
        promise!(frames.is_pinned(self.hypervisor.base), "the root table is not pinned");
        let base = self.world.wish.kernel.virt_base;
        let first = (self.info(offset_of!(StartInfo, pt_base))? - base) / PAGE;
        let count = self.info(offset_of!(StartInfo, nr_pt_frames))?;
        promise!(self.frame(first) == Some(self.hypervisor.base), "pt_base is not the root");
        let mut told: BTreeSet<Option<Mfn>> = (first..first + count).map(|pfn| self.frame(pfn)).collect();
        let p2m = self.info(offset_of!(StartInfo, first_p2m_pfn))?;
        let p2m_frames = self.info(offset_of!(StartInfo, nr_p2m_frames))?;
        let wants_p2m = self.world.wish.kernel.init_p2m;
        if p2m_frames != 0 {
            promise!(
                Some(self.info(offset_of!(StartInfo, mfn_list))?) == wants_p2m,
                "INIT_P2M is not obeyed"
            );
            promise!(p2m >= mapped, "the p2m is in the boot mapping");
            let list = (self.world.wish.p2m_size * 8).div_ceil(PAGE);
            told.extend((p2m + list..p2m + p2m_frames).map(|pfn| self.frame(pfn)));
        }
        let typed: BTreeSet<Option<Mfn>> = frames.tables().map(|(mfn, _)| Some(mfn)).collect();
        promise!(typed == told, "{} tables live, start_info tells of {}", typed.len(), told.len());
        let pinned = frames.tables().filter(|(mfn, _)| frames.is_pinned(*mfn)).count();
        promise!(pinned == 1, "{pinned} tables are pinned");
        promise!(frames.descriptors() == 0, "a frame of descriptors is left");
        Ok(())
    }

    /// Kernel and initrd are there.
    fn contents(&self) -> Result<(), Broken> {
        let kernel = &self.world.wish.kernel;
        promise!(self.registers.rip.0 == kernel.entry, "the entry point");
        let start = kernel.p_min - kernel.paddr_offset;
        let stubs = kernel.hypercall_page.map(|va| (va - kernel.virt_base - start) / PAGE);
        for page in (0..(kernel.p_max - kernel.p_min).div_ceil(PAGE)).filter(|page| Some(*page) != stubs) {
            let va = kernel.virt_base + start + page * PAGE;
            promise!(
                self.hypervisor.page(Vaddr(va)) == Some(&kernel_page(page)),
                "page {page:#x} of the kernel"
            );
        }
        let pfn_wanted = kernel.mod_start_pfn;
        let mod_start = self.info(offset_of!(StartInfo, mod_start))?;
        let mod_len = self.info(offset_of!(StartInfo, mod_len))?;
        let wish = self.world.wish.initrd.filter(|initrd| initrd.len > 0);
        let package = wish.is_some_and(|initrd| initrd.package);
        promise!(self.flags()?.contains(StartFlags::MULTIBOOT_MOD) == package, "MULTIBOOT_MOD");
        let len = wish.map_or(0, |initrd| initrd.len);
        if len == 0 {
            promise!((mod_start, mod_len) == (0, 0), "an initrd that nobody gave");
            promise!(!self.flags()?.contains(StartFlags::MOD_START_PFN), "MOD_START_PFN without initrd");
            return Ok(());
        }
        promise!(self.flags()?.contains(StartFlags::MOD_START_PFN) == pfn_wanted, "MOD_START_PFN");
        let rounded = len.div_ceil(PAGE) * PAGE;
        promise!(mod_len == if pfn_wanted { rounded } else { len }, "mod_len is {mod_len:#x}");
        for page in 0..len.div_ceil(PAGE) {
            let found = if pfn_wanted {
                self.frame(mod_start + page).map(|mfn| self.hypervisor.frames.page(mfn))
            } else {
                self.hypervisor.page(Vaddr(mod_start + page * PAGE))
            };
            promise!(found == Some(&initrd_page(page, len)), "page {page:#x} of the initrd");
        }
        Ok(())
    }

    /// No event channel, grant or watch but the builder's; nothing pending, nothing masked.
    fn events(&self) -> Result<(), Broken> {
        let kept = [self.world.identity.store.unwrap().port, self.world.identity.console.unwrap().port];
        let open: Vec<u32> = self.hypervisor.ports.keys().copied().collect();
        promise!(open.iter().all(|p| kept.contains(p)), "own event channels are open: {open:?}");
        promise!(kept.iter().all(|p| open.contains(p)), "the builder's event channels are closed: {open:?}");
        promise!(self.hypervisor.grants.iter().all(|entry| *entry < 2), "grants live");
        promise!(self.hypervisor.grants.len() == 2, "the builder's grants are gone");
        promise!(self.hypervisor.grant_version == 1, "grant version");
        promise!(self.hypervisor.watches.is_empty(), "watches live");
        let zero =
            |offset: usize, len: usize| self.hypervisor.shared[offset..offset + len].iter().all(|b| *b == 0);
        promise!(zero(offset_of!(SharedInfo, evtchn_pending), 512), "events are pending");
        promise!(zero(offset_of!(SharedInfo, evtchn_mask), 512), "events are masked");
        for vcpu in 0..LEGACY_MAX_VCPUS {
            let at = offset_of!(SharedInfo, vcpu_info) + vcpu * size_of::<VcpuInfo>();
            promise!(self.hypervisor.shared[at..at + 2] == [0, 1], "upcalls of vCPU {vcpu}");
            promise!(zero(at + offset_of!(VcpuInfo, evtchn_pending_sel), 8), "selector of vCPU {vcpu}");
        }
        let arch = offset_of!(SharedInfo, arch);
        for field in [
            offset_of!(ArchSharedInfo, max_pfn),
            offset_of!(ArchSharedInfo, pfn_to_mfn_frame_list_list),
            offset_of!(ArchSharedInfo, p2m_cr3),
            offset_of!(ArchSharedInfo, p2m_vaddr),
            offset_of!(ArchSharedInfo, p2m_generation),
        ] {
            promise!(zero(arch + field, 8), "the tools would go by the old kernel's p2m");
        }
        Ok(())
    }

    fn vcpu(&self) -> Result<(), Broken> {
        let vcpu = &self.hypervisor.vcpu;
        promise!(!vcpu.traps, "a trap table is left");
        promise!(vcpu.gdt_entries == 0 && vcpu.ldt_entries == 0, "descriptor tables are left");
        promise!(vcpu.bases.is_empty(), "segment bases are left: {:?}", vcpu.bases);
        promise!(vcpu.singleshot.is_none(), "a timer is set");
        promise!(vcpu.periodic == Some(10_000_000), "the periodic timer: {:?}", vcpu.periodic);
        promise!(vcpu.user_base.is_none(), "a root table for user mode is left");
        promise!(self.hypervisor.assists.is_empty(), "assists are left: {:?}", self.hypervisor.assists);
        Ok(())
    }
}
