//! Sealing and opening the records of TLS: what a transfer by HTTPS spends its time on, so this crate is compiled for speed.
#![forbid(unsafe_code)]

use std::boxed::Box;

use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit, KeySizeUser, Tag};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, Nonce, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload,
    Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError, make_tls12_aad, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

/// Bytes of a tag; of the part of a nonce that TLS 1.2 sends along with AES-GCM, and of the part that it doesn't.
const TAG: usize = 16;
const SENT: usize = 8;
const KEPT: usize = 4;
/// The most bytes of text in a record.
const MOST_TEXT: usize = 1 << 14;

/// An AEAD with the sizes of TLS.
trait Cipher: AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit + Send + Sync + 'static {}
impl<A: AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit + Send + Sync + 'static> Cipher for A {}

/// An AEAD whose nonce is the record's number and the connection's secret: TLS 1.3, and ChaCha20-Poly1305 in 1.2.
///
/// Not generic, and neither is [`Explicit`]: what is generic is compiled in the crate that uses it, which is built for size.
#[derive(Clone, Copy, Debug)]
pub enum Counted {
    /// AES-GCM with a key of 128 bits.
    Aes128,
    /// AES-GCM with a key of 256 bits.
    Aes256,
    /// ChaCha20-Poly1305.
    ChaCha,
}

/// AES-GCM in TLS 1.2: a part of the nonce stands in each record.
#[derive(Clone, Copy, Debug)]
pub enum Explicit {
    /// With a key of 128 bits.
    Aes128,
    /// With a key of 256 bits.
    Aes256,
}

impl Counted {
    fn key_size(self) -> usize {
        match self {
            Self::Aes128 => Aes128Gcm::key_size(),
            Self::Aes256 => Aes256Gcm::key_size(),
            Self::ChaCha => ChaCha20Poly1305::key_size(),
        }
    }
}

fn keyed<A: Cipher>(key: &AeadKey) -> A {
    A::new_from_slice(key.as_ref()).expect("rustls gives keys of the length it was told")
}

/// Appends the tag of what stands in `payload` from `from` on, which is sealed.
fn seal<A: Cipher>(
    cipher: &A,
    nonce: [u8; 12],
    aad: &[u8],
    payload: &mut PrefixedPayload,
    from: usize,
) -> Result<(), Error> {
    let text = payload.as_mut().get_mut(from..).ok_or(Error::EncryptError)?;
    let tag =
        cipher.encrypt_inout_detached(&nonce.into(), aad, text.into()).map_err(|_| Error::EncryptError)?;
    payload.extend_from_slice(&tag);
    Ok(())
}

/// Opens text and tag; how long the text is.
fn open<A: Cipher>(cipher: &A, nonce: [u8; 12], aad: &[u8], sealed: &mut [u8]) -> Result<usize, Error> {
    let len = sealed.len().checked_sub(TAG).ok_or(Error::DecryptError)?;
    let (text, tag) = sealed.split_at_mut(len);
    let tag = Tag::<A>::try_from(&*tag).map_err(|_| Error::DecryptError)?;
    cipher.decrypt_inout_detached(&nonce.into(), aad, text.into(), &tag).map_err(|_| Error::DecryptError)?;
    Ok(len)
}

/// Bytes of text in a record of TLS 1.2, which has a bound (RFC 5246 6.2.1; rustls sees to 1.3 itself).
fn text_len(record: usize, overhead: usize) -> Result<usize, Error> {
    match record.checked_sub(overhead) {
        None => Err(Error::DecryptError),
        Some(len) if len > MOST_TEXT => Err(Error::PeerSentOversizedRecord),
        Some(len) => Ok(len),
    }
}

impl Tls13AeadAlgorithm for Counted {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        match self {
            Self::Aes128 => Box::new(Records13 { cipher: keyed::<Aes128Gcm>(&key), iv }),
            Self::Aes256 => Box::new(Records13 { cipher: keyed::<Aes256Gcm>(&key), iv }),
            Self::ChaCha => Box::new(Records13 { cipher: keyed::<ChaCha20Poly1305>(&key), iv }),
        }
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        match self {
            Self::Aes128 => Box::new(Records13 { cipher: keyed::<Aes128Gcm>(&key), iv }),
            Self::Aes256 => Box::new(Records13 { cipher: keyed::<Aes256Gcm>(&key), iv }),
            Self::ChaCha => Box::new(Records13 { cipher: keyed::<ChaCha20Poly1305>(&key), iv }),
        }
    }

    fn key_len(&self) -> usize {
        self.key_size()
    }

    fn extract_keys(&self, _: AeadKey, _: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct Records13<A> {
    cipher: A,
    iv: Iv,
}

impl<A: Cipher> MessageEncrypter for Records13<A> {
    fn encrypt(&mut self, m: OutboundPlainMessage<'_>, seq: u64) -> Result<OutboundOpaqueMessage, Error> {
        let total = self.encrypted_payload_len(m.payload.len());
        let mut payload = PrefixedPayload::with_capacity(total);
        payload.extend_from_chunks(&m.payload);
        payload.extend_from_slice(&m.typ.to_array());
        seal(&self.cipher, Nonce::new(&self.iv, seq).0, &make_tls13_aad(total), &mut payload, 0)?;
        Ok(OutboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, payload))
    }

    fn encrypted_payload_len(&self, len: usize) -> usize {
        len + 1 + TAG
    }
}

