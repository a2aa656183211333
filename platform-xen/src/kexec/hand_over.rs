//! The handover as a program sees it: prepare, then go.

use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;
use core::time::Duration;

use platform_xen_sys::mmu::{Pte, PteFlags};
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};
use pvgrub_handover::image::Loaded;
use pvgrub_handover::kernel::Kernel;
use pvgrub_handover::plan::{
    Contents, Identity, Initrd, Layout, Memory, Plan, PlanError, Ring, check_cmdline, fill_hypercall_page,
};

use super::reserve::plan_reserve;
use super::sequence::{self, Failed};
use super::xen::Xen;
use super::{stopwatch, tables};
use crate::devices::{self, Devices};
use crate::mm::layout::{DIRECT_BASE, P2M_BASE, STACKS_BASE};
use crate::mm::{self, MapError, PageBuf};
use crate::xenbus::DeviceError;
use crate::{boot, console, machine, time};

/// Size of a root-table slot, in bytes.
const SLOT: u64 = 1 << 39;

/// Why there was no handover.
#[derive(Debug)]
pub enum Error {
    /// There can be no plan.
    Plan(PlanError),
    /// No free frames for this.
    OutOfMemory(&'static str),
    /// The initrd's buffer is shorter than its length.
    Initrd,
    /// No page of the next kernel's spare ones is free here for the trampoline, or it can't be mapped.
    Trampoline,
    /// The page of this ring is none of the frames that the next kernel will be told of.
    ForeignPage(&'static str),
    /// A device could not be given back.
    Quiesce(DeviceError),
    /// That many grants still live, so a backend may still write into our memory.
    LiveGrants(usize),
    /// Xen refused a step.
    Refused(Failed),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Plan(e) => e.fmt(f),
            Error::OutOfMemory(what) => write!(f, "not enough memory for {what}"),
            Error::Initrd => {
                f.write_str("internal error in the handover: the initrd is longer than its buffer")
            }
            Error::Trampoline => f.write_str("internal error in the handover: no place for the trampoline"),
            Error::ForeignPage(whose) => write!(f, "{whose}'s page is not in this domain's frame list"),
            Error::Quiesce(e) => e.fmt(f),
            Error::LiveGrants(1) => f.write_str("a backend still uses a page of ours"),
            Error::LiveGrants(n) => write!(f, "backends still use {n} pages of ours"),
            Error::Refused(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

impl From<PlanError> for Error {
    fn from(e: PlanError) -> Error {
        Error::Plan(e)
    }
}

/// Whether this domain has room for `kernel` and that initrd, and whether it can be obeyed: to be
/// asked before the initrd is read.
///
/// # Errors
/// Why not.
pub fn check(kernel: &Kernel, initrd: Option<Initrd>, cmdline: &[u8]) -> Result<(), PlanError> {
    check_cmdline(cmdline)?;
    layout(kernel, initrd).map(drop)
}

fn layout(kernel: &Kernel, initrd: Option<Initrd>) -> Result<Layout, PlanError> {
    Layout::new(kernel, initrd, boot::start().nr_pages, mm::p2m().nr_pages())
}

/// A kernel that is loaded and can be started.
pub struct Handover {
    layout: Layout,
    identity: Identity,
    cmdline: Vec<u8>,
    kernel: Vec<Pfn>,
    initrd: Vec<Pfn>,
    scratch: PageBuf,
    trampoline: Vaddr,
    timings: bool,
    /// Kept, since their frames become the next kernel's.
    buffers: (Loaded<PageBuf>, Option<PageBuf>, Option<PageBuf>),
}

impl Handover {
    /// Does all that can be done while devices still work: what can fail for reasons that a user can change fails here.
    ///
    /// The initrd is a buffer, and the bytes used of it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn prepare(
        mut loaded: Loaded<PageBuf>,
        mut initrd: Option<(PageBuf, Initrd)>,
        cmdline: &[u8],
    ) -> Result<Handover, Error> {
        check_cmdline(cmdline)?;
        let layout = layout(&loaded.kernel, initrd.as_ref().map(|(_, initrd)| *initrd))?;
        if let Some(page) = loaded.hypercall_page_mut() {
            fill_hypercall_page(page);
        }
        let initrd_pages = layout.initrd_pages() as usize;
        if let Some((buffer, Initrd { len, .. })) = &mut initrd {
            let end = initrd_pages * PAGE_SIZE;
            buffer.get_mut(*len as usize..end).ok_or(Error::Initrd)?.fill(0);
        }
        let zeros = match loaded.zero_pages() {
            0 => None,
            pages => Some(buffer(pages, true).ok_or(Error::OutOfMemory("the kernel's empty pages"))?),
        };
        let scratch =
            buffer(layout.scratch_pages(), false).ok_or(Error::OutOfMemory("the kernel's page tables"))?;

        let moved = layout.kernel.pages + layout.initrd_pages() + layout.scratch_pages();
        if mm::stats().free * (PAGE_SIZE as u64) < plan_reserve(moved) {
            return Err(Error::OutOfMemory("planning the handover"));
        }

        let pfns = |buffer: Option<&PageBuf>| buffer.map(|b| b.pfns().collect()).unwrap_or_default();
        let (image, extra): (Vec<Pfn>, Vec<Pfn>) = (pfns(Some(&loaded.image)), pfns(loaded.extra.as_ref()));
        let kernel = loaded
            .frames(&image, &extra, &pfns(zeros.as_ref()))
            .ok_or(PlanError::Frames("the kernel's pages are not all there"))?;
        let mut initrd_frames: Vec<Pfn> = pfns(initrd.as_ref().map(|(buffer, _)| buffer));
        initrd_frames.truncate(initrd_pages);

        let trampoline = map_trampoline(&layout, &scratch)?;
        let buffers = (loaded, initrd.map(|(buffer, _)| buffer), zeros);
        let handover = Handover {
            layout,
            identity: identity()?,
            cmdline: cmdline.to_vec(),
            kernel,
            initrd: initrd_frames,
            scratch,
            trampoline,
            timings: false,
            buffers,
        };
        handover.plan()?;
        Ok(handover)
    }

    /// With this, [`run`](Self::run) says on the console how long each of its steps took: `timing: NAME N us`.
    #[must_use]
    pub fn with_timings(mut self, timings: bool) -> Handover {
        self.timings = timings;
        self
    }

    /// The plan, for page tables as they are now.
    fn plan(&self) -> Result<Plan, Error> {
        let contents = Contents {
            kernel: &self.kernel,
            initrd: &self.initrd,
            scratch: &self.scratch.pfns().take(self.layout.scratch_pages() as usize).collect::<Vec<Pfn>>(),
        };
        let p2m = mm::p2m();
        loop {
            let typed = tables::frames();
            let memory =
                Memory { p2m_size: p2m.nr_pages(), populated: &|pfn| p2m.mfn(pfn).is_some(), typed: &typed };
            let plan = Plan::new(
                self.layout.clone(),
                self.identity.clone(),
                &self.cmdline,
                contents,
                self.trampoline,
                &memory,
            )?;
            // Planning takes memory, which may take new page tables. They only ever get more, so this ends.
            if tables::frames() == typed {
                return Ok(plan);
            }
        }
    }

    /// Gives the devices back and becomes the other kernel.
    ///
    /// # Errors
    /// [`Error`]; then the devices are connected again.
    pub fn run(self) -> Result<Infallible, Error> {
        let devices = devices::get();
        let Err(e) = self.quiesce_and_go(devices.as_deref());
        if let Some(Err(again)) = devices.map(|devices| devices.reconnect_all()) {
            log::error!("after a handover that failed: {again}");
        }
        Err(e)
    }

    fn quiesce_and_go(self, devices: Option<&Devices>) -> Result<Infallible, Error> {
        let begun = time::now();
        let left = devices.map_or(Ok(Vec::new()), Devices::quiesce_all).map_err(Error::Quiesce)?;
        let live = machine::live_grants();
        if live > 0 {
            // One that was closed at an earlier try has nothing more to say now.
            let keepers = devices.map_or(Vec::new(), Devices::keepers);
            return Err(left
                .into_iter()
                .chain(keepers)
                .next()
                .map_or(Error::LiveGrants(live), Error::Quiesce));
        }
        for error in left {
            log::warn!("left to the next kernel: {error}");
        }
        let quiet = time::now();
        // From here on nothing waits but for the console, so no other thread runs.
        let plan = self.plan()?;
        if self.timings {
            self.say_timings(&plan, quiet - begun, time::now() - quiet);
        }
        console::flush();
        // SAFETY: `scratch` is ours, and the plan was made just now for this memory; it is run to its end, one way or
        // the other.
        let mut xen = unsafe { Xen::new(self.scratch.run(), self.timings) }.ok_or(Error::Trampoline)?;
        sequence::run(&mut xen, &plan).map_err(Error::Refused)
    }
}

impl Handover {
    /// What happened before the plan's steps, and how large they are. Nothing is allocated, for the plan's sake.
    fn say_timings(&self, plan: &Plan, quiesce: Duration, planned: Duration) {
        let (moves, tables, p2m) = (plan.moves().len(), plan.layout.table_pages(), plan.layout.p2m.pages);
        let (quiesce, planned) = (quiesce.as_micros(), planned.as_micros());
        let image = self.buffers.0.image.run().len;
        let mm::Stats { frames, least, .. } = mm::stats();
        stopwatch::say(format_args!(
            "timing: quiesce {quiesce} us\ntiming: replan {planned} us\ntiming: moves {moves} frames\n\
             timing: tables {tables} pages\ntiming: p2m {p2m} pages\ntiming: domain {frames} pages\n\
             timing: image {image} pages\ntiming: least-free {least} pages\n"
        ));
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        // SAFETY: nobody runs the trampoline; its frame, which may be read-only, goes back to the allocator with the
        // others.
        let _: Result<(), MapError> = unsafe {
            mm::map_page(self.trampoline, Pte::EMPTY)
                .and_then(|()| mm::set_direct(self.scratch.run(), Some(true)))
        };
    }
}

fn buffer(pages: u64, zeroed: bool) -> Option<PageBuf> {
    let bytes = usize::try_from(pages).ok()?.checked_mul(PAGE_SIZE)?;
    if zeroed { PageBuf::zeroed(bytes) } else { PageBuf::stale(bytes) }
}

/// What the domain is, from our own start_info.
fn identity() -> Result<Identity, Error> {
    let start = boot::start();
    let p2m = mm::p2m();
    let ring = |whose, place: Option<(Mfn, u32)>| {
        let ring = |(mfn, port)| Some(Ring { mfn, port, pfn: p2m.pfn(mfn)? });
        place.map(|place| ring(place).ok_or(Error::ForeignPage(whose))).transpose()
    };
    let mut magic = [0; 32];
    let text = b"xen-3.0-x86_64";
    magic[..text.len()].copy_from_slice(text);
    Ok(Identity {
        magic,
        nr_pages: start.nr_pages,
        shared_info: start.shared_info,
        flags: start.flags,
        store: ring("xenstore", start.store)?,
        console: ring("the console", start.console)?,
    })
}

/// Maps the last scratch page, executable, at an address that is spare for the next kernel and free here.
fn map_trampoline(layout: &Layout, scratch: &PageBuf) -> Result<Vaddr, Error> {
    // Parts of our address space in which we have things of our own, mapped or not yet.
    let ours = [P2M_BASE..P2M_BASE + SLOT, DIRECT_BASE..STACKS_BASE + SLOT];
    let spare = layout.spare();
    let at = (spare.start.0..spare.end.0)
        .step_by(PAGE_SIZE)
        .map(Vaddr)
        .find(|va| !ours.iter().any(|part| part.contains(&va.0)) && mm::page(*va).is_none())
        .ok_or(Error::Trampoline)?;
    let last = layout.scratch_pages().checked_sub(1).and_then(|page| usize::try_from(page).ok());
    let mfn = last.and_then(|page| scratch.mfn(page)).ok_or(Error::Trampoline)?;
    let code = PteFlags::PRESENT | PteFlags::USER | PteFlags::ACCESSED;
    // SAFETY: nothing was mapped there; the frame is the scratch buffer's, which is written through the direct map only.
    unsafe { mm::map_page(at, Pte::new(mfn, code)) }.map_err(|_| Error::Trampoline)?;
    Ok(at)
}
