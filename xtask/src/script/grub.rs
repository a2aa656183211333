//! Debian's GRUB 2 as an ordinary program, and what it prints.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};

use super::disk::{self, Partition};
use super::{home, scripts};
use crate::packages::{self, Suite};
use crate::paths;

/// The most that is read of what it prints.
const MOST: usize = 1 << 20;
/// Volume of the scripts, as menu/script/tests/common has it.
const LABEL: &str = "fixtures";
const UUID: &str = "5b1f9f8e-3f27-4b0c-9a55-2f3c7d1e0a42";
/// What stands before its name's second half, at the head of a menu.
const TITLE: &str = "GNU";
/// What is printed between a configuration and its entry.
pub const MARK: &str = "@@menu@@";
/// What a configuration begins with: the volume, and no dots while files are read.
pub const BEGIN: &str = "set enable_progress_indicator=0\nexport enable_progress_indicator\nset root=hd0,msdos1\n\
     set prefix=(hd0,msdos1)/boot/grub\n";

/// grub-emu and its disk.
pub struct Grub<'a> {
    /// The packages.
    pub tree: &'a Path,
    /// Where they are from.
    pub suite: Suite,
    /// Where the disk is.
    pub dir: &'a Path,
}

impl Grub<'_> {
    /// A disk with one partition: the scripts, and the files that they look at.
    pub fn make_disk(&self) -> Result<()> {
        let stage = self.dir.join("stage");
        copy(&home().join("files"), &stage)?;
        for script in scripts()? {
            let to = paths::ensure(stage.join("scripts"))?.join(script.file_name().unwrap_or_default());
            std::fs::copy(&script, to)?;
        }
        date(&stage, false)?;
        let image = self.dir.join("disk");
        let (label, uuid) = (Some(LABEL.to_owned()), Some(UUID.to_owned()));
        disk::make(&image, "dos", &[Partition { number: 1, stage, label, uuid }])?;
        std::fs::write(self.dir.join("device.map"), format!("(hd0) {}\n", image.display()))?;
        Ok(())
    }

    /// All that GRUB makes of a script, in the form of menu/script/tests/scripts.rs.
    pub fn transcript(&self, script: &Path) -> Result<String> {
        let text = std::fs::read_to_string(script)?;
        let entries: usize = match text.lines().next().and_then(|line| line.strip_prefix("# entries: ")) {
            Some(number) => number.parse()?,
            None => 0,
        };
        let name = script.file_name().unwrap_or_default().to_string_lossy();
        let mut out = String::new();
        let mut config = String::new();
        for choice in (0..entries).map(Some).chain([None]) {
            let said = self.run(&name, choice)?;
            let (before, after) = said.split_once(&format!("{MARK}\n")).unwrap_or((&said, ""));
            ensure!(config.is_empty() || config == before, "the script prints something else each time");
            config = before.to_owned();
            match choice {
                Some(index) => out.push_str(&format!("@@ entry {index}\n{after}")),
                None if entries > 0 => out.push_str(&format!("@@ default\n{after}")),
                None => {}
            }
        }
        Ok(format!("@@ config\n{config}{out}"))
    }

    /// Runs a script, then the entry that is to be chosen, or else the default one.
    fn run(&self, name: &str, choice: Option<usize>) -> Result<String> {
        let choice = choice.map_or(String::new(), |index| format!("set default={index}\n"));
        let config =
            format!("{BEGIN}source (hd0,msdos1)/scripts/{name}\necho {MARK}\n{choice}set timeout=0\n");
        self.run_text(&config, Duration::from_secs(60))?.context("it does not end")
    }

    /// Runs the text of a configuration file; `None` if that does not end, or GRUB crashes.
    pub fn run_text(&self, config: &str, most: Duration) -> Result<Option<String>> {
        let home = tempfile::tempdir_in(self.dir)?;
        let home = home.path();
        // As wide as any line, which would be wrapped between words, and so high that no pager waits.
        let wide = "terminfo -u -g 8000x250 console vt100-color\n";
        std::fs::write(home.join("grub.cfg"), format!("{wide}{config}"))?;
        let mut cmd = packages::command(self.tree, "usr/bin/grub-emu")?;
        cmd.arg("-d").arg(home).arg("-m").arg(self.dir.join("device.map"));
        cmd.env("TERM", "vt100").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = cmd.spawn().context("starting grub-emu")?;
        // For all that waits for a key. One now and then: GRUB throws away what was typed ahead, for as long as there is any.
        let mut keys = child.stdin.take().context("no input")?;
        let press = std::thread::spawn(move || {
            while keys.write_all(b"\n").is_ok() {
                std::thread::sleep(Duration::from_millis(20))
            }
        });
        let said = listen(&mut child, most);
        _ = child.kill();
        let crashed = child.wait()?.code().is_none_or(|code| code != 0);
        _ = press.join();
        let broken = |said: &str, ended| ended && (crashed || said.contains("exceeds YYLMAX"));
        Ok(said?.filter(|(said, ended)| !broken(said, *ended)).map(|(said, ended)| plain(&said, ended)))
    }
}

