//! `pvgrub`: a boot loader that runs inside the Xen domain it boots. And the same program on Linux, over disk images.
//!
//! The way through it: start → find the disks → find the menu → let somebody choose → load kernel and initrd → hand over.
//! A failure anywhere before the last step is a message, and another try.
#![forbid(unsafe_code)]

mod bls;
mod config;
mod console;
#[cfg(not(target_os = "hermit"))]
mod dump;
mod entries;
mod extlinux;
mod given;
mod input;
mod keys;
mod legacy;
#[cfg(not(target_os = "hermit"))]
mod lint;
#[cfg(not(target_os = "hermit"))]
mod list;
mod load;
mod machine;
mod network;
mod open;
mod options;
#[cfg(not(target_os = "hermit"))]
mod outline;
mod places;
mod prompt;
mod ramdisk;
mod reach;
mod reader;
mod script;
mod session;
mod timings;
mod tries;
mod unified;

use std::process::ExitCode;
use std::rc::Rc;

#[cfg(target_os = "hermit")]
use platform_xen as _;
use pvgrub_fs::Disks;
use pvgrub_menu::Memory;

use config::Sources;
use console::Console;
use given::Given;
use keys::Keys;
use legacy::Collected;
#[cfg(not(target_os = "hermit"))]
use machine::Paper;
use machine::{Machine, This};
use network::{Network, break_off};
use reader::{NO_DISK, Reader};
use session::{End, Session};
use timings::Timings;
use tries::Counted;

fn main() -> ExitCode {
    match This::start() {
        #[cfg(not(target_os = "hermit"))]
        Ok(machine) if machine.paper().is_some() => {
            print_menu(&machine, machine.paper().unwrap_or(Paper::List))
        }
        Ok(machine) => run(&machine),
        Err(code) => code,
    }
}

/// Scan after scan, until a menu hands over or somebody ends the program.
fn run(machine: &impl Machine) -> ExitCode {
    let keys = Rc::new(Keys::new());
    let mut console = Console::new(keys.clone());
    let mut look = machine.look();
    let mut memory = Memory::default();
    let broken_off = break_off(&keys);
    let given = Given::new(machine.ramdisk());
    let network = Network::new(machine, given.settings(&broken_off));
    let timings = Timings::default();
    timings.once("start", machine.since_start());
    let mut first = true;
    loop {
        let (disks, notes) = timings.of("disks", || find_disks(machine, !first, &keys));
        let sources = Sources { disks: &disks, network: &network, given: given.menu.as_deref() };
        let (console, look, memory) = (&mut console, &mut look, &mut memory);
        let mut reader = Reader { machine, sources, console, silent: false, guarded: false };
        let found = timings.of("find", || keys.breakable(|| reader.find(machine)));
        let whole = found.is_some() && !reader.guarded;
        let found = found.unwrap_or_else(|| Err("Looking for a menu was broken off.".into()));
        let counted = Counted::default();
        let mut session = Session {
            machine,
            console,
            look,
            memory,
            sources,
            timings: &timings,
            shell: None,
            collected: Collected::default(),
            trail: Vec::new(),
            counted,
        };
        let end = match found {
            Ok(mut config) => {
                machine.options().forced.hold(&mut config);
                // Somebody asked for another scan, so somebody is there to choose.
                config.menu.settings.timeout = config.menu.settings.timeout.filter(|_| first);
                config.notes.extend(notes);
                config.notes.extend(given.note.clone());
                config.notes.extend(timings.of("others", || config::others(&config, &disks)));
                // A disk that could not be read may be the one whose menu somebody misses.
                config.notes.extend(disks.problems().iter().map(ToString::to_string));
                session.menu(&config, 0)
            }
            Err(why) => {
                // A menu that is only out of reach may have passwords, and one that came to nothing has some.
                let every_disk = notes.len() == machine.options().notes.len() && disks.problems().is_empty();
                let open = whole && every_disk && machine.options().menu.is_none() && given.menu.is_none();
                session.message(&no_menu(&why, &disks, &notes), open)
            }
        };
        if let End::Done(code) = end {
            return code;
        }
        first = false;
    }
}

/// The disks, each of which is looked at in its turn, and for the user a line on each that can't be used, and on words of the command line that mean
/// nothing.
fn find_disks(machine: &impl Machine, again: bool, keys: &Rc<Keys>) -> (Disks, Vec<String>) {
    let found = machine.disks(again, keys);
    let mut disks = Disks::new();
    for (name, device) in found.disks {
        disks.add_later(&name, device);
    }
    let mut notes = machine.options().notes.clone();
    notes.extend(found.problems);
    (disks, notes)
}

/// What to show when there is no menu: why, what disks were seen, and what is wrong with them.
fn no_menu(why: &str, disks: &Disks, notes: &[String]) -> String {
    let advice = if cfg!(target_os = "hermit") {
        "This domain has no disk. Give it one (`disk = [...]` in its configuration)."
    } else {
        "Name one by --disk IMAGE, or a menu by --config FILE."
    };
    let advice = if why.contains(NO_DISK) && notes.is_empty() { advice } else { "" };
    let (notes, disks) = (notes.join("\n"), config::describe(disks));
    let parts = [why, advice, &notes, &disks].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n")
}

/// On paper: the menu, and all that its entries come to.
#[cfg(not(target_os = "hermit"))]
fn print_menu(machine: &impl Machine, paper: Paper) -> ExitCode {
    let keys = Rc::new(Keys::none());
    let (disks, notes) = find_disks(machine, false, &keys);
    let given = Given::new(machine.ramdisk());
    let network = Network::new(machine, given.settings(&|| false));
    let sources = Sources { disks: &disks, network: &network, given: given.menu.as_deref() };
    let console = &mut Console::mute(keys);
    match (Reader { machine, sources, console, silent: true, guarded: false }).find(machine) {
        Ok(mut config) => {
            machine.options().forced.hold(&mut config);
            config.notes.extend(config.menu.missed());
            let mut looker = outline::Looker::new(sources, console);
            let outline = looker.outline(&config);
            match paper {
                Paper::Lint => {
                    config.notes.extend(notes);
                    let found = lint::lint(&mut looker, &config, &outline, machine);
                    found.iter().for_each(|line| println!("{line}"));
                    return if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
                }
                Paper::List => print!("{}\n{}", config::describe(&disks), list::list(&config, &outline)),
                Paper::Json => {
                    config.notes.extend(notes);
                    print!("{}", dump::dump(&config, &outline));
                }
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{}", no_menu(&why, &disks, &notes));
            ExitCode::FAILURE
        }
    }
}
