//! Passwords: what they are compared with, and how menus write that.

use alloc::string::String;
use alloc::vec::Vec;

use pbkdf2::pbkdf2_hmac;
use sha2::Sha512;
use subtle::ConstantTimeEq;

use crate::{md5crypt, shacrypt};

/// The longest password, in bytes.
pub const MAX_PASSWORD: usize = 256;
/// The most rounds of PBKDF2 (iterations, times the 64-byte blocks of the hash) and of SHA-crypt. GRUB's own tool takes 10,000, crypt(3)
/// 5,000. So many take seconds; a menu that asks for more could keep the loader busy for ever.
pub const MAX_ROUNDS: u32 = 500_000;
/// Bytes of the longest salt and hash of PBKDF2.
const MAX_BYTES: usize = 1024;
/// The digest's length, in bytes.
const BLOCK: usize = 64;

/// Who may boot an entry without being asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Access {
    /// Everybody (GRUB 2's `--unrestricted`; a menu.lst's entry without `lock`).
    #[default]
    Unrestricted,
    /// The superusers, if the menu says who that is; else everybody (a GRUB 2 entry that says nothing; `lock` in menu.lst).
    Superusers,
    /// These users and the superusers, if the menu says who that is; else everybody (GRUB 2's `--users`).
    Users(Vec<String>),
}

/// What a password is compared with.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password itself.
    Plain(String),
    /// menu.lst's `--md5`: the whole of `$1$SALT$HASH`.
    Md5Crypt(String),
    /// SHA-crypt: the whole of `$5$…` or `$6$…`.
    ShaCrypt(String),
    /// Syslinux's SHA-1: the whole of `$4$SALT$HASH`.
    SyslinuxSha1(String),
    /// GRUB 2's `password_pbkdf2`: PBKDF2 (RFC 8018) with HMAC-SHA-512.
    Pbkdf2Sha512 {
        /// Rounds.
        iterations: u32,
        /// The salt.
        salt: Vec<u8>,
        /// The derived key.
        hash: Vec<u8>,
    },
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // A password must not get into a log.
        f.write_str(match self {
            Self::Plain(_) => "Plain(..)",
            Self::Md5Crypt(_) => "Md5Crypt(..)",
            Self::ShaCrypt(_) => "ShaCrypt(..)",
            Self::SyslinuxSha1(_) => "SyslinuxSha1(..)",
            Self::Pbkdf2Sha512 { .. } => "Pbkdf2Sha512 { .. }",
        })
    }
}

