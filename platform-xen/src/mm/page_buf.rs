//! Buffers of whole frames.

use super::frames::{End, alloc_exactly, alloc_frames, alloc_zeroed_frames, free_frames, with};
use super::layout::direct;
use super::mapping::{mfn_of, set_direct};
use super::runs::Run;
use core::ops::{Deref, DerefMut};
use platform_xen_sys::{Mfn, PAGE_SIZE, Pfn, Vaddr};

/// Whole frames in a row, page-aligned, as bytes. What is written here can become memory of the next kernel without
/// being copied, since the PFNs are known.
///
/// ```no_run
/// use platform_xen::mm::PageBuf;
///
/// let mut buffer = PageBuf::zeroed(10_000).expect("three free frames in a row");
/// assert_eq!(buffer.len(), 3 * 4096);
/// buffer[..5].copy_from_slice(b"hello");
/// log::info!("in frame {:?} of this domain, {:?} of the machine", buffer.pfns().next(), buffer.mfn(0));
/// ```
#[derive(Debug)]
pub struct PageBuf {
    run: Run,
}

const fn pages(bytes: usize) -> u64 {
    let pages = bytes.div_ceil(PAGE_SIZE) as u64;
    if pages == 0 { 1 } else { pages }
}

impl PageBuf {
    /// At least `bytes` bytes, zeroed; `None` if there are not so many free frames in a row.
    #[must_use]
    pub fn zeroed(bytes: usize) -> Option<PageBuf> {
        let run = alloc_zeroed_frames(pages(bytes), End::High)?;
        Some(PageBuf { run })
    }

    /// At least `bytes` bytes, holding whatever this domain's memory held there before: for a buffer that will be
    /// written as a whole.
    #[must_use]
    pub fn stale(bytes: usize) -> Option<PageBuf> {
        let run = alloc_frames(pages(bytes), End::High)?;
        Some(PageBuf { run })
    }

    /// Exactly these frames, if all of them are free, as [`stale`](PageBuf::stale): where the next kernel is to find them at
    /// the same numbers, they need no new ones.
    #[must_use]
    pub fn stale_at(run: Run) -> Option<PageBuf> {
        run.start.checked_add(run.len).filter(|_| run.len > 0)?;
        // Made only then: to drop one gives its frames back.
        alloc_exactly(run).then(|| PageBuf { run })
    }

    /// The ramdisk that the builder loaded with us, as a buffer: the first call gets it. It ends with zeroes, up to a
    /// whole page; how long it is says `boot::start().mod_len`.
    #[must_use]
    pub fn of_boot_ramdisk() -> Option<PageBuf> {
        let run = with(|mm| mm.kept.ramdisk.take())?;
        // SAFETY: the frames were kept for this, nothing else refers to them. Making them writable maps them as well,
        // wherever the direct map has not got to yet.
        match unsafe { set_direct(run, Some(true)) } {
            Ok(()) => Some(PageBuf { run }),
            Err(_) => None,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> Vaddr {
        direct(Pfn(self.run.start))
    }

    /// Its frames, in order.
    #[must_use]
    pub fn run(&self) -> Run {
        self.run
    }

    /// Its frames' numbers, in order.
    pub fn pfns(&self) -> impl ExactSizeIterator<Item = Pfn> + use<> {
        let Run { start, len } = self.run;
        (0..len as usize).map(move |i| Pfn(start + i as u64))
    }

    /// Machine frame of page `i`.
    #[must_use]
    pub fn mfn(&self, i: usize) -> Option<Mfn> {
        if i as u64 >= self.run.len { None } else { mfn_of(direct(Pfn(self.run.start + i as u64))) }
    }

    /// Keeps the first `bytes` bytes (whole pages of them) and gives the rest back.
    pub fn shrink_to(&mut self, bytes: usize) {
        let keep = pages(bytes).min(self.run.len);
        let rest = Run::new(self.run.start + keep, self.run.len - keep);
        self.run.len = keep;
        if rest.len > 0 {
            // SAFETY: the frames belonged to this buffer, which ends before them now.
            unsafe { free_frames(rest) }
        }
    }
}

impl Deref for PageBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the frames are ours alone, mapped in a row for as long as the buffer lives. Any byte is a valid u8,
        // and memory that came from Xen or from the allocator holds some byte.
        unsafe {
            core::slice::from_raw_parts(self.address().0 as *const u8, self.run.len as usize * PAGE_SIZE)
        }
    }
}

impl DerefMut for PageBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed exclusively.
        unsafe {
            core::slice::from_raw_parts_mut(self.address().0 as *mut u8, self.run.len as usize * PAGE_SIZE)
        }
    }
}

impl Drop for PageBuf {
    fn drop(&mut self) {
        // SAFETY: the buffer is gone.
        unsafe { free_frames(self.run) }
    }
}
