//! docs/std-tests.md: the tests that are left out, and those that are known to fail, each with its reason.

use anyhow::{Context, Result, bail};

use crate::paths;

/// Why a test is not among those that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It starts processes.
    Processes,
    /// It catches a panic, or joins a thread that panicked.
    Unwinding,
    /// It needs what std for Hermit refuses, or does not have, by itself.
    Std,
    /// It needs another thread to run while it spins.
    Spins,
    /// It fails, and counts as failed.
    Fails,
    /// It passes: an exception from a pattern in a later row.
    Runs,
    /// It passes after many minutes.
    Slow,
}

impl Class {
    const NAMES: [(&'static str, Class); 7] = [
        ("processes", Class::Processes),
        ("unwinding", Class::Unwinding),
        ("std", Class::Std),
        ("spins", Class::Spins),
        ("fails", Class::Fails),
        ("runs", Class::Runs),
        ("slow", Class::Slow),
    ];

    /// The word in the table.
    pub fn name(self) -> &'static str {
        Class::NAMES.iter().find(|(_, class)| *class == self).map_or("", |(name, _)| name)
    }

    /// Whether the test is run all the same.
    pub fn is_run(self) -> bool {
        matches!(self, Class::Fails | Class::Runs | Class::Slow)
    }

    /// Whether the test counts among those that could pass.
    pub fn counts(self) -> bool {
        matches!(self, Class::Spins | Class::Fails)
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    program: String,
    test: String,
    /// Which kind of reason.
    pub class: Class,
}

impl Row {
    /// A pattern may end with `*`.
    fn names(&self, program: &str, test: &str) -> bool {
        let matches = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
            Some(start) => text.starts_with(start),
            None => pattern == text,
        };
        matches(&self.program, program) && matches(&self.test, test)
    }
}

/// What stands above the rows.
const HEADER: &str = "| program | test | kind | why |";

/// All rows.
#[derive(Debug)]
pub struct Table(Vec<Row>);

impl Table {
    /// The table in the manual.
    pub fn read() -> Result<Table> {
        let file = paths::root().join("docs/std-tests.md");
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        Table::parse(&text)
    }

    fn parse(text: &str) -> Result<Table> {
        let mut rows = Vec::new();
        // Other tables stand before.
        let lines = text.lines().skip_while(|line| *line != HEADER);
        for line in lines.filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [program, test, class, why] = cells[..] else {
                bail!("docs/std-tests.md: four cells, please: {line}");
            };
            let class = Class::NAMES.iter().find(|(name, _)| *name == class).map(|(_, class)| *class);
            let class = class.with_context(|| format!("docs/std-tests.md: no such kind: {line}"))?;
            if why.is_empty() {
                bail!("docs/std-tests.md: no reason: {line}");
            }
            let plain = |cell: &str| cell.trim_matches('`').to_owned();
            rows.push(Row { program: plain(program), test: plain(test), class });
        }
        Ok(Table(rows))
    }

    /// The first row that names the test.
    pub fn find(&self, program: &str, test: &str) -> Option<&Row> {
        self.0.iter().find(|row| row.names(program, test))
    }

    /// Rows for the program that name none of the tests.
    pub fn stale<'a>(&'a self, program: &str, tests: &[&str]) -> Vec<&'a str> {
        let of_program = self.0.iter().filter(|row| row.program == program);
        of_program
            .filter(|row| !tests.iter().any(|test| row.names(program, test)))
            .map(|row| row.test.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_with_patterns() {
        let text = "# x\n| program | test | kind | why |\n|---|---|---|---|\n\
                    | `std` | `net::*` | std | refused |\n| `core*` | `a::b` | fails | see #1 |\n";
        let table = Table::parse(text).unwrap();
        assert_eq!(table.find("std", "net::tcp::tests::x").unwrap().class, Class::Std);
        assert_eq!(table.find("core-x", "a::b").unwrap().class, Class::Fails);
        assert_eq!(table.find("std", "a::b"), None);
        assert_eq!(table.stale("std", &["fs::x"]), ["net::*"]);
        assert!(table.stale("std", &["net::x"]).is_empty());
    }

    #[test]
    fn rows_without_a_kind_or_a_reason_are_refused() {
        for row in ["| `a` | `b` | nonsense | why |", "| `a` | `b` | fails |  |", "| `a` | `b` | fails |"] {
            assert!(Table::parse(row).unwrap().0.is_empty(), "another table's");
            assert!(Table::parse(&format!("{HEADER}\n{row}\n")).is_err());
        }
    }

    #[test]
    fn the_manual_can_be_read() {
        Table::read().unwrap();
    }
}
