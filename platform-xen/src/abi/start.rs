//! From the first thread to std's `main`.

use crate::boot;
use alloc::boxed::Box;
use alloc::ffi::CString;
use alloc::vec::Vec;
use core::ffi::c_char;

unsafe extern "C" {
    static __init_array_start: [Option<unsafe extern "C" fn()>; 0];
    static __init_array_end: [Option<unsafe extern "C" fn()>; 0];
    fn runtime_entry(argc: i32, argv: *const *const c_char, env: *const *const c_char) -> !;
}

/// What the platform calls when it is ready.
// SAFETY: the name is platform-xen's own.
#[unsafe(no_mangle)]
fn platform_main() {
    // SAFETY: the link script gathers pointers to functions between the two symbols, to be called once at the start.
    unsafe {
        let mut at = (&raw const __init_array_start).cast::<Option<unsafe extern "C" fn()>>();
        let end = (&raw const __init_array_end).cast();
        while at < end {
            if let Some(function) = *at {
                function();
            }
            at = at.add(1);
        }
    }

    let start = boot::start();
    let words = start.cmd_line().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    // A domain has no file name; by convention the first argument is one.
    let args: Vec<CString> =
        core::iter::once(&b"kernel"[..]).chain(words).filter_map(|word| CString::new(word).ok()).collect();
    let mut argv: Vec<*const c_char> = args.iter().map(|arg| arg.as_ptr()).collect();
    let argc = i32::try_from(argv.len()).unwrap_or(i32::MAX);
    argv.push(core::ptr::null());
    // They live as long as the program.
    core::mem::forget(args);
    let argv = Box::leak(argv.into_boxed_slice());
    let env = [core::ptr::null()];
    // SAFETY: both lists end with a null pointer and stay.
    unsafe { runtime_entry(argc, argv.as_ptr(), env.as_ptr()) }
}
