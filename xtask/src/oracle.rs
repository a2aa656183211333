//! Comparing two of bootcheck's reports: of the guest as xl starts it, and as pvgrub does. docs/oracle.md is the text to
//! this.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

/// What bootcheck printed, line by line, without what may differ from one start to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    lines: Vec<String>,
}

impl Report {
    /// Finds the report in all that came over a console. An error if it isn't there, or isn't whole.
    pub fn parse(console: &str) -> Result<Report> {
        let mut lines = console.lines().filter_map(|line| line.trim_end_matches('\r').strip_prefix("bc "));
        lines.find(|line| *line == "begin 1").context("bootcheck's report does not begin")?;
        // The first line counts too.
        let mut count = 1;
        let mut kept = Vec::new();
        for line in lines {
            count += 1;
            if let Some(said) = line.strip_prefix("end ") {
                ensure!(said == count.to_string(), "bootcheck says it printed {said} lines; {count} came");
                return Ok(Report { lines: kept });
            }
            if !line.starts_with('~') {
                kept.push(line.to_owned());
            }
        }
        bail!("bootcheck's report breaks off after: {}", kept.last().map_or("nothing", |line| line))
    }

    /// The value of the first line that begins with `key` and a space.
    pub fn value(&self, key: &str) -> Result<&str> {
        let mut values = self.lines.iter().filter_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        values.next().with_context(|| format!("the report has no {key}"))
    }

    /// An error unless the value is this.
    pub fn is(&self, key: &str, wanted: &str) -> Result<()> {
        let found = self.value(key)?;
        ensure!(found == wanted, "bootcheck reports {key} {found}, not {wanted}");
        Ok(())
    }

    /// How often each line comes.
    fn counted(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        self.lines.iter().for_each(|line| *counts.entry(line.as_str()).or_insert(0) += 1);
        counts
    }

    /// Lines that are here and not, or not so often, there.
    fn without<'a>(&'a self, there: &Report) -> Vec<&'a str> {
        let mut counts = there.counted();
        let mut left = Vec::new();
        for line in &self.lines {
            match counts.get_mut(line.as_str()) {
                Some(count) if *count > 0 => *count -= 1,
                _ => left.push(line.as_str()),
            }
        }
        left
    }
}

/// A difference that is as it should be.
pub struct Explained {
    /// What the lines in question begin with; docs/oracle.md has a section of this name.
    pub key: &'static str,
    /// Looks at the values by xl and by pvgrub, which differ: is it this difference and no other?
    allows: fn(xl: &[&str], pvgrub: &[&str]) -> bool,
}

/// All differences that are explained. What isn't here must agree.
pub const EXPLAINED: [Explained; 4] = [
    // Both sides' indices run on; that nothing is left in the ring is a line of its own.
    Explained { key: "console.ring indices", allows: |xl, pvgrub| xl.len() == 1 && pvgrub.len() == 1 },
    Explained { key: "store.ring indices", allows: |xl, pvgrub| xl.len() == 1 && pvgrub.len() == 1 },
    // A grant table grows and never shrinks.
    Explained {
        key: "grants frames",
        allows: |xl, pvgrub| match (numbers(xl).as_slice(), numbers(pvgrub).as_slice()) {
            ([before], [after]) => after > before,
            _ => false,
        },
    },
    // A backend writes these once it has been connected, and leaves them.
    Explained {
        key: "store /local/domain/0/backend/vbd/ID/",
        allows: |xl, pvgrub| xl.is_empty() && pvgrub.iter().all(|line| is_offer(line)),
    },
];

/// Whether a line (device, key and value) is something that a block backend tells of itself.
fn is_offer(line: &str) -> bool {
    let Some((_, key)) = line.split_once('/') else { return false };
    let name = key.split(' ').next().unwrap_or_default();
    name.starts_with("feature-")
        || name.starts_with("discard-")
        || ["info", "sectors", "sector-size", "physical-sector-size", "max-ring-page-order"].contains(&name)
}

fn numbers(values: &[&str]) -> Vec<u64> {
    values.iter().filter_map(|value| value.trim().parse().ok()).collect()
}

/// What came of a comparison.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// As it should not be: `-` is xl's line, `+` pvgrub's.
    pub unexplained: Vec<String>,
    /// Keys of the explanations that were needed.
    pub explained: Vec<&'static str>,
}

