//! The MD5 crypt of `password --md5`: `$1$SALT$HASH`, as the C library's crypt(3) makes it.
//!
//! Poul-Henning Kamp's scheme of 1994. No kept crate has it: it is old, and here only because menus have it.

use alloc::string::String;
use alloc::vec::Vec;

use md5::{Digest, Md5};

/// The order in which crypt writes the bytes of the digest, three at a time; the last one stands alone.
const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];
/// crypt's digits.
pub(crate) const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The salt of `$1$SALT$HASH` (its first eight bytes count) and the hash.
pub(crate) fn parts(text: &str) -> Option<(&str, &str)> {
    let (salt, hash) = text.strip_prefix("$1$")?.split_once('$')?;
    let salt = if salt.len() > 8 { salt.get(..8)? } else { salt };
    let digits = hash.len() == 22 && hash.bytes().all(|byte| DIGITS.contains(&byte));
    digits.then_some((salt, hash))
}

/// HASH for this password and salt.
pub(crate) fn hash(password: &[u8], salt: &[u8]) -> String {
    let once = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(b"$1$").chain_update(salt);
    let repeated: Vec<u8> = once.iter().copied().cycle().take(password.len()).collect();
    first.update(&repeated);
    // For each bit of the length, from the lowest: a zero byte, or the password's first.
    let mut bits = password.len();
    while bits > 0 {
        let byte = if bits & 1 == 1 { 0 } else { password.first().copied().unwrap_or(0) };
        first.update([byte]);
        bits >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1000 {
        let odd = round % 2 == 1;
        let mut next = Md5::new();
        next.update(if odd { password } else { &digest });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if odd { &digest } else { password });
        digest = next.finalize();
    }
    let byte = |index: usize| u32::from(digest.get(index).copied().unwrap_or(0));
    let mut out = String::new();
    for [high, middle, low] in ORDER {
        write(&mut out, byte(high) << 16 | byte(middle) << 8 | byte(low), 4);
    }
    write(&mut out, byte(11), 2);
    out
}

/// So many of crypt's digits, the lowest bits first.
pub(crate) fn write(out: &mut String, mut bits: u32, digits: usize) {
    for _ in 0..digits {
        out.push(DIGITS.get(bits as usize & 63).copied().unwrap_or(b'.').into());
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl passwd -1 -salt SALT PASSWORD`.
    #[test]
    fn as_openssl_makes_them() {
        let check = |password: &str, line: &str| {
            let (salt, wanted) = parts(line).unwrap();
            assert_eq!(hash(password.as_bytes(), salt.as_bytes()), wanted, "{password}");
        };
        check("password", "$1$abcdefgh$G//4keteveJp0qb8z2DxG/");
        check("", "$1$x$fwjfZtMwarkdetsjiQreU1");
        check("a", "$1$12345678$3Uz6TyHSiGZR0yDMOX3jO0");
        check("0123456789abcdef", "$1$saltsalt$xXjYoUe111lGDGm6AfLHb1");
        check("0123456789abcdef0123456789", "$1$saltsalt$FC3DouRvVvkelwRWWnTgb0");
        check("Größe 漢字", "$1$./AZaz09$b4ghTgll6ROAaIRdi9IO4.");
    }

    #[test]
    fn parts_of_it() {
        let good = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/";
        assert_eq!(parts(good), Some(("abcdefgh", "G//4keteveJp0qb8z2DxG/")));
        assert_eq!(parts("$1$abcdefghij$G//4keteveJp0qb8z2DxG/").unwrap().0, "abcdefgh");
        assert_eq!(parts("$1$$G//4keteveJp0qb8z2DxG/").unwrap().0, "");
        for bad in
            ["", "$1$", "$1$a", "$1$a$", "$5$a$G//4keteveJp0qb8z2DxG/", "$1$abcdefgä$G//4keteveJp0qb8z2DxG/x"]
        {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }
}
