//! A host in memory: one disk, one partition, and what was printed.
#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::BTreeMap;

use pvgrub_script::{
    Bls, BlsEntry, By, DateTime, GptPartition, Host, HostError, Info, Limits, Outcome, Probe, Shell,
};

pub const UUID: &str = "5b1f9f8e-3f27-4b0c-9a55-2f3c7d1e0a42";
pub const LABEL: &str = "fixtures";
pub const DEVICE: &str = "hd0,msdos1";

#[derive(Default)]
pub struct Fake {
    pub files: BTreeMap<String, Vec<u8>>,
    pub out: String,
    pub written: Vec<(String, Vec<u8>)>,
    pub bls: Vec<BlsEntry>,
    pub bls_notes: Vec<String>,
    /// Devices besides the disk: those before it, and those behind.
    pub devices: [Vec<String>; 2],
    /// Other volumes, by what they are found.
    pub volumes: Vec<(By, String, String)>,
    /// Partitions of the disk, which has an MBR.
    pub gpt: Vec<GptPartition>,
    pub typed: Option<String>,
    /// Devices made of files: each seems to have what the disk has.
    pub loops: BTreeMap<String, String>,
    pub slept: u32,
    /// Somebody presses Esc after so many seconds.
    pub patience: Option<u32>,
}

impl Fake {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        Self { files, ..Self::default() }
    }

    /// The path on the volume, without slashes at its end.
    fn path<'a>(&self, path: &'a str) -> Result<&'a str, HostError> {
        let (device, path) = path.strip_prefix('(').and_then(|p| p.split_once(')')).expect("a whole path");
        match device {
            DEVICE | "hd0,1" => Ok(path.trim_end_matches('/')),
            "hd0" => Err(HostError::NoFileSystem),
            _ if self.loops.contains_key(device) => Ok(path.trim_end_matches('/')),
            // Nothing is asked of them but whether they are there.
            _ if self.devices.iter().flatten().any(|name| name == device) => match path {
                "" | "/" => Ok(""),
                _ => Err(HostError::NotFound),
            },
            _ => Err(HostError::NoDevice),
        }
    }

    fn is_directory(&self, path: &str) -> bool {
        self.files.keys().any(|file| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }
}

impl Host for Fake {
    fn read(&mut self, path: &str, most: usize) -> Result<Vec<u8>, HostError> {
        let path = self.path(path)?;
        match self.files.get(path) {
            Some(bytes) if bytes.len() > most => Err(HostError::TooLarge),
            Some(bytes) => Ok(bytes.clone()),
            None if self.is_directory(path) => Err(HostError::NotAFile),
            None => Err(HostError::NotFound),
        }
    }

    fn info(&mut self, path: &str) -> Result<Info, HostError> {
        let path = self.path(path)?;
        // Files below /old are of 2001, all others of 2020.
        let modified = Some(if path.starts_with("/old") { 1_000_000_000 } else { 1_600_000_000 });
        match self.files.get(path) {
            Some(bytes) => Ok(Info { directory: false, size: bytes.len() as u64, modified }),
            None if path.is_empty() || self.is_directory(path) => {
                Ok(Info { directory: true, size: 0, modified })
            }
            None => Err(HostError::NotFound),
        }
    }

    fn list(&mut self, path: &str) -> Result<Vec<(String, bool)>, HostError> {
        let other =
            |name: &String| path.strip_prefix('(').is_some_and(|p| p.starts_with(&format!("{name})")));
        if self.devices.iter().flatten().any(other) {
            return Ok(Vec::new());
        }
        let path = self.path(path)?;
        if !path.is_empty() && !self.is_directory(path) {
            return Err(HostError::NotFound);
        }
        let below = self.files.keys().filter_map(|file| file.strip_prefix(path)?.strip_prefix('/'));
        let mut names: Vec<(String, bool)> = below
            .map(|rest| {
                rest.split_once('/').map_or((rest.to_owned(), false), |(name, _)| (name.to_owned(), true))
            })
            .collect();
        names.dedup();
        Ok(names)
    }

