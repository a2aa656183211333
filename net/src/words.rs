//! Text from servers, made fit for a terminal and a sentence.

use alloc::string::String;

/// The longest that is shown, in characters.
const MOST: usize = 120;

/// ASCII that can be seen, on one line, and no more of it than a sentence bears; any other character is a `?`.
pub fn clean(text: &str) -> String {
    let shown = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let mut out: String = text.trim().chars().map(shown).take(MOST).collect();
    if text.trim().chars().nth(MOST).is_some() {
        out.push('~');
    }
    out
}

/// The same of bytes.
#[cfg(feature = "std")]
pub fn clean_bytes(bytes: &[u8]) -> String {
    let end = bytes.len().min(4 * MOST + 4);
    clean(&String::from_utf8_lossy(bytes.get(..end).unwrap_or(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_cannot_move_the_cursor() {
        assert_eq!(clean(" File\x1b[2J not\r\nfound\u{202e}\u{9b}"), "File?[2J not??found??");
        assert_eq!(clean(&"a".repeat(500)).len(), MOST + 1);
        #[cfg(feature = "std")]
        assert_eq!(clean_bytes(b"\xff\0ok"), "??ok");
    }
}
