//! SHA-crypt: `$5$` (SHA-256) and `$6$` (SHA-512), as the C library's crypt(3) makes them; and Syslinux's own `$4$`.
//!
//! The hashing is the crate `sha-crypt`'s; here is how it is written.

use alloc::string::String;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha_crypt::{Params, sha256_crypt, sha512_crypt};
use sha1::{Digest, Sha1};

use crate::md5crypt::{DIGITS, write};

/// The longest salt, in bytes.
const MAX_SALT: usize = 16;
/// Characters of a hash of SHA-1: 20 bytes in base64.
const SHA1_DIGITS: usize = 27;

/// `$5$[rounds=N$]SALT$HASH`, or the same with `$6$`.
pub(crate) struct Parts<'a> {
    long: bool,
    pub rounds: u32,
    salt: &'a str,
    pub hash: &'a str,
}

/// The parts of such a text. How many rounds are too many is the caller's affair.
pub(crate) fn parts(text: &str) -> Option<Parts<'_>> {
    let (long, rest) = match text.strip_prefix("$5$") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("$6$")?),
    };
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        Some(rest) => {
            let (digits, rest) = rest.split_once('$')?;
            let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            (number.then(|| digits.parse().unwrap_or(u32::MAX))?, rest)
        }
        None => (Params::RECOMMENDED_ROUNDS, rest),
    };
    let (salt, hash) = rest.split_once('$')?;
    let digits = if long { 86 } else { 43 };
    let sound = hash.len() == digits && hash.bytes().all(|byte| DIGITS.contains(&byte));
    (sound && salt.len() <= MAX_SALT && rounds >= Params::ROUNDS_MIN).then_some(Parts {
        long,
        rounds,
        salt,
        hash,
    })
}

impl Parts<'_> {
    /// HASH for this password; `None` for a number of rounds that is none.
    pub fn hash_of(&self, password: &[u8]) -> Option<String> {
        let params = Params::new(self.rounds).ok()?;
        let mut out = String::new();
        // Three bytes of the digest at a time, from each third of it one, in an order that goes round.
        let mut triple = |digest: &[u8], mut bytes: [usize; 3], turn: usize| {
            bytes.rotate_left(turn % 3);
            let [high, middle, low] = bytes.map(|at| u32::from(digest.get(at).copied().unwrap_or(0)));
            write(&mut out, high << 16 | middle << 8 | low, 4);
        };
        if self.long {
            let digest = sha512_crypt(password, self.salt.as_bytes(), params);
            (0..21).for_each(|at| triple(&digest, [at, at + 21, at + 42], at));
            write(&mut out, digest[63].into(), 2);
        } else {
            let digest = sha256_crypt(password, self.salt.as_bytes(), params);
            (0..10).for_each(|at| triple(&digest, [at, at + 10, at + 20], 2 * at));
            write(&mut out, u32::from(digest[31]) << 8 | u32::from(digest[30]), 3);
        }
        Some(out)
    }
}

/// Salt and hash of `$4$[SALT$]HASH[$]`, which Syslinux's `sha1pass` writes.
pub(crate) fn sha1_parts(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("$4$")?;
    let (salt, hash) = rest.split_once('$').unwrap_or(("", rest));
    let hash = hash.trim_end_matches(['$', '=']);
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    (hash.len() == SHA1_DIGITS && hash.bytes().all(digit)).then_some((salt, hash))
}