impl Secret {
    /// A password as it is. The error is for the user.
    pub fn plain(password: &str) -> Result<Self, &'static str> {
        match password.len() {
            0 => Err("the password is empty"),
            1..=MAX_PASSWORD => Ok(Self::Plain(password.into())),
            _ => Err("the password is longer than 256 bytes"),
        }
    }

    /// `$1$SALT$HASH`, as menu.lst has it behind `--md5`. The error is for the user.
    pub fn md5_crypt(text: &str) -> Result<Self, &'static str> {
        let sound = md5crypt::parts(text).is_some() && text.len() <= 64;
        if sound {
            Ok(Self::Md5Crypt(text.into()))
        } else {
            Err("this is no MD5 of a password ($1$SALT$HASH)")
        }
    }

    /// A password as crypt(3) writes it: `$1$`, `$5$` or `$6$`. The error is for the user.
    pub fn crypt(text: &str) -> Result<Self, &'static str> {
        if text.starts_with("$1$") {
            return Self::md5_crypt(text);
        }
        let parts = shacrypt::parts(text);
        match parts.map(|parts| parts.rounds) {
            Some(..=MAX_ROUNDS) => Ok(Self::ShaCrypt(text.into())),
            Some(_) => Err("more than 500,000 rounds: checking a password would take too long"),
            None => Err("it is no password as crypt(3) writes it ($1$, $5$ or $6$)"),
        }
    }

    /// A password as `MENU PASSWD` has it: as it is, as crypt(3) writes it, or `$4$SALT$HASH`. The error is for the user.
    pub fn syslinux(text: &str) -> Result<Self, &'static str> {
        match text.strip_prefix('$') {
            Some(rest) if rest.starts_with("4$") => {
                let sound = text.len() <= MAX_PASSWORD && shacrypt::sha1_parts(text).is_some();
                sound
                    .then(|| Self::SyslinuxSha1(text.into()))
                    .ok_or("it is no SHA-1 of a password ($4$SALT$HASH)")
            }
            Some(rest) if rest.contains('$') => Self::crypt(text),
            _ => Self::plain(text),
        }
    }

    /// `grub.pbkdf2.sha512.ITERATIONS.SALT.HASH`, as grub-mkpasswd-pbkdf2 writes it. The error is for the user.
    pub fn pbkdf2(text: &str) -> Result<Self, &'static str> {
        let wrong = "this is not what grub-mkpasswd-pbkdf2 writes (grub.pbkdf2.sha512.ITERATIONS.SALT.HASH)";
        let mut parts = text.strip_prefix("grub.pbkdf2.sha512.").ok_or(wrong)?.split('.');
        let iterations = parts.next().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let (iterations, salt, hash) = (iterations.ok_or(wrong)?, parts.next(), parts.next());
        let (salt, hash) = (salt.and_then(hex).ok_or(wrong)?, hash.and_then(hex).ok_or(wrong)?);
        if parts.next().is_some() || hash.is_empty() || iterations.is_empty() {
            return Err(wrong);
        }
        let secret = Self::Pbkdf2Sha512 { iterations: iterations.parse().unwrap_or(u32::MAX), salt, hash };
        match secret.rounds() {
            0 => Err(wrong),
            1..=MAX_ROUNDS => Ok(secret),
            _ => Err("more than 500,000 iterations of PBKDF2: checking a password would take too long"),
        }
    }

    /// What a check costs, in rounds of HMAC.
    fn rounds(&self) -> u32 {
        match self {
            Self::Pbkdf2Sha512 { iterations, hash, .. } => {
                let blocks = u32::try_from(hash.len().div_ceil(BLOCK)).unwrap_or(u32::MAX);
                iterations.saturating_mul(blocks)
            }
            _ => 0,
        }
    }

    /// Whether this is the password. How long it takes does not depend on where a wrong one differs. With many rounds of
    /// PBKDF2 it takes seconds; more than [`MAX_ROUNDS`] are not even tried.
    #[must_use]
    pub fn is(&self, password: &str) -> bool {
        if password.len() > MAX_PASSWORD {
            return false;
        }
        match self {
            Self::Plain(wanted) => padded(wanted).ct_eq(&padded(password)).into(),
            Self::Md5Crypt(text) => {
                let Some((salt, hash)) = md5crypt::parts(text) else { return false };
                let got = md5crypt::hash(password.as_bytes(), salt.as_bytes());
                got.as_bytes().ct_eq(hash.as_bytes()).into()
            }
            Self::ShaCrypt(text) => {
                let parts = shacrypt::parts(text).filter(|parts| parts.rounds <= MAX_ROUNDS);
                let Some(parts) = parts else { return false };
                let got = parts.hash_of(password.as_bytes()).unwrap_or_default();
                got.as_bytes().ct_eq(parts.hash.as_bytes()).into()
            }
            Self::SyslinuxSha1(text) => {
                let Some((salt, hash)) = shacrypt::sha1_parts(text) else { return false };
                let got = shacrypt::sha1_hash(password.as_bytes(), salt.as_bytes());
                got.as_bytes().ct_eq(hash.as_bytes()).into()
            }
            Self::Pbkdf2Sha512 { iterations, salt, hash } => {
                if !(1..=MAX_ROUNDS).contains(&self.rounds()) {
                    return false;
                }
                let mut got = alloc::vec![0; hash.len()];
                pbkdf2_hmac::<Sha512>(password.as_bytes(), salt, *iterations, &mut got);
                got.ct_eq(hash).into()
            }
        }
    }
}

