//! Commands that say what to boot.

use alloc::string::{String, ToString};

use super::harmless::{SECTOR, refuse_since};
use crate::code;
use crate::exec::{Call, Exec, Run, Stop};
use crate::menu::{Boot, Initrd, Module};

/// The most ramdisks and modules of an entry.
const MOST: usize = 255;

/// `linux [--verbatim] FILE [ARGUMENT…]`. The option is not GRUB's: the arguments become the command line as they are, without the
/// backslashes and quotes that GRUB puts around what is special. By it the entries of other formats can be shown as commands.
pub(crate) fn linux(exec: &mut Exec, call: &Call) -> Run {
    let verbatim = call.args.first().is_some_and(|arg| arg == "--verbatim");
    let words = call.args.get(usize::from(verbatim)..).unwrap_or_default();
    let Some((file, args)) = words.split_first() else {
        return exec.fail(code::BAD_ARGUMENT, "filename expected");
    };
    exec.sh.loaded = None;
    // Whoever writes the option means each character.
    if doubtful(if verbatim { core::slice::from_ref(file) } else { words }) {
        return not_utf8(exec);
    }
    let Some(kernel) = exec.existing_file(file) else { return Ok(exec.errno()) };
    let args = if verbatim { args.join(" ") } else { command_line(args) };
    exec.sh.loaded = Some(Boot { command: call.name.clone(), kernel, args, ..Boot::default() });
    Ok(0)
}

/// `initrd FILE…`.
pub(crate) fn initrd(exec: &mut Exec, call: &Call) -> Run {
    if call.args.is_empty() {
        return exec.fail(code::BAD_ARGUMENT, "filename expected");
    }
    match &exec.sh.loaded {
        None => return exec.fail(code::BAD_ARGUMENT, "you need to load the kernel first"),
        Some(boot) if !boot.initrds.is_empty() || !boot.modules.is_empty() => {
            return exec.fail(code::BAD_ARGUMENT, "initrd already loaded");
        }
        Some(_) if call.args.len() > MOST => return exec.fail(code::BAD_ARGUMENT, "too many modules"),
        Some(_) if doubtful(&call.args) => return not_utf8(exec),
        Some(_) => {}
    }
    let mut initrds = alloc::vec::Vec::new();
    for arg in &call.args {
        let (name, file) = match arg.strip_prefix("newc:").and_then(|rest| rest.split_once(':')) {
            Some((name, file)) => (Some(name.to_string()), file),
            None => (None, arg.as_str()),
        };
        let Some(file) = exec.existing_file(file) else { return Ok(exec.errno()) };
        initrds.push(Initrd { file, name });
    }
    if let Some(boot) = &mut exec.sh.loaded {
        boot.initrds = initrds;
    }
    Ok(0)
}

/// `chainloader [--force] FILE`: no boot sector can be started. But where a menu from a server, or from another disk, means by `(hd0)+1` what the
/// first disk starts, that is what the domain's disks have: it is gone on with those, as by `exit`.
pub(crate) fn chainloader(exec: &mut Exec, call: &Call) -> Run {
    let args = call.args.as_slice();
    let file = match args {
        [option, file] if option == "--force" => file,
        [file] => file,
        _ => return refuse_since(exec, call, SECTOR),
    };
    let root = exec.get("root").unwrap_or_default();
    let device = match file.strip_prefix('(').and_then(|file| file.split_once(')')) {
        Some((device, "+1")) => device,
        None if file == "+1" => &root,
        _ => return refuse_since(exec, call, SECTOR),
    };
    if device == "hd0" && &*exec.sh.home != "hd0" {
        Err(Stop::Exit)
    } else {
        refuse_since(exec, call, SECTOR)
    }
}

/// `module [--nounzip] FILE [ARGUMENT…]`.
pub(crate) fn module(exec: &mut Exec, call: &Call) -> Run {
    let mut args = call.args.as_slice();
    let nounzip = args.first().is_some_and(|arg| arg == "--nounzip");
    if nounzip {
        args = args.get(1..).unwrap_or_default();
    }
    let Some((file, args)) = args.split_first() else {
        return exec.fail(code::BAD_ARGUMENT, "filename expected");
    };
    match &exec.sh.loaded {
        None => return exec.fail(code::BAD_ARGUMENT, "you need to load the kernel first"),
        Some(boot) if !boot.initrds.is_empty() => {
            return exec.fail(code::BAD_ARGUMENT, "initrd already loaded");
        }
        Some(boot) if boot.modules.len() >= MOST => return exec.fail(code::BAD_ARGUMENT, "too many modules"),
        Some(_) if doubtful(&call.args) => return not_utf8(exec),
        Some(_) => {}
    }
    let Some(file) = exec.existing_file(file) else { return Ok(exec.errno()) };
    let args = command_line(args);
    if let Some(boot) = &mut exec.sh.loaded {
        boot.modules.push(Module { file, args, nounzip });
    }
    Ok(0)
}

/// `devicetree FILE`: a PV domain has none to replace.
pub(crate) fn devicetree(exec: &mut Exec, call: &Call) -> Run {
    if let (Some(boot), Some(file)) = (&mut exec.sh.loaded, call.args.first()) {
        boot.devicetree = Some(file.clone());
    }
    Ok(0)
}

pub(crate) fn boot(exec: &mut Exec, _: &Call) -> Run {
    match exec.sh.loaded {
        Some(_) => Err(Stop::Boot),
        None => exec.fail(code::NO_KERNEL, "you need to load the kernel first"),
    }
}

pub(crate) fn halt(_: &mut Exec, _: &Call) -> Run {
    Err(Stop::Halt)
}

pub(crate) fn reboot(_: &mut Exec, _: &Call) -> Run {
    Err(Stop::Reboot)
}

pub(crate) fn exit(_: &mut Exec, _: &Call) -> Run {
    Err(Stop::Exit)
}

/// Whether something was replaced because the script is no UTF-8: a file's name or a command line must not be guessed.
pub(super) fn doubtful(args: &[String]) -> bool {
    args.iter().any(|arg| arg.contains(char::REPLACEMENT_CHARACTER))
}

pub(super) fn not_utf8(exec: &mut Exec) -> Run {
    exec.fail(code::BAD_ARGUMENT, "the arguments are not UTF-8")
}

/// Arguments as one command line.
fn command_line(args: &[String]) -> String {
    let mut line = String::new();
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            line.push(' ');
        }
        let spaces = arg.contains(' ');
        if spaces {
            line.push('"');
        }
        for (at, c) in arg.char_indices() {
            let escape = arg.as_bytes().get(at..at + 4);
            let is_hex =
                matches!(escape, Some([b'\\', b'x', a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
            if matches!(c, '\\' | '\'' | '"') && !is_hex {
                line.push('\\');
            }
            line.push(c);
        }
        if spaces {
            line.push('"');
        }
    }
    line
}
