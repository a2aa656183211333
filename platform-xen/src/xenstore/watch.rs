//! Watches: to be told when something at or below a path changes.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use platform_xen_sys::xenstore as sys;

use crate::hal::{Nanos, Port};
use crate::xenstore::client::Xenstore;
use crate::xenstore::error::XsError;
use crate::xenstore::table::Table;

/// Events kept for one watch. When more come, the oldest give way: a watch says "look again", not what happened.
const MAX_EVENTS: usize = 32;

/// The watches set, each with the paths that changed since its owner last looked.
#[derive(Default)]
pub(super) struct Watches {
    by_token: Table<Queue>,
    next: u32,
}

struct Queue {
    path: String,
    events: VecDeque<String>,
}

impl Watches {
    fn add(&mut self, path: &str) -> u32 {
        self.next = self.next.wrapping_add(1);
        self.by_token.insert(self.next, Queue { path: path.to_string(), events: VecDeque::new() });
        self.next
    }

    pub(super) fn clear(&mut self) {
        self.by_token.clear();
    }

    /// Each token with its path.
    pub(super) fn all(&self) -> Vec<(u32, String)> {
        self.by_token.iter().map(|(token, queue)| (*token, queue.path.clone())).collect()
    }

    /// Takes an event: two strings, path and token. What isn't ours, or not an event at all, is dropped.
    pub(super) fn deliver(&mut self, body: &[u8]) {
        let mut strings = body.split(|byte| *byte == 0);
        let (Some(path), Some(token)) = (strings.next(), strings.next()) else { return };
        let Some(queue) = number_of(token).and_then(|token| self.by_token.get_mut(token)) else { return };
        let path = String::from_utf8_lossy(path);
        if queue.events.iter().any(|waiting| *waiting == path) {
            return;
        }
        if queue.events.len() == MAX_EVENTS {
            queue.events.pop_front();
        }
        queue.events.push_back(path.into_owned());
    }
}

fn token_of(number: u32) -> String {
    format!("pv-{number}")
}

fn number_of(token: &[u8]) -> Option<u32> {
    core::str::from_utf8(token).ok()?.strip_prefix("pv-")?.parse().ok()
}

/// A watch; it ends when dropped.
pub struct Watch {
    xs: Xenstore,
    token: u32,
    path: String,
}

impl Xenstore {
    /// Watches a path. One event comes at once, as xenstored does it; then one with each change at or below the path. Of events that
    /// nobody takes the last 32 are kept, each path once.
    ///
    /// # Errors
    /// What xenstored says.
    pub fn watch(&self, path: &str) -> Result<Watch, XsError> {
        let token = self.with_link(|link| link.watches.add(path));
        // From here on, dropping it undoes what was done.
        let watch = Watch { xs: self.clone(), token, path: path.to_string() };
        let name = token_of(token);
        self.ask(sys::XS_WATCH, 0, &[path.as_bytes(), b"\0", name.as_bytes(), b"\0"])?;
        Ok(watch)
    }

    pub(super) fn unwatch(&self, token: u32, path: &str) -> Result<(), XsError> {
        self.with_link(|link| link.watches.by_token.remove(token));
        let name = token_of(token);
        self.ask(sys::XS_UNWATCH, 0, &[path.as_bytes(), b"\0", name.as_bytes(), b"\0"]).map(drop)
    }
}

impl Watch {
    /// The path that is watched.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The event channel to wait on.
    pub fn port(&self) -> Port {
        self.xs.port()
    }

    /// Whether it is still there: not if the connection was opened anew.
    pub fn is_set(&self) -> bool {
        self.xs.with_link(|link| link.watches.by_token.get(self.token).is_some())
    }

    /// A path that changed, if there is one; doesn't wait.
    ///
    /// # Errors
    /// If the connection is broken or closed.
    pub fn try_next(&self) -> Result<Option<String>, XsError> {
        self.xs.pump()?;
        Ok(self.xs.with_link(|link| link.watches.by_token.get_mut(self.token)?.events.pop_front()))
    }

    /// Waits for a change; `None`: the deadline has passed.
    ///
    /// # Errors
    /// If the connection is broken or closed.
    pub fn next(&self, deadline: Nanos) -> Result<Option<String>, XsError> {
        loop {
            if let Some(path) = self.try_next()? {
                return Ok(Some(path));
            }
            if self.xs.hal().now() >= deadline {
                return Ok(None);
            }
            self.xs.hal().wait(&[self.port()], Some(deadline));
        }
    }

    /// Ends the watch and waits until xenstored has confirmed it.
    ///
    /// # Errors
    /// If it doesn't.
    pub fn end(self) -> Result<(), XsError> {
        self.xs.unwatch(self.token, &self.path)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.xs.with_link(|link| link.watches.by_token.remove(self.token)).is_some() {
            let name = token_of(self.token);
            self.xs.tell(sys::XS_UNWATCH, &[self.path.as_bytes(), b"\0", name.as_bytes(), b"\0"]);
        }
    }
}
