//! Commands that make entries and read other files.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::code;
use crate::exec::{Call, Exec, Run, Stop};
use crate::host::{BlsEntry, HostError};
use crate::limits::Bound;
use crate::menu::Entry;
use crate::options::{Opt, Syntax, Value};
use crate::shell::entry_cost;

const SYNTAX: Syntax = Syntax {
    options: &[
        Opt("class", 0, Value::Needed),
        Opt("users", 0, Value::Optional),
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

fn add(exec: &mut Exec, entry: Entry) -> Result<(), Stop> {
    let entries: usize = exec.sh.levels.iter().map(|level| level.entries.len()).sum();
    if entries >= exec.sh.meter.limits.entries {
        return Err(Bound::Entries.into());
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
        [path] => exec.config_file(path, false),
        _ => exec.fail(code::BAD_ARGUMENT, "filename expected"),
    }
}

/// `configfile FILE`: another menu, if that file makes one.
pub(crate) fn configfile(exec: &mut Exec, call: &Call) -> Run {
    let [path] = call.args.as_slice() else { return exec.fail(code::BAD_ARGUMENT, "filename expected") };
    exec.sh.open(false)?;
    exec.config_file(path, false)?;
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
    exec.config_file(&path, false)?;
    if exec.sh.entries().is_empty() { Ok(0) } else { Err(Stop::Menu) }
}

/// `blscfg [DIRECTORY]`: entries of the Boot Loader Specification, `/loader/entries` if none is named.
pub(crate) fn blscfg(exec: &mut Exec, call: &Call) -> Run {
    let directory = call.args.first().cloned().or_else(|| exec.get("blsdir"));
    let directory = directory.unwrap_or_else(|| "/loader/entries".to_string());
    let Some(directory) = exec.qualified(&directory) else { return Ok(exec.errno()) };
    let entries = match exec.host.bls(&directory, &|name| exec.sh.get(name)) {
        Ok(entries) => entries,
        // Without the directory there are no entries.
        Err(HostError::NotFound) => Vec::new(),
        Err(error) => {
            exec.file_error(&directory, &error);
            return Ok(exec.errno());
        }
    };
    let device = directory.split_once(')').map_or("", |(device, _)| device);
    for entry in entries {
        add(exec, from_bls(entry, device, &directory))?;
    }
    Ok(0)
}

/// An entry's commands.
fn from_bls(bls: BlsEntry, device: &str, directory: &str) -> Entry {
    let mut source = setparams(core::slice::from_ref(&bls.title));
    source.push_str(&format!("linux {device}){} {}\n", bls.linux, bls.options));
    if !bls.initrds.is_empty() {
        source.push_str("initrd");
        bls.initrds.iter().for_each(|file| source.push_str(&format!(" {device}){file}")));
        source.push('\n');
    }
    if let Some(file) = &bls.devicetree {
        source.push_str(&format!("devicetree {device}){file}\n"));
    }
    let file = format!("{directory}/{}.conf", bls.id);
    let args = Vec::from([bls.title.clone()]);
    Entry {
        title: bls.title,
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
