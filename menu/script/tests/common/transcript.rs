//! What pvgrub prints, in the form in which GRUB's words are compared: tests/scripts.rs and `cargo xtask script` want it.

use std::fmt::Write;

use pvgrub_script::{Outcome, Shell};

use super::common::Fake;

/// Boots the default entry, and those that follow it, as GRUB does when nobody touches a key; how it ends.
pub fn play(shell: &mut Shell, host: &mut Fake) -> &'static str {
    let mut next = Some(shell.settings().default);
    loop {
        let Some(entry) = next.and_then(|index| shell.entries().get(index)) else { return "[menu]" };
        writeln!(host.out, "\n== {}", entry.title.replace('\n', " ")).expect("a text takes all");
        next = match shell.run_entry(host, next.unwrap_or(0), true) {
            // A menu that waits.
            Outcome::Menu if shell.settings().timeout != Some(0) => return "[menu]",
            Outcome::Menu => Some(shell.settings().default),
            Outcome::Exit => return "[exit]",
            // Whatever comes back did not boot.
            _ => shell.next_fallback(),
        };
    }
}

/// What `xtask::script` makes of GRUB's words: no empty lines, and of syntax errors only that there are some.
pub fn plain(text: &str) -> String {
    // Behind `echo -n` too a line is looked at for itself.
    let text = expand_tabs(text).replace("error: line ", "\nerror: line ");
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let line = if line.starts_with("error: line ") { "error: syntax" } else { line };
        if line != "error: syntax" || lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

/// What a terminal makes of tabs.
fn expand_tabs(text: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let mut column = 0;
        for c in line.chars() {
            let width = match c {
                '\t' => 8 - column % 8,
                '\u{7}' => 0,
                _ => 1,
            };
            column += width;
            if c == '\t' { out.extend(std::iter::repeat_n(' ', width)) } else { out.push(c) }
        }
    }
    out
}
