//! SHA-2, plain and with a key.

use std::boxed::Box;
use std::marker::PhantomData;

use hmac::{KeyInit, Mac, SimpleHmac};
use rustls::crypto::{hash, hmac as keyed};
use sha2::digest::Digest;
use sha2::digest::common::BlockSizeUser;

/// A SHA-2 that rustls has a name for.
pub trait Named: Digest + BlockSizeUser + Clone + Send + Sync + 'static {
    const NAME: hash::HashAlgorithm;
}

impl Named for sha2::Sha256 {
    const NAME: hash::HashAlgorithm = hash::HashAlgorithm::SHA256;
}

impl Named for sha2::Sha384 {
    const NAME: hash::HashAlgorithm = hash::HashAlgorithm::SHA384;
}

/// A hash by its type.
pub struct Sha<D>(PhantomData<fn() -> D>);

pub static SHA256: Sha<sha2::Sha256> = Sha(PhantomData);
pub static SHA384: Sha<sha2::Sha384> = Sha(PhantomData);

impl<D: Named> hash::Hash for Sha<D> {
    fn start(&self) -> Box<dyn hash::Context> {
        Box::new(Running(D::new()))
    }

    fn hash(&self, data: &[u8]) -> hash::Output {
        hash::Output::new(&D::digest(data))
    }

    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn algorithm(&self) -> hash::HashAlgorithm {
        D::NAME
    }
}

struct Running<D>(D);

impl<D: Named> hash::Context for Running<D> {
    fn fork_finish(&self) -> hash::Output {
        hash::Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn hash::Context> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> hash::Output {
        hash::Output::new(&self.0.finalize())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

/// HMAC by its hash.
pub struct Hmac<D>(PhantomData<fn() -> D>);

pub static HMAC_SHA256: Hmac<sha2::Sha256> = Hmac(PhantomData);
pub static HMAC_SHA384: Hmac<sha2::Sha384> = Hmac(PhantomData);

impl<D: Named> keyed::Hmac for Hmac<D> {
    fn with_key(&self, key: &[u8]) -> Box<dyn keyed::Key> {
        let keyed = SimpleHmac::<D>::new_from_slice(key).expect("HMAC takes keys of any length");
        Box::new(Keyed(keyed))
    }

    fn hash_output_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}

struct Keyed<D: Digest + BlockSizeUser>(SimpleHmac<D>);

impl<D: Named> keyed::Key for Keyed<D> {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> keyed::Tag {
        let mut mac = self.0.clone();
        mac.update(first);
        middle.iter().for_each(|piece| mac.update(piece));
        mac.update(last);
        keyed::Tag::new(&mac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}
