//! The world that a fixture of menu/tests/menus/grub-cfg describes: its README has the words. Tests and `cargo xtask script` want it.
#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::{BTreeMap, BTreeSet};

use pvgrub_menu::bls::{Flavour, Image, List};
use pvgrub_script::{Bls, BlsEntry, By, DateTime, GptPartition, Host, HostError, Info, Probe};

/// The world that a fixture describes.
#[derive(Default, Clone)]
pub struct World {
    pub files: BTreeMap<String, Vec<u8>>,
    pub volumes: Vec<(By, String, String)>,
    pub sets: Vec<(String, String)>,
    pub env: BTreeMap<String, String>,
    pub gpt: Vec<GptPartition>,
    pub said: String,
}

impl World {
    /// What is given, and the lines that must come out. `fixture` tells the text of another one.
    pub fn read(text: &str, fixture: impl Fn(&str) -> Vec<u8>) -> (Self, Vec<String>) {
        let mut world = Self::default();
        let mut wanted = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let pair = || rest.split_once('=').expect("a pair");
            let own = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
            match word {
                "set" => world.sets.push(own(pair())),
                "grubenv" => _ = world.env.insert(own(pair()).0, own(pair()).1),
                "usr" => {
                    let [device, uuid, attributes] = rest.split(' ').collect::<Vec<_>>()[..] else {
                        panic!("a partition's words: {rest}")
                    };
                    world.gpt.push(GptPartition {
                        device: device.to_owned(),
                        system: "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6".to_owned(),
                        uuid: uuid.to_owned(),
                        attributes: u64::from_str_radix(attributes, 16).expect("hexadecimal digits"),
                    });
                }
                "uuid" | "label" | "partlabel" => {
                    let by = match word {
                        "uuid" => By::Uuid,
                        "label" => By::Label,
                        _ => By::PartLabel,
                    };
                    let (key, device) = own(rest.split_once(' ').expect("a device"));
                    world.volumes.push((by, key, device));
                }
                "file" => {
                    let (path, bytes) = match rest.split_once(' ') {
                        Some((path, name)) => (path, fixture(name)),
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

    /// Writes `grubenv`, if the fixture has one; its path.
    pub fn write_grubenv(&mut self, prefix: &str) -> String {
        let path = format!("{prefix}/grubenv");
        if !self.env.is_empty() {
            let lines: String = self.env.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
            let text = format!("# GRUB Environment Block\n{lines}");
            let pad = "#".repeat(1024 - text.len());
            self.files.insert(path.clone(), (text + &pad).into_bytes());
        }
        path
    }

    /// The value that the fixture gives a variable.
    pub fn variable(&self, name: &str, usual: &str) -> String {
        let found = self.sets.iter().find(|(key, _)| key == name);
        found.map_or(usual.to_owned(), |(_, value)| value.clone())
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

    fn gpt(&mut self, disk: &str) -> Result<Vec<GptPartition>, HostError> {
        let on_disk = |partition: &&GptPartition| partition.device.split(',').next() == Some(disk);
        Ok(self.gpt.iter().filter(on_disk).cloned().collect())
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
