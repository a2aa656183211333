//! Dependencies are under licences that let anyone use pvgrub.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::sh;

/// Licences that ask for no more than to be named.
const GOOD: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// An error that names each dependency whose licence is not among the good ones.
pub fn check() -> Result<()> {
    let text = sh::output(&mut super::cargo(&["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo's metadata")?;
    let packages = metadata["packages"].as_array().context("cargo's metadata has no packages")?;
    let mut wrong = Vec::new();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or_default();
        if !is_good(licence) {
            wrong.push(format!("{} {}: {licence:?}", package["name"], package["version"]));
        }
    }
    sh::step(format!("{} packages", packages.len()));
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

/// Of alternatives one must be good, of a sum all.
fn is_good(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ");
    if let Some(inner) = strip_parentheses(&plain) {
        return is_good(inner);
    }
    let alternatives = split(&plain, " OR ");
    if alternatives.len() > 1 {
        return alternatives.into_iter().any(is_good);
    }
    let sum = split(&plain, " AND ");
    if sum.len() > 1 { sum.into_iter().all(is_good) } else { GOOD.contains(&plain.trim()) }
}

fn strip_parentheses(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    // `(A) OR (B)` begins and ends so too.
    let mut depth = 0i32;
    let balanced = inner.chars().all(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth >= 0
    });
    balanced.then_some(inner)
}

/// Splits at a word, but not inside parentheses.
fn split<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0i32);
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 && at >= start && text[at..].starts_with(word) {
            parts.push(&text[start..at]);
            start = at + word.len();
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::is_good;

    #[test]
    fn expressions() {
        for good in
            ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-2.0) AND Unicode-3.0", "(MIT) OR (ISC)"]
        {
            assert!(is_good(good), "{good}");
        }
        for bad in ["", "GPL-3.0-only", "MIT AND GPL-2.0", "(MIT OR ISC) AND MPL-2.0"] {
            assert!(!is_good(bad), "{bad}");
        }
    }
}
