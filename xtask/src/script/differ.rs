//! Random scripts, by GRUB and by pvgrub: what both print, the variables at the end, and what the entries do.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};

use super::grub::{BEGIN, Grub, MARK};
use super::{generate, ours};
use crate::packages::Suite;
use crate::sh;

/// Variables that GRUB has and pvgrub doesn't, or that tell the two apart.
pub const OWN: [&str; 19] = [
    "DAY=",
    "HOUR=",
    "MINUTE=",
    "MONTH=",
    "SECOND=",
    "WEEKDAY=",
    "YEAR=",
    "check_signatures=",
    "fw_path=",
    "cmdpath=",
    "config_directory=",
    "config_file=",
    "enable_progress_indicator=",
    "grub_platform=",
    "locale_dir=",
    "net_default_",
    "pxe_default_server=",
    "secondary_locale_dir=",
    "feature_",
];
/// Scripts that differ, and for what reason of docs/grub-cfg.md.
const KNOWN: [(u64, &str); 2] = [
    (3831, "a name without a slash is a list of blocks to GRUB's `-s`"),
    (6181, "`-ot` with the root of a volume, which `)` means"),
];
/// How long GRUB may take for a script.
const MOST: Duration = Duration::from_secs(20);
/// How many differing scripts are made smaller and shown.
const SHOWN: usize = 12;
/// How many smaller ones are tried for each.
const TRIED: u32 = 150;

/// What stands behind a script: the variables it left, and one of its entries is booted. GRUB waits between those that it falls back to.
fn whole(script: &str, entry: u64) -> String {
    format!(
        "{BEGIN}{script}\necho {MARK}\nunset config_file\nunset config_directory\nunset cmdpath\nset\n\
         unset timeout_style\nunset fallback\nset default={entry}\nset timeout=0\n"
    )
}

/// What is printed, without what must differ: docs/grub-cfg.md has the reasons.
fn compared(said: &str, suite: Suite) -> String {
    let mut text = String::new();
    let mut end = false;
    for line in said.lines().filter(|line| !OWN.iter().any(|own| line.starts_with(own))) {
        end = (end || line.ends_with(MARK)) && !line.starts_with("== ");
        // GRUB 2.12 names its own source's place.
        let line =
            match line.split_once("error: ").and_then(|(before, rest)| Some((before, rest.split_once(':')?)))
            {
                Some((before, (file, rest))) if file.ends_with(".c") => {
                    format!("{before}error: {}", rest.split_once(':').map_or(rest, |(_, text)| text))
                }
                _ => line.to_owned(),
            };
        // And `set` alone puts values between quotation marks.
        let line = if end && suite == Suite::Trixie { line.replace(['\'', '\\'], "") } else { line };
        text.push_str(line.trim_end());
        text.push('\n');
    }
    // grub-emu would look for it in the network.
    let mut text = text.replace("error: no server is specified.", "error: no disk.");
    while let Some((before, rest)) = text.split_once("error: disk `") {
        let Some((_, behind)) = rest.split_once("' not found.") else { break };
        text = format!("{before}error: no disk.{behind}");
    }
    // In loops `search` without --set names a volume more than once.
    while text.contains(" hd0,msdos1 hd0,msdos1") {
        text = text.replace(" hd0,msdos1 hd0,msdos1", " hd0,msdos1");
    }
    text
}

/// What both say of a script, and of one of its entries; `None` if GRUB does not end, or crashes.
pub fn both(grub: &Grub, files: &ours::Files, script: &str) -> Result<Option<(String, String)>> {
    let entries = ours::entries(files, &format!("{BEGIN}{script}\n"));
    let text = whole(script, (script.len() % entries.max(1)) as u64);
    let Some(theirs) = grub.run_text(&text, MOST)? else { return Ok(None) };
    let ours = ours::run(files, &text);
    // Once too deep, GRUB counts on from there: docs/grub-cfg.md.
    if theirs.contains("maximum recursion depth exceeded") {
        return Ok(Some((String::new(), String::new())));
    }
    Ok(Some((compared(&theirs, grub.suite), compared(&ours, grub.suite))))
}

