//! The console ring (`io/console.h`).

/// Bytes of the input ring.
pub const XENCONS_IN_SIZE: usize = 1024;
/// Bytes of the output ring.
pub const XENCONS_OUT_SIZE: usize = 2048;

/// `struct xencons_interface`. Indices run freely; take them modulo the ring's size. The other side writes here.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct XenconsInterface {
    /// To the guest.
    pub input: [u8; XENCONS_IN_SIZE],
    /// From the guest.
    pub output: [u8; XENCONS_OUT_SIZE],
    /// Taken by the guest.
    pub in_cons: u32,
    /// Put by the backend.
    pub in_prod: u32,
    /// Taken by the backend.
    pub out_cons: u32,
    /// Put by the guest.
    pub out_prod: u32,
}
