//! What the host gave in the domain's ramdisk: the text of a menu, and certificates of the authorities that HTTPS believes.

#[cfg(feature = "tls")]
use pvgrub_net::Trust;

use crate::network::Settings;

/// What came with the domain.
#[derive(Default)]
pub struct Given {
    /// The text of a menu.
    pub menu: Option<Vec<u8>>,
    /// Whom HTTPS believes.
    #[cfg(feature = "tls")]
    trust: Option<Trust>,
    /// What is wrong with the certificates.
    pub note: Option<String>,
}

impl Given {
    /// What is in this ramdisk, and what the builder put in.
    pub fn new(ramdisk: Option<&[u8]>) -> Self {
        let (menu, pem) = ramdisk.map(split).unwrap_or_default();
        Self { menu, ..Self::certificates(&pem) }
    }

    #[cfg(feature = "tls")]
    fn certificates(pem: &[u8]) -> Self {
        // The host knows better than the builder whom it trusts.
        let trust = if pem.is_empty() { Trust::built_in() } else { Some(Trust::from_pem(pem)) };
        match trust.transpose() {
            Ok(trust) => Self { trust, ..Self::default() },
            Err(why) => {
                let note = format!("HTTPS trusts nobody: the list of certificates makes no sense ({why}).");
                Self { note: Some(note), ..Self::default() }
            }
        }
    }

    #[cfg(not(feature = "tls"))]
    fn certificates(pem: &[u8]) -> Self {
        let note =
            (!pem.is_empty()).then(|| "The host gave certificates, but this pvgrub knows no HTTPS.".into());
        Self { note, ..Self::default() }
    }

    /// The bounds of transfers, which `broken_off` ends.
    pub fn settings<'a>(&'a self, broken_off: &'a dyn Fn() -> bool) -> Settings<'a> {
        Settings {
            broken_off,
            #[cfg(feature = "tls")]
            trust: self.trust.as_ref(),
            ..Settings::default()
        }
    }
}

/// The line that begins a certificate in PEM (RFC 7468), and the one that ends it.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// Takes the certificates out of the ramdisk's text: the rest is a menu, if there is anything but blanks in it.
fn split(text: &[u8]) -> (Option<Vec<u8>>, Vec<u8>) {
    let (mut menu, mut pem) = (Vec::new(), Vec::new());
    let mut inside = false;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let word = line.trim_ascii();
        inside |= word == BEGIN;
        if inside { &mut pem } else { &mut menu }.extend_from_slice(line);
        if word == END {
            inside = false;
            // The last line of a file may lack its end.
            pem.push(b'\n');
        }
    }
    let blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    (Some(menu).filter(|menu| !menu.iter().all(blank)), pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_among_a_menu() {
        let one = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n";
        let text = format!("timeout 5\n{one}title A\r\nkernel /k\n{}", one.trim_end());
        let (menu, pem) = split(text.as_bytes());
        assert_eq!(menu.unwrap(), b"timeout 5\ntitle A\r\nkernel /k\n");
        assert_eq!(String::from_utf8(pem).unwrap(), format!("{one}\n{one}"));
        // Only certificates: no menu is given.
        let (menu, pem) = split(format!("{one}\0\0\0").as_bytes());
        assert!(menu.is_none() && pem.starts_with(one.as_bytes()));
        let (menu, pem) = split(b"title A\nkernel /k\n");
        assert!(menu.is_some() && pem.is_empty());
        assert!(Given::new(Some(b"-----BEGIN CERTIFICATE-----\n!\n")).note.is_some());
        assert!(Given::new(Some(b"title A\nkernel /k\n")).note.is_none());
    }
}
