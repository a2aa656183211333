//! Characters of URLs, and their escapes (RFC 3986 2).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::{MAX_PATH, PlaceError, Scheme, join};

/// Characters that mean nothing but themselves, anywhere.
pub fn unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')
}

/// What may stand in a path as it is.
pub fn in_path(c: char) -> bool {
    unreserved(c)
        || matches!(c, '!' | '$' | '&' | '\'' | '(' | ')' | '*' | '+' | ',' | ';' | '=' | ':' | '@' | '/')
}

/// What may stand in the path of a request as it is: anything visible, escapes and a query among it. `#` would be none of it.
pub fn in_request(c: char) -> bool {
    c.is_ascii_graphic() && c != '#'
}

/// A text whose characters are escaped, but for those that may stand as they are.
pub struct Escaped<'a>(pub &'a str, pub fn(char) -> bool);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if (self.1)(c) {
                f.write_char(c)?;
            } else {
                c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))?;
            }
        }
        Ok(())
    }
}

/// Without escapes. A `%` that begins none stands for itself; `None`: it is no UTF-8.
pub fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escaped = after.split_at_checked(2).filter(|_| byte == b'%').and_then(|(digits, after)| {
            let digit = |at: usize| digits.get(at).and_then(|&d| char::from(d).to_digit(16));
            u8::try_from(digit(0)? * 16 + digit(1)?).ok().map(|value| (value, after))
        });
        match escaped {
            Some((value, after)) => {
                out.push(value);
                rest = after;
            }
            None => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

/// The path of a URL, which begins with a slash, as a [`Place`](super::Place) has it.
pub fn path(scheme: Scheme, text: &str) -> Result<String, PlaceError> {
    let text = text.split_once('#').map_or(text, |(text, _)| text);
    let sound = |text: &str| text.len() <= MAX_PATH && !text.chars().any(|c| c.is_control());
    if !sound(text) || text.contains(char::is_whitespace) {
        return Err(PlaceError::Path);
    }
    let path = match scheme {
        // RFC 3617: the mode may follow the name.
        Scheme::Tftp => decode(text.strip_suffix(";mode=octet").unwrap_or(text)).ok_or(PlaceError::Path)?,
        Scheme::Http | Scheme::Https => Escaped(text, in_request).to_string(),
    };
    let path = join::without_dots(scheme, &path);
    let named = scheme != Scheme::Tftp || path.len() > 1;
    if sound(&path) && named { Ok(path) } else { Err(PlaceError::Path) }
}
