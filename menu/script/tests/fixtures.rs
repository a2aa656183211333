//! Menus as distributions write them (menu/tests/menus/grub-cfg): what each must hold stands beside it. The README there has the format.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use pvgrub_menu::bls::{Flavour, Image, List};
use pvgrub_script::{
    Bls, BlsEntry, By, DateTime, Host, HostError, Info, Limits, Outcome, Probe, Shell, grubenv,
};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/menus/grub-cfg")
}

/// The world that a fixture describes.
#[derive(Default)]
struct World {
    files: BTreeMap<String, Vec<u8>>,
    volumes: Vec<(By, String, String)>,
    sets: Vec<(String, String)>,
    env: BTreeMap<String, String>,
    said: String,
}

impl World {
    /// What is given, and the lines that must come out.
    fn read(text: &str) -> (Self, Vec<String>) {
        let mut world = Self::default();
        let mut wanted = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let pair = || rest.split_once('=').expect("a pair");
            let own = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
            match word {
                "set" => world.sets.push(own(pair())),
                "grubenv" => _ = world.env.insert(own(pair()).0, own(pair()).1),
                "uuid" | "label" => {
                    let by = if word == "uuid" { By::Uuid } else { By::Label };
                    let (key, device) = own(rest.split_once(' ').expect("a device"));
                    world.volumes.push((by, key, device));
                }
                "file" => {
                    let (path, bytes) = match rest.split_once(' ') {
                        Some((path, fixture)) => (path, std::fs::read(directory().join(fixture)).unwrap()),
                        None => (rest, b"\n".to_vec()),
                    };
                    world.files.insert(path.to_owned(), bytes);
                }
                _ => {
                    // What is booted is there.
                    if matches!(word, "linux" | "initrd" | "config") {
                        let text = if word == "config" { "menuentry x { true; }\n" } else { "\n" };
                        world.files.entry(rest.to_owned()).or_insert_with(|| text.into());
                    }
                    wanted.push(line.trim_end().to_owned());
                }
            }
        }
        (world, wanted)
    }

    fn names(&self, directory: &str) -> BTreeSet<(String, bool)> {
        let directory = format!("{}/", directory.trim_end_matches('/'));
        let below = self.files.keys().filter_map(|path| path.strip_prefix(&directory));
        let name = |rest: &str| match rest.split_once('/') {
            Some((name, _)) => (name.to_owned(), true),
            None => (rest.to_owned(), false),
        };
        below.map(name).collect()
    }
}

impl Host for World {
    fn read(&mut self, path: &str, _: usize) -> Result<Vec<u8>, HostError> {
        self.files.get(path).cloned().ok_or(HostError::NotFound)
    }

    fn info(&mut self, path: &str) -> Result<Info, HostError> {
        if let Some(bytes) = self.files.get(path) {
            return Ok(Info { size: bytes.len() as u64, ..Info::default() });
        }
        if self.names(path).is_empty() {
            return Err(HostError::NotFound);
        }
        Ok(Info { directory: true, ..Info::default() })
    }

    fn list(&mut self, path: &str) -> Result<Vec<(String, bool)>, HostError> {
        Ok(self.names(path).into_iter().collect())
    }

    fn devices(&mut self) -> Vec<String> {
        let device = |path: &String| path.strip_prefix('(')?.split(')').next().map(str::to_owned);
        let devices: BTreeSet<String> = self.files.keys().filter_map(device).collect();
        devices.into_iter().collect()
    }

    fn search(&mut self, by: By, key: &str, _: &[String], most: usize) -> Vec<String> {
        let named = self.volumes.iter().filter(|(kind, name, _)| *kind == by && name == key);
        let mut found: Vec<String> = named.map(|(.., device)| device.clone()).collect();
        if by == By::File {
            let devices = self.devices();
            found.extend(devices.into_iter().filter(|device| self.info(&format!("({device}){key}")).is_ok()));
        }
        found.truncate(most);
        found
    }

    fn probe(&mut self, _: &str, what: Probe) -> Result<Option<String>, HostError> {
        Ok(Some(if what == Probe::FileSystem { "ext2" } else { "gpt" }.into()))
    }

    fn print(&mut self, text: &str) {
        self.said.push_str(text);
    }

    fn sleep(&mut self, _: u32, _: bool) -> bool {
        false
    }

    fn now(&mut self) -> Option<DateTime> {
        None
    }

    fn write_env(&mut self, path: &str, block: &[u8]) -> Result<(), HostError> {
        self.files.insert(path.to_owned(), block.to_vec());
        Ok(())
    }

