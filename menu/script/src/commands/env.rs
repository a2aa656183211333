//! Variables, and the block of them that a file holds.

use alloc::format;
use alloc::string::{String, ToString};

use crate::code;
use crate::exec::{Call, Exec, Run, Stop};
use crate::files::blocks;
use crate::grubenv::Block;
use crate::number::signed;
use crate::options::{Opt, Parsed, Syntax, Value};

/// `set [NAME=VALUE]`.
pub(crate) fn set(exec: &mut Exec, call: &Call) -> Run {
    let Some(assignment) = call.args.first() else {
        let mut text = String::new();
        let mut status = Some(format!("?={}\n", exec.sh.status));
        for (name, variable) in exec.sh.levels.last().into_iter().flat_map(|level| &level.variables) {
            exec.sh.meter.step(variable.value.len())?;
            // It stands in its place among the others.
            text.extend(status.take_if(|_| name.as_str() > "?"));
            text.push_str(&format!("{name}={}\n", variable.value));
        }
        text.extend(status);
        exec.print(&text)?;
        return Ok(0);
    };
    match assignment.split_once('=') {
        Some((name, value)) => {
            exec.set(name, value)?;
            Ok(0)
        }
        None => exec.fail(code::BAD_ARGUMENT, "not an assignment"),
    }
}

pub(crate) fn unset(exec: &mut Exec, call: &Call) -> Run {
    match call.args.first() {
        Some(name) => {
            exec.unset(name)?;
            Ok(0)
        }
        None => exec.fail(code::BAD_ARGUMENT, "one argument expected"),
    }
}

pub(crate) fn export(exec: &mut Exec, call: &Call) -> Run {
    if call.args.is_empty() {
        return exec.fail(code::BAD_ARGUMENT, "one argument expected");
    }
    for name in &call.args {
        exec.sh.export(name)?;
    }
    Ok(0)
}

const SYNTAX: Syntax = Syntax {
    options: &[Opt("file", b'f', Value::Needed), Opt("skip-sig", b's', Value::None)],
    accept_dash: false,
    at_start: false,
};

/// The largest block that is read, in bytes. GRUB's tools make one of 1,024.
const MOST: usize = 64 << 10;

/// The block that a command means; its path with the device.
fn block(exec: &mut Exec, options: &Parsed) -> Result<Option<(String, Block)>, Stop> {
    let path = match (options.value(0), exec.get("prefix")) {
        (Some(path), _) => String::from(path),
        (None, Some(prefix)) => format!("{prefix}/grubenv"),
        (None, None) => {
            exec.fail(code::FILE_NOT_FOUND, "variable `prefix' isn't set")?;
            return Ok(None);
        }
    };
    let Some(bytes) = exec.read(&path, MOST)? else { return Ok(None) };
    match Block::parse(bytes) {
        Some(block) => Ok(exec.qualified(&path).map(|path| (path, block))),
        None => {
            exec.fail(code::BAD_FILE_TYPE, "invalid environment block")?;
            Ok(None)
        }
    }
}

/// `load_env [--file FILE] [NAME…]`: with names, only those.
pub(crate) fn load_env(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&SYNTAX, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let Some((_, block)) = block(exec, &options)? else { return Ok(exec.errno()) };
    for (name, value) in block.iter() {
        if options.args.is_empty() || options.args.contains(&name) {
            exec.set(&name, &value)?;
        }
    }
    Ok(exec.errno())
}

pub(crate) fn list_env(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&SYNTAX, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let Some((_, block)) = block(exec, &options)? else { return Ok(exec.errno()) };
    for (name, value) in block.iter() {
        exec.print(&format!("{name}={value}\n"))?;
    }
    Ok(exec.errno())
}

/// `save_env [--file FILE] NAME…`.
pub(crate) fn save_env(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&SYNTAX, &call.name, &call.args)? else { return Ok(exec.errno()) };
    if options.args.is_empty() {
        return exec.fail(code::BAD_ARGUMENT, "no variable is specified");
    }
    let Some((path, mut block)) = block(exec, &options)? else { return Ok(exec.errno()) };
    if blocks(&path).is_some() {
        return exec.fail(code::ACCESS_DENIED, "not saved: block lists are read only");
    }
    for name in &options.args {
        match exec.get(name) {
            Some(value) if !block.set(name, &value) => {
                return exec.fail(code::BAD_ARGUMENT, "environment block too small");
            }
            Some(_) => {}
            None => block.remove(name),
        }
    }
    if let Err(error) = exec.host.write_env(&path, block.bytes()) {
        exec.file_error(&path, &error);
    }
    Ok(exec.errno())
}

/// `increment NAME`, which Fedora's GRUB has.
pub(crate) fn increment(exec: &mut Exec, call: &Call) -> Run {
    count(exec, call, 1)
}

/// `decrement NAME`, which Fedora's GRUB has: its `08_fallback_counting` counts starts so that did not end well.
pub(crate) fn decrement(exec: &mut Exec, call: &Call) -> Run {
    count(exec, call, -1)
}

fn count(exec: &mut Exec, call: &Call, by: i64) -> Run {
    let name = match call.args.as_slice() {
        [] => return exec.fail(code::BAD_ARGUMENT, "no variable specified"),
        [name] => name,
        _ => return exec.fail(code::BAD_ARGUMENT, "too many arguments"),
    };
    let Some(old) = exec.get(name) else {
        return exec.fail(code::FILE_NOT_FOUND, &format!("No such variable \"{name}\""));
    };
    match signed(&old) {
        (_, Some((code, why))) => exec.fail(code, why),
        (value, None) => {
            exec.set(name, &value.wrapping_add(by).to_string())?;
            Ok(0)
        }
    }
}
