//! GRUB's error numbers, which scripts see as `$?`.

pub(crate) const TEST_FAILURE: u32 = 1;
pub(crate) const BAD_FILE_TYPE: u32 = 4;
pub(crate) const FILE_NOT_FOUND: u32 = 5;
pub(crate) const FILE_READ_ERROR: u32 = 6;
pub(crate) const BAD_FILENAME: u32 = 7;
pub(crate) const UNKNOWN_FS: u32 = 8;
pub(crate) const BAD_NUMBER: u32 = 10;
pub(crate) const OUT_OF_RANGE: u32 = 11;
pub(crate) const UNKNOWN_DEVICE: u32 = 12;
pub(crate) const BAD_DEVICE: u32 = 13;
pub(crate) const READ_ERROR: u32 = 14;
pub(crate) const UNKNOWN_COMMAND: u32 = 16;
pub(crate) const INVALID_COMMAND: u32 = 17;
pub(crate) const BAD_ARGUMENT: u32 = 18;
pub(crate) const NO_KERNEL: u32 = 22;
pub(crate) const NOT_IMPLEMENTED: u32 = 24;
pub(crate) const MENU: u32 = 27;
pub(crate) const IO: u32 = 29;
pub(crate) const ACCESS_DENIED: u32 = 30;
pub(crate) const RECURSION_DEPTH: u32 = 48;
