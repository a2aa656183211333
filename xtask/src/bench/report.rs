//! What was found: a table for people, JSON for programs, and the files of the plots.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::plot::Plot;
use crate::{paths, sh};

/// What is promised of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
    /// Less.
    Below(f64),
}

impl Target {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Target::AtLeast(bound) => figure >= bound,
            Target::AtMost(bound) => figure <= bound,
            Target::Below(bound) => figure < bound,
        }
    }

    fn text(self) -> String {
        match self {
            Target::AtLeast(bound) => format!(">= {}", number(bound)),
            Target::AtMost(bound) => format!("<= {}", number(bound)),
            Target::Below(bound) => format!("< {}", number(bound)),
        }
    }
}

/// One figure of ours, perhaps beside another's.
#[derive(Clone, Debug)]
pub struct Row {
    what: String,
    ours: f64,
    unit: &'static str,
    peer: Option<(String, f64)>,
    target: Option<Target>,
}

impl Row {
    /// A figure by itself; a target is for it.
    pub fn new(what: impl Into<String>, ours: f64, unit: &'static str) -> Row {
        Row { what: what.into(), ours, unit, peer: None, target: None }
    }

    /// Beside another's figure; a target is for the ratio of ours to that.
    pub fn beside(mut self, peer: impl Into<String>, figure: f64) -> Row {
        self.peer = Some((peer.into(), figure));
        self
    }

    /// With a target.
    pub fn target(mut self, target: Target) -> Row {
        self.target = Some(target);
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.peer.as_ref().map(|(_, figure)| self.ours / figure)
    }

    fn verdict(&self) -> &'static str {
        match self.target {
            None => "",
            Some(target) if target.is_met(self.ratio().unwrap_or(self.ours)) => "met",
            Some(_) => "MISSED",
        }
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what, "pvgrub": self.ours, "unit": self.unit,
            "peer": self.peer.as_ref().map(|(name, _)| name), "peer_figure": self.peer.as_ref().map(|(_, f)| f),
            "ratio": self.ratio(), "target": self.target.map(Target::text), "verdict": self.verdict(),
        })
    }
}

/// What one part found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The figures.
    pub rows: Vec<Row>,
    /// Pictures of them, by file name.
    pub plots: Vec<(&'static str, Plot)>,
}

impl Outcome {
    /// Writes `NAME.json` and the plots.
    pub fn write(&self, dir: &Path, name: &str) -> Result<()> {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        let all = json!({ "part": name, "machine": machine(), "rows": rows });
        let file = dir.join(format!("{name}.json"));
        std::fs::write(&file, format!("{all:#}\n")).with_context(|| format!("writing {}", file.display()))?;
        for (name, plot) in &self.plots {
            plot.draw(&dir.join(format!("{name}.svg")))?;
        }
        Ok(())
    }
}

/// When and where this was: the figures mean nothing without.
fn machine() -> Value {
    let said = |program: &str, args: &[&str]| {
        let out = sh::output(Command::new(program).args(args).current_dir(paths::root()));
        out.map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
    };
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "date": said("date", &["-u", "+%F"]),
        "commit": said("git", &["describe", "--always", "--dirty"]),
        "cpu": model.map(|(_, name)| name),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "load": std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
    })
}

fn number(figure: f64) -> String {
    let text = match figure.abs() {
        1000.0.. => format!("{figure:.0}"),
        10.0.. => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The figures as a Markdown table.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut cells = vec![["what", "pvgrub", "beside", "ratio", "target", ""].map(str::to_owned)];
    for row in outcomes.iter().flat_map(|outcome| &outcome.rows) {
        let beside =
            row.peer.as_ref().map(|(name, figure)| format!("{name} {} {}", number(*figure), row.unit));
        cells.push([
            row.what.clone(),
            format!("{} {}", number(row.ours), row.unit),
            beside.unwrap_or_default(),
            row.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            row.target.map(Target::text).unwrap_or_default(),
            row.verdict().to_owned(),
        ]);
    }
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    cells.insert(1, widths.map(|width| "-".repeat(width)));
    let mut out = String::new();
    for row in &cells {
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(out, "| {cell:<width$} ");
        }
        out += "|\n";
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let row = Row::new("reading", 50.0, "MB/s").beside("dd", 100.0);
        assert_eq!(row.clone().target(Target::AtLeast(0.5)).verdict(), "met");
        assert_eq!(row.clone().target(Target::AtLeast(0.51)).verdict(), "MISSED");
        assert_eq!(row.target(Target::AtMost(0.5)).verdict(), "met");
        assert_eq!(Row::new("size", 600.0, "KB").target(Target::Below(600.0)).verdict(), "MISSED");
        assert_eq!(Row::new("size", 600.0, "KB").verdict(), "");
    }

    #[test]
    fn numbers_have_three_digits_or_so() {
        assert_eq!(
            [1234.5, 12.34, 1.234, 0.70, 2.0, 600.0].map(number),
            ["1234", "12.3", "1.23", "0.7", "2", "600"]
        );
    }

    #[test]
    fn a_table_lines_up() {
        let outcome = Outcome { rows: vec![Row::new("x", 1.0, "s").beside("peer", 2.0)], plots: Vec::new() };
        let table = table(&[outcome]);
        let widths: Vec<usize> = table.lines().map(str::len).collect();
        assert_eq!(widths.len(), 3);
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{table}");
        assert!(table.contains("0.50"));
    }
}
