//! Sealing and opening the records of TLS: what a transfer by HTTPS spends its time on, so this crate is compiled for speed.
#![forbid(unsafe_code)]

use std::boxed::Box;
use std::marker::PhantomData;

use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit, KeySizeUser, Tag};
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
pub trait Cipher: AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit + Send + Sync + 'static {}
impl<A: AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit + Send + Sync + 'static> Cipher for A {}

/// An AEAD whose nonce is the record's number and the connection's secret: TLS 1.3, and ChaCha20-Poly1305 in 1.2.
pub struct Counted<A>(PhantomData<fn() -> A>);

/// AES-GCM in TLS 1.2: a part of the nonce stands in each record.
pub struct Explicit<A>(PhantomData<fn() -> A>);

/// AES-GCM with a key of 128 bits.
pub static AES_128: Counted<aes_gcm::Aes128Gcm> = Counted(PhantomData);
/// AES-GCM with a key of 256 bits.
pub static AES_256: Counted<aes_gcm::Aes256Gcm> = Counted(PhantomData);
/// ChaCha20-Poly1305.
pub static CHACHA: Counted<chacha20poly1305::ChaCha20Poly1305> = Counted(PhantomData);
/// AES-GCM in TLS 1.2, with a key of 128 bits.
pub static GCM12_128: Explicit<aes_gcm::Aes128Gcm> = Explicit(PhantomData);
/// AES-GCM in TLS 1.2, with a key of 256 bits.
pub static GCM12_256: Explicit<aes_gcm::Aes256Gcm> = Explicit(PhantomData);

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

impl<A: Cipher> Tls13AeadAlgorithm for Counted<A> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Records13 { cipher: keyed::<A>(&key), iv })
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Records13 { cipher: keyed::<A>(&key), iv })
    }

    fn key_len(&self) -> usize {
        <A as KeySizeUser>::key_size()
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

impl<A: Cipher> Tls12AeadAlgorithm for Counted<A> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], _: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Records12 { cipher: keyed::<A>(&key), iv: Iv::copy(iv) })
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Records12 { cipher: keyed::<A>(&key), iv: Iv::copy(iv) })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        let enc_key_len = <A as KeySizeUser>::key_size();
        KeyBlockShape { enc_key_len, fixed_iv_len: SENT + KEPT, explicit_nonce_len: 0 }
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

impl<A: Cipher> Tls12AeadAlgorithm for Explicit<A> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        // The sent part is what rustls drew at random, combined with the record's number.
        let iv = Iv::copy(&[iv, extra].concat());
        Box::new(ExplicitSealer { cipher: keyed::<A>(&key), iv })
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        let mut kept = [0; KEPT];
        kept.copy_from_slice(iv);
        Box::new(ExplicitOpener { cipher: keyed::<A>(&key), kept })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        let enc_key_len = <A as KeySizeUser>::key_size();
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
