//! Random scripts out of GRUB's grammar. The same number makes the same script.
//!
//! All of them end: loops count in variables that nobody else sets, and functions call only those before them, or
//! themselves as often as a counter allows.

mod simple;

use super::words::{Words, single};
use crate::syntax::Random;

/// Where a statement stands, for what may be in it.
#[derive(Clone, Copy)]
struct Place {
    /// Functions that may be called: so many, from the first.
    functions: usize,
    /// Statements may have so many more within them.
    depth: usize,
    in_loop: bool,
    in_function: bool,
    in_entry: bool,
}

struct Generator {
    random: Random,
    counters: usize,
}

/// Functions' names, some of which are commands' too: those can't be called.
const FUNCTIONS: [&str; 6] = ["f", "g_1", "H", "_k", "true", "echo"];

/// The script of this number. The few that chance makes wrong, such as by two brackets in a row, are made anew.
pub fn script(number: u64) -> String {
    let mut attempts = (0..).map(|attempt: u64| {
        // Numbers that follow one another are to begin with different bits.
        let seed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (attempt << 32) | 1;
        let mut generator = Generator { random: Random(seed), counters: 0 };
        for _ in 0..8 {
            generator.random.below(2);
        }
        generator.script()
    });
    attempts.find(|script| pvgrub_script::check(script).is_ok()).unwrap_or_default()
}

