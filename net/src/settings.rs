//! How long and how much.

use std::time::{Duration, SystemTime};

use crate::Server;
#[cfg(feature = "tls")]
use crate::http::Trust;

/// The bounds of a transfer.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// Whether the user broke it off: asked at least every 200 ms while something is waited for.
    pub broken_off: &'a dyn Fn() -> bool,
    /// How long a server may take until it answers for the first time, for each of its addresses.
    pub connect: Duration,
    /// How long nothing may arrive.
    pub silence: Duration,
    /// How often a request is sent before its server counts as gone.
    pub tries: u32,
    /// The most bytes that a file may have.
    pub most: u64,
    /// How long is waited before the second try; before each later one twice as long, up to eight times.
    pub pause: Duration,
    /// A proxy for HTTP, spoken to by HTTP: its name, port, and as whom.
    pub proxy: Option<&'a Server>,
    /// Whose certificates count. Without any there is no HTTPS.
    #[cfg(feature = "tls")]
    pub trust: Option<&'a Trust>,
    /// What time it is: certificates are checked against that.
    pub now: fn() -> SystemTime,
}

/// The longest that is waited without asking whether it was broken off.
pub(crate) const STEP: Duration = Duration::from_millis(200);

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            broken_off: &|| false,
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            tries: 6,
            most: 4 << 30,
            pause: Duration::from_secs(1),
            proxy: None,
            #[cfg(feature = "tls")]
            trust: None,
            now: SystemTime::now,
        }
    }
}

impl std::fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("connect", &self.connect)
            .field("silence", &self.silence)
            .field("tries", &self.tries)
            .field("most", &self.most)
            .field("pause", &self.pause)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}
