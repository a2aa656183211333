//! TFTP against a server of our own: in a simulated network, in virtual time, and on the loopback interface. And what real ones
//! sent.

mod captures;
mod loopback;
mod server;
mod simulated;

/// A file whose blocks all differ.
fn file(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(31) ^ (i >> 8).wrapping_mul(7) ^ (i >> 16)) as u8).collect()
}
