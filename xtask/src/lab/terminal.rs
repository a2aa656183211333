//! The user's terminal, joined to a console of the lab.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::wire::Wire;

/// Ctrl-]: the key that leaves a console, as xl's has it.
const LEAVE: u8 = 0x1d;

/// The terminal without line editing and signals; as it was again when dropped.
struct Raw(Option<Termios>);

impl Raw {
    fn new() -> Result<Raw> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Ok(Raw(None));
        }
        let before = tcgetattr(&stdin).context("reading the terminal's mode")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw).context("setting the terminal's mode")?;
        Ok(Raw(Some(before)))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // Nothing better can be done if it fails.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// Passes keys and output between the terminal and `wire` until Ctrl-], until the machine closes the line, or until
/// `done` says so, which is asked about once a second.
pub fn join(wire: &Wire, done: &mut dyn FnMut() -> Result<bool>) -> Result<()> {
    let _raw = Raw::new()?;
    let stdin = std::io::stdin();
    let mut stdout = std::io::stdout();
    let tick = rustix::event::Timespec { tv_sec: 0, tv_nsec: 30_000_000 };
    let mut open = true;
    let mut asked = Instant::now();
    loop {
        let text = wire.drain();
        stdout.write_all(&text)?;
        stdout.flush()?;
        if wire.is_closed() && text.is_empty() {
            return Ok(());
        }
        if asked.elapsed() > Duration::from_secs(1) {
            if done()? {
                stdout.write_all(&wire.drain())?;
                return Ok(());
            }
            asked = Instant::now();
        }
        let ready = if open {
            let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
            poll(&mut fds, Some(&tick)).unwrap_or(0) > 0
        } else {
            std::thread::sleep(Duration::from_millis(30));
            false
        };
        if ready {
            let mut keys = [0; 256];
            // Not through std, which would buffer what poll then does not see.
            let count = rustix::io::read(&stdin, &mut keys)?;
            open = count > 0;
            let keys = &keys[..count];
            match keys.iter().position(|key| *key == LEAVE) {
                Some(at) => {
                    wire.send(&keys[..at])?;
                    return Ok(());
                }
                None => wire.send(keys)?,
            }
        }
    }
}
