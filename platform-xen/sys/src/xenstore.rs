//! xenstore's wire protocol and its ring (`io/xs_wire.h`).

/// Bytes of each direction's ring.
pub const XENSTORE_RING_SIZE: usize = 1024;
/// Most bytes of a message's payload.
pub const XENSTORE_PAYLOAD_MAX: usize = 4096;
/// Most bytes of an absolute path.
pub const XENSTORE_ABS_PATH_MAX: usize = 3072;
/// Most bytes of a relative path.
pub const XENSTORE_REL_PATH_MAX: usize = 2048;

/// `struct xsd_sockmsg`: a message's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct XsdSockmsg {
    /// `XS_*`.
    pub kind: u32,
    /// Chosen by the asker, comes back in the answer; 0 in watch events.
    pub req_id: u32,
    /// Transaction, 0 is none.
    pub tx_id: u32,
    /// Bytes that follow.
    pub len: u32,
}

/// `struct xenstore_domain_interface`. Indices run freely; take them modulo the ring's size. The other side writes here.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct XenstoreDomainInterface {
    /// To xenstored.
    pub req: [u8; XENSTORE_RING_SIZE],
    /// From xenstored.
    pub rsp: [u8; XENSTORE_RING_SIZE],
    /// Taken by xenstored.
    pub req_cons: u32,
    /// Put by the guest.
    pub req_prod: u32,
    /// Taken by the guest.
    pub rsp_cons: u32,
    /// Put by xenstored.
    pub rsp_prod: u32,
    /// `XENSTORE_SERVER_FEATURE_*`.
    pub server_features: u32,
    /// [`XENSTORE_CONNECTED`] or [`XENSTORE_RECONNECT`].
    pub connection: u32,
    /// `XENSTORE_ERROR_*`.
    pub error: u32,
}

/// The server can reset the ring.
pub const XENSTORE_SERVER_FEATURE_RECONNECTION: u32 = 1;
/// The server reports errors of the ring.
pub const XENSTORE_SERVER_FEATURE_ERROR: u32 = 2;
/// Normal state of `connection`.
pub const XENSTORE_CONNECTED: u32 = 0;
/// The guest asks for a reset.
pub const XENSTORE_RECONNECT: u32 = 1;

macro_rules! kinds {
    ($($name:ident = $value:literal $doc:literal;)*) => {$(
        #[doc = $doc]
        pub const $name: u32 = $value;
    )*};
}
kinds! {
    XS_CONTROL = 0 "For the daemon's own control.";
    XS_DIRECTORY = 1 "Names of a node's children.";
    XS_READ = 2 "A node's value.";
    XS_GET_PERMS = 3 "A node's permissions.";
    XS_WATCH = 4 "Be told of changes: path, token.";
    XS_UNWATCH = 5 "No longer: path, token.";
    XS_TRANSACTION_START = 6 "Begin a transaction.";
    XS_TRANSACTION_END = 7 "End it: `T` keeps, `F` drops.";
    XS_INTRODUCE = 8 "A new domain (toolstack).";
    XS_RELEASE = 9 "A domain is gone (toolstack).";
    XS_GET_DOMAIN_PATH = 10 "A domain's home.";
    XS_WRITE = 11 "Set a node's value.";
    XS_MKDIR = 12 "Make a node.";
    XS_RM = 13 "Remove a node and what is below it.";
    XS_SET_PERMS = 14 "Set a node's permissions.";
    XS_WATCH_EVENT = 15 "From the server: something changed.";
    XS_ERROR = 16 "From the server: an errno's name.";
    XS_IS_DOMAIN_INTRODUCED = 17 "Whether a domain is known.";
    XS_RESUME = 18 "A domain goes on after suspend (toolstack).";
    XS_SET_TARGET = 19 "A domain acts for another (toolstack).";
    XS_RESET_WATCHES = 21 "Drop all of this domain's watches and transactions.";
    XS_DIRECTORY_PART = 22 "A long directory in parts.";
    XS_INVALID = 0xffff "Not a message.";
}
