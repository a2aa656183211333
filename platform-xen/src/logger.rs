//! Messages of the `log` crate, on the console.

use crate::{console, thread, time};
use alloc::format;
use log::{LevelFilter, Log, Metadata, Record};

struct Logger;

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
        if thread::is_running() {
            console::write_text(text.as_bytes());
        } else {
            console::emergency(text.as_bytes());
        }
    }

    fn flush(&self) {}
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