impl Generator {
    fn words(&mut self) -> Words<'_> {
        Words { random: &mut self.random }
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        self.words().pick(of)
    }

    fn below(&mut self, n: usize) -> usize {
        self.random.below(n)
    }

    fn script(&mut self) -> String {
        let mut text = String::new();
        let mut place = Place { functions: 0, depth: 3, in_loop: false, in_function: false, in_entry: false };
        for _ in 0..2 + self.below(5) {
            if self.below(3) == 0 && place.functions < FUNCTIONS.len() {
                text += &self.function(place);
                place.functions += 1;
            }
            text += &self.block(place, 6);
            text += self.end();
        }
        text
    }

    /// What parts commands.
    fn end(&mut self) -> &'static str {
        self.pick(&[
            "\n",
            "\n",
            "\n",
            "\n",
            "\n\n",
            "; ",
            ";\n",
            " ;",
            " # it's a \"comment\n",
            "\n# {\n",
            "\n  ",
            " \n\t",
        ])
    }

    fn block(&mut self, place: Place, most: usize) -> String {
        let count = 1 + self.below(most);
        let mut text = self.statement(place);
        for _ in 1..count {
            let end = self.end();
            text += end;
            text += &self.statement(place);
        }
        text
    }

    /// Commands and the end of the last one.
    fn body(&mut self, place: Place, most: usize) -> String {
        let inner = Place { depth: place.depth.saturating_sub(1), ..place };
        let begin = self.pick(&[" ", "\n", "\n  ", "\n\n", "\n\t", " # then\n"]);
        let (block, end) = (self.block(inner, most), self.end());
        format!("{begin}{block}{end}")
    }

    fn function(&mut self, place: Place) -> String {
        let name = if self.below(8) == 0 {
            FUNCTIONS[self.below(FUNCTIONS.len())]
        } else {
            FUNCTIONS[place.functions.min(FUNCTIONS.len() - 1)]
        };
        // A name that was there before may be called by those before it.
        let functions = FUNCTIONS.iter().position(|other| *other == name).unwrap_or(0).min(place.functions);
        let inner = Place { functions, in_function: true, in_loop: false, ..place };
        let begin = self.pick(&[" {", "\n{", "  {", "\n\n {"]);
        let mut body = self.body(inner, 5);
        if self.below(4) == 0 {
            let fuel = self.counter();
            let bound = "x".repeat(1 + self.below(6));
            let args = self.words().words(3);
            body += &format!("if [ \"${fuel}\" '<' {bound} ]; then set {fuel}=x${fuel}; {name} {args}; fi\n");
        }
        format!("function {name}{begin}{body}}}{}", self.pick(&["\n", "\n", "; "]))
    }

    fn counter(&mut self) -> String {
        self.counters += 1;
        format!("count{}", self.counters)
    }

    fn statement(&mut self, place: Place) -> String {
        loop {
            let text = match self.below(40) {
                0..=7 => self.echo(),
                8..=12 => self.assignment(),
                13..=16 => self.tested(),
                17 => format!("{}\necho $? $a", self.words().regexp()),
                18 => {
                    let command = self.words().regexp();
                    format!("if {command}; then echo \"[$a] [$b] [$c]\"; else echo no; fi")
                }
                19..=20 if place.depth > 0 => self.conditional(place),
                21..=22 if place.depth > 0 => self.each(place),
                23 if place.depth > 0 => self.repeat(place),
                24..=26 if place.functions > 0 => {
                    let name = FUNCTIONS[self.below(place.functions)];
                    format!("{}{name} {}", self.pick(&["", "", "! "]), self.words().words(4))
                }
                27 if place.in_function => self
                    .pick(&[
                        "return",
                        "return 0",
                        "return 1",
                        "return 2",
                        "return 010",
                        "return x",
                        "return 1x",
                        "return 4294967297",
                        "return 1 2",
                    ])
                    .to_owned(),
                28 if place.in_function || place.in_entry => match self.below(2) {
                    0 => {
                        format!("shift {}", self.pick(&["", "", "1", "2", "0", "x", "1x", "99", "-1", "1 1"]))
                    }
                    _ => format!("setparams {}", self.words().words(4)),
                },
                29..=30 if place.in_loop => format!(
                    "{} {}",
                    self.pick(&["break", "continue"]),
                    self.pick(&[
                        "",
                        "",
                        "",
                        "1",
                        "2",
                        "3",
                        "99",
                        "0",
                        "x",
                        "2x",
                        "-1",
                        "1 1",
                        "18446744073709551616"
                    ])
                ),
                31..=33 if place.depth > 0 && (!place.in_entry || self.below(4) == 0) => self.entry(place),
                34 => self.other(),
                35 => self.evaluated(place),
                36 => self.status(),
                _ => continue,
            };
            return text;
        }
    }

    fn conditional(&mut self, place: Place) -> String {
        let mut text = format!("if {}{}then{}", self.conditions(), self.end(), self.body(place, 3));
        for _ in 0..self.below(3) {
            text += &format!("elif {}{}then{}", self.conditions(), self.end(), self.body(place, 2));
        }
        if self.below(2) == 0 {
            text += &format!("else{}", self.body(place, 3));
        }
        text + "fi"
    }

    fn each(&mut self, place: Place) -> String {
        let name = self.words().variable();
        let values = self.words().words(5);
        let inner = Place { in_loop: true, ..place };
        let body = self.body(inner, 4);
        format!("for {name} in {values}{}do{body}done", self.pick(&["; ", "\n", ";\n"]))
    }

    fn repeat(&mut self, place: Place) -> String {
        let counter = self.counter();
        let bound = "x".repeat(1 + self.below(4));
        let (word, operator) = if self.below(2) == 0 { ("while", "<") } else { ("until", ">") };
        let inner = Place { in_loop: true, ..place };
        let body = self.body(inner, 4);
        format!(
            "{word} set {counter}=x${counter}; [ \"${counter}\" '{operator}' {bound} ]{}do{body}done",
            self.end()
        )
    }

    fn entry(&mut self, place: Place) -> String {
        let command = self.pick(&["menuentry", "menuentry", "menuentry", "submenu"]);
        let title = single(
            self.pick(&["A", "B c", "it's", "", "x>y", "1", "--id", "$x", "ü", "a\\b", "{", "Title", "*"]),
        );
        let mut options = String::new();
        for _ in 0..self.below(4) {
            let word = single(self.pick(&["a", "b", "x y", "", "1", ">", "-x"]));
            let name = self.pick(&["--class", "--id", "--id", "--hotkey", "--users", "--source"]);
            let name = if name == "--source" && self.below(3) > 0 { "--class" } else { name };
            options += &match self.below(5) {
                0 => " --unrestricted".to_owned(),
                1 => format!(" {name}={word}"),
                _ => format!(" {name} {word}"),
            };
        }
        if self.below(20) == 0 {
            options += self.pick(&[" --none", " -x", " --", " --id", " --class", " -", " --unrestricted=x"]);
        }
        let args = self.words().words(2);
        let words = match self.below(3) {
            0 => format!("{options} {title} {args}"),
            _ => format!("{title}{options} {args}"),
        };
        let inner = Place { in_entry: true, in_loop: false, in_function: false, ..place };
        let mut body = String::from("\n");
        if command == "submenu" {
            for _ in 0..1 + self.below(2) {
                let lower = Place { depth: inner.depth.saturating_sub(1), ..inner };
                body += &if lower.depth > 0 {
                    self.entry(lower)
                } else {
                    "menuentry s { echo s $chosen; }".to_owned()
                };
                body += self.end();
            }
        }
        body += &format!("echo \"[$chosen] [$default]\" \"$@\"{}{}", self.end(), self.body(inner, 3));
        format!("{command} {words} {{{body}}}")
    }

    /// `eval`, of words and of commands.
    fn evaluated(&mut self, place: Place) -> String {
        if self.below(2) == 0 {
            return format!("eval {}", self.words().words(4));
        }
        let inner = Place { depth: 0, in_loop: false, ..place };
        format!("eval '{}'", self.block(inner, 2).replace('\'', "'\\''"))
    }
}
