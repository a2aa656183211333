//! `loopback`: a file becomes a device.

use crate::code;
use crate::exec::{Call, Exec, Run};
use crate::options::{Opt, Syntax, Value};

const SYNTAX: Syntax = Syntax {
    options: &[Opt("delete", b'd', Value::None), Opt("decompress", b'D', Value::None)],
    accept_dash: false,
    at_start: false,
};

/// `loopback NAME FILE`, `loopback -d NAME`.
pub(crate) fn loopback(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&SYNTAX, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let Some(name) = options.args.first() else {
        return exec.fail(code::BAD_ARGUMENT, "device name required");
    };
    if options.has(0) {
        return match exec.host.unloop(name) {
            Ok(()) => Ok(0),
            Err(_) => exec.fail(code::BAD_DEVICE, "device not found"),
        };
    }
    let Some(file) = options.args.get(1) else {
        return exec.fail(code::BAD_ARGUMENT, "filename expected");
    };
    if options.has(1) {
        return exec.fail(code::NOT_IMPLEMENTED, "only a file that is not packed can be a device here");
    }
    if super::load::doubtful(&options.args) {
        return super::load::not_utf8(exec);
    }
    let Some(full) = exec.qualified_file(file) else { return Ok(exec.errno()) };
    match exec.host.loopback(name, &full) {
        Ok(()) => Ok(0),
        Err(error) => {
            exec.file_error(&full, &error);
            Ok(exec.errno())
        }
    }
}
