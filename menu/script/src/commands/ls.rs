//! `ls`: devices, directories, and what is known of them.

use alloc::format;
use alloc::string::String;

use crate::exec::{Call, Exec, Run, Stop};
use crate::host::{DateTime, Probe};
use crate::options::{Opt, Syntax, Value};

const SYNTAX: Syntax = Syntax {
    options: &[
        Opt("long", b'l', Value::None),
        Opt("human-readable", b'h', Value::None),
        Opt("all", b'a', Value::None),
    ],
    accept_dash: false,
    at_start: false,
};

/// How much is told.
#[derive(Clone, Copy)]
struct Look {
    long: bool,
    human: bool,
    all: bool,
}

/// `ls [-l] [-h] [-a] [PATH…]`.
pub(crate) fn ls(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&SYNTAX, &call.name, &call.args)? else {
        return Ok(exec.errno());
    };
    let look = Look { long: options.has(0), human: options.has(1), all: options.has(2) };
    for path in &options.args {
        let Some(full) = exec.qualified(path) else { return Ok(0) };
        match full.strip_prefix('(').and_then(|device| device.strip_suffix(')')) {
            Some(name) => device(exec, name, look)?,
            None => directory(exec, &full, look)?,
        }
    }
    if options.args.is_empty() {
        for name in exec.host.devices() {
            if look.long { device(exec, &name, look)? } else { exec.print(&format!("({name}) "))? }
        }
        if !look.long {
            exec.print("\n")?;
        }
    }
    // What went wrong is said, and no failure.
    Ok(0)
}

fn device(exec: &mut Exec, name: &str, look: Look) -> Result<(), Stop> {
    let kind = match exec.host.probe(name, Probe::FileSystem) {
        Ok(kind) => kind,
        // A disk with partitions is one of the devices.
        Err(_) if look.long => None,
        Err(error) => {
            exec.file_error(&format!("({name})"), &error);
            return Ok(());
        }
    };
    if !look.long {
        let kind = kind.unwrap_or_else(|| "unknown".into());
        return exec.print(&format!("({name}): Filesystem is {kind}.\n"));
    }
    let what = if name.contains(',') { "Partition" } else { "Device" };
    let Some(kind) = kind else {
        return exec.print(&format!("\t{what} {name}: No known filesystem detected\n"));
    };
    let mut line = format!("\t{what} {name}: Filesystem type {kind}");
    if let Ok(Some(label)) = exec.host.probe(name, Probe::Label) {
        line.push_str(&format!(" - Label `{label}'"));
    }
    if let Ok(Some(uuid)) = exec.host.probe(name, Probe::Uuid) {
        line.push_str(&format!(", UUID {uuid}"));
    }
    line.push('\n');
    exec.print(&line)
}

fn directory(exec: &mut Exec, full: &str, look: Look) -> Result<(), Stop> {
    match exec.host.list(full) {
        Ok(names) => {
            let mut out = String::new();
            // Of a long list each line is printed at once: so it ends where there is too much of it.
            for (name, inner) in names.iter().filter(|(name, _)| look.all || !name.starts_with('.')) {
                if look.long {
                    let path = format!("{}/{name}", full.trim_end_matches('/'));
                    let line = line(exec, &path, name, look);
                    exec.print(&line)?;
                } else {
                    out.push_str(&format!("{name}{} ", if *inner { "/" } else { "" }));
                }
            }
            if look.long {
                return Ok(());
            }
            out.push('\n');
            exec.print(&out)
        }
        Err(_) if exec.host.info(full).is_ok_and(|info| !info.directory) => {
            let name = full.rsplit('/').next().unwrap_or_default();
            let line = if look.long { line(exec, full, name, look) } else { format!("{name} \n") };
            exec.print(&line)
        }
        Err(error) => {
            exec.file_error(full, &error);
            Ok(())
        }
    }
}

/// Size, time and name.
fn line(exec: &mut Exec, path: &str, name: &str, look: Look) -> String {
    let Ok(info) = exec.host.info(path) else { return format!("{:<12} {name}\n", "?") };
    let size = match (info.directory, look.human) {
        (true, _) => String::from("DIR"),
        (_, true) => human(info.size),
        (_, false) => format!("{}", info.size),
    };
    let time = info.modified.and_then(|time| u64::try_from(time).ok()).map(DateTime::of);
    let time = match (time, look.human) {
        (Some(d), true) => format!(
            " {}-{:02}-{:02} {:02}:{:02}:{:02} {:<11} ",
            d.year,
            d.month,
            d.day,
            d.hour,
            d.minute,
            d.second,
            d.weekday()
        ),
        (Some(d), false) => {
            format!(" {:04}{:02}{:02}{:02}{:02}{:02} ", d.year, d.month, d.day, d.hour, d.minute, d.second)
        }
        (None, _) => String::from(" "),
    };
    format!("{size:<12}{time}{name}{}\n", if info.directory { "/" } else { "" })
}

/// A size in the largest unit of which there is at least one.
fn human(size: u64) -> String {
    let units = [("P", 50), ("T", 40), ("G", 30), ("M", 20), ("K", 10)];
    match units.into_iter().find(|(_, bits)| size >> bits > 0) {
        Some((unit, bits)) => {
            let rest = size & ((1 << bits) - 1);
            format!("{}.{:02}{unit}", size >> bits, (rest * 100) >> bits)
        }
        None => format!("{size}B"),
    }
}
