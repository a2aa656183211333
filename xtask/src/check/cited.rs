//! Pages that name tests as their proof: each test must be there, on the host or in the lab.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use super::source;
use crate::{cases, paths};

const PAGES: [&str; 2] = ["docs/security.md", "docs/unsafe.md"];

/// What stands between backticks.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

/// A function's name that can't be anything else: words joined by underscores.
fn is_function(word: &str) -> bool {
    word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The names of all functions in a text.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    let end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    text.split("fn ").skip(1).filter_map(move |rest| rest.split(end).next())
}

/// Every function and every lab case that the pages name exists. `theme/*` and `theme/` are all cases of a theme.
pub fn check() -> Result<()> {
    let mut sources = Vec::new();
    for file in source::tracked(".rs")? {
        sources.push(std::fs::read_to_string(paths::root().join(&file)).with_context(|| file.clone())?);
    }
    let known: BTreeSet<&str> = sources.iter().flat_map(|text| functions(text)).collect();
    let cases = cases::all();
    let themes: BTreeSet<&str> = cases.iter().filter_map(|case| Some(case.name.split_once('/')?.0)).collect();
    let mut missing = Vec::new();
    for name in PAGES {
        let page = std::fs::read_to_string(paths::root().join(name)).context(name)?;
        for word in quoted(&page) {
            let is_there = match word.split_once('/') {
                Some((theme, rest)) if themes.contains(theme) && !word.ends_with(".rs") => {
                    let begin = word.trim_end_matches('*');
                    // Some themes are named like directories, of which only the first part says something here.
                    rest.contains('/') || cases.iter().any(|case| case.name.starts_with(begin))
                }
                _ => !is_function(word) || known.contains(word),
            };
            if !is_there {
                missing.push(format!("{name}: there is no `{word}`"));
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { bail!("{}", missing.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::{functions, is_function, quoted};

    #[test]
    fn names_are_told_from_other_words() {
        let page = "see `a_test` and `src/a.rs`, `Lie::Twice`, `heap`";
        assert_eq!(quoted(page).filter(|word| is_function(word)).collect::<Vec<_>>(), ["a_test"]);
        let text = "#[test]\nfn a_test() {}\npub(super) fn b<'a>(x: fn ()) {}";
        assert_eq!(functions(text).collect::<Vec<_>>(), ["a_test", "b", ""]);
    }
}
