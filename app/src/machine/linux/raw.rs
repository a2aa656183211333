//! The terminal's raw mode, which must not outlive us.

use std::sync::{Mutex, PoisonError};

use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// The settings to go back to, while raw mode is on.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Raw mode is on for as long as this lives, and goes off before the words of a panic.
#[derive(Debug)]
pub struct RawMode(());

impl RawMode {
    /// Turns it on; `None` if stdin is no terminal.
    pub fn enter() -> Option<Self> {
        let before = tcgetattr(stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw).ok()?;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
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

fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // If the terminal is gone, nothing is left to restore.
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &before);
    }
}
