//! Whose certificates are believed.

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The most bytes of PEM that are looked at: Debian's list has a quarter of a million.
const MOST: usize = 8 << 20;

/// The authorities whose certificates are believed. None is believed that was not given.
#[derive(Clone)]
pub struct Trust {
    pub(super) roots: Arc<RootCertStore>,
}

/// Why a text has no certificates to believe in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// There is no certificate in it.
    Empty,
    /// It is no PEM, or what it holds is no certificate.
    Garbled,
    /// It is longer than any list of certificates.
    TooLong,
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "there is no certificate in it",
            Self::Garbled => "it is not made of certificates in PEM",
            Self::TooLong => "it is too long for a list of certificates",
        })
    }
}

impl std::error::Error for TrustError {}

impl Trust {
    /// Those of a PEM bundle. Certificates in it that can't be understood are left out, as long as one can be: lists that
    /// are in use have such.
    ///
    /// # Errors
    /// Why there is none in it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustError> {
        if pem.len() > MOST {
            return Err(TrustError::TooLong);
        }
        let mut roots = RootCertStore::empty();
        let mut unsound = false;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            match certificate {
                Ok(certificate) => unsound |= roots.add(certificate).is_err(),
                Err(_) => return Err(TrustError::Garbled),
            }
        }
        match roots.is_empty() {
            true if unsound => Err(TrustError::Garbled),
            true => Err(TrustError::Empty),
            false => Ok(Self { roots: Arc::new(roots) }),
        }
    }

    /// Those that this program was built with: the PEM bundle that `PVGRUB_ROOTS` named then. `None`: with none.
    ///
    /// # Errors
    /// Why there is none in it.
    pub fn built_in() -> Option<Result<Self, TrustError>> {
        const PEM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/roots.pem"));
        (!PEM.is_empty()).then(|| Self::from_pem(PEM))
    }

    /// How many they are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.roots.len()
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("len", &self.len()).finish()
    }
}
