//! The arithmetic of TLS for rustls, by the crates of RustCrypto and dalek: Rust alone, for any x86-64 processor. AES and
//! GHASH use the processor's instructions where cpuid has them.
//!
//! Only what a client needs that shows no certificate of its own. What is offered is what rustls's provider by ring offers.
#![forbid(unsafe_code)]

mod exchange;
mod hash;
mod verify;

use std::sync::Arc;

use rustls::crypto::tls12::PrfUsingHmac;
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{
    CipherSuiteCommon, CryptoProvider, GetRandomFailed, KeyExchangeAlgorithm, KeyProvider, SecureRandom,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{CipherSuite, Error, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite};

use hash::{HMAC_SHA256, HMAC_SHA384, SHA256, SHA384};
use pvgrub_records::{Counted, Explicit};

/// All of it.
#[must_use]
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: exchange::GROUPS.to_vec(),
        signature_verification_algorithms: verify::ALGORITHMS,
        secure_random: &Platform,
        key_provider: &Platform,
    }
}

/// Whether this machine has random numbers that nobody can guess. Without them TLS is a pretence.
#[must_use]
pub fn has_entropy() -> bool {
    Platform.fill(&mut [0; 32]).is_ok()
}

/// What the platform gives.
#[derive(Debug)]
struct Platform;

impl SecureRandom for Platform {
    fn fill(&self, buf: &mut [u8]) -> Result<(), GetRandomFailed> {
        getrandom::fill(buf).map_err(|_| GetRandomFailed)
    }
}

impl KeyProvider for Platform {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General("there are no certificates of clients".into()))
    }
}

/// Messages that may be sealed with one key: 2^24 for AES-GCM, all that fit for ChaCha20-Poly1305 (rustls's
/// documentation of `confidentiality_limit`).
const GCM_MESSAGES: u64 = 1 << 24;
const CHACHA_MESSAGES: u64 = u64::MAX;

static SUITES: &[SupportedCipherSuite] = &[
    SupportedCipherSuite::Tls13(&TLS13_AES_256),
    SupportedCipherSuite::Tls13(&TLS13_AES_128),
    SupportedCipherSuite::Tls13(&TLS13_CHACHA),
    SupportedCipherSuite::Tls12(&ECDSA_AES_256),
    SupportedCipherSuite::Tls12(&ECDSA_AES_128),
    SupportedCipherSuite::Tls12(&ECDSA_CHACHA),
    SupportedCipherSuite::Tls12(&RSA_AES_256),
    SupportedCipherSuite::Tls12(&RSA_AES_128),
    SupportedCipherSuite::Tls12(&RSA_CHACHA),
];

const fn sha256(suite: CipherSuite, confidentiality_limit: u64) -> CipherSuiteCommon {
    CipherSuiteCommon { suite, hash_provider: &SHA256, confidentiality_limit }
}

const fn sha384(suite: CipherSuite) -> CipherSuiteCommon {
    CipherSuiteCommon { suite, hash_provider: &SHA384, confidentiality_limit: GCM_MESSAGES }
}

static TLS13_AES_256: Tls13CipherSuite = Tls13CipherSuite {
    common: sha384(CipherSuite::TLS13_AES_256_GCM_SHA384),
    hkdf_provider: &HkdfUsingHmac(&HMAC_SHA384),
    aead_alg: &Counted::Aes256,
    quic: None,
};

static TLS13_AES_128: Tls13CipherSuite = Tls13CipherSuite {
    common: sha256(CipherSuite::TLS13_AES_128_GCM_SHA256, GCM_MESSAGES),
    hkdf_provider: &HkdfUsingHmac(&HMAC_SHA256),
    aead_alg: &Counted::Aes128,
    quic: None,
};

static TLS13_CHACHA: Tls13CipherSuite = Tls13CipherSuite {
    common: sha256(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, CHACHA_MESSAGES),
    hkdf_provider: &HkdfUsingHmac(&HMAC_SHA256),
    aead_alg: &Counted::ChaCha,
    quic: None,
};

const ECDSA: &[SignatureScheme] = &[
    SignatureScheme::ED25519,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP256_SHA256,
];

const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
];

static ECDSA_AES_256: Tls12CipherSuite = Tls12CipherSuite {
    common: sha384(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    prf_provider: &PrfUsingHmac(&HMAC_SHA384),
    kx: KeyExchangeAlgorithm::ECDHE,
    sign: ECDSA,
    aead_alg: &Explicit::Aes256,
};

static ECDSA_AES_128: Tls12CipherSuite = Tls12CipherSuite {
    common: sha256(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, GCM_MESSAGES),
    prf_provider: &PrfUsingHmac(&HMAC_SHA256),
    kx: KeyExchangeAlgorithm::ECDHE,
    sign: ECDSA,
    aead_alg: &Explicit::Aes128,
};

static ECDSA_CHACHA: Tls12CipherSuite = Tls12CipherSuite {
    common: sha256(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, CHACHA_MESSAGES),
    prf_provider: &PrfUsingHmac(&HMAC_SHA256),
    kx: KeyExchangeAlgorithm::ECDHE,
    sign: ECDSA,
    aead_alg: &Counted::ChaCha,
};

static RSA_AES_256: Tls12CipherSuite = Tls12CipherSuite {
    common: sha384(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    prf_provider: &PrfUsingHmac(&HMAC_SHA384),
    kx: KeyExchangeAlgorithm::ECDHE,
    sign: RSA,
    aead_alg: &Explicit::Aes256,
};

static RSA_AES_128: Tls12CipherSuite = Tls12CipherSuite {
    common: sha256(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, GCM_MESSAGES),
    prf_provider: &PrfUsingHmac(&HMAC_SHA256),
    kx: KeyExchangeAlgorithm::ECDHE,
    sign: RSA,
    aead_alg: &Explicit::Aes128,
};

static RSA_CHACHA: Tls12CipherSuite = Tls12CipherSuite {
    common: sha256(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, CHACHA_MESSAGES),
    prf_provider: &PrfUsingHmac(&HMAC_SHA256),
    kx: KeyExchangeAlgorithm::ECDHE,
    sign: RSA,
    aead_alg: &Counted::ChaCha,
};
