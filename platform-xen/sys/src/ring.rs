//! The head of a ring of requests and responses (`io/ring.h`, `DEFINE_RING_TYPES`).

/// The fields before the slots of an `sring`. Both sides write here: go by atomics.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SringHeader {
    /// Requests put by the frontend (a free-running index).
    pub req_prod: u32,
    /// The backend wants an event when `req_prod` passes this.
    pub req_event: u32,
    /// Responses put by the backend.
    pub rsp_prod: u32,
    /// The frontend wants an event when `rsp_prod` passes this.
    pub rsp_event: u32,
    #[doc(hidden)]
    pub pad: [u8; 48],
}

/// Offset of the first slot, in bytes.
pub const SRING_SLOTS_OFFSET: usize = 64;