/// HASH of `$4$` for this password and salt.
pub(crate) fn sha1_hash(password: &[u8], salt: &[u8]) -> String {
    STANDARD_NO_PAD.encode(Sha1::new().chain_update(salt).chain_update(password).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn check(password: &str, line: &str) {
        let parts = parts(line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(parts.hash_of(password.as_bytes()).as_deref(), Some(parts.hash), "{line}");
    }

    /// Made by `openssl passwd -5 -salt SALT PASSWORD` and `-6`.
    #[test]
    fn as_openssl_makes_them() {
        check("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
        check("a", "$5$saltsaltsaltsalt$mkeIR17jZH2efuGHyAyi7uqPDT/jX1lPmlgvEvcZX1A");
        check("Größe 漢字", "$5$./AZaz09$DEwARbSV8.l6cp44FGSHJuxXejWKMT5iBQ2nJmGnho9");
        check("password", "$5$rounds=1000$abc$chB2229SaEAMndXolPyqp1RFge2UaeCAJVGEAvqr4M3");
        check(&"x".repeat(100), "$5$abcdefgh$.wvAZFRM3qcOyii0UxLpCnmG9xkhWx4Yxd4UqvBYIa7");
        check(
            "Hello world!",
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
        );
        check(
            "Größe 漢字",
            "$6$./AZaz09$PEOJs.AwwubkcskX2J0dxX6KC/1sdec5kh8iKTX/UKu7H1tJTc4sQJX0oK3xfhI8rh1PW62HpSR68hAFm99ZI/",
        );
        check(
            "password",
            "$6$rounds=1000$abc$vw5PRczzmm7dyJhZWNpaLcy/M.HywGlo.UsELxKYV/ZI4356.iT3zYgbwHVzPSnvkT2lVlMoWMoJdUSLcmUNg.",
        );
        check(
            &"x".repeat(100),
            "$6$abcdefgh$TtI8Nf3XUr2hnuBuhqT5oHncObLx.L79LpqMrqeqTFOCP6JmkErg7tHQlmKe6Gt18.7w11o0VZEekyNxE9KjC1",
        );
    }

    /// Made by `mkpasswd -m sha-512 -S saltsalt -R 7000 password`, `mkpasswd -m sha-256 -S abcdefghijklmnop secret`, and crypt(3).
    #[test]
    fn as_mkpasswd_makes_them() {
        check(
            "password",
            "$6$rounds=7000$saltsalt$XX5eqO.omE6gPd/b3tCKB3g0/78R3WBQSx909cdIANMtKCG9e9myuo8Soo378We7UeKUOrywhCx9deiBmnnDH1",
        );
        check("secret", "$5$abcdefghijklmnop$i7zHaTeYqXlesRXJ8dXj6o.MEFQdzfIJpJpcWAtszs6");
        check("Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA");
    }

    /// Made by Perl's `Digest::SHA::sha1_base64`, as Syslinux's `sha1pass` does it.
    #[test]
    fn as_sha1pass_makes_them() {
        for (password, line) in [
            ("secret", "$4$AbCd+/12$XFJSaXWJeNd7w6QDo7FDyapPtSo$"),
            ("secret", "$4$5en6G6MezRroT3XKqkdPOmY/BfQ"),
            ("Größe 漢字", "$4$x$bPSjHVye4i5hWGdS3S7KUmxCePI="),
        ] {
            let (salt, hash) = sha1_parts(line).unwrap();
            assert_eq!(sha1_hash(password.as_bytes(), salt.as_bytes()), hash, "{line}");
        }
        for bad in ["", "$4$", "$4$a$", "$4$a$b", "$5$a$bPSjHVye4i5hWGdS3S7KUmxCePI"] {
            assert_eq!(sha1_parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_none() {
        let hash = "mkeIR17jZH2efuGHyAyi7uqPDT/jX1lPmlgvEvcZX1A";
        assert!(parts(&format!("$5$$ {hash}")).is_none());
        assert!(parts(&format!("$5$${hash}")).is_some());
        for bad in [
            "",
            "$5$",
            "$5$x",
            "$5$x$y",
            "$5$rounds=$x$HASH",
            "$5$rounds=+1000$x$HASH",
            "$5$rounds=999$x$HASH",
            "$5$rounds=1000",
            "$5$rounds=1000$HASH",
            "$6$x$HASH",
            "$7$x$HASH",
            "$5$seventeen-letters$HASH",
        ] {
            assert!(parts(&bad.replace("HASH", hash)).is_none(), "{bad}");
        }
        assert_eq!(parts(&format!("$5$rounds=99999999999$x${hash}")).unwrap().rounds, u32::MAX);
    }
}
