//! Where the time goes: the word `timings` on the command line has it said before the handover.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Times of the stages so far. A stage that comes again adds to its time.
#[derive(Debug, Default)]
pub struct Timings {
    stages: RefCell<Vec<(&'static str, Duration)>>,
}

impl Timings {
    /// Does `work`, and counts its time for `stage`.
    pub fn of<T>(&self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.add(stage, begun.elapsed());
        done
    }

    /// Counts a time for `stage`.
    pub fn add(&self, stage: &'static str, time: Duration) {
        let mut stages = self.stages.borrow_mut();
        match stages.iter_mut().find(|(known, _)| *known == stage) {
            Some((_, sum)) => *sum += time,
            None => stages.push((stage, time)),
        }
    }

    /// Notes a moment, the first time.
    pub fn once(&self, stage: &'static str, since_start: Duration) {
        let known = self.stages.borrow().iter().any(|(known, _)| *known == stage);
        if !known {
            self.add(stage, since_start);
        }
    }

    /// `timing: NAME N us`, a line for each stage; for the next boot of this program, should this one fail, they begin anew.
    pub fn take(&self) -> String {
        let mut lines = String::new();
        for (stage, time) in self.stages.take() {
            let _ = writeln!(lines, "timing: {stage} {} us", time.as_micros());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_add_up_and_moments_stay() {
        let timings = Timings::default();
        timings.add("read", Duration::from_micros(5));
        timings.once("menu", Duration::from_micros(9));
        timings.once("menu", Duration::from_micros(11));
        timings.add("read", Duration::from_micros(2));
        assert_eq!(timings.take(), "timing: read 7 us\ntiming: menu 9 us\n");
        assert_eq!(timings.take(), "");
        assert_eq!(timings.of("x", || 3), 3);
    }
}
