//! menu.lst's `setkey`: keys that count as others, for keyboards that are not American.

use alloc::vec::Vec;

use crate::key::Key;

/// The most keys that can be changed (GRUB's, too).
const MAX_KEYS: usize = 128;

/// The names of keys that print something, without and with Shift, and what they print.
const PRINTING: [(&str, &str, char, char); 21] = [
    ("1", "exclam", '1', '!'),
    ("2", "at", '2', '@'),
    ("3", "numbersign", '3', '#'),
    ("4", "dollar", '4', '$'),
    ("5", "percent", '5', '%'),
    ("6", "caret", '6', '^'),
    ("7", "ampersand", '7', '&'),
    ("8", "asterisk", '8', '*'),
    ("9", "parenleft", '9', '('),
    ("0", "parenright", '0', ')'),
    ("minus", "underscore", '-', '_'),
    ("equal", "plus", '=', '+'),
    ("bracketleft", "braceleft", '[', '{'),
    ("bracketright", "braceright", ']', '}'),
    ("semicolon", "colon", ';', ':'),
    ("quote", "doublequote", '\'', '"'),
    ("backquote", "tilde", '`', '~'),
    ("backslash", "bar", '\\', '|'),
    ("comma", "less", ',', '<'),
    ("period", "greater", '.', '>'),
    ("slash", "question", '/', '?'),
];

/// A key of the keyboard.
#[derive(Clone, Copy)]
struct Named {
    /// What the name means.
    key: Key,
    /// What the key gives without and with Shift.
    both: (Key, Option<Key>),
}

/// Which keys count as which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyMap {
    /// What was set before does not count.
    reset: bool,
    /// From which to which. A key that was set back leads to itself.
    keys: Vec<(Key, Key)>,
}

impl KeyMap {
    /// Obeys `setkey [TO_KEY FROM_KEY]`: without keys all is as it was. The error is for the user.
    pub(crate) fn line(&mut self, args: &str) -> Result<(), &'static str> {
        let mut words = args.split(' ').filter(|word| !word.is_empty());
        let Some(to) = words.next() else {
            *self = Self { reset: true, keys: Vec::new() };
            return Ok(());
        };
        let to = named(to)?;
        let from = words.next().ok_or("`setkey` needs two keys")?;
        let from = named(from)?;
        let prints = |key: Key| !matches!(key, Key::Function(_));
        if prints(to.key) && prints(from.key) {
            return self.set(from.key, to.key);
        }
        // As in GRUB: where one prints nothing, it is the keys that change places, with Shift and without.
        self.set(from.both.0, to.both.0)?;
        from.both.1.map_or(Ok(()), |shifted| self.set(shifted, to.both.1.unwrap_or(to.both.0)))
    }

    fn set(&mut self, from: Key, to: Key) -> Result<(), &'static str> {
        let full = self.keys.len() >= MAX_KEYS;
        match self.keys.iter_mut().find(|(key, _)| *key == from) {
            Some(place) => place.1 = to,
            None if full => return Err("more than 128 keys"),
            None => self.keys.push((from, to)),
        }
        Ok(())
    }

    /// This where another was in force.
    pub(crate) fn after(&self, before: &Self) -> Self {
        let mut all = if self.reset { Self::default() } else { before.clone() };
        for (from, to) in &self.keys {
            // Beyond the most that there may be, the first ones count.
            let _ = all.set(*from, *to);
        }
        all
    }

    /// What this key counts as.
    #[must_use]
    pub fn of(&self, key: Key) -> Key {
        self.keys.iter().find(|(from, _)| *from == key).map_or(key, |(_, to)| *to)
    }
}

fn named(name: &str) -> Result<Named, &'static str> {
    for (plain, shifted, print, print_shifted) in PRINTING {
        let both = (Key::Char(print), Some(Key::Char(print_shifted)));
        if name == plain {
            return Ok(Named { key: both.0, both });
        }
        if name == shifted {
            return Ok(Named { key: Key::Char(print_shifted), both });
        }
    }
    let mut letters = name.chars();
    if let (Some(letter @ ('a'..='z' | 'A'..='Z')), None) = (letters.next(), letters.next()) {
        let both = (Key::Char(letter.to_ascii_lowercase()), Some(Key::Char(letter.to_ascii_uppercase())));
        return Ok(Named { key: Key::Char(letter), both });
    }
    let key = match name {
        "escape" => Key::Escape,
        "backspace" => Key::Backspace,
        "tab" => Key::Tab,
        "enter" => Key::Enter,
        "space" => Key::Char(' '),
        "delete" => Key::Delete,
        "control" | "shift" | "alt" | "capslock" => return Err("a terminal doesn't send that key"),
        _ => {
            let number = name.strip_prefix('F').and_then(|number| number.parse().ok());
            let number = number.filter(|number| (1..=10).contains(number));
            Key::Function(number.ok_or("there is no key of that name")?)
        }
    };
    Ok(Named { key, both: (key, None) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn map(lines: &[&str]) -> KeyMap {
        let mut map = KeyMap::default();
        lines.iter().for_each(|line| map.line(line).unwrap());
        map
    }

    #[test]
    fn keys() {
        // A German keyboard's z and y, slash, and colon.
        let german = map(&["y z", "z y", "Y Z", "slash ampersand", " colon  greater x"]);
        for (from, to) in [('z', 'y'), ('y', 'z'), ('Z', 'Y'), ('Y', 'Y'), ('&', '/'), ('>', ':'), ('a', 'a')]
        {
            assert_eq!(german.of(Key::Char(from)), Key::Char(to), "{from}");
        }
        let others = map(&["escape F1", "delete backspace", "F10 b", "space enter", "x F2"]);
        for (from, to) in [
            (Key::Function(1), Key::Escape),
            (Key::Backspace, Key::Delete),
            (Key::Char('b'), Key::Function(10)),
            (Key::Char('B'), Key::Function(10)),
            (Key::Enter, Key::Char(' ')),
            (Key::Function(2), Key::Char('x')),
            (Key::Up, Key::Up),
        ] {
            assert_eq!(others.of(from), to, "{from:?}");
        }
    }

    #[test]
    fn back_again() {
        let before = map(&["y z", "b a"]);
        assert_eq!(before.after(&map(&["c d"])).of(Key::Char('d')), Key::Char('c'));
        assert_eq!(map(&["z z"]).after(&before).of(Key::Char('z')), Key::Char('z'));
        assert_eq!(map(&["z z"]).after(&before).of(Key::Char('a')), Key::Char('b'));
        assert_eq!(map(&["", "c d"]).after(&before).of(Key::Char('z')), Key::Char('z'));
        assert_eq!(map(&["c d", ""]).of(Key::Char('d')), Key::Char('d'));
    }

    #[test]
    fn what_makes_no_sense() {
        for bad in ["a", "control a", "a capslock", "F0 a", "F11 a", "ä a", "a ab", "a é"] {
            assert!(KeyMap::default().line(bad).is_err(), "{bad}");
        }
        let mut map = KeyMap::default();
        let all = (b'a'..=b'z').map(char::from).flat_map(|c| [c, c.to_ascii_uppercase()]);
        for c in all {
            for to in ["x", "y"] {
                map.line(&format!("{to} {c}")).unwrap();
            }
        }
        assert_eq!(map.keys.len(), 52);
    }
}
