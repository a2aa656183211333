//! Which of the two systems on a disk is started: CoreOS' and Flatcar's GRUB knows it by what their GPT says of each.

use alloc::format;

use crate::code;
use crate::exec::{Call, Exec, Run};
use crate::options::{Opt, Syntax, Value};

/// The type of their partitions for `/usr` (x86-64).
const USR: &str = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6";

const SYNTAX: Syntax = Syntax {
    options: &[Opt("set-device", b'd', Value::Needed), Opt("set-uuid", b'u', Value::Needed)],
    accept_dash: false,
    at_start: false,
};

/// What the attributes say, as ChromeOS has them: 4 bits of priority, 4 of tries that are left, and whether it ever came up well.
struct Turn {
    priority: u64,
    tries: u64,
    successful: bool,
}

impl Turn {
    fn of(attributes: u64) -> Self {
        Self {
            priority: attributes >> 48 & 0xf,
            tries: attributes >> 52 & 0xf,
            successful: attributes >> 56 & 1 == 1,
        }
    }
}

/// `gptprio.next -d VARIABLE -u VARIABLE [DISK]`: the partition with the highest priority among those that came up well or have tries left; of
/// several the first. GRUB takes one of its tries away. The table is not written here, so that is said.
pub(crate) fn next(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&SYNTAX, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let (Some(device), Some(uuid)) = (options.value(0), options.value(1)) else {
        return exec.fail(code::INVALID_COMMAND, "-d and -u are required");
    };
    let root = exec.get("root").unwrap_or_default();
    let disk = match options.args.as_slice() {
        [] => root.as_str(),
        [disk] => disk,
        _ => return exec.fail(code::BAD_ARGUMENT, "unexpected arguments"),
    };
    let disk = disk.split_once(',').map_or(disk, |(disk, _)| disk);
    let partitions = match exec.host.gpt(disk) {
        Ok(partitions) => partitions,
        Err(error) => {
            exec.file_error(&format!("({disk})"), &error);
            return Ok(exec.errno());
        }
    };
    exec.sh.meter.step(partitions.len() * 64)?;
    let mut best = None;
    for partition in partitions.iter().filter(|partition| partition.system.eq_ignore_ascii_case(USR)) {
        let turn = Turn::of(partition.attributes);
        let old = best.as_ref().map_or(0, |(_, best): &(_, Turn)| best.priority);
        if (turn.tries > 0 || turn.successful) && turn.priority > old {
            best = Some((partition, turn));
        }
    }
    let Some((partition, turn)) = best else {
        return exec.fail(code::UNKNOWN_DEVICE, "no such partition");
    };
    if turn.tries > 0 {
        let name = &partition.device;
        let text = format!("{name} keeps its tries ({}): the partition table is not written.\n", turn.tries);
        exec.print(&text)?;
    }
    exec.set(device, &partition.device)?;
    exec.set(uuid, &partition.uuid)?;
    Ok(0)
}
