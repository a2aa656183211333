//! Why no plan can be made: said so that the user at the menu can act on it.

use alloc::string::{String, ToString};
use core::fmt;

use platform_xen_sys::Pfn;
use platform_xen_sys::start_info::MAX_GUEST_CMDLINE;

/// Why this kernel can't be started in this domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// The domain is too small. Both in pages.
    NotEnoughMemory {
        /// What kernel, initrd and tables take.
        needs: u64,
        /// What the domain has.
        has: u64,
    },
    /// The field in start_info holds 1,023 bytes and a NUL.
    CommandLineTooLong {
        /// Its bytes.
        len: usize,
    },
    /// It would be cut at the NUL.
    CommandLineHasNul,
    /// An address in the kernel's notes or headers can't be obeyed.
    BadAddress {
        /// Which one.
        what: &'static str,
        /// Its value.
        value: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The kernel needs features (XENFEAT bits) that a plain 64-bit PV domain lacks.
    RequiredFeatures(u32),
    /// A frame that the kernel must find is a hole in the domain's memory (virtual NUMA).
    Hole(Pfn),
    /// A mistake of the caller: the frames it gave do not fit what was asked for.
    Frames(&'static str),
}

/// Pages as MiB, rounded up.
fn mib(pages: u64) -> u64 {
    pages.div_ceil(256)
}

/// Names of XENFEAT_* (public/features.h).
fn feature_names(bits: u32) -> String {
    const NAMES: [(u32, &str); 7] = [
        (0, "writable_page_tables"),
        (1, "writable_descriptor_tables"),
        (2, "auto_translated_physmap"),
        (3, "supervisor_mode_kernel"),
        (4, "pae_pgdir_above_4gb"),
        (8, "hvm_callback_vector"),
        (11, "dom0"),
    ];
    let mut out = String::new();
    for bit in (0..32).filter(|bit| bits & (1 << bit) != 0) {
        if !out.is_empty() {
            out.push_str(", ");
        }
        match NAMES.iter().find(|(number, _)| *number == bit) {
            Some((_, name)) => out.push_str(name),
            None => {
                out.push_str("feature ");
                out.push_str(&bit.to_string());
            }
        }
    }
    out
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::NotEnoughMemory { needs, has } => {
                write!(f, "not enough memory: needs {} MiB, the domain has {} MiB", mib(*needs), has / 256)
            }
            PlanError::CommandLineTooLong { len } => write!(
                f,
                "the kernel's command line is {len} bytes long; Xen passes at most {}",
                MAX_GUEST_CMDLINE - 1
            ),
            PlanError::CommandLineHasNul => f.write_str("the kernel's command line holds a NUL byte"),
            PlanError::BadAddress { what, value, why } => write!(f, "the kernel's {what} ({value:#x}) {why}"),
            PlanError::RequiredFeatures(bits) => {
                write!(f, "the kernel requires what a PV domain has not: {}", feature_names(*bits))
            }
            PlanError::Hole(pfn) => {
                write!(f, "the domain has no memory at frame {pfn}, which the kernel would need")
            }
            PlanError::Frames(what) => write!(f, "internal error in the handover: {what}"),
        }
    }
}

impl core::error::Error for PlanError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_it_in_mib() {
        let e = PlanError::NotEnoughMemory { needs: 257, has: 256 };
        assert_eq!(e.to_string(), "not enough memory: needs 2 MiB, the domain has 1 MiB");
    }

    #[test]
    fn names_features() {
        assert_eq!(feature_names(1 << 2 | 1 << 11 | 1 << 30), "auto_translated_physmap, dom0, feature 30");
    }
}
