//! Memory that a peer reads and writes while we do.
//!
//! Nothing here ever becomes a Rust reference to plain data: indices go through atomics, bytes through volatile
//! copies, so that a peer's write at any moment gives at worst a strange value, never undefined behaviour.
//!
//! # Example
//!
//! ```
//! use platform_xen::hal::{DomId, HalRef};
//! use platform_xen::shared::GrantedPages;
//!
//! # let hal: HalRef = platform_xen_fake::peer::Machine::new();
//! let mut pages = GrantedPages::alloc(&hal, 2, DomId(0), false)?;
//! assert_eq!(pages.grants().len(), 2); // what the peer is told: one reference for each page
//! pages.window().write(4090, b"across both");
//!
//! let mut back = [0; 11];
//! pages.window().read(4090, &mut back);
//! assert_eq!(&back, b"across both");
//!
//! pages.end().expect("nobody has them mapped");
//! assert_eq!(pages.window().len(), 0);
//! # Ok::<(), platform_xen::hal::HalError>(())
//! ```

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, fence};

use platform_xen_sys::addr::Mfn;
pub use platform_xen_sys::addr::PAGE_SIZE as PAGE;

use crate::hal::{DomId, GrantRef, HalError, HalRef, StillInUse};

/// A window onto memory shared with a peer, for as long as `'a`: what it was borrowed from keeps the memory where it is.
///
/// Offsets and lengths come from us, never from the peer; one outside of the window is a bug and panics.
#[derive(Clone, Copy)]
pub struct SharedMem<'a> {
    base: NonNull<u8>,
    len: usize,
    owner: PhantomData<&'a ()>,
}

// SAFETY: the window is only reached through atomics and volatile copies; whoever made it promised that the memory
// stays mapped.
unsafe impl Send for SharedMem<'_> {}
// SAFETY: as above.
unsafe impl Sync for SharedMem<'_> {}

impl<'a> SharedMem<'a> {
    /// A window onto `len` bytes at `base`.
    ///
    /// # Safety
    /// The memory is mapped, readable and writable, 8-byte aligned, stays so during `'a`, and no Rust reference to it
    /// exists meanwhile.
    pub unsafe fn new(base: NonNull<u8>, len: usize) -> SharedMem<'a> {
        SharedMem { base, len, owner: PhantomData }
    }

    /// Bytes in the window.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the window holds no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address of its first byte.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn at(&self, offset: usize, len: usize) -> *mut u8 {
        assert!(offset <= self.len && len <= self.len - offset, "outside of the shared window");
        #[cfg(feature = "hook")]
        hook::run();
        // SAFETY: checked just above to lie within the window.
        unsafe { self.base.as_ptr().add(offset) }
    }

    /// The 32-bit value at byte `offset`, in the processor's order of bytes.
    ///
    /// # Panics
    /// If `offset` is no multiple of 4, or the value is not within the window.
    pub fn atomic_u32(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4));
        // SAFETY: inside the window, aligned, and only ever used as an atomic.
        unsafe { AtomicU32::from_ptr(self.at(offset, 4).cast()) }
    }

    /// The 64-bit value at byte `offset`, in the processor's order of bytes.
    ///
    /// # Panics
    /// If `offset` is no multiple of 8, or the value is not within the window.
    pub fn atomic_u64(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8));
        // SAFETY: inside the window, aligned, and only ever used as an atomic.
        unsafe { AtomicU64::from_ptr(self.at(offset, 8).cast()) }
    }

    /// The 16-bit value at byte `offset`, in the processor's order of bytes.
    ///
    /// # Panics
    /// If `offset` is no multiple of 2, or the value is not within the window.
    pub fn atomic_u16(&self, offset: usize) -> &AtomicU16 {
        assert!(offset.is_multiple_of(2));
        // SAFETY: inside the window, aligned, and only ever used as an atomic.
        unsafe { AtomicU16::from_ptr(self.at(offset, 2).cast()) }
    }

    /// Copies bytes out of the window. What a peer writes meanwhile may be there in part.
    ///
    /// # Panics
    /// If they are not all within the window; so do [`append_to`](Self::append_to) and [`write`](Self::write).
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        let from = self.at(offset, into.len());
        // SAFETY: both ranges are `into.len()` bytes long and distinct: no reference to the window exists.
        unsafe { volatile_copy(from, into.as_mut_ptr(), into.len()) }
        fence(core::sync::atomic::Ordering::Acquire);
    }

    /// Copies bytes out of the window, to the end of `into`; `false` if there is no memory for them.
    #[must_use]
    pub fn append_to(&self, offset: usize, len: usize, into: &mut Vec<u8>) -> bool {
        if into.try_reserve(len).is_err() {
            return false;
        }
        let from = self.at(offset, len);
        // SAFETY: there is room for `len` bytes behind those that there are, apart from the window; after the copy they are
        // initialized.
        unsafe {
            volatile_copy(from, into.as_mut_ptr().add(into.len()), len);
            into.set_len(into.len() + len);
        }
        fence(core::sync::atomic::Ordering::Acquire);
        true
    }

    /// Copies bytes into the window.
    pub fn write(&self, offset: usize, from: &[u8]) {
        let to = self.at(offset, from.len());
        fence(core::sync::atomic::Ordering::Release);
        // SAFETY: as in `read`.
        unsafe { volatile_copy(from.as_ptr(), to, from.len()) }
    }
}

