//! The ways out: a clean end, and the one when nothing can be done.
//!
//! ```no_run
//! use platform_xen::panic::{self, Ending};
//!
//! // As `xl reboot` would: the domain begins anew.
//! panic::end(Ending::Reboot)
//! ```

use crate::local::Local;
use crate::{console, hypercall, logger};
use core::fmt;
use platform_xen_sys::sched::{SHUTDOWN_CRASH, SHUTDOWN_POWEROFF, SHUTDOWN_REBOOT};

/// How a domain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is done.
    PowerOff,
    /// It is to be started again.
    Reboot,
    /// Something went wrong; the tools may keep it for a look.
    Crash,
}

/// Ends the domain, after the console has been read.
pub fn end(how: Ending) -> ! {
    logger::last_words();
    console::flush();
    hypercall::shutdown(match how {
        Ending::PowerOff => SHUTDOWN_POWEROFF,
        Ending::Reboot => SHUTDOWN_REBOOT,
        Ending::Crash => SHUTDOWN_CRASH,
    })
}

/// Text on the console whatever state we are in.
pub struct Emergency;

impl fmt::Write for Emergency {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        console::emergency(s.as_bytes());
        Ok(())
    }
}

static DYING: Local<bool> = Local::new(false);

/// Says why on the console, and ends the domain as crashed.
pub fn die(why: fmt::Arguments<'_>) -> ! {
    // A second panic on the way out says nothing: the first is what matters.
    let again = DYING.try_borrow().is_none_or(|mut dying| core::mem::replace(&mut *dying, true));
    if !again {
        logger::last_words();
        let _ = fmt::write(&mut Emergency, format_args!("\n{why}\n"));
        console::flush();
    }
    hypercall::shutdown(SHUTDOWN_CRASH)
}
