//! Transactions: several changes seen by others all at once or not at all.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use core::time::Duration;

use platform_xen_sys::xenstore as sys;

use crate::xenstore::client::Xenstore;
use crate::xenstore::error::{ServerError, XsError};

/// How often a transaction is tried anew when others' changes came between.
const TRIES: u32 = 100;
/// How long, however many tries that makes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A transaction under way.
pub struct Transaction<'a> {
    xs: &'a Xenstore,
    id: u32,
}

impl Xenstore {
    /// Runs `f` in a transaction. When it meets others' changes, `f` runs again from the start. If `f` fails, nothing
    /// is changed.
    ///
    /// # Errors
    /// What `f` says; [`XsError::Conflict`] when 100 tries, or those of a minute, met changes.
    pub fn transaction<R>(
        &self,
        mut f: impl FnMut(&Transaction<'_>) -> Result<R, XsError>,
    ) -> Result<R, XsError> {
        let deadline = self.hal().now() + PATIENCE;
        for _ in 0..TRIES {
            let transaction = Transaction { xs: self, id: self.begin()? };
            let done = f(&transaction);
            let end: &[u8] = if done.is_ok() { b"T\0" } else { b"F\0" };
            let ended = self.ask(sys::XS_TRANSACTION_END, transaction.id, &[end]);
            let again = XsError::Server(ServerError::Eagain);
            match (done, ended) {
                (Ok(result), Ok(_)) => return Ok(result),
                (Ok(_), Err(error)) | (Err(error), _) if error != again => return Err(error),
                _ => {}
            }
            if self.hal().now() >= deadline {
                break;
            }
        }
        Err(XsError::Conflict)
    }

    fn begin(&self) -> Result<u32, XsError> {
        let body = self.ask(sys::XS_TRANSACTION_START, 0, &[b"\0"])?;
        let digits = body.split(|byte| *byte == 0).next().unwrap_or_default();
        let id = core::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        // 0 would mean "no transaction".
        id.filter(|id| *id != 0).ok_or(XsError::BadValue)
    }
}

impl Transaction<'_> {
    /// Reads a node.
    ///
    /// # Errors
    /// As [`Xenstore::read`].
    pub fn read(&self, path: &str) -> Result<Vec<u8>, XsError> {
        self.xs.ask(sys::XS_READ, self.id, &[path.as_bytes(), b"\0"])
    }

    /// Writes a node.
    ///
    /// # Errors
    /// As [`Xenstore::write`].
    pub fn write(&self, path: &str, value: &[u8]) -> Result<(), XsError> {
        self.xs.ask(sys::XS_WRITE, self.id, &[path.as_bytes(), b"\0", value]).map(drop)
    }

    /// Writes a node below `directory`.
    ///
    /// # Errors
    /// As [`Xenstore::write`].
    pub fn write_at(&self, directory: &str, name: &str, value: &str) -> Result<(), XsError> {
        self.write(&format!("{directory}/{name}"), value.as_bytes())
    }

    /// Removes a node and all below it; that it isn't there is no error.
    ///
    /// # Errors
    /// As [`Xenstore::rm`].
    pub fn rm(&self, path: &str) -> Result<(), XsError> {
        match self.xs.ask(sys::XS_RM, self.id, &[path.as_bytes(), b"\0"]) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// The names of a node's children.
    ///
    /// # Errors
    /// As [`Xenstore::directory`].
    pub fn directory(&self, path: &str) -> Result<Vec<String>, XsError> {
        self.xs.directory_in(self.id, path)
    }
}
