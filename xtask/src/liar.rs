//! The block backend that lies (platform-xen/liar), for dom0.

/// The package's and the program's name.
pub const NAME: &str = "liar";
