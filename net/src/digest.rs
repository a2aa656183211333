//! What a file must be: its SHA-256 (FIPS 180-4), and lists of them as `sha256sum` writes.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;

use sha2::{Digest as _, Sha256};

/// The most files that a list may have: Debian's of an installer has some hundreds.
const MAX_FILES: usize = 20_000;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Understands 64 hexadecimal digits; `sha256:` may stand before them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
            *byte = u8::try_from(high? << 4 | low?).ok()?;
        }
        Some(Self(bytes))
    }

    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Whether a file of this digest is the one that is wanted.
    ///
    /// # Errors
    /// It is not.
    pub fn check(self, wanted: Self) -> Result<(), Differs> {
        if self == wanted { Ok(()) } else { Err(Differs { wanted, arrived: self }) }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

/// A file that is not the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differs {
    /// What it should be.
    pub wanted: Digest,
    /// What it is.
    pub arrived: Digest,
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What can be compared by eye.
        let short = |digest: &Digest| alloc::format!("{:.16}…", alloc::format!("{digest}"));
        write!(
            f,
            "this is not the file that was asked for: its SHA-256 is {}, not {}",
            short(&self.arrived),
            short(&self.wanted)
        )
    }
}

impl core::error::Error for Differs {}

/// A digest that is being computed.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// A list of digests: a file `SHA256SUMS`.
#[derive(Clone, Debug, Default)]
pub struct Sums(BTreeMap<String, Digest>);

/// A text that is no such list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSums {
    /// No line of it is one of a list.
    Nothing,
    /// This line (from 1) names a file twice, with another digest.
    Twice(usize),
    /// More than 20,000 files.
    TooMany,
}

impl fmt::Display for BadSums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("this is no list of SHA-256 digests"),
            Self::Twice(line) => write!(f, "line {line}: the same file with another digest"),
            Self::TooMany => write!(f, "more than {MAX_FILES} files"),
        }
    }
}

impl core::error::Error for BadSums {}

impl Sums {
    /// Understands lines as `sha256sum` of GNU writes them (`DIGEST  NAME`, `DIGEST *NAME`, with `\` before the digest if the name has
    /// escapes), and as those of BSD (`SHA256 (NAME) = DIGEST`). Other lines are passed over: such files are signed, or have comments.
    ///
    /// # Errors
    /// [`BadSums`].
    pub fn parse(text: &[u8]) -> Result<Self, BadSums> {
        let mut sums = BTreeMap::new();
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some((name, digest)) = core::str::from_utf8(line).ok().and_then(entry) else { continue };
            if sums.len() >= MAX_FILES {
                return Err(BadSums::TooMany);
            }
            if sums.insert(name, digest).is_some_and(|before| before != digest) {
                return Err(BadSums::Twice(number + 1));
            }
        }
        if sums.is_empty() { Err(BadSums::Nothing) } else { Ok(Self(sums)) }
    }

    /// What the file of this name must be; `./` before a name means nothing.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Digest> {
        self.0.get(plain(name)).copied()
    }
}

/// A name without `./` before it.
fn plain(name: &str) -> &str {
    name.trim_start_matches("./")
}

fn entry(line: &str) -> Option<(String, Digest)> {
    if let Some(rest) = line.strip_prefix("SHA256 (") {
        let (name, digits) = rest.rsplit_once(") = ")?;
        return Some((plain(name).to_owned(), Digest::parse(digits)?));
    }
    let (escaped, line) = match line.strip_prefix('\\') {
        Some(line) => (true, line),
        None => (false, line),
    };
    let (digits, name) = line.split_once(' ')?;
    let name = name.strip_prefix([' ', '*'])?;
    let digest = Digest::parse(digits)?;
    let name = if escaped { unescape(name)? } else { name.to_owned() };
    (!name.is_empty()).then(|| (plain(&name).to_owned(), digest))
}

/// `\\`, `\n` and `\r` as the characters that they stand for.
fn unescape(name: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// FIPS 180-4's own examples.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn digest(text: &str) -> Digest {
        Digest::parse(text).unwrap()
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        assert_eq!(Digest::of(b"abc"), digest(&ABC.to_uppercase()));
        assert_eq!(Digest::of(b""), digest(&format!("sha256:{EMPTY}")));
        let why = Digest::of(b"abc").check(digest(EMPTY)).unwrap_err().to_string();
        assert!(why.ends_with("its SHA-256 is ba7816bf8f01cfea…, not e3b0c44298fc1c14…"), "{why}");
        assert_eq!(Digest::of(b"abc").check(digest(ABC)), Ok(()));
        for text in
            ["", "12", &ABC[1..], &format!("{ABC}0"), &ABC.replace('b', "g"), &format!("+{}", &ABC[1..])]
        {
            assert_eq!(Digest::parse(text), None, "{text}");
        }
    }

    #[test]
    fn lists_of_gnu_and_bsd() {
        let text = format!(
            "# a comment\n-----BEGIN PGP SIGNED MESSAGE-----\n{ABC}  vmlinuz\r\n{EMPTY} *./boot/initrd.gz\n\
             \\{ABC}  a\\\\b\\nc\nSHA256 (other (1).iso) = {EMPTY}\n{ABC}  vmlinuz\nffff  short\n{ABC}"
        );
        let sums = Sums::parse(text.as_bytes()).unwrap();
        assert_eq!(sums.get("vmlinuz"), Some(digest(ABC)));
        assert_eq!(sums.get("./vmlinuz"), Some(digest(ABC)));
        assert_eq!(sums.get("boot/initrd.gz"), Some(digest(EMPTY)));
        assert_eq!(sums.get("a\\b\nc"), Some(digest(ABC)));
        assert_eq!(sums.get("other (1).iso"), Some(digest(EMPTY)));
        assert_eq!(sums.get("short"), None);
        assert_eq!(sums.0.len(), 4);
    }

    #[test]
    fn what_is_no_list() {
        assert_eq!(Sums::parse(b"").unwrap_err(), BadSums::Nothing);
        assert_eq!(Sums::parse(b"<html>\xff").unwrap_err(), BadSums::Nothing);
        let twice = format!("{ABC}  a\n{EMPTY}  ./a\n");
        assert_eq!(Sums::parse(twice.as_bytes()).unwrap_err(), BadSums::Twice(2));
        let many: String = (0..=MAX_FILES).map(|n| format!("{ABC}  {n}\n")).collect();
        assert_eq!(Sums::parse(many.as_bytes()).unwrap_err(), BadSums::TooMany);
    }

    proptest! {
        #[test]
        fn what_sha256sum_writes_is_read(name in "[^\r\n\0]{1,40}", bytes: Vec<u8>) {
            prop_assume!(!plain(&name).is_empty());
            let digest = Digest::of(&bytes);
            let (mark, written) = if name.contains('\\') { ("\\", name.replace('\\', "\\\\")) } else { ("", name.clone()) };
            let sums = Sums::parse(format!("{mark}{digest}  {written}\n").as_bytes()).unwrap();
            prop_assert_eq!(sums.get(&name), Some(digest));
        }

        #[test]
        fn no_text_does_harm(text: Vec<u8>) {
            let _ = Sums::parse(&text);
        }
    }
}
