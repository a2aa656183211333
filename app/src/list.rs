//! The menu on paper: everything its entries say.

use std::fmt::Write;

use pvgrub_menu::{Attempts, Entry, Note, Target};

use crate::config::Config;

/// The menu as lines of text.
pub fn list(config: &Config<'_>) -> String {
    let menu = &config.menu;
    let mut out = format!("{}\n", config.name);
    let mut line = |text: String| out = std::mem::take(&mut out) + &text + "\n";
    config.notes.iter().for_each(|note| line(note.clone()));
    menu.notes.iter().for_each(|note| line(note.to_string()));
    let order: Vec<String> = Attempts::new(&menu.settings, &menu.entries).map(|n| n.to_string()).collect();
    line(match menu.settings.timeout {
        Some(seconds) => format!("after {seconds} s: entry {}", order.join(", then ")),
        None => format!("waits for ever; entry {} is marked", order.first().map_or("0", String::as_str)),
    });
    for (number, entry) in menu.entries.iter().enumerate() {
        out += &entry_text(number, entry);
    }
    out
}

fn entry_text(number: usize, entry: &Entry) -> String {
    let mut out = format!("\n{number}  {}\n", entry.title);
    let mut line = |name: &str, text: &dyn std::fmt::Display| {
        let _ = writeln!(out, "     {name:<11} {text}");
    };
    match &entry.target {
        Ok(Target::Boot(boot)) => {
            line("kernel", &boot.kernel);
            line("arguments", &boot.args);
            boot.initrds.iter().for_each(|initrd| line("initrd", initrd));
            if let Some(sums) = &boot.sums {
                line("sha256sums", sums);
            }
            boot.modules.iter().for_each(|module| line("module", &module.args));
        }
        Ok(Target::Config(other)) => line("configfile", &other.file),
        Ok(Target::OfferedConfig) => line("configfile", &"the one that DHCP names"),
        Ok(Target::Submenu(menu)) => line("submenu", &format!("of {} entries", menu.entries.len())),
        Ok(Target::Script(_)) => line("script", &""),
        Ok(Target::Halt) => line("switches off", &""),
        Ok(Target::Reboot) => line("starts anew", &""),
        Err(why) => line("blocked", why),
    }
    let notes: &[Note] = &entry.notes;
    notes.iter().for_each(|note| line("note", note));
    out
}
