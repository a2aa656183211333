//! TFTP's packets (RFC 1350, 2347 to 2349, 7440), as a client reads and writes them.

/// Codes of errors (RFC 1350, RFC 2347) that mean something to us.
pub mod code {
    /// Only the text tells.
    pub const UNDEFINED: u16 = 0;
    /// There is no such file.
    pub const NOT_FOUND: u16 = 1;
    /// The server must not give it.
    pub const ACCESS: u16 = 2;
    /// There is no room for it.
    pub const FULL: u16 = 3;
    /// A packet that makes no sense: to some old servers also one with options.
    pub const ILLEGAL: u16 = 4;
    /// A packet of a transfer that is not known.
    pub const UNKNOWN_TRANSFER: u16 = 5;
    /// The options are not to the other's taste.
    pub const OPTIONS: u16 = 8;
}

/// The longest request that servers must understand, in bytes (RFC 2347).
pub const MAX_REQUEST: usize = 512;
/// Bytes of a block if nothing else was agreed upon.
pub const PLAIN_BLOCK: u16 = 512;
/// Bytes before a block's data.
pub const HEADER: usize = 4;

/// What is asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Bytes of a block (RFC 2348), 8 to 65464.
    pub block: u16,
    /// Blocks that are sent before one acknowledgement (RFC 7440); at least 1.
    pub window: u16,
    /// After how many seconds it shall send again what was not acknowledged (RFC 2349); at least 1.
    pub timeout: u8,
}

/// What a server granted. What it left out stays as in RFC 1350.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Bytes of a block.
    pub block: u16,
    /// Blocks of a window.
    pub window: u16,
    /// The file's length, in bytes.
    pub size: Option<u64>,
}

impl Granted {
    /// What counts without options.
    pub const PLAIN: Self = Self { block: PLAIN_BLOCK, window: 1, size: None };
}

