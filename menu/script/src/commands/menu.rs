//! Commands that make entries and read other files.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::code;
use crate::exec::{Call, Exec, Missing, Run, Stop};
use crate::host::{BlsEntry, HostError};
use crate::menu::Entry;
use crate::options::{Opt, Syntax, Value};
use crate::shell::entry_cost;

const SYNTAX: Syntax = Syntax {
    options: &[
        Opt("class", 0, Value::Needed),
        Opt("users", 0, Value::Needed),
        Opt("hotkey", 0, Value::Needed),
        Opt("source", 0, Value::Needed),
        Opt("id", 0, Value::Needed),
        Opt("unrestricted", 0, Value::None),
    ],
    accept_dash: true,
    at_start: false,
};

pub(crate) fn menuentry(exec: &mut Exec, call: &Call) -> Run {
    define(exec, call, false)
}

pub(crate) fn submenu(exec: &mut Exec, call: &Call) -> Run {
    define(exec, call, true)
}

fn define(exec: &mut Exec, call: &Call, submenu: bool) -> Run {
    let Some(mut options) = exec.options(&SYNTAX, &call.name, &call.args)? else { return Ok(exec.errno()) };
    if options.args.is_empty() {
        return exec.fail(code::BAD_ARGUMENT, "missing arguments");
    }
    let (source, line) = match (options.value(3), &call.block) {
        (Some(_), Some(_)) => return exec.fail(code::BAD_ARGUMENT, "multiple menuentry definitions"),
        (None, None) => return exec.fail(code::BAD_ARGUMENT, "no menuentry definition"),
        (Some(source), None) => (source.to_string(), exec.sh.line),
        (None, Some(block)) => {
            // The block is the last argument.
            options.args.pop();
            (format!("{}{}", setparams(&options.args), block.source), block.line)
        }
    };
    let Some(title) = options.args.first() else {
        return exec.fail(code::MENU, "menuentry is missing title");
    };
    let users = match options.value(1) {
        Some(users) => Some(users.to_string()),
        None if options.has(5) => None,
        None => Some(String::new()),
    };
    let entry = Entry {
        title: title.clone(),
        id: options.value(4).unwrap_or(title).to_string(),
        classes: options.all(0).map(str::to_string).collect(),
        hotkey: options.value(2).filter(|key| !key.is_empty()).map(str::to_string),
        users,
        submenu,
        source,
        args: options.args.clone(),
        file: exec.sh.file.to_string(),
        line,
    };
    add(exec, entry)?;
    Ok(0)
}

/// The line that sets an entry's arguments.
fn setparams(args: &[String]) -> String {
    let mut line = String::from("setparams");
    for arg in args {
        line.push_str(&format!(" '{}'", arg.replace('\'', "'\\''")));
    }
    line.push('\n');
    line
}

/// Adds an entry, if there is room for one more. What comes behind the last one may still be needed: passwords, the default.
fn add(exec: &mut Exec, entry: Entry) -> Result<(), Stop> {
    let entries: usize = exec.sh.levels.iter().map(|level| level.entries.len()).sum();
    let most = exec.sh.meter.limits.entries;
    if entries >= most {
        let text = format!("more than {most} entries; the rest is dropped");
        exec.sh.note_once(&text);
        return Ok(());
    }
    exec.sh.meter.take(entry_cost(&entry))?;
    if let Some(level) = exec.sh.levels.last_mut() {
        level.entries.push(entry);
    }
    Ok(())
}

/// `source FILE`, `. FILE`: that there is no such file is no error.
pub(crate) fn source(exec: &mut Exec, call: &Call) -> Run {
    match call.args.as_slice() {
        [path] => exec.config_file(path, Missing::Ignored),
        _ => exec.fail(code::BAD_ARGUMENT, "filename expected"),
    }
}

/// `configfile FILE`: another menu, if that file makes one.
pub(crate) fn configfile(exec: &mut Exec, call: &Call) -> Run {
    let [path] = call.args.as_slice() else { return exec.fail(code::BAD_ARGUMENT, "filename expected") };
    exec.sh.open(false)?;
    exec.config_file(path, Missing::Noted)?;
    if !exec.sh.entries().is_empty() {
        return Err(Stop::Menu);
    }
    exec.sh.close(exec.sh.levels.len() - 1);
    Ok(0)
}

/// `normal [FILE]`: GRUB's own `grub.cfg`, if none is named; its entries join those that there are.
pub(crate) fn normal(exec: &mut Exec, call: &Call) -> Run {
    let path = match call.args.first() {
        Some(path) => path.clone(),
        None => format!("{}/grub.cfg", exec.get("prefix").unwrap_or_default()),
    };
    exec.config_file(&path, Missing::Ignored)?;
    if exec.sh.entries().is_empty() { Ok(0) } else { Err(Stop::Menu) }
}

const BLSCFG: Syntax = Syntax {
    options: &[
        Opt("path", b'p', Value::Needed),
        Opt("enable-fallback", b'f', Value::None),
        Opt("show-default", b'd', Value::None),
        Opt("show-non-default", b'n', Value::None),
        Opt("entry", b'e', Value::Needed),
    ],
    accept_dash: false,
    at_start: false,
};

