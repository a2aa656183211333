//! The FEATURES note: names joined by `|`, `!` before those the kernel can't do without.

use super::ImageError;
use crate::kernel::Features;
use alloc::format;
use alloc::string::String;

/// The names libelf knows, by number of their bit (Xen's public/features.h).
const NAMES: [(&str, u32); 7] = [
    ("writable_page_tables", 0),
    ("writable_descriptor_tables", 1),
    ("auto_translated_physmap", 2),
    ("supervisor_mode_kernel", 3),
    ("pae_pgdir_above_4gb", 4),
    ("hvm_callback_vector", 8),
    ("dom0", 11),
];

/// Add what `text` says to `features`. A feature we don't know may be supported, but not required.
pub fn parse(text: &[u8], features: &mut Features) -> Result<(), ImageError> {
    for name in text.split(|b| *b == b'|') {
        let (required, name) = match name.strip_prefix(b"!") {
            Some(name) => (true, name),
            None => (false, name),
        };
        match NAMES.iter().find(|(known, _)| known.as_bytes() == name) {
            Some((_, bit)) => {
                features.supported |= 1 << bit;
                if required {
                    features.required |= 1 << bit;
                }
            }
            None if required => return Err(refuse(&super::xen::printable(name))),
            None => {}
        }
    }
    Ok(())
}

/// Refuse what a PV domain can't have.
///
/// XENFEAT_writable_page_tables is not among these: every Linux asks for it with a `!`, Xen offers it to no PV guest,
/// and both they and the domain builder go on.
pub fn check(features: Features) -> Result<(), ImageError> {
    let impossible = features.required & Features::IMPOSSIBLE;
    if impossible == 0 {
        return Ok(());
    }
    let name = NAMES.iter().find(|(_, bit)| impossible & 1 << bit != 0).map_or("unknown", |(name, _)| name);
    Err(refuse(name))
}

fn refuse(name: &str) -> ImageError {
    let what: String =
        format!("this kernel requires the Xen feature \"{name}\", which an ordinary PV domain does not have");
    ImageError::unsupported(what, "use a kernel made for PV guests (domU)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Features, ImageError> {
        let mut features = Features::default();
        parse(text.as_bytes(), &mut features)?;
        check(features).map(|()| features)
    }

    #[test]
    fn what_linux_says() {
        let features = parsed("!writable_page_tables|pae_pgdir_above_4gb").unwrap();
        assert_eq!((features.supported, features.required), (0x11, 0x01));
    }

    #[test]
    fn unknown_ones_may_be_supported_but_not_required() {
        assert_eq!(parsed("warp|dom0").unwrap().supported, 1 << 11);
        assert!(parsed("dom0|!warp").unwrap_err().to_string().contains("\"warp\""));
    }

    #[test]
    fn what_a_pv_domain_lacks_is_refused_by_name() {
        for name in ["dom0", "auto_translated_physmap", "supervisor_mode_kernel"] {
            let error = parsed(&format!("writable_page_tables|!{name}")).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn empty_and_odd_texts() {
        for text in ["", "|", "||", "writable_page_tables|", "\u{7f}"] {
            assert!(parsed(text).is_ok(), "{text:?}");
        }
        assert!(parsed("!").is_err());
    }
}
