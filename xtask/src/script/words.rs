//! What random scripts are made of: words with all ways of quoting, and what `test` and `regexp` are asked.

mod lists;

use crate::syntax::Random;

use lists::{EXPRESSIONS, NUMBERS, PATHS, TEXTS, VALUES, VARIABLES, VERSIONS, WILD};

/// A script in the making.
pub struct Words<'a> {
    /// Where chance comes from.
    pub random: &'a mut Random,
}

impl Words<'_> {
    /// One of them.
    pub fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of.get(self.random.below(of.len())).copied().unwrap_or_default()
    }

    /// Whether the one of so many chances came.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.random.below(n) == 0
    }

    /// A variable's name.
    pub fn variable(&mut self) -> &'static str {
        let most = if self.one_in(6) { VARIABLES.len() } else { 6 };
        VARIABLES.get(self.random.below(most)).copied().unwrap_or("a")
    }

    /// A word: one part, or several in a row.
    pub fn word(&mut self) -> String {
        if self.one_in(20) {
            // By itself: behind a backslash GNU's regular expressions, which GRUB makes of wildcards, have operators.
            return self.pick(&WILD).to_owned();
        }
        let mut word = self.part();
        for _ in 1.. {
            if !self.one_in(3) {
                break;
            }
            let next = self.part();
            // `$x` and letters behind it would be another variable; `\x41` is a known difference.
            word += if word.ends_with('\\') { "''" } else { "" };
            word += &next;
        }
        word
    }

    /// Several words.
    pub fn words(&mut self, most: usize) -> String {
        let count = self.random.below(most + 1);
        let words: Vec<String> = (0..count).map(|_| self.word()).collect();
        words.join(self.pick(&[" ", " ", " ", "  ", " \\\n ", "\t"]))
    }

    fn part(&mut self) -> String {
        match self.random.below(20) {
            0..=4 => self
                .pick(&[
                    "a", "b", "x", "y", "1", "foo", "bar=", "a#b", "%", "@", "^", "~", ":", ",", "+", "-",
                    "=", "/text", "a=b", "!", "[", "]", "(", ")",
                ])
                .to_owned(),
            5 => single(self.pick(&VALUES)),
            6 => double(self.pick(&VALUES)),
            7 => self
                .pick(&[
                    "\\ ", "\\$", "\\\"", "\\'", "\\\\", "\\*", "\\?", "\\;", "\\{", "\\#", "\\a", "\\n",
                    "\\|",
                ])
                .to_owned(),
            8..=10 => format!("${{{}}}", self.name()),
            11 => format!("${}", self.name()),
            12..=14 => {
                let (before, after) =
                    (self.pick(&["", "", "p", " ", "\\$"]), self.pick(&["", "", " ", "-s", "\\\\", "'"]));
                format!("\"{before}${{{}}}{after}\"", self.name())
            }
            15 => format!("\"${}\"", self.name()),
            16 | 17 => self.pick(&["''", "\"\"", "\"\"''", "a\\\nb", "'a\nb'", "\"a\\\nb\""]).to_owned(),
            18 => format!("$\"{}\"", self.pick(&["a", "", "$x", "${a}b", "\\$x", "a\\\\b", "$#", "a b"])),
            _ => single(self.pick(&NUMBERS)),
        }
    }

    /// What may stand behind a `$`.
    fn name(&mut self) -> String {
        match self.random.below(12) {
            0..=5 => self.variable().to_owned(),
            6 => "?".to_owned(),
            _ => self.pick(&["1", "2", "3", "10", "#", "@", "*", "@", "0", "01"]).to_owned(),
        }
    }

    /// A value between quotation marks, or a word.
    pub fn value(&mut self) -> String {
        let value = self.pick(&VALUES);
        match self.random.below(4) {
            0 => double(value),
            1 | 2 => single(value),
            _ => self.word(),
        }
    }

    /// A number, mostly.
    pub fn number(&mut self) -> String {
        match self.random.below(8) {
            0 => format!("\"${{{}}}\"", self.name()),
            1 => self.pick(&["$?", "$#", "$1"]).to_owned(),
            2 | 3 => self.pick(&["1", "2", "3"]).to_owned(),
            _ => single(self.pick(&NUMBERS)),
        }
    }

    /// A path, mostly.
    pub fn path(&mut self) -> String {
        if self.one_in(8) { self.word() } else { single(self.pick(&PATHS)) }
    }

    /// What `test` is asked: right for the most part.
    pub fn test(&mut self, depth: usize) -> String {
        let mut text = match self.random.below(if depth == 0 { 10 } else { 14 }) {
            0 => self.value(),
            1 => format!("{} {}", self.pick(&["-n", "-z"]), self.value()),
            2 | 3 => {
                let operator = self.pick(&["=", "==", "!=", "'<'", "'>'", "'<='", "'>='", "\\<", "\">\""]);
                format!("{} {operator} {}", self.value(), self.value())
            }
            4 | 5 => {
                let operator = self.pick(&["-eq", "-ne", "-lt", "-le", "-gt", "-ge"]);
                format!("{} {operator} {}", self.number(), self.number())
            }
            6 | 7 => format!("{} {}", self.pick(&["-d", "-e", "-f", "-s"]), self.path()),
            8 => {
                let bias = if self.one_in(3) {
                    self.pick(&["1", "600000000", "600000001", "-600000000", "x", "0x10", "-1"])
                } else {
                    ""
                };
                // A volume's root has the time of its making there.
                let times = [
                    "/text",
                    "/new/a",
                    "/old/a",
                    "/old",
                    "/boot/",
                    "/none",
                    "(hd0,msdos1)/text",
                    "text",
                    "(hd7)/x",
                ];
                let (one, other) = (self.pick(&times), self.pick(&times));
                format!("{} {}{bias} {}", single(one), self.pick(&["-nt", "-ot"]), single(other))
            }
            9 => format!(
                "{} {} {}",
                single(self.pick(&VERSIONS)),
                self.pick(&["-pgt", "-plt"]),
                single(self.pick(&VERSIONS))
            ),
            10 => format!("! {}", self.test(depth - 1)),
            11 => format!("( {} )", self.test(depth - 1)),
            _ => format!("{} {} {}", self.test(depth - 1), self.pick(&["-a", "-o"]), self.test(depth - 1)),
        };
        if self.one_in(16) {
            // A word too many, or one that is missing.
            let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            let at = self.random.below(words.len());
            if !text.contains(['\'', '"', '\\', '\n', '$']) && self.one_in(2) {
                words.remove(at);
            } else {
                words.push(
                    self.pick(&["(", ")", "!", "-a", "-o", "-eq", "=", "-f", "''", "]", "-nt", "'<'"])
                        .to_owned(),
                );
            }
            text = words.join(" ");
        }
        text
    }

    /// A whole `regexp` command.
    pub fn regexp(&mut self) -> String {
        let mut command = String::from("regexp");
        for _ in 0..self.random.below(3) {
            let group = self.pick(&["", "", "0:", "1:", "2:", "3:", "x:", ":", "1x:"]);
            command += &match self.random.below(3) {
                0 => format!(" --set={group}{}", self.variable()),
                1 => format!(" -s {group}{}", self.variable()),
                _ => format!(" --set {group}{}", self.variable()),
            };
        }
        let text = if self.one_in(4) { self.value() } else { single(self.pick(&TEXTS)) };
        command + " " + &single(self.pick(&EXPRESSIONS)) + " " + &text
    }
}

/// Between single quotation marks.
pub fn single(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.-_,".contains(&b));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Between double ones.
fn double(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out + "\""
}
