//! Comparing parsers: scripts, and damaged scripts, by pvgrub's and by grub-script-check.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{packages, sh};

/// What a damaged script may get in some place: all that the grammar is made of.
const PIECES: [&str; 40] = [
    " ",
    "\n",
    ";",
    "{",
    "}",
    "if ",
    "then ",
    "else ",
    "elif ",
    "fi",
    "for ",
    "in ",
    "do ",
    "done",
    "while ",
    "until ",
    "function ",
    "'",
    "\"",
    "\\",
    "\\\n",
    "$",
    "$x",
    "${",
    "${x}",
    "$1",
    "$?",
    "$\"",
    "#",
    "[",
    "]",
    "[[",
    "]]",
    "&&",
    "||",
    "|",
    "<",
    "!",
    "case ",
    ";;",
];

/// Gives both parsers the scripts, and `damaged` of what becomes of them; an error if their verdicts differ, or the line of the
/// first error.
pub fn run(tree: &Path, dir: &Path, scripts: &[PathBuf], damaged: u32) -> Result<()> {
    sh::step(format!("{} scripts and {damaged} damaged ones, by both parsers", scripts.len()));
    let mut texts = scripts.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    texts.iter_mut().for_each(|text| *text = without_comments(text));
    let mut random = Random(0x5eed_0001_c0de_f00d);
    let changed = (0..damaged).map(|_| without_comments(&damage(&texts, &mut random)));
    let all: Vec<String> = texts.iter().cloned().chain(changed).collect();
    let file = dir.join("checked.cfg");
    let mut differing = 0;
    let mut wrong = 0;
    for text in &all {
        std::fs::write(&file, text)?;
        let out = packages::command(tree, "usr/bin/grub-script-check")?
            .arg(&file)
            .env("LC_ALL", "C")
            .output()
            .context("starting grub-script-check")?;
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        let grub: Option<u32> =
            said.lines().find_map(|line| line.strip_prefix("Syntax error at line ")?.parse().ok());
        let ours = pvgrub_script::check(text);
        wrong += u32::from(grub.is_some());
        if grub != ours.as_ref().err().map(|error| error.line) {
            differing += 1;
            let verdict =
                ours.map_or_else(|error| format!("line {}: {}", error.line, error.text), |()| "fine".into());
            println!("--- pvgrub: {verdict}; GRUB: {said}---\n{text}");
        }
    }
    if differing > 0 {
        bail!("the parsers differ about {differing} of {} scripts", all.len());
    }
    sh::step(format!("both found {wrong} of {} wrong, and the others right", all.len()));
    Ok(())
}

/// GRUB never sees lines of a file that begin with `#`, not even between quotation marks; grub-script-check does.
fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

/// A script, or a part of one, with a few things in it put in, taken out or exchanged.
fn damage(texts: &[String], random: &mut Random) -> String {
    let Some(text) = texts.get(random.below(texts.len())) else { return String::new() };
    let lines: Vec<&str> = text.lines().collect();
    let from = random.below(lines.len().max(1));
    let count = 1 + random.below(12);
    let mut text: Vec<char> =
        lines.iter().skip(from).take(count).flat_map(|line| line.chars().chain(['\n'])).collect();
    for _ in 0..1 + random.below(3) {
        let at = random.below(text.len() + 1);
        let piece = PIECES.get(random.below(PIECES.len())).copied().unwrap_or_default();
        let length = if random.below(2) == 0 { 0 } else { (1 + random.below(4)).min(text.len() - at) };
        text.splice(at..at + length, if random.below(4) == 0 { "" } else { piece }.chars());
    }
    text.into_iter().collect()
}

/// Xorshift: the same scripts each time.
pub struct Random(pub u64);

impl Random {
    /// A number that is less than `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}
