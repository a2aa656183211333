//! Agreeing on a key: X25519, P-256, P-384.

use std::boxed::Box;
use std::vec::Vec;

use p256::elliptic_curve::Generate;
use p256::elliptic_curve::sec1::ToSec1Point;
use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

pub const GROUPS: &[&dyn SupportedKxGroup] = &[&X25519, &P256, &P384];

fn bad_share() -> Error {
    PeerMisbehaved::InvalidKeyShare.into()
}

#[derive(Debug)]
struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| GetRandomFailed)?;
        Ok(Box::new(Active25519 { secret, public: x25519(secret, X25519_BASEPOINT_BYTES) }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Active25519 {
    secret: [u8; 32],
    public: [u8; 32],
}

impl ActiveKeyExchange for Active25519 {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let shared = x25519(self.secret, peer.try_into().map_err(|_| bad_share())?);
        // A point of small order gives zeros whatever our secret is (RFC 8446 7.4.2, RFC 7748 6.1).
        if shared == [0; 32] {
            return Err(bad_share());
        }
        Ok(SharedSecret::from(&shared[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// A curve of NIST's.
macro_rules! nist {
    ($group:ident, $active:ident, $curve:ident, $name:expr) => {
        #[derive(Debug)]
        struct $group;

        struct $active {
            secret: $curve::ecdh::EphemeralSecret,
            public: Vec<u8>,
        }

        impl SupportedKxGroup for $group {
            fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
                let secret = $curve::ecdh::EphemeralSecret::try_generate().map_err(|_| GetRandomFailed)?;
                let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
                Ok(Box::new($active { secret, public }))
            }

            fn name(&self) -> NamedGroup {
                $name
            }
        }

        impl ActiveKeyExchange for $active {
            fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
                // Uncompressed points alone (RFC 8446 4.2.8.2); that it is on the curve is checked.
                if peer.first() != Some(&4) {
                    return Err(bad_share());
                }
                let peer = $curve::PublicKey::from_sec1_bytes(peer).map_err(|_| bad_share())?;
                Ok(SharedSecret::from(&self.secret.diffie_hellman(&peer).raw_secret_bytes()[..]))
            }

            fn pub_key(&self) -> &[u8] {
                &self.public
            }

            fn group(&self) -> NamedGroup {
                $name
            }
        }
    };
}

nist!(P256, ActiveP256, p256, NamedGroup::secp256r1);
nist!(P384, ActiveP384, p384, NamedGroup::secp384r1);
