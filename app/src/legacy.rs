//! GRUB 0.97's command line, which a menu.lst has: lines are taken like those of an entry, what they name is looked at at once, and `boot`
//! boots it. Numbers of errors are GRUB 0.97's, for people who look for them.

use pvgrub_fs::{Disks, Numbering, PartitionKind, Volume};
use pvgrub_handover::plan::check_cmdline;
use pvgrub_menu::{
    Cause, Device, FileRef, NetLines, Style, Target, Typed, Ui, Word, argument, clean, file_ref, find_line,
};

use crate::config::{Config, Home, volume};
use crate::load::Failure;
use crate::machine::Machine;
use crate::prompt::MAX_SAID;
use crate::reach::Way;
use crate::script::name_of;
use crate::session::{End, Session};

/// What was typed over a menu.lst.
#[derive(Debug, Default)]
pub struct Collected {
    typed: Typed,
    /// GRUB 2's `linux` came last: what follows is for its shell, too.
    linux: bool,
    /// What the menu says of the network is done.
    network: bool,
}

impl<M: Machine> Session<'_, M> {
    /// Obeys a line over a menu.lst. `None`: it is for GRUB 2's shell.
    pub(super) fn legacy(
        &mut self,
        ui: &mut Ui,
        config: &Config<'_>,
        line: &str,
        depth: usize,
    ) -> Option<Result<End, Failure>> {
        let name = line.split([' ', '=']).next().unwrap_or("");
        let word = Word::of(line);
        let found = match word {
            Word::Other => {
                self.collected.linux |= name.starts_with("linux");
                return None;
            }
            Word::Initrd | Word::Module | Word::Boot if self.collected.linux => return None,
            Word::Refused(why) => Err(format!("`{name}`: {why}").into()),
            Word::Boot => self.boot_typed(ui, config, depth),
            Word::Halt | Word::Reboot => {
                self.leave(ui);
                let target = if word == Word::Halt { Target::Halt } else { Target::Reboot };
                self.reach(config, &target, &Way::USER, depth)
            }
            Word::Pause => {
                let paused =
                    Typed::default().with(word, line).map_err(Failure::from).and_then(|(_, entry)| {
                        self.leave(ui);
                        entry.pauses.iter().try_for_each(|pause| self.pause(pause, Cause::User))
                    });
                paused.map(|()| End::Back)
            }
            Word::ConfigFile | Word::Net => self.lead_on(ui, config, word, line, depth),
            _ => {
                let looked = self.breakable(|session| session.look_at(config, word, line));
                // What is waited for may have been told meanwhile, over the screen.
                if self.look.style == Style::Screen {
                    ui.redraw();
                }
                looked.map(|said| {
                    ui.output(&said);
                    End::Back
                })
            }
        };
        Some(found)
    }

    /// Boots what was typed.
    fn boot_typed(&mut self, ui: &mut Ui, config: &Config<'_>, depth: usize) -> Result<End, Failure> {
        let (_, entry) = self.collected.typed.with(Word::Boot, "boot")?;
        let Ok(target) = &entry.target else {
            return Err("Error 8: there is nothing to boot: first `kernel FILE`".into());
        };
        self.leave(ui);
        self.console.lines(&format!("Booting what was typed\n(over {})", config.name));
        self.breakable(|session| session.menus_network(config))?;
        self.reach(config, target, &Way::USER, depth)
    }

    /// Lines before the first title hold here, too, unless it was said otherwise since.
    fn menus_network(&mut self, config: &Config<'_>) -> Result<(), String> {
        if !self.collected.network {
            self.sources.network.obey(&config.menu.settings.net, self.console)?;
            self.collected.network = true;
        }
        Ok(())
    }

    /// `configfile`, and what is said of the network, which may lead to another menu.
    fn lead_on(
        &mut self,
        ui: &mut Ui,
        config: &Config<'_>,
        word: Word,
        line: &str,
        depth: usize,
    ) -> Result<End, Failure> {
        // `configfile` needs the root; of the network nothing is kept: it is done at once.
        let typed = if word == Word::Net { &Typed::default() } else { &self.collected.typed };
        let (_, entry) = typed.with(word, line)?;
        self.leave(ui);
        self.breakable(|session| {
            // An address that is asked for now takes the place of the menu's, which may not be to be had.
            if entry.net.dhcp || entry.net.address.is_some() {
                let server = config.menu.settings.net.server.clone();
                let server = NetLines { server, ..NetLines::default() };
                session.sources.network.obey(&server, session.console)?;
                session.collected.network = true;
            }
            session.menus_network(config)?;
            session.sources.network.obey(&entry.net, session.console)
        })?;
        match &entry.target {
            Ok(target @ (Target::Config(_) | Target::OfferedConfig)) => {
                self.reach(config, target, &Way::USER, depth)
            }
            _ => {
                ui.output(&self.cards());
                Ok(End::Back)
            }
        }
    }

    /// The network cards and their addresses.
    fn cards(&self) -> String {
        let cards = self.machine.cards();
        let line = |card: &crate::machine::Card| {
            let addresses: Vec<String> = card.addresses.iter().map(ToString::to_string).collect();
            format!("{}: {}", card.name, addresses.join(", "))
        };
        cards.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Looks at what a line names, and keeps it if it is there. Gives what is to be said.
    fn look_at(&mut self, config: &Config<'_>, word: Word, line: &str) -> Result<String, String> {
        match word {
            Word::Root => return self.root(config, line),
            Word::Find => return self.find(config, line),
            Word::Memory => {
                let mib = self.machine.memory().pages / 256;
                return Ok(format!("This domain has {mib} MiB of memory."));
            }
            Word::Cat => {
                let name = argument(line).ok_or("`cat` needs a file")?;
                let mut file = file_ref(name, self.collected.typed.root())?;
                self.seen(config, &file)?;
                file.path = config.home.path(&file.path);
                let text = self.reader().text(&file, &config.home, MAX_SAID)?;
                return Ok(String::from_utf8_lossy(&text).into_owned());
            }
            _ => {}
        }
        let (typed, entry) = self.collected.typed.with(word, line)?;
        let mut said = String::new();
        if let Ok(Target::Boot(boot)) = &entry.target {
            let file = match word {
                Word::Kernel => Some(&boot.kernel),
                Word::Initrd => boot.initrds.last(),
                Word::Module => boot.modules.last().map(|module| &module.file),
                _ => boot.sums.as_ref(),
            };
            said = file.map_or(Ok(String::new()), |file| self.seen(config, file))?;
            let args = self.machine.options().forced.add_to(&boot.args);
            check_cmdline(args.as_bytes()).map_err(|why| why.to_string())?;
        }
        if let Some(note) = entry.notes.last().filter(|_| word == Word::Initrd) {
            said += &format!("\n{}", note.text);
        }
        self.collected.typed = typed;
        self.collected.linux &= word != Word::Kernel;
        Ok(said)
    }

    /// `root`, `uuid`: what is there.
    fn root(&mut self, config: &Config<'_>, line: &str) -> Result<String, String> {
        let (typed, _) = self.collected.typed.with(Word::Root, line)?;
        let said = match typed.root() {
            Some(device @ (Device::Network | Device::Server(_))) => device.to_string(),
            None if config.home.volume().is_none() => match &config.home {
                Home::Net(place) => place.server.to_string(),
                _ => "There is no root yet: `root (hd0,0)` names one.".to_owned(),
            },
            device => {
                let file = FileRef { device: device.cloned(), ..FileRef::default() };
                let (volume, note) = volume_of(&file, config.home.volume(), self.sources.disks)?;
                self.shell(config).set_root(volume);
                let note = note.map_or(String::new(), |note| format!("\n{note}"));
                format!("{}{note}", describe(volume))
            }
        };
        self.collected.typed = typed;
        Ok(said)
    }

    /// `find`: the volumes that have a file.
    fn find(&mut self, config: &Config<'_>, line: &str) -> Result<String, String> {
        let (set, path) = find_line(line)?;
        let search = self.sources.disks.search(&[&path]);
        let mut said: Vec<String> = search.problems.iter().map(ToString::to_string).collect();
        let first = search.found.first().map(|found| found.volume);
        let names =
            search.found.iter().map(|found| format!("({})", name_of(found.volume, Numbering::Legacy)));
        said.extend(names);
        let Some(first) = first else {
            said.push(format!("Error 15: no volume has {}", clean(&path)));
            return Err(said.join("\n"));
        };
        if set {
            said.push(self.root(config, &format!("root ({})", first.name))?);
        }
        Ok(said.join("\n"))
    }

    /// That a file is there, and how long it is.
    fn seen(&mut self, config: &Config<'_>, file: &FileRef) -> Result<String, String> {
        if matches!(file.device, Some(Device::Network | Device::Server(_))) || config.home.volume().is_none()
        {
            self.menus_network(config)?;
        }
        if let Some(place) = self.sources.network.place(file, &config.home, self.console) {
            let (place, network) = (place?, self.sources.network);
            network.await_address(&place.server, self.console)?;
            let len = pvgrub_net::length(&place, network.settings()).map_err(|why| why.to_string())?;
            return Ok(len.map_or_else(|| place.to_string(), |len| format!("{place}: {len} bytes")));
        }
        let (volume, note) = volume_of(file, config.home.volume(), self.sources.disks)?;
        let path = config.home.path(&file.path);
        let name = format!("{}:{path}", volume.name);
        let files = volume.open().map_err(|why| format!("Error 17: {why}"))?;
        let opened = files.open(&path).map_err(|why| match why {
            why if why.is_not_found() => format!("Error 15: {name}: {why}"),
            pvgrub_fs::Error::NotAFile(_) => format!("Error 2: {name}: {why}"),
            why => format!("{name}: {why}"),
        })?;
        let note = note.map_or(String::new(), |note| format!("\n{note}"));
        Ok(format!("{name}: {} bytes{note}", opened.len()))
    }
}

/// The volume of a file, and whether others have the same name.
fn volume_of<'d>(
    file: &FileRef,
    home: Option<&'d Volume>,
    disks: &'d Disks,
) -> Result<(&'d Volume, Option<String>), String> {
    volume(file, home, disks).map_err(|why| {
        let Some(Device::Name(name)) = &file.device else { return why };
        let number = name.strip_prefix("hd").and_then(|rest| rest.split(',').next()?.parse::<usize>().ok());
        let there = number.is_some_and(|number| number < disks.disks().len()) || name.contains('=');
        format!("Error {}: {why}", if there { 22 } else { 21 })
    })
}

/// A volume, with its number and the type that the table gives it.
fn describe(volume: &Volume) -> String {
    let kind = match volume.partition.as_ref().map(|partition| &partition.kind) {
        Some(PartitionKind::Msdos { system, .. }) => format!("partition type {system:#04x}"),
        Some(PartitionKind::Gpt { system, .. }) => format!("partition type {system}"),
        None => "no partition table".to_owned(),
    };
    format!("({}) is {volume}, {kind}", name_of(volume, Numbering::Legacy))
}
