//! Commands that steer a script.

use alloc::string::String;

use crate::code;
use crate::exec::{Call, Exec, Run};
use crate::number::number;
use crate::text::Lines;

pub(crate) fn yes(_: &mut Exec, _: &Call) -> Run {
    Ok(0)
}

pub(crate) fn no(exec: &mut Exec, _: &Call) -> Run {
    exec.no()
}

pub(crate) fn leave_loop(exec: &mut Exec, call: &Call) -> Run {
    loops(exec, call, false)
}

pub(crate) fn continue_loop(exec: &mut Exec, call: &Call) -> Run {
    loops(exec, call, true)
}

/// `break [N]`, `continue [N]`.
fn loops(exec: &mut Exec, call: &Call, is_continue: bool) -> Run {
    let count = match call.args.as_slice() {
        [] => 1,
        [count] => {
            let count = number(count, 10);
            if let Some((code, text)) = count.error {
                return exec.fail(code, text);
            }
            if !count.rest.is_empty() {
                return exec.fail(code::BAD_ARGUMENT, "unrecognized number");
            }
            if count.value == 0 {
                return exec.fail(code::BAD_ARGUMENT, "can't break 0 loops");
            }
            count.value
        }
        _ => return exec.fail(code::BAD_ARGUMENT, "one argument expected"),
    };
    exec.sh.is_continue = is_continue;
    exec.sh.breaks = count.min(exec.sh.loops);
    Ok(0)
}

/// `shift [N]`.
pub(crate) fn shift(exec: &mut Exec, call: &Call) -> Run {
    if exec.sh.scope.is_none() {
        return Ok(0);
    }
    let count = match call.args.as_slice() {
        [] => 1,
        [count] => {
            let count = number(count, 10);
            if let Some((code, text)) = count.error {
                exec.sh.pending = Some((code, String::from(text)));
            }
            if !count.rest.is_empty() {
                return Ok(code::BAD_ARGUMENT);
            }
            count.value
        }
        _ => return Ok(code::BAD_ARGUMENT),
    };
    let Some(scope) = &mut exec.sh.scope else { return Ok(0) };
    match usize::try_from(count) {
        Ok(count) if count <= scope.len() => {
            scope.drain(..count);
            Ok(0)
        }
        _ => Ok(code::BAD_ARGUMENT),
    }
}

pub(crate) fn setparams(exec: &mut Exec, call: &Call) -> Run {
    if exec.sh.scope.is_none() {
        return Ok(code::INVALID_COMMAND);
    }
    exec.sh.scope = Some(call.args.clone());
    Ok(0)
}

/// `return [N]`.
pub(crate) fn leave_function(exec: &mut Exec, call: &Call) -> Run {
    if exec.sh.scope.is_none() || call.args.len() > 1 {
        return exec.fail(code::BAD_ARGUMENT, "not in function body");
    }
    let Some(status) = call.args.first() else {
        exec.sh.returning = true;
        return Ok(exec.sh.status);
    };
    let status = number(status, 10);
    if let Some((code, text)) = status.error {
        return exec.fail(code, text);
    }
    if !status.rest.is_empty() {
        return exec.fail(code::BAD_ARGUMENT, "unrecognized number");
    }
    exec.sh.returning = true;
    match status.value as u32 {
        0 => Ok(0),
        status => exec.fail(status, "false"),
    }
}

pub(crate) fn eval(exec: &mut Exec, call: &Call) -> Run {
    if call.args.is_empty() {
        return Ok(0);
    }
    let text: String = call.args.join(" ");
    let line = exec.sh.line;
    exec.text(Lines::new(&text, false, line))
}