    fn bls(&mut self, directory: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Bls, HostError> {
        let mut list = List::new(Flavour::Grub(variable));
        for (name, _) in self.names(directory) {
            list.add(&name, &self.files[&format!("{directory}/{name}")]);
        }
        list.sort();
        let entry = |entry: pvgrub_menu::bls::Entry| BlsEntry {
            id: entry.id,
            title: entry.title,
            counters: None,
            linux: match entry.image {
                Image::Linux(path) | Image::Efi(path) | Image::Uki(path, _) => path,
            },
            options: entry.options.or_else(|| variable("default_kernelopts")).unwrap_or_default(),
            initrds: entry.initrds,
            classes: entry.classes,
            hotkey: entry.hotkey,
            users: entry.users,
            devicetree: None,
        };
        Ok(Bls { entries: list.entries.into_iter().map(entry).collect(), notes: list.notes })
    }

    fn line(&mut self, _: bool) -> Option<String> {
        None
    }
}

/// The menu that is on top, in the words of a fixture.
fn entries(shell: &Shell, world: &mut World, out: &mut String) {
    for number in 0..shell.entries().len() {
        let entry = shell.entries()[number].clone();
        let mut line =
            |word: &str, text: &str| writeln!(out, "{}", format!("{word} {text}").trim_end()).unwrap();
        line(if entry.submenu { "submenu" } else { "entry" }, &entry.title);
        line("id", &entry.id);
        entry.classes.iter().for_each(|class| line("class", class));
        entry.hotkey.iter().for_each(|key| line("hotkey", key));
        match entry.users.as_deref() {
            None => line("unrestricted", ""),
            Some("") => {}
            Some(users) => line("users", users),
        }
        // What one entry sets is not there for the next.
        let mut shell = shell.clone();
        match shell.run_entry(world, number, false) {
            Outcome::Boot(boot) => {
                line("linux", &boot.kernel);
                line("args", &boot.args);
                boot.initrds.iter().for_each(|initrd| line("initrd", &initrd.file));
            }
            Outcome::Menu if entry.submenu => {
                entries(&shell, world, out);
                out.push_str("end\n");
            }
            Outcome::Menu => {
                let file = shell.entries().first().map_or(String::new(), |entry| entry.file.clone());
                line("config", &file);
            }
            Outcome::Reboot => line("reboot", ""),
            Outcome::Halt => line("halt", ""),
            Outcome::Failed(why) => {
                let command = why.split('`').nth(1).unwrap_or(&why);
                line("refused", command);
            }
            Outcome::Back | Outcome::Exit => {}
        }
    }
}

/// What came out; `None` for lines that are only a hint to a reader.
fn outcome(name: &str, world: &mut World) -> String {
    let text = std::fs::read_to_string(directory().join(format!("{name}.cfg"))).unwrap();
    let device = |world: &World, name: &str, usual: &str| {
        world.sets.iter().find(|(key, _)| key == name).map_or(usual.to_owned(), |(_, value)| value.clone())
    };
    let prefix = device(world, "prefix", "(hd0,gpt1)/boot/grub");
    let mut shell = Shell::new(&device(world, "root", "hd0,gpt1"), &prefix, Limits::default());
    shell.set("config_directory", &device(world, "config_directory", &prefix)).unwrap();
    for (key, value) in world.sets.clone() {
        shell.set(&key, &value).unwrap();
        shell.run_command(world, &format!("export {key}"));
    }
    let before = world.env.clone();
    let path = format!("{prefix}/grubenv");
    if !before.is_empty() {
        let lines: String = before.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        let text = format!("# GRUB Environment Block\n{lines}");
        let pad = "#".repeat(1024 - text.len());
        world.files.insert(path.clone(), (text + &pad).into_bytes());
    }
    shell.run_text(world, &format!("{prefix}/grub.cfg"), &text);
    let mut out = String::new();
    for name in ["default", "timeout", "timeout_style"] {
        if let Some(value) = shell.get(name) {
            writeln!(out, "{}", format!("{name} {value}").trim_end()).unwrap();
        }
    }
    if let Some(block) = world.files.get(&path).filter(|_| !before.is_empty()) {
        let after: BTreeMap<String, String> =
            grubenv::Block::parse(block.clone()).expect("a grubenv that is whole").iter().collect();
        for (key, value) in &after {
            if before.get(key) != Some(value) {
                writeln!(out, "saved {key}={value}").unwrap();
            }
        }
        for key in before.keys().filter(|key| !after.contains_key(*key)) {
            writeln!(out, "deleted {key}").unwrap();
        }
    }
    entries(&shell, world, &mut out);
    out
}

/// What is saved, and an entry's facts but for its classes, stand in no order.
fn in_order(mut lines: Vec<&str>) -> Vec<&str> {
    let kind = |line: &&str| match line.split(' ').next().unwrap_or("") {
        "saved" | "deleted" => 1,
        "id" | "class" | "hotkey" | "users" | "unrestricted" => 2,
        _ => 0,
    };
    lines.chunk_by_mut(|a, b| kind(a) == kind(b)).filter(|chunk| kind(&chunk[0]) > 0).for_each(|chunk| {
        chunk.sort_by_key(|line| line.split(' ').next());
        if kind(&chunk[0]) == 1 {
            chunk.sort();
        }
    });
    lines
}

#[test]
fn each_holds_what_stands_beside_it() {
    let mut wrong = String::new();
    let mut seen = 0;
    for file in std::fs::read_dir(directory()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "expect") {
            continue;
        }
        seen += 1;
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (mut world, wanted) = World::read(&std::fs::read_to_string(&path).unwrap());
        let found = outcome(&name, &mut world);
        let found: Vec<&str> = in_order(found.lines().collect());
        let wanted: Vec<&str> = in_order(wanted.iter().map(String::as_str).collect());
        if found != wanted {
            let at = found.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
            let (found, wanted) = (found.get(at..).unwrap_or(&[]), wanted.get(at..).unwrap_or(&[]));
            let some =
                |lines: &[&str]| lines.iter().take(6).map(|line| format!("  {line}\n")).collect::<String>();
            wrong += &format!("{name}, line {at}:\n found\n{} wanted\n{}", some(found), some(wanted));
            wrong += &format!(" said: {}\n", world.said.chars().take(300).collect::<String>());
        }
    }
    assert!(seen > 10, "only {seen} fixtures");
    assert!(wrong.is_empty(), "{wrong}");
}