impl<A: Cipher> MessageDecrypter for Records13<A> {
    fn decrypt<'a>(
        &mut self,
        mut m: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let aad = make_tls13_aad(m.payload.len());
        let len = open(&self.cipher, Nonce::new(&self.iv, seq).0, &aad, &mut m.payload)?;
        m.payload.truncate(len);
        m.into_tls13_unpadded_message()
    }
}

impl Tls12AeadAlgorithm for Counted {
    fn encrypter(&self, key: AeadKey, iv: &[u8], _: &[u8]) -> Box<dyn MessageEncrypter> {
        let iv = Iv::copy(iv);
        match self {
            Self::Aes128 => Box::new(Records12 { cipher: keyed::<Aes128Gcm>(&key), iv }),
            Self::Aes256 => Box::new(Records12 { cipher: keyed::<Aes256Gcm>(&key), iv }),
            Self::ChaCha => Box::new(Records12 { cipher: keyed::<ChaCha20Poly1305>(&key), iv }),
        }
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        let iv = Iv::copy(iv);
        match self {
            Self::Aes128 => Box::new(Records12 { cipher: keyed::<Aes128Gcm>(&key), iv }),
            Self::Aes256 => Box::new(Records12 { cipher: keyed::<Aes256Gcm>(&key), iv }),
            Self::ChaCha => Box::new(Records12 { cipher: keyed::<ChaCha20Poly1305>(&key), iv }),
        }
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape { enc_key_len: self.key_size(), fixed_iv_len: SENT + KEPT, explicit_nonce_len: 0 }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct Records12<A> {
    cipher: A,
    iv: Iv,
}

impl<A: Cipher> MessageEncrypter for Records12<A> {
    fn encrypt(&mut self, m: OutboundPlainMessage<'_>, seq: u64) -> Result<OutboundOpaqueMessage, Error> {
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(m.payload.len()));
        let aad = make_tls12_aad(seq, m.typ, m.version, m.payload.len());
        payload.extend_from_chunks(&m.payload);
        seal(&self.cipher, Nonce::new(&self.iv, seq).0, &aad, &mut payload, 0)?;
        Ok(OutboundOpaqueMessage::new(m.typ, m.version, payload))
    }

    fn encrypted_payload_len(&self, len: usize) -> usize {
        len + TAG
    }
}

impl<A: Cipher> MessageDecrypter for Records12<A> {
    fn decrypt<'a>(
        &mut self,
        mut m: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let len = text_len(m.payload.len(), TAG)?;
        let aad = make_tls12_aad(seq, m.typ, m.version, len);
        let len = open(&self.cipher, Nonce::new(&self.iv, seq).0, &aad, &mut m.payload)?;
        m.payload.truncate(len);
        Ok(m.into_plain_message())
    }
}

impl Tls12AeadAlgorithm for Explicit {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        // The sent part is what rustls drew at random, combined with the record's number.
        let iv = Iv::copy(&[iv, extra].concat());
        match self {
            Self::Aes128 => Box::new(ExplicitSealer { cipher: keyed::<Aes128Gcm>(&key), iv }),
            Self::Aes256 => Box::new(ExplicitSealer { cipher: keyed::<Aes256Gcm>(&key), iv }),
        }
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        let mut kept = [0; KEPT];
        kept.copy_from_slice(iv);
        match self {
            Self::Aes128 => Box::new(ExplicitOpener { cipher: keyed::<Aes128Gcm>(&key), kept }),
            Self::Aes256 => Box::new(ExplicitOpener { cipher: keyed::<Aes256Gcm>(&key), kept }),
        }
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        let enc_key_len = match self {
            Self::Aes128 => Aes128Gcm::key_size(),
            Self::Aes256 => Aes256Gcm::key_size(),
        };
        KeyBlockShape { enc_key_len, fixed_iv_len: KEPT, explicit_nonce_len: SENT }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct ExplicitSealer<A> {
    cipher: A,
    iv: Iv,
}

impl<A: Cipher> MessageEncrypter for ExplicitSealer<A> {
    fn encrypt(&mut self, m: OutboundPlainMessage<'_>, seq: u64) -> Result<OutboundOpaqueMessage, Error> {
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(m.payload.len()));
        let nonce = Nonce::new(&self.iv, seq).0;
        let aad = make_tls12_aad(seq, m.typ, m.version, m.payload.len());
        payload.extend_from_slice(&nonce[KEPT..]);
        payload.extend_from_chunks(&m.payload);
        seal(&self.cipher, nonce, &aad, &mut payload, SENT)?;
        Ok(OutboundOpaqueMessage::new(m.typ, m.version, payload))
    }

    fn encrypted_payload_len(&self, len: usize) -> usize {
        SENT + len + TAG
    }
}

struct ExplicitOpener<A> {
    cipher: A,
    kept: [u8; KEPT],
}

impl<A: Cipher> MessageDecrypter for ExplicitOpener<A> {
    fn decrypt<'a>(
        &mut self,
        mut m: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let len = text_len(m.payload.len(), SENT + TAG)?;
        let mut nonce = [0; 12];
        let (kept, sent) = nonce.split_at_mut(KEPT);
        kept.copy_from_slice(&self.kept);
        sent.copy_from_slice(&m.payload[..SENT]);
        let aad = make_tls12_aad(seq, m.typ, m.version, len);
        open(&self.cipher, nonce, &aad, &mut m.payload[SENT..])?;
        Ok(m.into_plain_message_range(SENT..SENT + len))
    }
}
