//! Each script of tests/scripts, as a configuration file and each of its entries: what it prints must be what GRUB prints.
//! `cargo xtask script` makes the `.out` files by Debian's GRUB.

mod common;
#[path = "common/transcript.rs"]
mod transcript;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use common::Fake;
use pvgrub_script::Outcome;
use transcript::plain;

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")
}

/// All files of the volume.
fn files() -> BTreeMap<String, Vec<u8>> {
    fn add(dir: &Path, at: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let at = format!("{at}/{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                add(&entry.path(), &at, files);
            } else {
                files.insert(at, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    add(&home().join("files"), "", &mut files);
    for script in scripts() {
        let name = script.file_name().unwrap().to_str().unwrap().to_owned();
        files.insert(format!("/scripts/{name}"), std::fs::read(script).unwrap());
    }
    files
}

fn scripts() -> Vec<PathBuf> {
    let mut scripts: Vec<PathBuf> =
        std::fs::read_dir(home()).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|e| e == "cfg"));
    scripts.sort();
    scripts
}

/// Runs a script, and then an entry, as GRUB does when nobody touches a key.
fn run(files: &BTreeMap<String, Vec<u8>>, name: &str, choice: Option<usize>) -> (String, String, usize) {
    let mut host = Fake { files: files.clone(), ..Fake::default() };
    let mut shell = common::shell();
    let outcome = shell.run_config(&mut host, &format!("(hd0,msdos1)/scripts/{name}"));
    let mut config = std::mem::take(&mut host.out);
    let count = shell.entries().len();
    if outcome != Outcome::Menu {
        config += if outcome == Outcome::Exit { "[exit]\n" } else { "" };
        return (plain(&config), String::new(), count);
    }
    if let Some(choice) = choice {
        shell.set("default", &choice.to_string()).unwrap();
    }
    shell.set("timeout", "0").unwrap();
    let end = transcript::play(&mut shell, &mut host);
    (plain(&config), plain(&format!("{}{end}\n", host.out)), count)
}

fn all_of(files: &BTreeMap<String, Vec<u8>>, script: &Path) -> String {
    let text = std::fs::read_to_string(script).unwrap();
    let entries = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("# entries: "))
        .map_or(0, |n| n.parse().unwrap());
    let name = script.file_name().unwrap().to_str().unwrap();
    let mut out = String::new();
    let mut config = String::new();
    for choice in (0..entries).map(Some).chain([None]) {
        let (before, after, count) = run(files, name, choice);
        assert_eq!(count, entries, "{name} says it has {entries} entries");
        config = before;
        match choice {
            Some(index) => write!(out, "@@ entry {index}\n{after}").unwrap(),
            None if entries > 0 => write!(out, "@@ default\n{after}").unwrap(),
            None => {}
        }
    }
    format!("@@ config\n{config}{out}")
}

#[test]
fn scripts_print_what_grub_prints() {
    let files = files();
    let scripts = scripts();
    assert!(scripts.len() >= 60);
    let mut wrong = Vec::new();
    for script in scripts {
        let ours = all_of(&files, &script);
        let grub = std::fs::read_to_string(script.with_extension("out")).unwrap_or_default();
        if ours != grub {
            let name = script.file_stem().unwrap().to_str().unwrap().to_owned();
            println!("==== {name}: pvgrub\n{ours}---- GRUB\n{grub}");
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "these differ: {wrong:?}");
}