/// Compares xl's report with pvgrub's.
pub fn compare(xl: &Report, pvgrub: &Report) -> Differences {
    let (mut gone, mut new) = (xl.without(pvgrub), pvgrub.without(xl));
    let mut differences = Differences::default();
    for Explained { key, allows } in &EXPLAINED {
        let before: Vec<&str> = gone.iter().filter_map(|line| line.strip_prefix(key)).collect();
        let after: Vec<&str> = new.iter().filter_map(|line| line.strip_prefix(key)).collect();
        if (before.len(), after.len()) != (0, 0) && allows(&before, &after) {
            gone.retain(|line| !line.starts_with(key));
            new.retain(|line| !line.starts_with(key));
            differences.explained.push(key);
        }
    }
    differences.unexplained.extend(gone.iter().map(|line| format!("- {line}")));
    differences.unexplained.extend(new.iter().map(|line| format!("+ {line}")));
    differences
}

/// bootcheck's hash: FNV-1a over little-endian 64-bit words, the last one filled up with zeroes.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const XL: &str = "Linux or so\r\nbc begin 1\r\nbc reg.rax 0x0\r\nbc ~start.store_mfn 0x12\r\n\
                      bc console.ring indices in 0 0 out 0 0\r\nbc grants frames 1\r\nbc map 0x0+5 pfn 0x0\r\n\
                      bc map 0x5+5 pfn 0x9\r\nbc end 8\r\n";

    fn other(from: &str, to: &str) -> Report {
        assert!(XL.contains(from));
        Report::parse(&XL.replace(from, to)).unwrap()
    }

    #[test]
    fn a_report_is_found_and_must_be_whole() {
        let report = Report::parse(XL).unwrap();
        assert_eq!(report.value("grants frames").unwrap(), "1");
        assert_eq!(report.lines.len(), 5);
        assert!(report.is("reg.rax", "0x0").is_ok());
        assert!(report.is("reg.rax", "0x1").is_err());
        assert!(report.value("start.store_mfn").is_err());
        assert!(Report::parse("hello\n").is_err());
        assert!(Report::parse(XL.split("bc end").next().unwrap()).is_err());
        assert!(Report::parse(&XL.replace("bc grants frames 1\r\n", "")).is_err());
    }

    #[test]
    fn equal_reports_do_not_differ() {
        let xl = Report::parse(XL).unwrap();
        assert_eq!(compare(&xl, &xl), Differences::default());
        // A line that the comparison passes over.
        assert_eq!(compare(&xl, &other("store_mfn 0x12", "store_mfn 0x99")), Differences::default());
    }

    #[test]
    fn every_other_line_counts() {
        let xl = Report::parse(XL).unwrap();
        for (from, to) in
            [("rax 0x0", "rax 0x1"), ("pfn 0x9", "pfn 0x8"), ("map 0x0+5 pfn 0x0", "map 0x5+5 pfn 0x9")]
        {
            let found = compare(&xl, &other(from, to)).unexplained;
            assert_eq!(found.len(), 2, "{found:?}");
        }
    }

    #[test]
    fn explanations_take_their_difference_and_no_other() {
        let xl = Report::parse(XL).unwrap();
        let found = compare(&xl, &other("in 0 0 out 0 0", "in 1 1 out 70 70"));
        assert_eq!(found, Differences { unexplained: vec![], explained: vec!["console.ring indices"] });
        assert_eq!(compare(&xl, &other("frames 1", "frames 3")).explained, ["grants frames"]);
        assert_eq!(compare(&xl, &other("frames 1", "frames 0")).unexplained.len(), 2);
        assert_eq!(compare(&xl, &other("frames 1", "frames x")).unexplained.len(), 2);
    }

    #[test]
    fn a_backend_may_have_said_more_but_not_another_state() {
        let at = "store /local/domain/0/backend/vbd/ID/51712";
        let parse = |line: &str| {
            let text = XL.replace("bc grants", &format!("bc {at}/{line}\r\nbc grants"));
            Report::parse(&text.replace("end 8", "end 9")).unwrap()
        };
        let xl = Report::parse(XL).unwrap();
        assert_eq!(compare(&xl, &parse("sectors = 2048")).explained.len(), 1);
        assert_eq!(compare(&parse("state = 2"), &parse("state = 4")).unexplained.len(), 2);
        assert_eq!(compare(&parse("sectors = 2048"), &xl).unexplained.len(), 1);
    }

    #[test]
    fn the_manual_explains_each() {
        let manual = include_str!("../../docs/oracle.md");
        for explanation in &EXPLAINED {
            assert!(
                manual.contains(&format!("`{}`", explanation.key)),
                "docs/oracle.md lacks {}",
                explanation.key
            );
        }
    }

    #[test]
    fn hash_of_known_bytes() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"abc"), hash(b"abc\0\0\0\0\0"));
        assert_ne!(hash(b"abcdefgh"), hash(b"abcdefg"));
    }
}
