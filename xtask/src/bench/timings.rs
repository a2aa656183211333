//! The lines `timing: NAME N UNIT` that pvgrub says when its command line has the word `timings`.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// What the last of these lines says: after it, the next kernel runs.
pub const LAST: &str = "timing: total ";

/// The values by name.
#[derive(Debug, Default)]
pub struct Timings(Vec<(String, u64)>);

impl Timings {
    /// Finds them in what a console showed.
    pub fn parse(console: &str) -> Result<Timings> {
        let line = |line: &str| {
            let mut words = line.split("timing: ").nth(1)?.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
        };
        let all: Vec<(String, u64)> = console.lines().filter_map(line).collect();
        ensure!(!all.is_empty(), "pvgrub has not said its timings:\n{console}");
        Ok(Timings(all))
    }

    /// A number.
    pub fn count(&self, name: &str) -> Result<u64> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| *value).with_context(|| format!("pvgrub has not said the timing {name:?}"))
    }

    /// A time.
    pub fn time(&self, name: &str) -> Result<Duration> {
        self.count(name).map(Duration::from_micros)
    }

    /// The sum of several times.
    pub fn sum(&self, names: &[&str]) -> Result<Duration> {
        names.iter().map(|name| self.time(name)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_among_others() {
        let text = "Booting\r\n\x1b[Htiming: kernel 1500 us\r\ntiming: moves 7 frames\r\ntiming: broken\r\n";
        let timings = Timings::parse(text).unwrap();
        assert_eq!(timings.time("kernel").unwrap(), Duration::from_micros(1500));
        assert_eq!(timings.count("moves").unwrap(), 7);
        assert!(timings.count("broken").is_err());
        assert!(Timings::parse("nothing").is_err());
    }
}
