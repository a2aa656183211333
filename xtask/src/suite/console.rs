//! What a domain of tests says on its console.

use anyhow::{Context, Result};

/// How a test wants to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is to return.
    Plain,
    /// It is to panic.
    Panics,
    /// Its author leaves it out.
    Ignored,
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be, after so many milliseconds.
    Passed(u32),
    /// Not as it should be, and this is what it said.
    Failed(String),
    /// The domain crashed in it, with these last words.
    Crashed(String),
    /// Nothing came for too long.
    Hung,
}

/// The answer to `list`.
pub fn listed(text: &str) -> Result<Vec<(String, Mode)>> {
    let mut tests = Vec::new();
    let mut count = None;
    for line in text.lines().filter_map(|line| line.trim_end().strip_prefix("suite: ")) {
        if let Some(number) = line.strip_suffix(" in all") {
            count = number.parse::<usize>().ok();
            continue;
        }
        let Some((mode, name)) = line.split_once(' ') else { continue };
        let mode = match mode {
            "plain" => Mode::Plain,
            "panics" => Mode::Panics,
            "ignored" => Mode::Ignored,
            _ => continue,
        };
        tests.push((name.to_owned(), mode));
    }
    let count = count.context("the list of tests has no end")?;
    anyhow::ensure!(count == tests.len(), "{} tests of {count} came", tests.len());
    Ok(tests)
}

/// The outcomes of `names`, which were run in this order, as far as `text` tells them. The last one may have begun and
/// have none: then the domain ended in it.
pub fn outcomes(text: &str, names: &[String]) -> (Vec<Outcome>, Option<String>) {
    let text = text.replace('\r', "");
    let mut found = Vec::new();
    let mut rest = text.as_str();
    for (i, name) in names.iter().enumerate() {
        let Some((_, after)) = rest.split_once(&format!("test {name} ... ")) else { break };
        let next = names.get(i + 1).and_then(|next| after.find(&format!("test {next} ... ")));
        let said = &after[..next.unwrap_or(after.len())];
        match said.lines().find_map(verdict) {
            Some(outcome) => found.push(outcome),
            None => return (found, Some(words(said))),
        }
        rest = after;
    }
    (found, None)
}

/// A test's own output may stand before the verdict, on the same line too.
fn verdict(line: &str) -> Option<Outcome> {
    if let Some(why) = line.find("FAILED: ").map(|at| &line[at + 8..]) {
        return Some(Outcome::Failed(why.to_owned()));
    }
    let ms = line
        .strip_suffix(" ms)")
        .and_then(|line| line.rsplit_once("ok ("))
        .and_then(|(_, ms)| ms.parse().ok());
    ms.map(Outcome::Passed)
}

/// The last words of a domain, in one line: std's message has two.
fn words(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let start = lines.iter().position(|line| line.contains("panicked at")).unwrap_or(0);
    let mut text: String = lines[start..].iter().take(4).copied().collect::<Vec<_>>().join(" / ");
    if let Some((at, _)) = text.char_indices().nth(300) {
        text.truncate(at);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_list_needs_its_end() {
        let text =
            "[info] up\r\nsuite: plain a::b\r\nsuite: panics c\r\nsuite: ignored d\r\nsuite: 3 in all\r\n";
        let wanted = [("a::b", Mode::Plain), ("c", Mode::Panics), ("d", Mode::Ignored)];
        assert_eq!(listed(text).unwrap(), wanted.map(|(name, mode)| (name.to_owned(), mode)));
        assert!(listed("suite: plain a\n").is_err());
        assert!(listed("suite: plain a\nsuite: 2 in all\n").is_err());
    }

    #[test]
    fn outcomes_among_other_output() {
        let text = "suite: 3 tests\r\ntest a ... ok (3 ms)\r\ntest b ... noise\r\nmore ok (0 ms)\r\n\
                    test c ... FAILED: no\r\nsuite: end of the list\r\n";
        let (found, open) = outcomes(text, &names(&["a", "b", "c"]));
        assert_eq!(found, [Outcome::Passed(3), Outcome::Passed(0), Outcome::Failed("no".into())]);
        assert_eq!(open, None);
    }

    #[test]
    fn a_crash_names_its_test_and_words() {
        let text = "test a ... ok (3 ms)\ntest ab ... hm\nthread 'ab' (9) panicked at x.rs:1:2:\nboom\n";
        let (found, open) = outcomes(text, &names(&["a", "ab", "c"]));
        assert_eq!(found, [Outcome::Passed(3)]);
        assert_eq!(open.unwrap(), "thread 'ab' (9) panicked at x.rs:1:2: / boom");
    }

    #[test]
    fn what_never_began_has_no_outcome() {
        assert_eq!(outcomes("nothing\n", &names(&["a"])), (vec![], None));
    }
}
