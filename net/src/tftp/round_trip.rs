//! How long a server's answers take, and so what is waited for one.

use std::time::Duration;

/// Until the first answer, and bounds of what is waited later, before something is sent again.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LEAST_WAIT: Duration = Duration::from_millis(300);
pub const MOST_WAIT: Duration = Duration::from_secs(8);

/// How long an answer takes (RFC 6298, with bounds of our own).
#[derive(Debug)]
pub struct RoundTrip {
    /// When something was sent that is to be answered, and was sent once.
    pub since: Option<Duration>,
    mean: Option<Duration>,
    deviation: Duration,
}

impl RoundTrip {
    /// Something is sent for the first time.
    pub fn begin(now: Duration) -> Self {
        Self { since: Some(now), mean: None, deviation: Duration::ZERO }
    }

    /// The answer has come.
    pub fn sample(&mut self, now: Duration) {
        let Some(since) = self.since.take() else { return };
        let took = now.saturating_sub(since);
        match self.mean {
            None => (self.mean, self.deviation) = (Some(took), took / 2),
            Some(mean) => {
                self.deviation = (self.deviation * 3 + mean.abs_diff(took)) / 4;
                self.mean = Some((mean * 7 + took) / 8);
            }
        }
    }

    /// How long is waited before it is sent again.
    pub fn wait(&self) -> Duration {
        let wait = self.mean.map_or(FIRST_WAIT, |mean| mean + self.deviation * 4);
        wait.clamp(LEAST_WAIT, MOST_WAIT)
    }
}
