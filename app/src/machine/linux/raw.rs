//! The terminal's raw mode, which must not outlive us.

use std::sync::{Mutex, PoisonError};

use rustix::io::write;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// The settings to go back to, while raw mode is on.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Colours off, the cursor visible, and the next line: a signal comes while the menu stands there.
const LEAVE: &[u8] = b"\x1b[0m\x1b[?25h\r\n";

/// Raw mode is on for as long as this lives, and goes off before the words of a panic and before a signal ends the program.
#[derive(Debug)]
pub struct RawMode(());

impl RawMode {
    /// Turns it on; `None` if stdin is no terminal. `ansi`: stdout is one that knows escape sequences.
    pub fn enter(ansi: bool) -> Option<Self> {
        let before = tcgetattr(stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw).ok()?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        restore_at_signals(ansi);
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            hook(info);
        }));
        Some(Self(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

/// Signals do what they always do, but to a terminal with its old settings.
fn restore_at_signals(ansi: bool) {
    let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]) else { return };
    // Without the thread signals would be swallowed; without the handlers they only leave the terminal raw.
    let handle = signals.handle();
    let wait = move || {
        for signal in signals.forever() {
            restore();
            if ansi {
                // Not through std, whose lock the menu may hold. Whoever hung up sees nothing any more.
                let _ = write(stdout(), LEAVE);
            }
            let _ = emulate_default_handler(signal);
        }
    };
    if std::thread::Builder::new().name("signals".into()).spawn(wait).is_err() {
        handle.close();
    }
}

fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // If the terminal is gone, nothing is left to restore.
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &before);
    }
}
