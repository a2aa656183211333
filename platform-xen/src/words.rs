//! The domain's command line in words: which are the program's arguments, its environment, and the platform's.
//!
//! As Linux splits its own: at white space, but not within double quotes, which go.
//!
//! ```
//! use platform_xen::words::Words;
//!
//! let words = Words::new(br#"serve env=TZ=UTC ip=10.0.0.5/24 say="two words" -- ip=x"#);
//! assert_eq!(words.arguments, [&b"serve"[..], b"say=two words", b"ip=x"]);
//! assert_eq!(words.environment, [b"TZ=UTC"]);
//! assert_eq!(words.ip, [b"10.0.0.5/24"]);
//! ```

use alloc::vec::Vec;

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The program's arguments.
    pub arguments: Vec<Vec<u8>>,
    /// `NAME=VALUE`, each.
    pub environment: Vec<Vec<u8>>,
    /// `ip=…`, what follows the sign: how the network is set up.
    pub ip: Vec<Vec<u8>>,
    /// `tmp=…`: the most that files in `/tmp` may take, in bytes.
    #[cfg(any(feature = "files", test))]
    pub tmp: Option<u64>,
}

/// Before a word of the environment.
const ENV: &[u8] = b"env=";
/// Before a word about the network.
const IP: &[u8] = b"ip=";
/// Before the limit of `/tmp`.
#[cfg(any(feature = "files", test))]
const TMP: &[u8] = b"tmp=";

impl Words {
    /// From a command line. After a word `--`, which itself goes, all are arguments; so is a word of the platform's that
    /// makes no sense, but for `ip=`, of which whoever sets up the network says so.
    #[must_use]
    pub fn new(line: &[u8]) -> Words {
        let mut words = Words::default();
        let mut rest = false;
        for word in split(line) {
            #[cfg(any(feature = "files", test))]
            if let Some(limit) = word.strip_prefix(TMP).filter(|_| !rest).and_then(bytes) {
                words.tmp = Some(limit);
                continue;
            }
            if rest {
                words.arguments.push(word);
            } else if word == b"--" {
                rest = true;
            } else if let Some(pair) = word.strip_prefix(ENV).filter(|pair| is_pair(pair)) {
                words.environment.push(pair.into());
            } else if let Some(ip) = word.strip_prefix(IP) {
                words.ip.push(ip.into());
            } else {
                words.arguments.push(word);
            }
        }
        words
    }
}

/// Whether there is a name before the sign.
fn is_pair(pair: &[u8]) -> bool {
    pair.iter().position(|byte| *byte == b'=').is_some_and(|at| at > 0)
}

/// A number of bytes: `4096`, `512K`, `64M`, `2G`.
#[cfg(any(feature = "files", test))]
fn bytes(text: &[u8]) -> Option<u64> {
    let (digits, shift) = match text {
        [digits @ .., b'K' | b'k'] => (digits, 10),
        [digits @ .., b'M' | b'm'] => (digits, 20),
        [digits @ .., b'G' | b'g'] => (digits, 30),
        digits => (digits, 0),
    };
    let digits = core::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn split(line: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quoted = false;
    for byte in line {
        match byte {
            b'"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            // A C string ends there.
            0 => {}
            byte if byte.is_ascii_whitespace() && !quoted => words.extend(word.take()),
            byte => word.get_or_insert_default().push(*byte),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> (Vec<&str>, Vec<&str>, Vec<&str>) {
        let words = Words::new(line.as_bytes());
        let leak = |list: Vec<Vec<u8>>| {
            list.into_iter().map(|word| &*String::from_utf8(word).unwrap().leak()).collect::<Vec<&str>>()
        };
        (leak(words.arguments), leak(words.environment), leak(words.ip))
    }

    #[test]
    fn each_word_finds_its_place() {
        let (arguments, environment, ip) =
            words(" serve --port=80 env=RUST_LOG=debug  ip=dhcp\tenv=novalue env==x ip=10.0.0.2/24 ");
        assert_eq!(arguments, ["serve", "--port=80", "env=novalue", "env==x"]);
        assert_eq!(environment, ["RUST_LOG=debug"]);
        assert_eq!(ip, ["dhcp", "10.0.0.2/24"]);
    }

    #[test]
    fn the_limit_of_tmp() {
        for (line, limit) in [
            ("tmp=64M", Some(64 << 20)),
            ("tmp=1 tmp=2K", Some(2048)),
            ("tmp=3g", Some(3 << 30)),
            ("tmp=0", Some(0)),
            ("", None),
        ] {
            let words = Words::new(line.as_bytes());
            assert_eq!((words.tmp, words.arguments.len()), (limit, 0), "{line}");
        }
        // What is no number is for the program.
        for line in ["tmp=", "tmp=M", "tmp=+1", "tmp=1T", "tmp=99999999999G", "-- tmp=1", "tmp=1 "] {
            let words = Words::new(line.as_bytes());
            assert_eq!(words.tmp.is_none(), line != "tmp=1 ", "{line}");
            assert_eq!(words.arguments.len(), usize::from(line != "tmp=1 "), "{line}");
        }
    }

    #[test]
    fn after_two_dashes_all_are_arguments() {
        assert_eq!(words("a -- ip=x env=A=b --").0, ["a", "ip=x", "env=A=b", "--"]);
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(
            words(r#"say "two words" a"b c"d "" "open end"#).0,
            ["say", "two words", "ab cd", "", "open end"]
        );
        assert_eq!(words(r#"env="A=x y""#).1, ["A=x y"]);
    }
}
