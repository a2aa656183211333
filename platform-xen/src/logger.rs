//! Messages of the `log` crate, on the console.

use crate::held::Held;
use crate::local::Local;
use crate::{console, thread, time};
use alloc::format;
use log::{LevelFilter, Log, Metadata, Record};

struct Logger;

/// While it is there, messages go into it.
static HELD: Local<Option<Held>> = Local::new(None);

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let now = time::now().0;
        let (s, us) = (now / 1_000_000_000, now % 1_000_000_000 / 1000);
        let text = format!("[{s:5}.{us:06}] {}: {}\n", record.level(), record.args());
        if let Some(mut held) = HELD.try_borrow()
            && let Some(held) = &mut *held
        {
            held.push(text);
        } else if thread::is_running() {
            console::write_text(text.as_bytes());
        } else {
            console::emergency(text.as_bytes());
        }
    }

    fn flush(&self) {}
}

/// Keeps messages back while a program has the console's screen for itself; or shows those that were kept, and all that come.
/// Of many only the last are kept.
pub fn hold(on: bool) {
    let kept = {
        let mut held = HELD.borrow();
        if on {
            held.get_or_insert_default();
            return;
        }
        held.take()
    };
    kept.into_iter().flat_map(|mut held| held.take()).for_each(|line| console::write_text(line.as_bytes()));
}

/// For a domain that is about to end: what was kept is still to be read.
pub(crate) fn last_words() {
    let kept = HELD.try_borrow().and_then(|mut held| held.take());
    kept.into_iter().flat_map(|mut held| held.take()).for_each(|line| console::emergency(line.as_bytes()));
}

/// Begins to log: warnings and errors, or what `loglevel=` on the command line says.
pub fn setup(cmd_line: &[u8]) {
    let level = cmd_line
        .split(u8::is_ascii_whitespace)
        .filter_map(|word| word.strip_prefix(b"loglevel="))
        .filter_map(|level| core::str::from_utf8(level).ok()?.parse().ok())
        .next_back()
        .unwrap_or(LevelFilter::Warn);
    log::set_max_level(level);
    let _ = log::set_logger(&Logger);
}
