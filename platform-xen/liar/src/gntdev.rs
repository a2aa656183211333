//! Other domains' pages, by /dev/xen/gntdev (Linux's include/uapi/xen/gntdev.h).

use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, ensure};
use platform_xen::shared::{PAGE, SharedMem};
use platform_xen_sys::DomId;
use rustix::fs::{Mode, OFlags};
use rustix::mm::{MapFlags, ProtFlags};

use crate::ioctl::{call, order};

/// Pages in one mapping at most: a request with indirect segments can name so many.
pub const MOST: usize = 4096;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Reference {
    domain: u32,
    grant: u32,
}

#[repr(C)]
struct MapGrantRef {
    count: u32,
    pad: u32,
    /// Out: where in the device the pages are.
    index: u64,
    references: [Reference; MOST],
}

#[repr(C)]
struct UnmapGrantRef {
    index: u64,
    count: u32,
    pad: u32,
}

/// The device.
pub struct Gntdev {
    device: Rc<OwnedFd>,
}

impl Gntdev {
    /// Opens it.
    pub fn open() -> Result<Gntdev> {
        let device =
            rustix::fs::open("/dev/xen/gntdev", OFlags::RDWR, Mode::empty()).context("/dev/xen/gntdev")?;
        Ok(Gntdev { device: Rc::new(device) })
    }

    /// Maps pages of a domain in a row. An error if one of the grants is none.
    pub fn map(&self, domain: DomId, grants: &[u32], writable: bool) -> Result<Mapping> {
        ensure!(!grants.is_empty() && grants.len() <= MOST, "{} grants", grants.len());
        let mut map = Box::new(MapGrantRef {
            count: grants.len() as u32,
            pad: 0,
            index: 0,
            references: [Reference::default(); MOST],
        });
        for (reference, grant) in map.references.iter_mut().zip(grants) {
            *reference = Reference { domain: u32::from(domain.0), grant: *grant };
        }
        // SAFETY: `IOCTL_GNTDEV_MAP_GRANT_REF` reads this structure, declared with one reference (24 bytes) and read for
        // `count` of them, which are there; it writes `index`.
        unsafe { call(self.device.as_fd(), order(b'G', 0, 24), &mut *map) }.context("naming grants")?;
        let mut place =
            Place { device: self.device.clone(), index: map.index, pages: grants.len(), at: None };
        let rights = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
        let len = grants.len() * PAGE;
        // SAFETY: a new mapping at an address that the kernel chooses touches nothing of ours.
        let at = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), len, rights, MapFlags::SHARED, &*self.device, map.index)
        }
        .with_context(|| format!("mapping grants {grants:?} of domain {}", domain.0))?;
        let base = NonNull::new(at.cast()).context("a mapping at address 0")?;
        place.at = Some(base);
        // SAFETY: `len` bytes are mapped there, page-aligned, until `place` is dropped, and the window is used only
        // while it lives; there are no references to them. Whoever maps without `writable` only reads.
        let window = unsafe { SharedMem::new(base, len) };
        Ok(Mapping { window, writable, _place: place })
    }
}

/// Pages of another domain. The window is lent for as long as this lives.
pub struct Mapping {
    window: SharedMem<'static>,
    writable: bool,
    _place: Place,
}

impl Mapping {
    /// How many pages.
    pub fn pages(&self) -> usize {
        self.window.len() / PAGE
    }

    /// Copies bytes out.
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        self.window.read(offset, into);
    }

    /// Copies bytes in.
    pub fn write(&self, offset: usize, from: &[u8]) {
        assert!(self.writable, "mapped for reading");
        self.window.write(offset, from);
    }

    /// A 32-bit value, before whatever is read after it.
    pub fn load(&self, offset: usize) -> u32 {
        self.window.atomic_u32(offset).load(Ordering::Acquire)
    }

    /// Sets a 32-bit value, after whatever was written before it.
    pub fn store(&self, offset: usize, value: u32) {
        assert!(self.writable, "mapped for reading");
        self.window.atomic_u32(offset).store(value, Ordering::Release);
    }
}

/// Grants that were named to the device, and where they are mapped.
struct Place {
    device: Rc<OwnedFd>,
    index: u64,
    pages: usize,
    at: Option<NonNull<u8>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(base) = self.at {
            // SAFETY: mapped by `map`; the only window onto it goes with us. Should it fail, the pages stay mapped, and
            // nothing of ours is lost.
            let _ = unsafe { rustix::mm::munmap(base.as_ptr().cast(), self.pages * PAGE) };
        }
        let mut unmap = UnmapGrantRef { index: self.index, count: self.pages as u32, pad: 0 };
        // SAFETY: `IOCTL_GNTDEV_UNMAP_GRANT_REF` reads this structure of 16 bytes, which names what `map` was given.
        let _ = unsafe { call(self.device.as_fd(), order(b'G', 1, 16), &mut unmap) };
    }
}
