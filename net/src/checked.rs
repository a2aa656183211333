//! A transfer whose bytes must have a certain digest.

use crate::digest::{Digest, Hasher};
use crate::{Error, Fault, Place, Transfer};

/// Hashes a file while it arrives. The reader gets its last bytes only if all of it is what it must be: with the last bytes if the
/// length is known, else with the end. Until then nothing of it is to be trusted.
pub struct Checked<T> {
    transfer: T,
    wanted: Digest,
    hasher: Hasher,
    arrived: u64,
    /// Whether it was compared, and how that went.
    verdict: Option<Result<(), Error>>,
}

impl<T: Transfer> Checked<T> {
    /// `transfer`, from its beginning, must have the digest `wanted`.
    pub fn new(transfer: T, wanted: Digest) -> Self {
        Self { transfer, wanted, hasher: Hasher::new(), arrived: 0, verdict: None }
    }

    /// Whether all of it arrived and was right.
    pub fn is_right(&self) -> bool {
        self.verdict == Some(Ok(()))
    }

    fn judge(&mut self) -> Result<(), Error> {
        let digest = std::mem::take(&mut self.hasher).finish();
        let verdict = if digest == self.wanted {
            Ok(())
        } else {
            let what = Fault::Digest { wanted: self.wanted.short(), arrived: digest.short() };
            Err(Error::new(self.transfer.place(), what))
        };
        self.verdict = Some(verdict.clone());
        verdict
    }
}

impl<T: Transfer> Transfer for Checked<T> {
    fn len(&self) -> Option<u64> {
        self.transfer.len()
    }

    fn place(&self) -> &Place {
        self.transfer.place()
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if let Some(Err(error)) = &self.verdict {
            return Err(error.clone());
        }
        if buf.is_empty() {
            return Ok(0);
        }
        let n = self.transfer.read(buf)?;
        if self.verdict.is_some() {
            // It was judged by its length; more of it is an error of the transfer, or of this sort.
            return if n == 0 { Ok(0) } else { Err(self.too_long(n)) };
        }
        self.hasher.update(&buf[..n]);
        self.arrived += n as u64;
        if n == 0 || self.len() == Some(self.arrived) {
            self.judge()?;
        }
        Ok(n)
    }
}

impl<T: Transfer> Checked<T> {
    fn too_long(&mut self, more: usize) -> Error {
        let what = Fault::Length { announced: self.arrived, arrived: self.arrived + more as u64 };
        let error = Error::new(self.transfer.place(), what);
        self.verdict = Some(Err(error.clone()));
        error
    }
}
