//! What all entries of a menu come to, submenus and scripts included, without booting any: for `--list` and `--dump`.

use pvgrub_menu::{Entry, Menu, Note, Target, clean};

use crate::config::{self, Config, Sources};
use crate::console::Console;
use crate::machine::Machine;
use crate::reach::no_menu;
use crate::script::{Led, Place, Script};
use crate::tries;

/// Submenus may lie so deep in one another.
const MAX_DEPTH: usize = 8;

/// The most entries that are looked at. (A script may show its own file again, once for each entry of it.)
const MOST: usize = 5000;
/// The most whose tries are looked at.
const MOST_COUNTERS: usize = 100;

/// A menu, opened out.
#[derive(Debug)]
pub struct Outline {
    /// The menu.
    pub menu: Menu,
    /// What its entries come to, in their order.
    pub comes_to: Vec<ComesTo>,
}

/// What an entry comes to.
#[derive(Debug)]
pub enum ComesTo {
    /// Something that can be done.
    Target(Target),
    /// A menu within this one.
    Menu(Box<Outline>),
    /// Nothing: it ends where it began.
    Nothing,
    /// It can't be booted; why.
    Fails(String),
}

impl Outline {
    /// What the host insists on within an entry (`a>b`) holds in the menu that it comes to.
    fn insist(&mut self) {
        let Some((entry, path, word)) = self.menu.forced_within() else { return };
        let (path, word) = (path.to_owned(), word.to_owned());
        let note = |text| Note { line: 0, text };
        match (self.comes_to.get_mut(entry), self.menu.entries.get_mut(entry)) {
            (Some(ComesTo::Menu(inner)), _) => {
                inner.menu.insist(&path, &word);
                inner.menu.notes.extend(inner.menu.missed().map(note));
                inner.insist();
            }
            (Some(ComesTo::Target(Target::Boot(_) | Target::Halt | Target::Reboot)), Some(entry)) => {
                entry.notes.push(note(no_menu(&word, &path)));
            }
            _ => {}
        }
    }
}

/// What looks.
pub struct Looker<'a, 'd, M: Machine> {
    /// The disks and the network.
    pub sources: Sources<'a, 'd, M>,
    /// Nothing is written there.
    pub console: &'a mut Console,
    /// So many entries more.
    left: usize,
    /// So many entries with tries more: for each a directory is read.
    counters_left: usize,
}

impl<'a, 'd, M: Machine> Looker<'a, 'd, M> {
    /// Looks there.
    pub fn new(sources: Sources<'a, 'd, M>, console: &'a mut Console) -> Self {
        Self { sources, console, left: MOST, counters_left: MOST_COUNTERS }
    }

    /// Opens out this menu.
    pub fn outline(&mut self, config: &Config<'d>) -> Outline {
        let mut outline = self.menu(config, &config.menu, 0);
        outline.insist();
        outline
    }

    fn menu(&mut self, config: &Config<'d>, menu: &Menu, depth: usize) -> Outline {
        let comes_to = menu.entries.iter().map(|entry| self.entry(config, entry, depth)).collect();
        let mut menu = menu.clone();
        menu.entries.iter_mut().for_each(|entry| self.note_tries(config, entry));
        // There may be much of it, over and over again.
        menu.entries.iter_mut().for_each(|entry| entry.source = String::new());
        Outline { menu, comes_to }
    }

    fn entry(&mut self, config: &Config<'d>, entry: &Entry, depth: usize) -> ComesTo {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return ComesTo::Fails(format!("more than {MOST} entries: it was not looked at")),
        }
        match &entry.target {
            Err(why) => ComesTo::Fails(why.to_string()),
            Ok(Target::Submenu(_) | Target::Script(_)) if depth >= MAX_DEPTH => {
                ComesTo::Fails(format!("menus within menus, more than {MAX_DEPTH} deep"))
            }
            Ok(Target::Submenu(menu)) => ComesTo::Menu(Box::new(self.menu(config, menu, depth + 1))),
            Ok(Target::Script(number)) => {
                let Some(script) = &config.script else { return ComesTo::Nothing };
                self.script(config, script, *number, depth)
            }
            Ok(target) => ComesTo::Target(target.clone()),
        }
    }

    /// Notes of an entry that its tries can't be counted.
    fn note_tries(&mut self, config: &Config<'_>, entry: &mut Entry) {
        let Ok(Target::Boot(boot)) = &entry.target else { return };
        let Some(counter) = &boot.counter else { return };
        let Some(left) = self.counters_left.checked_sub(1) else { return };
        self.counters_left = left;
        let volume = config::volume(counter, config.home.volume(), self.sources.disks);
        let counted = volume.and_then(|(volume, _)| tries::can_be_counted(volume, &counter.path));
        if let Err(why) = counted {
            entry.notes.push(Note { line: 0, text: clean(&why) });
        }
    }

    fn script(&mut self, config: &Config<'d>, script: &Script, number: usize, depth: usize) -> ComesTo {
        // What one entry sets is not there for the next.
        let script = script.snapshot();
        let mut place = Place {
            sources: self.sources,
            home: &config.home,
            console: self.console,
            silent: true,
            said: None,
        };
        match script.entry(&mut place, number, false, None) {
            Err(why) => ComesTo::Fails(why),
            Ok(Led::Back) => ComesTo::Nothing,
            Ok(Led::To(target)) => ComesTo::Target(target),
            Ok(Led::Menu(menu)) => {
                let config = Config { script: Some(script), ..config.clone() };
                ComesTo::Menu(Box::new(self.menu(&config, &menu, depth + 1)))
            }
        }
    }
}
