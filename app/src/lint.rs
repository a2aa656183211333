//! `--lint`: what of a menu won't work, for whoever owns the guest.

use pvgrub_menu::{Boot, Device, Target};

use crate::config::Config;
use crate::load::{Failure, Loader};
use crate::machine::Machine;
use crate::outline::{ComesTo, Looker, Outline};
use crate::timings::Timings;

/// What won't work, a line each; each entry is loaded as if it were booted.
pub fn lint<M: Machine>(
    looker: &mut Looker<'_, '_, M>,
    config: &Config<'_>,
    outline: &Outline,
    machine: &M,
) -> Vec<String> {
    let mut found: Vec<String> = config.notes.clone();
    menu(looker, config, outline, machine, "", &mut found);
    found
}

fn menu<M: Machine>(
    looker: &mut Looker<'_, '_, M>,
    config: &Config<'_>,
    outline: &Outline,
    machine: &M,
    above: &str,
    found: &mut Vec<String>,
) {
    found.extend(outline.menu.notes.iter().map(ToString::to_string));
    if outline.menu.entries.is_empty() {
        found.push(format!("{above}there are no entries"));
    }
    for (number, (entry, comes_to)) in outline.menu.entries.iter().zip(&outline.comes_to).enumerate() {
        let name = format!("{above}entry {number} ({})", entry.title);
        found.extend(entry.notes.iter().map(|note| format!("{name}: {note}")));
        match comes_to {
            ComesTo::Fails(why) => found.push(format!("{name}: {why}")),
            ComesTo::Nothing => found.push(format!("{name}: it boots nothing")),
            ComesTo::Menu(inner) => menu(looker, config, inner, machine, &format!("{name}, "), found),
            // Who writes a menu and has no disk at hand knows that there are no kernels.
            ComesTo::Target(Target::Boot(boot))
                if !on_server(boot) && looker.sources.disks.disks().is_empty() => {}
            ComesTo::Target(Target::Boot(boot)) => {
                found.extend(load(looker, config, boot, machine).err().map(|why| format!("{name}: {why}")));
            }
            ComesTo::Target(_) => {}
        }
    }
}

/// Whether its kernel is on a server.
fn on_server(boot: &Boot) -> bool {
    matches!(boot.kernel.device, Some(Device::Network | Device::Server(_)))
}

fn load<M: Machine>(
    looker: &mut Looker<'_, '_, M>,
    config: &Config<'_>,
    boot: &Boot,
    machine: &M,
) -> Result<(), String> {
    let loader = Loader {
        machine,
        console: looker.console,
        sources: looker.sources,
        home: &config.home,
        sums: None,
        columns: 80,
        plain: true,
        notes: Vec::new(),
        timings: &Timings::default(),
    };
    match loader.load(boot) {
        Ok(_) => Ok(()),
        Err(Failure::Because(why)) => Err(why),
        Err(Failure::Interrupted) => Err("interrupted".into()),
    }
}