/// Compares so many scripts from the first on; an error if any differs.
pub fn run(grub: &Grub, files: &ours::Files, first: u64, count: u64) -> Result<()> {
    sh::step(format!("{count} generated scripts, by both"));
    let next = AtomicU64::new(first);
    let (differing, endless) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let work = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= first + count {
                return Ok(());
            }
            let script = generate::script(number);
            match both(grub, files, &script)? {
                None => endless.lock().unwrap_or_else(|e| e.into_inner()).push(number),
                Some((theirs, ours)) if theirs != ours => {
                    differing.lock().unwrap_or_else(|e| e.into_inner()).push(number);
                }
                Some(_) => {}
            }
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        work()?;
        other.join().unwrap_or_else(|_| bail!("a comparison panicked"))
    })?;
    let (mut differing, endless) = (
        differing.into_inner().unwrap_or_else(|e| e.into_inner()),
        endless.into_inner().unwrap_or_else(|e| e.into_inner()),
    );
    differing.sort_unstable();
    if !endless.is_empty() {
        println!("GRUB did not end, or crashed: {endless:?}");
    }
    for (number, why) in KNOWN.iter().filter(|(number, _)| (first..first + count).contains(number)) {
        match differing.iter().position(|differing| differing == number) {
            Some(at) => _ = differing.remove(at),
            None => bail!("script {number} no longer differs, and is still listed: {why}"),
        }
        println!("{number} differs: {why}");
    }
    println!("{} differ: {differing:?}", differing.len());
    for number in differing.iter().take(SHOWN) {
        show(grub, files, *number)?;
    }
    if !differing.is_empty() {
        bail!("{} of {count} generated scripts differ: {differing:?}", differing.len());
    }
    if endless.len() as u64 > count / 100 {
        bail!("GRUB ends well with {} of {count} generated scripts only", count - endless.len() as u64);
    }
    Ok(())
}

/// Prints what is left of a script, and what both say of it.
fn show(grub: &Grub, files: &ours::Files, number: u64) -> Result<()> {
    let script = minimise(grub, files, &generate::script(number))?;
    if let Some((theirs, ours)) = both(grub, files, &script)? {
        let (theirs, ours) = (part(&theirs, &ours), part(&ours, &theirs));
        println!("==== {number}\n{script}\n---- GRUB\n{theirs}---- pvgrub\n{ours}");
    }
    Ok(())
}

/// The lines about the first one that differs.
fn part(one: &str, other: &str) -> String {
    let at = one.lines().zip(other.lines()).take_while(|(a, b)| a == b).count();
    one.lines().skip(at.saturating_sub(3)).take(6).map(|line| format!("{line}\n")).collect()
}

/// A smaller script that still differs: lines, then commands, then words are left out for as long as that helps.
fn minimise(grub: &Grub, files: &ours::Files, script: &str) -> Result<String> {
    let runs = Cell::new(0);
    let differs = |script: &str| -> Result<bool> {
        if runs.get() > TRIED || pvgrub_script::check(script).is_err() {
            return Ok(false);
        }
        runs.set(runs.get() + 1);
        Ok(both(grub, files, script)?.is_some_and(|(theirs, ours)| theirs != ours))
    };
    let mut best = script.to_owned();
    for separators in [&['\n'][..], &['\n', ';'][..], &['\n', ';', ' '][..]] {
        loop {
            let less = fewer(&best, separators, &differs)?;
            if less == best {
                break;
            }
            best = less;
        }
    }
    Ok(best)
}

fn fewer(script: &str, separators: &[char], differs: &dyn Fn(&str) -> Result<bool>) -> Result<String> {
    let mut pieces: Vec<String> = script.split_inclusive(separators).map(str::to_owned).collect();
    let mut size = pieces.len().div_ceil(2);
    while size > 0 {
        // From the end: what stands behind a difference is of no use.
        let mut end = pieces.len();
        while end > 0 {
            let mut less = pieces.clone();
            less.drain(end.saturating_sub(size)..end);
            if !less.is_empty() && differs(&less.concat())? {
                pieces = less;
            }
            end = end.saturating_sub(size).min(pieces.len());
        }
        size /= 2;
    }
    // A construct's first and last piece: what is between stays.
    for i in 0..pieces.len() {
        for j in (i + 1..pieces.len().min(i + 12)).rev() {
            if j < pieces.len() {
                let mut less = pieces.clone();
                less.remove(j);
                less.remove(i);
                if !less.is_empty() && differs(&less.concat())? {
                    pieces = less;
                }
            }
        }
    }
    Ok(pieces.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_scripts_are_valid() {
        for number in 0..500 {
            let script = generate::script(number);
            assert_eq!(pvgrub_script::check(&script), Ok(()), "{number}:\n{script}");
            assert_eq!(script, generate::script(number));
        }
    }

    #[test]
    fn fewer_pieces_that_still_differ() {
        let differs = |text: &str| Ok(text.contains("echo b") && text.contains("echo d"));
        let text = "echo a\necho b\necho c\necho d\necho e\n";
        assert_eq!(fewer(text, &['\n'], &differs).expect("no error"), "echo b\necho d\n");
    }
}
