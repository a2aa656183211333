//! The menu on paper: everything its entries say.

use std::fmt::Write;

use pvgrub_menu::{Attempts, Boot, Target};

use crate::config::Config;
use crate::outline::{ComesTo, Outline};

/// The menu as lines of text.
pub fn list(config: &Config<'_>, outline: &Outline) -> String {
    let mut out = format!("{}\n", config.name);
    config.notes.iter().for_each(|note| out += &format!("{note}\n"));
    menu(&mut out, outline, "");
    out
}

fn menu(out: &mut String, outline: &Outline, indent: &str) {
    let Outline { menu, comes_to } = outline;
    menu.notes.iter().for_each(|note| *out += &format!("{indent}{note}\n"));
    let order: Vec<String> = Attempts::new(&menu.settings, &menu.entries).map(|n| n.to_string()).collect();
    *out += indent;
    *out += &match menu.settings.timeout {
        Some(seconds) => format!("after {seconds} s: entry {}\n", order.join(", then ")),
        None => format!("waits for ever; entry {} is marked\n", order.first().map_or("0", String::as_str)),
    };
    for (number, (entry, comes_to)) in menu.entries.iter().zip(comes_to).enumerate() {
        *out += &format!("\n{indent}{number}  {}\n", entry.title);
        let mut line = |name: &str, text: &dyn std::fmt::Display| {
            let _ = writeln!(out, "{indent}     {name:<11} {text}");
        };
        match comes_to {
            ComesTo::Target(target) => does(target, &mut line),
            ComesTo::Nothing => line("does nothing", &""),
            ComesTo::Fails(why) => line("blocked", why),
            ComesTo::Menu(_) => line("submenu", &""),
        }
        entry.notes.iter().for_each(|note| line("note", note));
        if let ComesTo::Menu(inner) = comes_to {
            self::menu(out, inner, &format!("{indent}     "));
        }
    }
}

type Line<'a> = dyn FnMut(&str, &dyn std::fmt::Display) + 'a;

fn does(target: &Target, line: &mut Line<'_>) {
    match target {
        Target::Boot(boot) => files(boot, line),
        Target::Config(other) => line("configfile", &other.file),
        Target::OfferedConfig => line("configfile", &"the one that DHCP names"),
        Target::Up(_) => line("back", &""),
        Target::Submenu(_) | Target::Script(_) => line("does nothing", &""),
        Target::Disks => line("the disks", &"the menu that is there"),
        Target::Halt => line("switches off", &""),
        Target::Reboot => line("starts anew", &""),
    }
}

fn files(boot: &Boot, line: &mut Line<'_>) {
    line("kernel", &boot.kernel);
    line("arguments", &boot.args);
    boot.initrds.iter().for_each(|initrd| line("initrd", initrd));
    if let Some(sums) = &boot.sums {
        line("sha256sums", sums);
    }
    boot.modules.iter().for_each(|module| line("module", &module.args));
}