/// For tests: a peer can write between any two of our accesses, so something may run before each of them.
#[cfg(feature = "hook")]
pub mod hook {
    extern crate std;

    use alloc::boxed::Box;
    use core::cell::{Cell, RefCell};

    /// Does something, and says how many accesses are to pass until the next time; [`NEVER`].
    type Hook = Box<dyn FnMut() -> u32>;

    /// Not until [`skip`] says otherwise.
    pub const NEVER: u32 = u32::MAX;

    std::thread_local! {
        static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
        static LEFT: Cell<u32> = const { Cell::new(NEVER) };
    }

    /// Sets or removes what runs before accesses of this thread to any window, from the next one on. Its own accesses
    /// don't count.
    pub fn set(hook: Option<Hook>) {
        skip(if hook.is_some() { 0 } else { NEVER });
        // Dropped when nothing is borrowed any more.
        let _old = HOOK.with(|slot| core::mem::replace(&mut *slot.borrow_mut(), hook));
    }

    /// Lets `n` accesses pass without the hook; how many were to pass until now.
    pub fn skip(n: u32) -> u32 {
        LEFT.replace(n)
    }

    pub(super) fn run() {
        match LEFT.get() {
            NEVER => {}
            0 => run_now(),
            left => LEFT.set(left - 1),
        }
    }

    #[cold]
    fn run_now() {
        LEFT.set(NEVER);
        let Some(mut hook) = HOOK.with(|slot| slot.borrow_mut().take()) else { return };
        let next = hook();
        HOOK.with(|slot| _ = slot.borrow_mut().get_or_insert(hook));
        LEFT.set(next);
    }
}

/// Copies with volatile accesses, by words where both ends allow it.
///
/// # Safety
/// `from` is readable and `to` writable for `len` bytes, and they don't overlap.
unsafe fn volatile_copy(from: *const u8, to: *mut u8, len: usize) {
    let mut done = 0;
    if (from.addr() | to.addr()).is_multiple_of(8) {
        while len - done >= 32 {
            // SAFETY: `done + 32 <= len`, and both ends are 8-byte aligned.
            unsafe {
                let (f, t) = (from.add(done).cast::<u64>(), to.add(done).cast::<u64>());
                let words = [
                    f.read_volatile(),
                    f.add(1).read_volatile(),
                    f.add(2).read_volatile(),
                    f.add(3).read_volatile(),
                ];
                t.write_volatile(words[0]);
                t.add(1).write_volatile(words[1]);
                t.add(2).write_volatile(words[2]);
                t.add(3).write_volatile(words[3]);
            }
            done += 32;
        }
    }
    while len - done >= 8 {
        // SAFETY: `done + 8 <= len`; the array type has alignment 1, but a volatile access to it may be torn, which
        // plain bytes allow.
        unsafe {
            let word = from.add(done).cast::<[u8; 8]>().read_volatile();
            to.add(done).cast::<[u8; 8]>().write_volatile(word);
        }
        done += 8;
    }
    while done < len {
        // SAFETY: `done < len`.
        unsafe { to.add(done).write_volatile(from.add(done).read_volatile()) };
        done += 1;
    }
}

/// Whole pages from the machine, given back when dropped.
pub struct SharedPages {
    hal: HalRef,
    /// Lent for as long as the pages are ours.
    window: SharedMem<'static>,
    /// A peer keeps them: nobody is to use them again.
    lost: bool,
}

