//! The `color` command: the names and numbers of a PC text screen, as SGR sequences of an ANSI terminal.

use alloc::format;
use alloc::string::String;

/// A colour pair of a PC text screen: the attribute byte (bits 0–3 foreground, 4–6 background, 7 blink).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub u8);

/// The colours of the menu: for usual text, and for the marked entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colors {
    /// Usual text.
    pub normal: Color,
    /// The marked entry.
    pub highlight: Color,
}

/// In the order of the attribute byte.
const NAMES: [&str; 16] = [
    "black",
    "blue",
    "green",
    "cyan",
    "red",
    "magenta",
    "brown",
    "light-gray",
    "dark-gray",
    "light-blue",
    "light-green",
    "light-cyan",
    "light-red",
    "light-magenta",
    "yellow",
    "white",
];

/// ANSI's number for the low three bits of a PC colour (the PC has blue in bit 0, ANSI red).
const ANSI: [u8; 8] = [0, 4, 2, 6, 1, 5, 3, 7];

impl Color {
    /// `light-gray/black`, `blink-red/blue`, or the attribute byte as a number (`7`, `0x1f`). `None`: it is none of these.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        if let Some((fore, back)) = word.split_once('/') {
            let (fore, blink) = match fore.strip_prefix("blink-") {
                Some(fore) => (fore, 0x80),
                None => (fore, 0),
            };
            let index = |name: &str| NAMES.iter().position(|n| *n == name);
            let back = index(back).filter(|&b| b < 8)?;
            return u8::try_from(index(fore)? | back << 4 | blink).ok().map(Self);
        }
        match word.strip_prefix("0x") {
            Some(hex) => u8::from_str_radix(hex, 16).ok().map(Self),
            None => word.parse().ok().map(Self),
        }
    }

    /// The escape sequence that selects this pair.
    pub(crate) fn sgr(self) -> String {
        let fore = ANSI[usize::from(self.0 & 7)] + if self.0 & 8 == 0 { 30 } else { 90 };
        let back = ANSI[usize::from(self.0 >> 4 & 7)] + 40;
        let blink = if self.0 & 0x80 == 0 { "" } else { ";5" };
        format!("\x1b[0;{fore};{back}{blink}m")
    }
}

impl Colors {
    /// The arguments of `color`: `NORMAL [HIGHLIGHT]`. Without a second one the first is turned round.
    #[must_use]
    pub fn parse(args: &str) -> Option<Self> {
        let mut words = args.split(' ').filter(|w| !w.is_empty());
        let normal = Color::parse(words.next()?)?;
        let highlight = match words.next() {
            Some(word) => Color::parse(word)?,
            None => Color((normal.0 >> 4 & 7) | (normal.0 & 7) << 4),
        };
        Some(Self { normal, highlight })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let colors = Colors::parse("light-gray/blue  black/light-gray").unwrap();
        assert_eq!(colors, Colors { normal: Color(0x17), highlight: Color(0x70) });
        assert_eq!(Colors::parse("0x1f").unwrap(), Colors { normal: Color(0x1f), highlight: Color(0x71) });
        assert_eq!(Colors::parse("blink-yellow/red").unwrap().normal, Color(0xce));
        for bad in ["", "pink/black", "black/white", "black", "300", "0x", "black/"] {
            assert_eq!(Colors::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn sgr() {
        assert_eq!(Color(0x07).sgr(), "\x1b[0;37;40m");
        assert_eq!(Color(0x9e).sgr(), "\x1b[0;93;44;5m");
    }
}
