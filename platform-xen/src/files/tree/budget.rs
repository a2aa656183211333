//! How much memory a tree takes.

use crate::files::Error;

/// How much memory may be used, and is.
#[derive(Debug)]
pub(in crate::files) struct Budget {
    pub(super) used: u64,
    pub(super) limit: u64,
    /// What is left outside, whatever the limit says.
    pub(super) spare: u64,
}

impl Budget {
    pub(in crate::files) fn take(&mut self, bytes: u64) -> Result<(), Error> {
        let used = self.used.checked_add(bytes).filter(|used| *used <= self.limit).ok_or(Error::NoSpace)?;
        self.spare = self.spare.checked_sub(bytes).ok_or(Error::NoSpace)?;
        self.used = used;
        Ok(())
    }

    pub(in crate::files) fn give(&mut self, bytes: u64) {
        self.used = self.used.saturating_sub(bytes);
        self.spare = self.spare.saturating_add(bytes);
    }
}
