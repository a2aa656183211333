//! Xen's two character devices take their orders by `ioctl`, with a structure that is read and written in place.

use std::ffi::c_void;
use std::os::fd::BorrowedFd;

use rustix::ioctl::{Ioctl, IoctlOutput, Opcode};

/// An order: group, number, and size of its structure, as Linux's `_IOC(_IOC_NONE, …)` packs them.
pub const fn order(group: u8, number: u8, size: u32) -> Opcode {
    (size << 16 | (group as u32) << 8 | number as u32) as Opcode
}

struct Call<'a, T> {
    order: Opcode,
    value: &'a mut T,
}

// SAFETY: the structure is lent for writing, and the result is a plain number; that it is the one which the order wants
// is the promise of `call`'s caller.
unsafe impl<T> Ioctl for Call<'_, T> {
    type Output = i32;
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        self.order
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::from_mut(self.value).cast()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> rustix::io::Result<i32> {
        Ok(out)
    }
}

/// Gives an order; returns what the device says.
///
/// # Safety
/// `T` is the structure that the device reads and writes for this order, and what it points to or names may be used so.
///
/// # Errors
/// The device's.
pub unsafe fn call<T>(device: BorrowedFd<'_>, order: Opcode, value: &mut T) -> rustix::io::Result<i32> {
    // SAFETY: as the caller promises.
    unsafe { rustix::ioctl::ioctl(device, Call { order, value }) }
}
