//! Threads, futexes, the end of the program.

use super::{count, int};
use crate::hal::Nanos;
use crate::local::Local;
use crate::panic::{self, Ending};
use crate::{thread, time};
use alloc::boxed::Box;
use core::sync::atomic::{AtomicU32, Ordering};
use hermit_abi::errno::{EAGAIN, EINVAL, ETIMEDOUT};
use hermit_abi::{FUTEX_RELATIVE_TIMEOUT, timespec};

/// Starts a thread; 0 if there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn sys_spawn2(
    func: extern "C" fn(usize),
    arg: usize,
    _prio: u8,
    stack_size: usize,
    _core: isize,
) -> u32 {
    thread::spawn(stack_size, Box::new(move || func(arg))).unwrap_or(0)
}

/// Waits for a thread's end.
#[unsafe(no_mangle)]
pub extern "C" fn sys_join(id: u32) -> i32 {
    thread::join(id);
    0
}

/// Lets other threads run.
#[unsafe(no_mangle)]
pub extern "C" fn sys_yield() {
    thread::yield_now();
}

/// Sleeps.
#[unsafe(no_mangle)]
pub extern "C" fn sys_usleep(micros: u64) {
    thread::sleep_until(Nanos(time::now().0.saturating_add(micros.saturating_mul(1000))));
}

/// Sleeps.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_nanosleep(time: *const timespec) -> i32 {
    // SAFETY: null, or the caller's.
    match unsafe { time.as_ref() }.map(|time| deadline(time, FUTEX_RELATIVE_TIMEOUT)) {
        Some(Ok(until)) => {
            thread::sleep_until(until);
            0
        }
        _ => -EINVAL,
    }
}

/// The number of the running thread: hermit-abi names it so, there being one process.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getpid() -> i32 {
    i32::try_from(thread::current()).unwrap_or(i32::MAX)
}

/// How many threads can run at once.
#[unsafe(no_mangle)]
pub extern "C" fn sys_available_parallelism() -> usize {
    1
}

fn deadline(timeout: &timespec, flags: u32) -> Result<Nanos, i32> {
    let seconds = u64::try_from(timeout.tv_sec).map_err(|_| EINVAL)?;
    let nanos = u64::try_from(timeout.tv_nsec).map_err(|_| EINVAL)?;
    let ns = seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    let base = if flags & FUTEX_RELATIVE_TIMEOUT != 0 { time::now().0 } else { 0 };
    Ok(Nanos(base.saturating_add(ns)))
}

/// Waits while the word has the expected value, until it is woken or the time is over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_futex_wait(
    address: *mut u32,
    expected: u32,
    timeout: *const timespec,
    flags: u32,
) -> i32 {
    if address.is_null() || flags & !FUTEX_RELATIVE_TIMEOUT != 0 {
        return -EINVAL;
    }
    // SAFETY: null, or std's.
    let until = match unsafe { timeout.as_ref() }.map(|t| deadline(t, flags)).transpose() {
        Ok(until) => until,
        Err(e) => return -e,
    };
    // SAFETY: std's atomic. No other thread can run between this look and the wait.
    if unsafe { AtomicU32::from_ptr(address) }.load(Ordering::SeqCst) != expected {
        return -EAGAIN;
    }
    if thread::futex_wait(address.addr(), until) { 0 } else { -ETIMEDOUT }
}

/// Wakes threads that wait for the word; how many. Then it lets them run: nobody takes the CPU from a thread that sends
/// to a channel for ever, and the receiver that would end this must have its turn before memory is full.
#[unsafe(no_mangle)]
pub extern "C" fn sys_futex_wake(address: *mut u32, number: i32) -> i32 {
    match usize::try_from(number) {
        Ok(number) if !address.is_null() => {
            let woken = thread::futex_wake(address.addr(), number);
            if woken > 0 {
                thread::yield_now();
            }
            int(Ok(count(woken)))
        }
        _ => -EINVAL,
    }
}

/// The last error of this thread. std looks at what functions return, but programs ask for `io::Error::last_os_error`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_get_errno() -> i32 {
    thread::errno()
}

/// What is to be done before the program ends. Set by what was used, so that a program without it has none of its code.
pub(super) static AT_EXIT: Local<Option<fn()>> = Local::new(None);

/// Ends the program, and so the domain: cleanly for 0, else as crashed, so that the tools can tell.
#[unsafe(no_mangle)]
pub extern "C" fn sys_exit(status: i32) -> ! {
    let hook = *AT_EXIT.borrow();
    hook.into_iter().for_each(|hook| hook());
    if status == 0 {
        panic::end(Ending::PowerOff)
    }
    panic::die(format_args!("the program ended with status {status}"))
}

/// Ends the program after a panic, which std has printed.
#[unsafe(no_mangle)]
pub extern "C" fn sys_abort() -> ! {
    panic::end(Ending::Crash)
}