/// Always as long, the length in front: a comparison tells nothing of it.
fn padded(text: &str) -> [u8; MAX_PASSWORD + 8] {
    let mut padded = [0; MAX_PASSWORD + 8];
    let bytes = (text.len() as u64).to_le_bytes().into_iter().chain(text.bytes());
    padded.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    padded
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if text.len() % 2 == 1 || text.len() > 2 * MAX_BYTES {
        return None;
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| Some(digit(pair.first()?)? << 4 | digit(pair.last()?)?);
    text.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// Made by Python's `hashlib.pbkdf2_hmac("sha512", …)`.
    const SECRET_1000: &str = "grub.pbkdf2.sha512.1000.73616C74792073616C74.C20730E82C180E6D96EE674D70842769CAA131341C394BB7A19815711648D73B4DFD10F3399B31E19B8BD65B1274CE604801F1536F0FA137031D1873D8E58E3E";
    /// Made by mkpasswd.
    const LONG: &str = "$6$rounds=7000$saltsalt$XX5eqO.omE6gPd/b3tCKB3g0/78R3WBQSx909cdIANMtKCG9e9myuo8Soo378We7UeKUOrywhCx9deiBmnnDH1";
    const X_1: &str = "grub.pbkdf2.sha512.1.61.66cdd9b151a13a934bb86207dc7115f6bde78c51";

    #[test]
    fn passwords_are_known_again() {
        let long = "x".repeat(MAX_PASSWORD);
        for (secret, right) in [
            (Secret::plain("secret"), "secret"),
            (Secret::plain(&long), long.as_str()),
            (Secret::md5_crypt("$1$abcdefgh$G//4keteveJp0qb8z2DxG/"), "password"),
            (Secret::crypt("$5$abcdefghijklmnop$i7zHaTeYqXlesRXJ8dXj6o.MEFQdzfIJpJpcWAtszs6"), "secret"),
            (Secret::crypt(LONG), "password"),
            (Secret::syslinux(LONG), "password"),
            (Secret::syslinux("$4$AbCd+/12$XFJSaXWJeNd7w6QDo7FDyapPtSo$"), "secret"),
            (Secret::syslinux("$1$abcdefgh$G//4keteveJp0qb8z2DxG/"), "password"),
            (Secret::syslinux("$word"), "$word"),
            (Secret::syslinux("word"), "word"),
            (Secret::pbkdf2(SECRET_1000), "secret"),
            (Secret::pbkdf2(X_1), "x"),
        ] {
            let secret = secret.unwrap();
            assert!(secret.is(right), "{secret:?}");
            let longer = format!("{right}x");
            for wrong in ["", "Secret", "secre", "secret ", &right[1..], &longer, "\u{1f600}"] {
                assert!(!secret.is(wrong), "{secret:?} {wrong}");
            }
            assert!(!format!("{secret:?}").contains("secret"));
        }
    }

    #[test]
    fn what_is_no_secret() {
        assert!(Secret::plain("").is_err() && Secret::plain(&"x".repeat(257)).is_err());
        assert!(
            Secret::md5_crypt("x").is_err() && Secret::md5_crypt(&format!("$1${}", "$".repeat(99))).is_err()
        );
        for bad in ["", "$", "$$", "$2b$10$x", "$y$j9T$x$y", "$4$x", "$5$x$y", "$6$", "$1$x"] {
            assert!(Secret::crypt(bad).is_err() && (bad == "$" || Secret::syslinux(bad).is_err()), "{bad}");
        }
        for bad in [
            "",
            "grub.pbkdf2.sha512",
            "grub.pbkdf2.sha512.1",
            "grub.pbkdf2.sha512.1.61",
            "grub.pbkdf2.sha512.1.61.",
            "grub.pbkdf2.sha512..61.62",
            "grub.pbkdf2.sha512.0.61.62",
            "grub.pbkdf2.sha512.+1.61.62",
            "grub.pbkdf2.sha512.1.6.62",
            "grub.pbkdf2.sha512.1.61.6g",
            "grub.pbkdf2.sha512.1.61.62.63",
            "grub.pbkdf2.sha256.1.61.62",
        ] {
            assert!(Secret::pbkdf2(bad).is_err(), "{bad}");
        }
        assert!(Secret::pbkdf2(&format!("grub.pbkdf2.sha512.1.{}.62", "61".repeat(1025))).is_err());
    }

    #[test]
    fn rounds_are_bounded() {
        for (iterations, bytes, good) in [
            ("500000", 64, true),
            ("500001", 64, false),
            ("10000000", 64, false),
            ("99999999999999999999", 1, false),
            ("250000", 128, true),
            ("250001", 65, false),
        ] {
            let text = format!("grub.pbkdf2.sha512.{iterations}.61.{}", "00".repeat(bytes));
            assert_eq!(Secret::pbkdf2(&text).is_ok(), good, "{iterations}");
        }
        for (rounds, good) in
            [("500000", true), ("500001", false), ("999999999", false), ("99999999999", false)]
        {
            let text = LONG.replace("7000", rounds);
            assert_eq!(Secret::crypt(&text).is_ok(), good, "{rounds}");
            assert_eq!(Secret::syslinux(&text).is_ok(), good, "{rounds}");
        }
        assert!(Secret::crypt(&LONG.replace("7000", "999999999")).unwrap_err().contains("rounds"));
        assert!(!Secret::ShaCrypt(LONG.replace("7000", "999999999")).is("password"));
        // Also where no parser was in the way: this would take a day.
        let long =
            Secret::Pbkdf2Sha512 { iterations: u32::MAX, salt: Vec::new(), hash: Vec::from([0; 1024]) };
        assert!(!long.is("x"));
    }
}