/// A packet of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A block.
    Data {
        /// The lower 16 bits of its number; the first is 1.
        number: u16,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// The end, for a reason.
    Error {
        /// See [`code`].
        code: u16,
        /// The server's words: any bytes, without the zero at their end.
        text: &'a [u8],
    },
    /// The options that the server grants: names and values, as [`granted`] reads them.
    Options(&'a [u8]),
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` if it is none of those that servers send.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first_chunk()?;
        match u16::from_be_bytes(*kind) {
            3 => {
                let (number, bytes) = rest.split_first_chunk()?;
                Some(Self::Data { number: u16::from_be_bytes(*number), bytes })
            }
            5 => {
                let (code, text) = rest.split_first_chunk()?;
                let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
                Some(Self::Error { code: u16::from_be_bytes(*code), text: text.get(..end)? })
            }
            6 => Some(Self::Options(rest)),
            _ => None,
        }
    }
}

/// Reads the options that a server grants.
///
/// # Errors
/// What is wrong with them: one that was not asked for, or more than was asked for (RFC 2347 demands that we end it).
pub fn granted(mut bytes: &[u8], asked: &Asked) -> Result<Granted, &'static str> {
    let mut granted = Granted::PLAIN;
    let mut seen = [false; 4];
    while !bytes.is_empty() {
        let (name, rest) = word(bytes).ok_or("an option has no end")?;
        let (value, rest) = word(rest).ok_or("an option has no value")?;
        bytes = rest;
        let value = number(value).ok_or("an option is no number")?;
        let within =
            |least: u16, most: u16| u16::try_from(value).ok().filter(|value| (least..=most).contains(value));
        let at = ["blksize", "tsize", "windowsize", "timeout"]
            .iter()
            .position(|known| name.eq_ignore_ascii_case(known.as_bytes()))
            .ok_or("an option was not asked for")?;
        if core::mem::replace(&mut seen[at], true) {
            return Err("an option stands twice");
        }
        match at {
            0 => granted.block = within(8, asked.block).ok_or("blocks of another length than asked for")?,
            1 => granted.size = Some(value),
            2 => granted.window = within(1, asked.window).ok_or("a larger window than asked for")?,
            // Ours counts: it can only be the same (RFC 2349), and some servers say what they please.
            _ => {}
        }
    }
    Ok(granted)
}

fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

fn number(digits: &[u8]) -> Option<u64> {
    let sound = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    sound.then(|| core::str::from_utf8(digits).ok()?.parse().ok())?
}

/// A request to read the file of this name, byte for byte. `None`: the name can't be asked for, since it is empty, too long, or
/// has a zero in it.
#[must_use]
pub fn request(name: &str, asked: Option<&Asked>) -> Option<Vec<u8>> {
    let mut out = vec![0, 1];
    let mut put = |word: &str| {
        out.extend_from_slice(word.as_bytes());
        out.push(0);
    };
    if name.is_empty() || name.contains('\0') {
        return None;
    }
    put(name);
    put("octet");
    if let Some(asked) = asked {
        let options = [
            ("tsize", 0),
            ("blksize", asked.block),
            ("windowsize", asked.window),
            ("timeout", asked.timeout.into()),
        ];
        for (option, value) in options {
            put(option);
            put(&value.to_string());
        }
    }
    (out.len() <= MAX_REQUEST).then_some(out)
}

/// An acknowledgement of a block, and of all before it.
#[must_use]
pub fn ack(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    vec![0, 4, high, low]
}

/// The end, for a reason.
#[must_use]
pub fn error(code: u16, text: &str) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    [&[0, 5, high, low], text.as_bytes(), &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked = Asked { block: 1468, window: 32, timeout: 2 };

    /// Zeros in place of bars.
    fn zeros(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| if byte == b'|' { 0 } else { byte }).collect()
    }

    #[test]
    fn a_request_with_and_without_options() {
        assert_eq!(request("/x", None).unwrap(), zeros("|\x01/x|octet|"));
        let options = zeros("|\x01/x|octet|tsize|0|blksize|1468|windowsize|32|timeout|2|");
        assert_eq!(request("/x", Some(&ASKED)).unwrap(), options);
        assert_eq!(request("", None), None);
        assert_eq!(request("/x\0octet\0", None), None);
        assert!(request(&"x".repeat(503), None).is_some());
        assert_eq!(request(&"x".repeat(504), None), None);
    }

    #[test]
    fn packets_of_a_server() {
        assert_eq!(Packet::parse(b"\0\x03\xff\xfeab"), Some(Packet::Data { number: 0xfffe, bytes: b"ab" }));
        assert_eq!(Packet::parse(b"\0\x05\0\x01no\0x"), Some(Packet::Error { code: 1, text: b"no" }));
        assert_eq!(Packet::parse(b"\0\x05\0\x01no"), Some(Packet::Error { code: 1, text: b"no" }));
        assert_eq!(Packet::parse(b"\0\x06"), Some(Packet::Options(b"")));
        for none in [&b""[..], b"\0", b"\0\x03\0", b"\0\x05", b"\0\x04\0\0", b"\x03\0\0\x01", b"\0\x07"] {
            assert_eq!(Packet::parse(none), None, "{none:?}");
        }
    }

    #[test]
    fn options_that_a_server_grants() {
        assert_eq!(granted(b"", &ASKED), Ok(Granted::PLAIN));
        let all = zeros("TSIZE|99999999999|blkSize|1024|windowsize|4|timeout|9|");
        assert_eq!(granted(&all, &ASKED), Ok(Granted { block: 1024, window: 4, size: Some(99_999_999_999) }));
        for wrong in [
            "blksize|1469|",
            "blksize|7|",
            "windowsize|0|",
            "windowsize|33|",
            "tsize|-1|",
            "tsize||",
            "tsize|99999999999999999999|",
            "tsize|1|tsize|1|",
            "tsize|1",
            "tsize|",
            "tsize",
            "multicast|,1758,1|",
            "||",
        ] {
            assert!(granted(&zeros(wrong), &ASKED).is_err(), "{wrong:?}");
        }
    }
}
