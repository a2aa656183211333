//! Waiting for one of several files, and `eventfd`, by which one thread ends another's wait.

use super::file::{File, changed, changed_so_far, changes};
use super::{Result, failed, fd, int};
use crate::hal::Nanos;
use crate::{thread, time};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use hermit_abi::errno::{EAGAIN, EINVAL};
use hermit_abi::{
    EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDNORM,
    POLLWRNORM, S_IFIFO, nfds_t, pollfd, stat,
};

/// Waits until one of the files can be read or written without waiting, or the time (in milliseconds; negative: none)
/// is over. How many can.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_poll(fds: *mut pollfd, n: nfds_t, timeout: i32) -> i32 {
    // SAFETY: std's list; null only if it is empty.
    let fds = if n == 0 { &mut [] } else { unsafe { core::slice::from_raw_parts_mut(fds, n) } };
    let until = u64::try_from(timeout).ok().map(|ms| Nanos(time::now().0.saturating_add(ms * 1_000_000)));
    loop {
        let before = changed_so_far();
        let (mut ready, mut ports, mut look) = (0, Vec::new(), None);
        for entry in fds.iter_mut().filter(|entry| entry.fd >= 0) {
            entry.revents = match fd::get(entry.fd) {
                Err(_) => POLLNVAL,
                Ok(file) => {
                    if entry.events & (POLLIN | POLLRDNORM) != 0 {
                        ports.extend(file.port());
                        look = [look, file.look_every()].into_iter().flatten().min();
                    }
                    seen(file.ready(), entry.events)
                }
            };
            ready += i32::from(entry.revents != 0);
        }
        let now = time::now();
        if ready > 0 || until.is_some_and(|until| until <= now) {
            return ready;
        }
        let look = look.map(|ns| Nanos(now.0.saturating_add(ns)));
        let deadline = [until, look].into_iter().flatten().min();
        // To look at a socket is to wait for one's turn with the network, if another thread has it.
        if changed_so_far() != before {
            continue;
        }
        // Nobody else runs between this and the wait, so no change is missed.
        thread::wait_ports_or_futex(&ports, changes(), deadline.or(Some(Nanos(u64::MAX))));
    }
}

/// What of `ready` is told to one who asked for `wanted`: errors always.
fn seen(ready: i16, wanted: i16) -> i16 {
    let mut all = ready;
    if ready & POLLIN != 0 {
        all |= POLLRDNORM;
    }
    if ready & POLLOUT != 0 {
        all |= POLLWRNORM;
    }
    all & (wanted | POLLERR | POLLHUP)
}

/// A counter that one thread adds to and another waits for.
struct EventFd {
    count: AtomicU64,
    /// A read takes one, not all.
    semaphore: bool,
    nonblocking: AtomicBool,
}

/// Most that the counter holds.
const MOST: u64 = u64::MAX - 1;

impl EventFd {
    /// Does it when it can be done.
    fn when<R>(&self, mut f: impl FnMut() -> Option<R>) -> Result<R> {
        loop {
            if let Some(done) = f() {
                changed();
                return Ok(done);
            }
            if self.nonblocking.load(Ordering::Relaxed) {
                return Err(EAGAIN);
            }
            thread::wait_ports_or_futex(&[], changes(), None);
        }
    }
}

impl File for EventFd {
    fn read(&self, buf: &mut [u8]) -> Result<usize> {
        let buf = buf.first_chunk_mut::<8>().ok_or(EINVAL)?;
        let taken = self.when(|| {
            let count = self.count.load(Ordering::Relaxed);
            let take = if self.semaphore { count.min(1) } else { count };
            (take > 0).then(|| {
                self.count.store(count - take, Ordering::Relaxed);
                take
            })
        })?;
        *buf = taken.to_ne_bytes();
        Ok(8)
    }

    fn write(&self, bytes: &[u8]) -> Result<usize> {
        let add = u64::from_ne_bytes(*bytes.first_chunk().ok_or(EINVAL)?);
        if add > MOST {
            return Err(EINVAL);
        }
        self.when(|| {
            let sum = self.count.load(Ordering::Relaxed).checked_add(add).filter(|sum| *sum <= MOST)?;
            self.count.store(sum, Ordering::Relaxed);
            Some(8)
        })
    }

    fn stat(&self) -> stat {
        stat { st_mode: S_IFIFO | 0o600, st_nlink: 1, ..stat::default() }
    }

    fn ready(&self) -> i16 {
        let count = self.count.load(Ordering::Relaxed);
        (if count > 0 { POLLIN } else { 0 }) | (if count < MOST { POLLOUT } else { 0 })
    }

    fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.nonblocking.store(on, Ordering::Relaxed);
        Ok(())
    }
}

/// Makes an event counter (eventfd(2)).
#[unsafe(no_mangle)]
pub extern "C" fn sys_eventfd(initial: u64, flags: i16) -> i32 {
    if flags & !(EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC) != 0 || initial > MOST {
        return failed(EINVAL);
    }
    int(fd::insert(Arc::new(EventFd {
        count: AtomicU64::new(initial),
        semaphore: flags & EFD_SEMAPHORE != 0,
        nonblocking: AtomicBool::new(flags & EFD_NONBLOCK != 0),
    })))
}
