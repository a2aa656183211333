//! Hypercalls by the `syscall` instruction: the hypercall page is something to be checked, not to be used.

use core::arch::asm;
use platform_xen_sys::errno::Errno;

/// Issues hypercall `number`.
///
/// # Safety
/// Arguments that Xen takes for addresses must point to what that hypercall expects, and what it does to this domain's
/// memory or page tables must not break what Rust assumes.
pub unsafe fn call(number: u64, args: [u64; 5]) -> Result<u64, Errno> {
    let result: i64;
    // SAFETY: Xen keeps all registers but rax, rcx and r11, and may spoil the arguments'; the rest is the caller's.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as i64 => result,
            inlateout("rdi") args[0] => _,
            inlateout("rsi") args[1] => _,
            inlateout("rdx") args[2] => _,
            inlateout("r10") args[3] => _,
            inlateout("r8") args[4] => _,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    Errno::check(result)
}

/// A hypercall of the form `op(command, &mut argument)`.
///
/// # Safety
/// `T` must be the argument that this command takes; and see [`call`].
pub unsafe fn op<T>(number: u64, command: u32, argument: &mut T) -> Result<u64, Errno> {
    // SAFETY: the address is that of a T; the rest is the caller's.
    unsafe { call(number, [u64::from(command), core::ptr::from_mut(argument) as u64, 0, 0, 0]) }
}
