//! Looking for volumes, and what they are.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::code;
use crate::exec::{Call, Exec, Run};
use crate::host::{By, Probe};
use crate::options::{Opt, Syntax, Value};

/// The most volumes that are shown.
const MOST: usize = 256;

const SEARCH: Syntax = Syntax {
    options: &[
        Opt("file", b'f', Value::None),
        Opt("label", b'l', Value::None),
        Opt("fs-uuid", b'u', Value::None),
        Opt("set", b's', Value::Optional),
        Opt("no-floppy", b'n', Value::None),
        Opt("hint", b'h', Value::Needed),
        Opt("hint-baremetal", 0, Value::Needed),
        Opt("hint-ieee1275", 0, Value::Needed),
        Opt("hint-bios", 0, Value::Needed),
        Opt("hint-efi", 0, Value::Needed),
        Opt("hint-arc", 0, Value::Needed),
        Opt("efidisk-only", 0, Value::None),
        Opt("cryptodisk-only", 0, Value::None),
        // Fedora's: the disk that `$root` is on.
        Opt("root-dev-only", b'r', Value::None),
        // CoreOS' and Flatcar's.
        Opt("part-label", 0, Value::None),
        Opt("part-uuid", 0, Value::None),
    ],
    accept_dash: true,
    at_start: false,
};

/// `search --file|--label|--fs-uuid|--part-label|--part-uuid [--set[=VARIABLE]] [--hint=…] NAME`.
pub(crate) fn search(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&SEARCH, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let mut hints: Vec<String> = options.all(5).chain(options.all(6)).map(str::to_string).collect();
    // Hints for platforms that GRUB 2.06 doesn't know are arguments there; this platform's are of use.
    let mut args = options.args.iter().map(String::as_str).peekable();
    while let Some(hint) = args.next_if(|arg| arg.starts_with("--hint-")) {
        hints.extend(hint.strip_prefix("--hint-xen=").map(str::to_string));
    }
    let set = options.has(3);
    let (key, variable) = match (args.next(), options.value(3)) {
        (Some(key), variable) => (key, set.then(|| variable.unwrap_or("root"))),
        (None, Some(key)) => (key, Some("root")),
        (None, None) => return exec.fail(code::BAD_ARGUMENT, "one argument expected"),
    };
    let kinds = [(1, By::Label), (2, By::Uuid), (14, By::PartLabel), (15, By::PartUuid), (0, By::File)];
    let Some((_, by)) = kinds.into_iter().find(|(option, _)| options.has(*option)) else {
        return exec.fail(code::INVALID_COMMAND, "unspecified search type");
    };
    if !options.has(13) {
        return find(exec, by, key, variable, &hints, None);
    }
    let root = exec.get("root").unwrap_or_default();
    find(exec, by, key, variable, &hints, Some(disk(&root)))
}

/// The disk of a volume's name.
fn disk(device: &str) -> &str {
    device.split_once(',').map_or(device, |(disk, _)| disk)
}

pub(crate) fn file(exec: &mut Exec, call: &Call) -> Run {
    old(exec, call, By::File)
}

pub(crate) fn label(exec: &mut Exec, call: &Call) -> Run {
    old(exec, call, By::Label)
}

pub(crate) fn uuid(exec: &mut Exec, call: &Call) -> Run {
    old(exec, call, By::Uuid)
}

pub(crate) fn part_label(exec: &mut Exec, call: &Call) -> Run {
    old(exec, call, By::PartLabel)
}

pub(crate) fn part_uuid(exec: &mut Exec, call: &Call) -> Run {
    old(exec, call, By::PartUuid)
}

/// `search.fs_uuid UUID [VARIABLE [HINT…]]`.
fn old(exec: &mut Exec, call: &Call, by: By) -> Run {
    let Some((key, rest)) = call.args.split_first() else {
        return exec.fail(code::BAD_ARGUMENT, "one argument expected");
    };
    let hints = rest.get(1..).unwrap_or_default();
    find(exec, by, key, rest.first().map(String::as_str), hints, None)
}

/// Looks on all disks, or on that one.
fn find(
    exec: &mut Exec,
    by: By,
    key: &str,
    variable: Option<&str>,
    hints: &[String],
    only: Option<&str>,
) -> Run {
    // Whatever was to be said before is forgotten while devices are looked at.
    exec.sh.pending = None;
    let most = if variable.is_some() && only.is_none() { 1 } else { MOST };
    let mut found = exec.host.search(by, key, hints, most);
    found.retain(|name| only.is_none_or(|only| disk(name) == only));
    exec.sh.meter.step(found.iter().map(String::len).sum())?;
    let Some(first) = found.first() else {
        return exec.fail(code::FILE_NOT_FOUND, &format!("no such device: {key}"));
    };
    match variable {
        Some(variable) => exec.set(variable, first)?,
        None => found.iter().take(MOST).try_for_each(|name| exec.print(&format!(" {name}")))?,
    }
    Ok(0)
}

const PROBE: Syntax = Syntax {
    options: &[
        Opt("set", b's', Value::Needed),
        Opt("driver", b'd', Value::None),
        Opt("partmap", b'p', Value::None),
        Opt("fs", b'f', Value::None),
        Opt("fs-uuid", b'u', Value::None),
        Opt("label", b'l', Value::None),
        Opt("part-uuid", 0, Value::None),
    ],
    accept_dash: false,
    at_start: false,
};

/// `probe [--set=VARIABLE] --fs|--fs-uuid|… DEVICE`.
pub(crate) fn probe(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&PROBE, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let Some(device) = options.args.first() else {
        return exec.fail(code::BAD_ARGUMENT, "device name required");
    };
    let device = device.strip_prefix('(').and_then(|name| name.strip_suffix(')')).unwrap_or(device);
    let asked = [
        (1, Probe::Driver),
        (2, Probe::PartMap),
        (6, Probe::PartUuid),
        (3, Probe::FileSystem),
        (4, Probe::Uuid),
        (5, Probe::Label),
    ];
    let Some((_, what)) = asked.into_iter().find(|(option, _)| options.has(*option)) else {
        return exec.fail(code::BAD_ARGUMENT, "unrecognised target");
    };
    let value = match exec.host.probe(device, what) {
        Ok(value) => value,
        Err(error) => {
            exec.file_error(&format!("({device})"), &error);
            return Ok(exec.errno());
        }
    };
    let value = match (value, what) {
        (Some(value), _) => value,
        (None, Probe::Uuid) => {
            return exec.fail(code::NOT_IMPLEMENTED, "the filesystem does not support UUIDs");
        }
        (None, Probe::Label) => {
            return exec.fail(code::NOT_IMPLEMENTED, "the filesystem does not support labels");
        }
        (None, _) => "none".to_string(),
    };
    match options.value(0) {
        Some(variable) => exec.set(variable, &value)?,
        None => exec.print(&value)?,
    }
    Ok(0)
}