/// Where entries are, and where they are if `/boot` is a directory of its volume.
const ENTRIES: &str = "/loader/entries";
const WITHIN_BOOT: &str = "/boot/loader/entries";

/// `blscfg [default|non-default|NAME|DIRECTORY|FILE]`, as Fedora's GRUB has it; `blscfg [--path DIRECTORY] [--enable-fallback]
/// [--show-default] [--show-non-default] [--entry NAME]`, as GRUB 2.14. Entries of the Boot Loader Specification; what is there
/// already is not added again.
pub(crate) fn blscfg(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&BLSCFG, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let mut default = options.has(2);
    let mut others = options.has(3);
    let mut name = options.value(4).map(str::to_string);
    let mut directory = options.value(0).map(str::to_string);
    match options.args.first().map(String::as_str) {
        None => {}
        Some("default") => default = true,
        Some("non-default") => others = true,
        Some(path) if path.starts_with(['(', '/']) => match path.rsplit_once('/') {
            Some((above, file)) if file.ends_with(".conf") => {
                directory = Some(above.to_string());
                name = Some(file.to_string());
            }
            _ => directory = Some(path.to_string()),
        },
        Some(id) => name = Some(id.to_string()),
    }
    let all = !default && !others && name.is_none();
    let fallback = directory.is_none() || options.has(1);
    let directory = directory.or_else(|| exec.get("blsdir")).unwrap_or_else(|| ENTRIES.to_string());
    let Some((directory, entries)) = entries(exec, &directory, fallback)? else { return Ok(exec.errno()) };
    let device = directory.split_once(')').map_or("", |(device, _)| device);
    let chosen = exec.get("default").unwrap_or_default();
    let known: BTreeSet<String> =
        exec.sh.levels.iter().flat_map(|level| &level.entries).map(of_file).collect();
    for (number, entry) in entries.into_iter().enumerate() {
        let is_named = |name: &str| {
            let name = name.strip_suffix(".conf").unwrap_or(name);
            name == entry.id || name == file_name(&entry)
        };
        let is_default = is_named(&chosen) || chosen == entry.title || chosen == number.to_string();
        let wanted = all
            || (default && is_default)
            || (others && !is_default)
            || name.as_deref().is_some_and(is_named);
        let entry = from_bls(exec, entry, device, &directory);
        if wanted && !known.contains(&entry.file) {
            add(exec, entry)?;
        }
    }
    Ok(0)
}

fn of_file(entry: &Entry) -> String {
    entry.file.clone()
}

/// What is in this directory, or in the other place; and which it was. An error is pending if there is no such device.
fn entries(
    exec: &mut Exec,
    directory: &str,
    fallback: bool,
) -> Result<Option<(String, Vec<BlsEntry>)>, Stop> {
    let places = [Some(directory), fallback.then_some(WITHIN_BOOT)];
    let mut first = None;
    for place in places.into_iter().flatten() {
        let Some(full) = exec.qualified(place) else { return Ok(None) };
        match exec.host.bls(&full, &|name| exec.sh.get(name)) {
            Ok(found) => {
                found.notes.iter().for_each(|note| exec.sh.note_once(note));
                if !found.entries.is_empty() {
                    return Ok(Some((full, found.entries)));
                }
                first = first.or(Some(full));
            }
            // Without the directory there are no entries.
            Err(HostError::NotFound) => first = first.or(Some(full)),
            Err(error) => {
                exec.file_error(&full, &error);
                return Ok(None);
            }
        }
    }
    Ok(first.map(|full| (full, Vec::new())))
}

/// The name of its file, without `.conf`.
fn file_name(bls: &BlsEntry) -> String {
    format!("{}{}", bls.id, bls.counters.as_ref().map_or("", |counters| &counters.text))
}

/// An entry's commands.
fn from_bls(exec: &mut Exec, bls: BlsEntry, device: &str, directory: &str) -> Entry {
    let mut source = setparams(core::slice::from_ref(&bls.title));
    if exec.get("save_default").as_deref() == Some("true") {
        source.push_str("savedefault\n");
    }
    source.push_str(&format!("linux {device}){} {}\n", bls.linux, bls.options));
    // Names of files beside the first ramdisk, or the kernel.
    let early = exec.get("early_initrd").unwrap_or_default();
    let beside = bls.initrds.first().unwrap_or(&bls.linux);
    let beside = beside.rsplit_once('/').map_or("", |(directory, _)| directory);
    let early: Vec<String> =
        early.split(' ').filter(|name| !name.is_empty()).map(|name| format!("{beside}/{name}")).collect();
    if !bls.initrds.is_empty() || !early.is_empty() {
        source.push_str("initrd");
        early.iter().chain(&bls.initrds).for_each(|file| source.push_str(&format!(" {device}){file}")));
        source.push('\n');
    }
    if let Some(file) = &bls.devicetree {
        source.push_str(&format!("devicetree {device}){file}\n"));
    }
    let file = format!("{directory}/{}.conf", file_name(&bls));
    let args = Vec::from([bls.title.clone()]);
    Entry {
        title: match bls.counters {
            Some(counters) => format!("{} ({})", bls.title, counters.left),
            None => bls.title,
        },
        id: bls.id,
        classes: bls.classes,
        hotkey: bls.hotkey,
        users: bls.users,
        submenu: false,
        source,
        args,
        file,
        line: 1,
    }
}
