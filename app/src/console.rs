//! The terminal: text, and its keys.

use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use crate::keys::{Event, Keys};

/// The terminal.
pub struct Console {
    keys: Rc<Keys>,
    /// Nothing is shown.
    mute: bool,
}

impl Console {
    /// The terminal with these keys.
    pub fn new(keys: Rc<Keys>) -> Self {
        Self { keys, mute: false }
    }

    /// A terminal on which nothing is shown.
    #[cfg(not(target_os = "hermit"))]
    pub fn mute(keys: Rc<Keys>) -> Self {
        Self { keys, mute: true }
    }

    /// Its keys.
    pub fn keys(&self) -> &Rc<Keys> {
        &self.keys
    }

    /// The time since the program started.
    pub fn now(&self) -> Duration {
        self.keys.now()
    }

    /// Waits for a key, until `deadline` if there is one.
    pub fn wait(&mut self, deadline: Option<Duration>) -> Event {
        self.keys.wait(deadline)
    }

    /// Writes text. A terminal that takes none is no reason not to boot.
    pub fn write(&mut self, text: &str) {
        if self.mute {
            return;
        }
        let mut out = std::io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            log::warn!("the terminal takes no text");
        }
    }

    /// Writes lines, each with the carriage return that a raw terminal wants.
    pub fn lines(&mut self, text: &str) {
        self.write(&text.lines().map(|line| pvgrub_menu::clean(line) + "\r\n").collect::<String>());
    }
}
