//! The line that shows how far a file has been read.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::clean::{clean, cut, width};

/// Nothing is shown before this much time: a fast read needs no line.
const QUIET: Duration = Duration::from_millis(300);
const MIB: u64 = 1 << 20;

/// A file being read.
#[derive(Debug, Clone)]
pub struct Progress {
    label: String,
    total: u64,
    started: Duration,
    shown: Option<Duration>,
    columns: usize,
    /// Columns of the line that stands there now.
    used: usize,
    step: Duration,
}

impl Progress {
    /// `label` says what is read, `total` is its length in bytes, `now` any steady clock. `plain`: each line stays on the
    /// paper, so they come seldom.
    pub fn new(label: &str, total: u64, now: Duration, columns: usize, plain: bool) -> Self {
        let step = if plain { Duration::from_secs(5) } else { Duration::from_millis(250) };
        let columns = columns.saturating_sub(1);
        Self { label: clean(label), total, started: now, shown: None, columns, used: 0, step }
    }

    /// After `done` bytes: what to write to the terminal, if it is time to.
    pub fn update(&mut self, done: u64, now: Duration) -> Option<String> {
        let due = match self.shown {
            None => self.started.saturating_add(QUIET),
            Some(shown) => shown.saturating_add(self.step),
        };
        (now >= due).then(|| {
            self.shown = Some(now);
            self.overwrite(&(self.line(done, now) + &self.left(done, now) + "   Esc: stop"))
        })
    }

    /// The last line, and a new one after it. Nothing if nothing was shown.
    pub fn finish(&mut self, done: u64, now: Duration) -> String {
        if self.shown.is_none() {
            return String::new();
        }
        self.overwrite(&self.line(done, now)) + "\r\n"
    }

    fn overwrite(&mut self, line: &str) -> String {
        let line = cut(line, self.columns);
        let columns = width(&line);
        let blanks = self.used.saturating_sub(columns);
        self.used = columns;
        format!("\r{line}{:blanks$}", "")
    }

    /// What it will take yet at the rate so far, where that is worth waiting for: `   1:23 left`.
    fn left(&self, done: u64, now: Duration) -> String {
        let rest = u128::from(self.total.saturating_sub(done));
        let millis = now.saturating_sub(self.started).as_millis();
        let seconds = rest.saturating_mul(millis).checked_div(u128::from(done)).unwrap_or(0) / 1000;
        match seconds {
            0..3 => String::new(),
            3..6000 => format!("   {}:{:02} left", seconds / 60, seconds % 60),
            _ => "   hours left".into(),
        }
    }

    /// `initrd    42 %    12 of 28 MiB   8.3 MiB/s`
    fn line(&self, done: u64, now: Duration) -> String {
        let percent = if self.total == 0 { 100 } else { u128::from(done) * 100 / u128::from(self.total) };
        let millis = now.saturating_sub(self.started).as_millis().max(1);
        // Tenths of a MiB per second.
        let rate = u128::from(done) * 10_000 / millis / u128::from(MIB);
        let total = self.total.div_ceil(MIB);
        format!(
            "{}  {:>3} %  {:>5} of {total} MiB  {:>4}.{} MiB/s",
            self.label,
            percent.min(100),
            done.min(self.total).div_ceil(MIB),
            rate / 10,
            rate % 10
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_fast_read_shows_nothing() {
        let mut progress = Progress::new("kernel", 10 * MIB, at(0), 80, false);
        assert_eq!(progress.update(5 * MIB, at(100)), None);
        assert_eq!(progress.finish(10 * MIB, at(200)), "");
    }

    #[test]
    fn a_slow_read_shows_percent_and_speed() {
        let mut progress = Progress::new("initrd", 28 * MIB, at(1000), 80, false);
        assert_eq!(
            progress.update(12 * MIB, at(2500)).unwrap(),
            "\rinitrd   42 %     12 of 28 MiB     8.0 MiB/s   Esc: stop"
        );
        assert_eq!(progress.update(13 * MIB, at(2600)), None);
        assert!(progress.update(14 * MIB, at(2750)).is_some());
        let slow = progress.update(15 * MIB, at(91_000)).unwrap();
        assert!(slow.ends_with("0.1 MiB/s   1:18 left   Esc: stop"), "{slow:?}");
        // There is nothing to stop any more.
        assert!(progress.finish(28 * MIB, at(4000)).ends_with("9.3 MiB/s                        \r\n"));
        // The longest line that there can be fits.
        let mut progress = Progress::new("module 255", u64::MAX >> 20, at(0), 80, false);
        assert!(progress.update(1000 << 40, at(1000)).unwrap().ends_with("Esc: stop"));
    }

    #[test]
    fn a_shorter_line_overwrites_a_longer_one() {
        let mut progress = Progress::new("x", 2000 * MIB, at(0), 80, false);
        let long = progress.update(2000 * MIB, at(400)).unwrap();
        let short = progress.update(0, at(800)).unwrap();
        assert!(width(&short[1..]) >= width(&long[1..]));
    }

    proptest! {
        #[test]
        fn bounded(label in any::<String>(), total: u64, done: u64, start: u64, now: u64, columns in 0usize..200) {
            let mut progress = Progress::new(&label, total, at(start), columns, false);
            if let Some(text) = progress.update(done, at(now)) {
                prop_assert!(width(&text[1..]) <= columns);
            }
            progress.finish(done, at(now));
        }
    }
}
