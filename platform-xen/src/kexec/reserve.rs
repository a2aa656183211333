//! How much heap planning takes.
//!
//! Lists of std and alloc end the domain when memory is short; asked for before, it is still an error.

/// Bytes for each page that gets a new place: a page is in a few lists, of 8 and 16 bytes an entry, and they grow by
/// doubling.
const PER_PAGE: u64 = 96;
/// Bytes besides.
const BESIDES: u64 = 256 << 10;

/// Bytes that must be free before a plan is made that gives a new place to so many pages.
///
/// ```
/// // A kernel and an initrd of 64 MiB together: 16,384 pages, 1.75 MiB of lists.
/// assert_eq!(platform_xen::kexec::plan_reserve(16_384), (1 << 20) + (768 << 10));
/// ```
#[must_use]
pub const fn plan_reserve(pages: u64) -> u64 {
    pages.saturating_mul(PER_PAGE).saturating_add(BESIDES)
}
