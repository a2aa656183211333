//! From the first thread to std's `main`.

use crate::boot;
use crate::words::Words;
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

    let words = Words::new(boot::start().cmd_line());
    #[cfg(feature = "files")]
    words.tmp.into_iter().for_each(super::limit_tmp);
    // A domain has no file name; by convention the first argument is one.
    let arguments = core::iter::once(b"kernel".into()).chain(words.arguments);
    let (argc, argv) = c_strings(arguments);
    let (_, env) = c_strings(words.environment);
    // SAFETY: both lists end with a null pointer and stay.
    unsafe { runtime_entry(argc, argv, env) }
}

/// A list of strings as C has it, with a null pointer at its end; and how many there are. They live as long as the program.
fn c_strings(list: impl IntoIterator<Item = Vec<u8>>) -> (i32, *const *const c_char) {
    let strings = list.into_iter().filter_map(|string| CString::new(string).ok());
    let mut pointers: Vec<*const c_char> = strings.map(|string| string.into_raw().cast_const()).collect();
    let n = i32::try_from(pointers.len()).unwrap_or(i32::MAX);
    pointers.push(core::ptr::null());
    (n, pointers.leak().as_ptr())
}
