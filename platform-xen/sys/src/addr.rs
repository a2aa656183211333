//! Four kinds of address, four types (the terms of `xen.h` and of Xen's `docs/misc/x86-xenpv-bootloader.pandoc`).

use core::fmt;

/// log2 of the page size.
pub const PAGE_SHIFT: u32 = 12;
/// Bytes in a page, and in a frame.
pub const PAGE_SIZE: usize = 1 << PAGE_SHIFT;

/// Pseudo-physical frame number: the guest's own contiguous numbering of its memory, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Pfn(pub u64);

/// Machine frame number: a frame of the real machine. Page-table entries hold these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Mfn(pub u64);

/// Virtual address in the guest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Vaddr(pub u64);

/// Machine address, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Maddr(pub u64);

impl Mfn {
    /// What a p2m entry holds where there is no frame (Linux's and libxc's `INVALID_P2M_ENTRY`, all ones).
    pub const INVALID: Mfn = Mfn(u64::MAX);

    /// Address of the frame's first byte.
    #[must_use]
    pub const fn maddr(self) -> Maddr {
        Maddr(self.0 << PAGE_SHIFT)
    }
}

impl Maddr {
    /// The frame that holds this address.
    #[must_use]
    pub const fn mfn(self) -> Mfn {
        Mfn(self.0 >> PAGE_SHIFT)
    }

    /// Offset within the frame, in bytes.
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.0 & (PAGE_SIZE as u64 - 1)
    }
}

impl Vaddr {
    /// First address of the page that holds this address.
    #[must_use]
    pub const fn page(self) -> Vaddr {
        Vaddr(self.0 & !(PAGE_SIZE as u64 - 1))
    }

    /// Offset within the page, in bytes.
    #[must_use]
    pub const fn offset(self) -> u64 {
        self.0 & (PAGE_SIZE as u64 - 1)
    }

    /// Index into the page table of `level` (1 is the lowest, 4 the root) for this address.
    #[must_use]
    pub const fn index(self, level: u32) -> usize {
        ((self.0 >> (PAGE_SHIFT + 9 * (level - 1))) & 511) as usize
    }
}

macro_rules! show {
    ($($type:ident $name:literal),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($name, ":{:#x}"), self.0)
            }
        }
        impl fmt::LowerHex for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::LowerHex::fmt(&self.0, f)
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
    )*};
}
show!(Pfn "pfn", Mfn "mfn", Vaddr "va", Maddr "ma");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions() {
        assert_eq!(Mfn(0x1234).maddr(), Maddr(0x123_4000));
        assert_eq!(Maddr(0x123_4fff).mfn(), Mfn(0x1234));
        assert_eq!(Maddr(0x123_4fff).offset(), 0xfff);
        assert_eq!(Vaddr(0x123_4fff).page(), Vaddr(0x123_4000));
        let va = Vaddr(0xffff_8000_0060_1abc);
        assert_eq!((va.index(4), va.index(3), va.index(2), va.index(1)), (256, 0, 3, 1));
        assert_eq!(va.offset(), 0xabc);
    }
}