/// Reads until GRUB ends, or shows a menu or its prompt; which of the two. `None` if it takes too long.
fn listen(child: &mut Child, most: Duration) -> Result<Option<(String, bool)>> {
    let mut stdout = child.stdout.take().context("no output")?;
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut buf = [0; 4096];
        while let Ok(n @ 1..) = stdout.read(&mut buf) {
            if send.send(buf[..n].to_vec()).is_err() {
                break;
            }
        }
    });
    let until = Instant::now() + most;
    let mut bytes = Vec::new();
    loop {
        match receive.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(more) => bytes.extend(more),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                return Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), true)));
            }
            Err(_) => return Ok(None),
        }
        // It may be printing without an end.
        if bytes.len() > MOST || Instant::now() > until {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some((before, _)) = text.split_once("GRUB  version") {
            return Ok(Some((before.trim_end().trim_end_matches(TITLE).to_owned(), false)));
        }
    }
}

/// GRUB's words without what only concerns the screen.
fn plain(said: &str, ended: bool) -> String {
    let mut text = String::new();
    let mut rest = said.chars().filter(|c| *c != '\r').peekable();
    while let Some(c) = rest.next() {
        if c == '\x1b' && rest.next_if_eq(&'[').is_some() {
            while rest.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
        } else {
            text.push(c);
        }
    }
    let noise = [
        "Welcome to GRUB!",
        "Press any key to continue...",
        "Failed to boot both default and fallback entries.",
    ];
    let syntax = ["error: syntax error.", "error: Incorrect command.", "error: $.", "error: out of memory."];
    // A title is one line.
    let pieces: Vec<String> = text
        .split_inclusive("'\n")
        .map(|piece| match piece.rfind("  Booting `") {
            Some(at) if piece.ends_with("'\n") => {
                let (before, title) = piece.split_at(at);
                format!("{before}{}\n", title.trim_end().replace('\n', " "))
            }
            _ => piece.to_owned(),
        })
        .collect();
    let mut text = pieces.concat();
    // Behind `echo -n` too they are looked at for themselves.
    for word in syntax.iter().chain(&["  Booting `", "   Falling back to `"]) {
        text = text.replace(word, &format!("\n{word}"));
    }
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !noise.contains(&line.trim())) {
        let title = line.strip_prefix("  Booting `").or_else(|| line.strip_prefix("   Falling back to `"));
        let line = match title.and_then(|line| line.strip_suffix('\'')) {
            Some(title) => format!("== {title}"),
            None if syntax.contains(&line) => "error: syntax".to_owned(),
            None => line.to_owned(),
        };
        if line != "error: syntax" || lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines.push(if ended { "[exit]" } else { "[menu]" }.to_owned());
    lines.into_iter().map(|line| line + "\n").collect()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    paths::ensure(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Gives all files the times that menu/script/tests/common says they have.
fn date(dir: &Path, old: bool) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let old = old || path.ends_with("old");
        if path.is_dir() {
            date(&path, old)?;
        }
        let seconds = if old { 1_000_000_000 } else { 1_600_000_000 };
        File::open(&path)?.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_loses_its_colours() {
        let said = "\x1b[37m\x1b[40mWelcome to GRUB!\n\r\n\rone\n\r  Booting `A b'\n\r\n\rerror: syntax error.\n\rerror: Incorrect command.\n\rx\n";
        assert_eq!(plain(said, true), "one\n== A b\nerror: syntax\nx\n[exit]\n");
    }
}
