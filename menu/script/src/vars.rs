//! Variables that are more than text.

use alloc::format;
use alloc::string::{String, ToString};

use crate::exec::{Exec, Stop};

/// Variables of the clock: reading them reads it, and writing them changes nothing.
const CLOCK: [&str; 7] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "WEEKDAY"];

/// GRUB's colours.
const COLORS: [&str; 16] = [
    "black",
    "blue",
    "green",
    "cyan",
    "red",
    "magenta",
    "brown",
    "light-gray",
    "dark-gray",
    "light-blue",
    "light-green",
    "light-cyan",
    "light-red",
    "light-magenta",
    "yellow",
    "white",
];

impl Exec<'_> {
    /// A variable's value.
    pub fn get(&mut self, name: &str) -> Option<String> {
        if !CLOCK.contains(&name) || self.sh.variable(name).is_some() {
            return self.sh.get(name);
        }
        let now = self.host.now()?;
        Some(match name {
            "YEAR" => now.year.to_string(),
            "MONTH" => now.month.to_string(),
            "DAY" => now.day.to_string(),
            "HOUR" => now.hour.to_string(),
            "MINUTE" => now.minute.to_string(),
            "SECOND" => now.second.to_string(),
            _ => now.weekday().to_string(),
        })
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Stop> {
        let value = match name {
            "?" => return Ok(()),
            _ if CLOCK.contains(&name) => return Ok(()),
            "root" => value.strip_prefix('(').and_then(|value| value.strip_suffix(')')).unwrap_or(value),
            _ => value,
        };
        if let Some(warning) = wrong_colors(name, value) {
            return self.print(&format!("Warning: {warning}\n"));
        }
        Ok(self.sh.set(name, value)?)
    }

    /// Takes a variable away; some can only be emptied.
    pub fn unset(&mut self, name: &str) -> Result<(), Stop> {
        match name {
            "root" | "prefix" | "pager" | "lang" | "color_normal" | "color_highlight" => self.set(name, ""),
            _ => {
                self.sh.unset(name);
                Ok(())
            }
        }
    }
}

/// What is wrong with a pair of colours, if the variable is one that holds such a pair: it keeps its old value then.
pub(crate) fn wrong_colors(name: &str, value: &str) -> Option<String> {
    if !matches!(name, "color_normal" | "color_highlight") {
        return None;
    }
    let Some((foreground, background)) = value.split_once('/') else {
        return Some(format!("syntax error (missing slash) in `{value}'"));
    };
    if !COLORS.contains(&foreground) {
        return Some(format!("invalid foreground color `{foreground}'"));
    }
    (!COLORS.contains(&background)).then(|| format!("invalid background color `{background}'"))
}
