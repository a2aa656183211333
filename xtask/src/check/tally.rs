//! docs/unsafe.md names every file that has unsafe code, and how much: this check keeps it true.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail};

use super::source;
use crate::paths;

const PAGE: &str = "docs/unsafe.md";
/// All unsafe code is beneath this directory.
const BASE: &str = "platform-xen/";

/// What of unsafe code there is in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    /// `unsafe { … }`.
    blocks: usize,
    /// `unsafe fn`, also `extern`.
    functions: usize,
    /// `unsafe impl`, `unsafe trait`.
    promises: usize,
    /// `unsafe extern { … }` and `#[unsafe(…)]`: names that the linker joins.
    names: usize,
    /// `global_asm!`, for which Rust has no such word.
    assembly: usize,
}

impl Tally {
    fn sum(self, other: Tally) -> Tally {
        Tally {
            blocks: self.blocks + other.blocks,
            functions: self.functions + other.functions,
            promises: self.promises + other.promises,
            names: self.names + other.names,
            assembly: self.assembly + other.assembly,
        }
    }
}

/// As the columns of the page.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { blocks, functions, promises, names, assembly } = self;
        write!(f, "{blocks} | {functions} | {promises} | {names} | {assembly}")
    }
}

/// Counts in a file's text.
fn tally(text: &str) -> Tally {
    let mut code: String = text.lines().flat_map(|line| [source::outside(line), "\n".to_owned()]).collect();
    // So that each bracket is a word.
    for bracket in ["{", "(", "#", "[", "<"] {
        code = code.replace(bracket, &format!(" {bracket} "));
    }
    let words: Vec<&str> = code.split_whitespace().collect();
    let mut tally = Tally::default();
    for (at, word) in words.iter().enumerate() {
        let next = |n: usize| words.get(at + n).copied().unwrap_or_default();
        // The string in `extern "C"` was taken out with all others.
        match (*word, next(1)) {
            ("global_asm!" | "core::arch::global_asm!", _) => tally.assembly += 1,
            ("unsafe", "{") => tally.blocks += 1,
            ("unsafe", "impl" | "trait") => tally.promises += 1,
            ("unsafe", "(") => tally.names += 1,
            ("unsafe", "extern") if next(2) == "{" => tally.names += 1,
            // A type, `unsafe fn(…)`, has no name and is no code.
            ("unsafe", "fn") if next(2) != "(" => tally.functions += 1,
            ("unsafe", "extern") if next(3) != "(" => tally.functions += 1,
            _ => {}
        }
    }
    tally
}

/// The rows `` | `file` | … `` of the page, from the column after the file's to the one of assembly.
fn rows(page: &str) -> BTreeMap<String, String> {
    let row = |line: &str| {
        let (file, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let numbers: Vec<&str> = rest.split(" | ").take(5).collect();
        file.ends_with(".rs").then(|| (file.to_owned(), numbers.join(" | ")))
    };
    page.lines().filter_map(row).collect()
}

/// The page lists exactly the files that have unsafe code, with their numbers, and the right sum.
pub fn check() -> Result<()> {
    let page = std::fs::read_to_string(paths::root().join(PAGE)).context(PAGE)?;
    let mut said = rows(&page);
    let mut wrong = Vec::new();
    let mut all = Tally::default();
    for file in source::tracked(".rs")?.into_iter().filter(|file| file.starts_with(BASE)) {
        let text = std::fs::read_to_string(paths::root().join(&file)).with_context(|| file.clone())?;
        let found = tally(&text);
        all = all.sum(found);
        let name = file.trim_start_matches(BASE);
        match (said.remove(name), found == Tally::default()) {
            (None, true) => {}
            (Some(numbers), false) if numbers == found.to_string() => {}
            (Some(_), true) => wrong.push(format!("{name} has no unsafe code any more")),
            (_, false) => wrong.push(format!("the row of {name} should say: | `{name}` | {found} |")),
        }
    }
    wrong.extend(said.into_keys().map(|name| format!("there is no {name}")));
    let sum = format!("| **all** | {all} |");
    if !page.contains(&sum) {
        wrong.push(format!("the last row should say: {sum}"));
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{PAGE}:\n{}", wrong.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::{Tally, rows, tally};

    #[test]
    fn each_kind_is_told_from_the_others() {
        // Spelled otherwise, as this file has no such code.
        let text = r#"
            // @ { in a comment }
            #[@(no_mangle)]
            pub @ extern "C" fn a() { @ { "@ {" } }
            @ extern "C" {
                fn platform_xen_switch();
            }
            @ impl<T> Sync for A<T> {}
            pub @ trait Hal {}
            let entry: @ extern "C" fn() = b;
            @ fn b<'a, T>(at: *const T) {}
            let x = @
                { 1 };
            core::arch::global_asm!("");
            #![forbid(@_code)]
        "#
        .replace('@', "unsafe");
        let found = Tally { blocks: 2, functions: 2, promises: 2, names: 2, assembly: 1 };
        assert_eq!(tally(&text), found);
    }

    #[test]
    fn a_row_of_the_page() {
        let rows = rows("| `src/a.rs` | 1 | 0 | 2 | 0 | 0 | keeps | `x` |\n| **all** | 1 | 0 | 2 | 0 | 0 |");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows["src/a.rs"], "1 | 0 | 2 | 0 | 0");
    }
}
