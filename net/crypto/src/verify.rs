//! Signatures: of certificates, and of the server's half of the handshake.

use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::signature::{Verifier as _, hazmat::PrehashVerifier};
use rsa::traits::PublicKeyParts;
use rsa::{pkcs1v15, pss};
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::digest::FixedOutputReset;
use sha2::digest::const_oid::AssociatedOid;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Bits that an RSA key may have: what rustls's own providers take.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

type Check = fn(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()>;

/// One kind of signature by one kind of key.
#[derive(Debug)]
struct Algorithm {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    check: Check,
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        (self.check)(key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

const fn algorithm(key: AlgorithmIdentifier, signature: AlgorithmIdentifier, check: Check) -> Algorithm {
    Algorithm { key, signature, check }
}

static P256_SHA256: Algorithm = algorithm(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256, p256::<Sha256>);
static P256_SHA384: Algorithm = algorithm(alg_id::ECDSA_P256, alg_id::ECDSA_SHA384, p256::<Sha384>);
static P384_SHA256: Algorithm = algorithm(alg_id::ECDSA_P384, alg_id::ECDSA_SHA256, p384::<Sha256>);
static P384_SHA384: Algorithm = algorithm(alg_id::ECDSA_P384, alg_id::ECDSA_SHA384, p384::<Sha384>);
static ED25519: Algorithm = algorithm(alg_id::ED25519, alg_id::ED25519, ed25519);
static PKCS1_SHA256: Algorithm = algorithm(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256, pkcs1::<Sha256>);
static PKCS1_SHA384: Algorithm = algorithm(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384, pkcs1::<Sha384>);
static PKCS1_SHA512: Algorithm = algorithm(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512, pkcs1::<Sha512>);
static PSS_SHA256: Algorithm = algorithm(alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA256, pss::<Sha256>);
static PSS_SHA384: Algorithm = algorithm(alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA384, pss::<Sha384>);
static PSS_SHA512: Algorithm = algorithm(alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA512, pss::<Sha512>);

pub static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        &P256_SHA256,
        &P256_SHA384,
        &P384_SHA256,
        &P384_SHA384,
        &ED25519,
        &PKCS1_SHA256,
        &PKCS1_SHA384,
        &PKCS1_SHA512,
        &PSS_SHA256,
        &PSS_SHA384,
        &PSS_SHA512,
    ],
    mapping: &[
        // TLS 1.2 lets the hash go with either curve, TLS 1.3 takes the first of each.
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[&P384_SHA384, &P256_SHA384]),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[&P256_SHA256, &P384_SHA256]),
        (SignatureScheme::ED25519, &[&ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[&PSS_SHA512]),
        (SignatureScheme::RSA_PSS_SHA384, &[&PSS_SHA384]),
        (SignatureScheme::RSA_PSS_SHA256, &[&PSS_SHA256]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[&PKCS1_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[&PKCS1_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[&PKCS1_SHA256]),
    ],
};

fn p256<D: Digest>(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let signature = p256::ecdsa::Signature::from_der(signature).ok()?;
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(&D::digest(message), &signature).ok()
}

fn p384<D: Digest>(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(&D::digest(message), &signature).ok()
}

fn ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    key.verify_strict(message, &signature).ok()
}

fn rsa_key(key: &[u8]) -> Option<rsa::PublicKey> {
    let key = rsa::PublicKey::from_pkcs1_der(key).ok()?;
    RSA_BITS.contains(&key.n().bit_width_vartime()).then_some(key)
}

fn pkcs1<D: Digest + AssociatedOid>(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let signature = pkcs1v15::Signature::try_from(signature).ok()?;
    pkcs1v15::VerifyingKey::<D>::new(rsa_key(key)?).verify(message, &signature).ok()
}

fn pss<D: Digest + FixedOutputReset>(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let signature = pss::Signature::try_from(signature).ok()?;
    pss::VerifyingKey::<D>::new(rsa_key(key)?).verify(message, &signature).ok()
}