impl SharedPages {
    /// `n` zeroed pages, one after another.
    ///
    /// # Errors
    /// [`HalError::OutOfMemory`].
    pub fn alloc(hal: &HalRef, n: usize) -> Result<SharedPages, HalError> {
        let len = n.checked_mul(PAGE).ok_or(HalError::OutOfMemory)?;
        let base = hal.alloc_pages(n)?;
        // SAFETY: the pages are ours alone until we free them, and no window is lent for longer.
        let window = unsafe { SharedMem::new(base, len) };
        Ok(SharedPages { hal: hal.clone(), window, lost: false })
    }

    /// How many pages.
    pub fn pages(&self) -> usize {
        self.window.len / PAGE
    }

    /// The memory.
    pub fn window(&self) -> SharedMem<'_> {
        self.window
    }

    /// The machine frame of page number `page`.
    ///
    /// # Errors
    /// If the machine doesn't know the frame (it always does of pages it gave).
    pub fn frame(&self, page: usize) -> Result<Mfn, HalError> {
        self.hal.mfn_of(self.window().at(page * PAGE, PAGE)).ok_or(HalError::OutOfMemory)
    }

    /// Lets `peer` read and, unless `readonly`, write every page.
    ///
    /// # Errors
    /// As [`Hal::grant`](crate::hal::Hal::grant); nothing is granted then.
    pub fn grant(self, peer: DomId, readonly: bool) -> Result<GrantedPages, HalError> {
        let n = self.pages();
        let mut granted = GrantedPages { pages: Some(self), grants: Vec::with_capacity(n) };
        for page in 0..n {
            let pages = granted.pages.as_ref().ok_or(HalError::OutOfMemory)?;
            // SAFETY: the page is ours, used through windows only, and not freed before its grant has ended.
            let grant = unsafe { pages.hal.grant(peer, pages.frame(page)?, readonly)? };
            granted.grants.push(grant);
        }
        Ok(granted)
    }
}

impl Drop for SharedPages {
    fn drop(&mut self) {
        if self.lost {
            return;
        }
        // SAFETY: they are those of our `alloc_pages`; the owner is gone, and `GrantedPages` marks pages whose grant
        // lives on.
        unsafe { self.hal.free_pages(self.window.base, self.pages()) }
    }
}

/// Pages that a peer may map. Dropped, each grant is ended; pages that the peer still has mapped are never used
/// again, since freeing them would let it write into somebody else's memory.
pub struct GrantedPages {
    /// `None` once they were ended.
    pages: Option<SharedPages>,
    grants: Vec<GrantRef>,
}

impl GrantedPages {
    /// `n` zeroed pages, granted to `peer`.
    ///
    /// # Errors
    /// Out of memory or of grants.
    pub fn alloc(hal: &HalRef, n: usize, peer: DomId, readonly: bool) -> Result<GrantedPages, HalError> {
        SharedPages::alloc(hal, n)?.grant(peer, readonly)
    }

    /// One reference for each page, in order.
    pub fn grants(&self) -> &[GrantRef] {
        &self.grants
    }

    /// The memory; none of it after [`end`](Self::end).
    pub fn window(&self) -> SharedMem<'_> {
        let none = SharedMem { base: NonNull::dangling(), len: 0, owner: PhantomData };
        self.pages.as_ref().map_or(none, SharedPages::window)
    }

    /// Ends the grants and frees the pages. A second time there is nothing to do.
    ///
    /// # Errors
    /// [`StillInUse`]: the peer still has some of them mapped. Those grants live on and all the pages are lost.
    pub fn end(&mut self) -> Result<(), StillInUse> {
        let Some(mut pages) = self.pages.take() else { return Ok(()) };
        for grant in self.grants.drain(..) {
            if pages.hal.end_grant(grant).is_err() {
                pages.hal.abandon_grant(grant);
                pages.lost = true;
            }
        }
        if pages.lost { Err(StillInUse) } else { Ok(()) }
    }
}

impl Drop for GrantedPages {
    fn drop(&mut self) {
        if self.end().is_err() {
            log::warn!("a peer keeps pages of ours mapped: they are lost");
        }
    }
}

impl fmt::Debug for SharedMem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedMem({:p}, {} bytes)", self.base, self.len)
    }
}

impl fmt::Debug for GrantedPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantedPages({:?}, {:?})", self.window(), self.grants)
    }
}