    fn devices(&mut self) -> Vec<String> {
        let [before, behind] = self.devices.clone();
        [before, vec!["hd0".into(), DEVICE.into()], behind].concat()
    }

    fn search(&mut self, by: By, key: &str, _: &[String], most: usize) -> Vec<String> {
        let others = self.volumes.iter().filter(|(kind, name, _)| *kind == by && name == key);
        let others: Vec<String> = others.map(|(.., device)| device.clone()).take(most).collect();
        if !others.is_empty() {
            return others;
        }
        let found = match by {
            By::File => self.files.contains_key(key),
            By::Label => key == LABEL,
            By::Uuid => key.eq_ignore_ascii_case(UUID),
            By::PartLabel | By::PartUuid => false,
        };
        if found { vec![DEVICE.into()] } else { vec![] }
    }

    fn gpt(&mut self, disk: &str) -> Result<Vec<GptPartition>, HostError> {
        if disk == "hd0" { Ok(self.gpt.clone()) } else { Err(HostError::NoDevice) }
    }

    fn probe(&mut self, device: &str, what: Probe) -> Result<Option<String>, HostError> {
        let text = match (device, what) {
            (DEVICE, Probe::FileSystem) => "ext2",
            (DEVICE, Probe::Uuid) => UUID,
            (DEVICE, Probe::Label) => LABEL,
            (DEVICE, Probe::PartMap) => "msdos",
            (DEVICE | "hd0", Probe::Driver) => "hostdisk",
            ("hd0", Probe::PartMap) => return Ok(None),
            ("hd0", _) => return Err(HostError::NoFileSystem),
            _ => return Err(HostError::NoDevice),
        };
        Ok(Some(text.into()))
    }

    fn loopback(&mut self, name: &str, path: &str) -> Result<(), HostError> {
        match self.loops.contains_key(name) {
            true => Err(HostError::Exists),
            false => self.is_file(path),
        }?;
        self.loops.insert(name.into(), path.into());
        Ok(())
    }

    fn unloop(&mut self, name: &str) -> Result<(), HostError> {
        self.loops.remove(name).map(drop).ok_or(HostError::NoDevice)
    }

    fn print(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn sleep(&mut self, seconds: u32, _: bool) -> bool {
        self.slept += seconds;
        false
    }

    fn is_broken_off(&mut self) -> bool {
        self.patience.is_some_and(|patience| self.slept >= patience)
    }

    fn now(&mut self) -> Option<DateTime> {
        Some(DateTime { year: 2026, month: 11, day: 28, hour: 8, minute: 5, second: 9 })
    }

    fn write_env(&mut self, path: &str, block: &[u8]) -> Result<(), HostError> {
        self.written.push((path.to_owned(), block.to_vec()));
        Ok(())
    }

    fn bls(&mut self, directory: &str, _: &dyn Fn(&str) -> Option<String>) -> Result<Bls, HostError> {
        assert!(directory.starts_with('('));
        Ok(Bls { entries: self.bls.clone(), notes: self.bls_notes.clone() })
    }

    fn line(&mut self, _: bool) -> Option<String> {
        self.typed.take()
    }
}

pub fn shell() -> Shell {
    Shell::new(DEVICE, "(hd0,msdos1)/boot/grub", Limits::default())
}

/// Runs a script as a configuration file.
pub fn run(host: &mut Fake, text: &str) -> (Shell, Outcome) {
    let mut shell = shell();
    let outcome = shell.run_text(host, "(hd0,msdos1)/boot/grub/grub.cfg", text);
    (shell, outcome)
}

/// What a script prints.
pub fn output(text: &str) -> String {
    let mut host = Fake::new(&[("/vmlinuz", "kernel"), ("/initrd", "ramdisk"), ("/empty", "")]);
    run(&mut host, text);
    host.out
}
