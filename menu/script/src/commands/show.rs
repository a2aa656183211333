//! Commands that print, read and wait.

use alloc::format;
use alloc::string::String;

use crate::code;
use crate::exec::{Call, Exec, Run};
use crate::number::number;
use crate::options::{Opt, Syntax, Value};

const ECHO: Syntax = Syntax {
    options: &[Opt("", b'n', Value::None), Opt("", b'e', Value::None)],
    accept_dash: true,
    at_start: true,
};

/// `echo [-n] [-e] TEXT…`.
pub(crate) fn echo(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&ECHO, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let mut newline = !options.has(0);
    let mut out = String::new();
    for (i, arg) in options.args.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        if !options.has(1) {
            out.push_str(arg);
            continue;
        }
        let mut rest = arg.chars();
        while let Some(c) = rest.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match rest.next() {
                Some('\\') => out.push('\\'),
                Some('a') => out.push('\x07'),
                Some('c') => newline = false,
                Some('f') => out.push('\x0c'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('v') => out.push('\x0b'),
                _ => {}
            }
        }
    }
    if newline {
        out.push('\n');
    }
    exec.print(&out)?;
    Ok(0)
}

/// `gettext TEXT`: there are no translations.
pub(crate) fn gettext(exec: &mut Exec, call: &Call) -> Run {
    let [text] = call.args.as_slice() else {
        return exec.fail(code::BAD_ARGUMENT, "one argument expected");
    };
    exec.print(&format!("{text}\n"))?;
    Ok(0)
}

const SLEEP: Syntax = Syntax {
    options: &[Opt("verbose", b'v', Value::None), Opt("interruptible", b'i', Value::None)],
    accept_dash: false,
    at_start: false,
};

/// The longest that `sleep` waits, in seconds.
const LONGEST: u32 = 3600;

/// `sleep [--verbose] [--interruptible] SECONDS`: 1 if somebody broke it off.
pub(crate) fn sleep(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&SLEEP, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let [seconds] = options.args.as_slice() else {
        return exec.fail(code::BAD_ARGUMENT, "one argument expected");
    };
    let seconds = number(seconds, 10);
    if let Some((code, text)) = seconds.error {
        exec.fail(code, text)?;
    }
    let seconds = u32::try_from(seconds.value).unwrap_or(LONGEST).min(LONGEST);
    if seconds == 0 {
        return Ok(0);
    }
    if options.has(0) {
        exec.print(&format!("{seconds} s\n"))?;
    }
    let woken = exec.host.sleep(seconds, options.has(1));
    exec.patience()?;
    Ok(u32::from(woken))
}

/// The largest file that is shown or compared, in bytes.
const MOST: usize = 1 << 20;

const CAT: Syntax = Syntax { options: &[Opt("dos", 0, Value::None)], accept_dash: false, at_start: false };

/// `cat [--dos] FILE`: what can't be printed is shown in hexadecimal.
pub(crate) fn cat(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&CAT, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let [path] = options.args.as_slice() else {
        return exec.fail(code::BAD_ARGUMENT, "filename expected");
    };
    let Some(bytes) = exec.read(path, MOST)? else { return Ok(exec.errno()) };
    for chunk in bytes.utf8_chunks() {
        let mut out = String::new();
        let mut chars = chunk.valid().chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\r' && options.has(0) && chars.peek() == Some(&'\n') {
                continue;
            }
            if matches!(c, '\n' | '\t' | '\x0b' | '\x0c' | ' '..='~') || c >= '\u{a1}' {
                out.push(c);
            } else {
                let mut bytes = [0; 4];
                c.encode_utf8(&mut bytes).bytes().for_each(|byte| out.push_str(&format!("<{byte:x}>")));
            }
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("<{byte:x}>")));
        exec.print(&out)?;
    }
    exec.print("\n")?;
    Ok(0)
}

/// `cmp FILE FILE`: says whether they are the same. That they are not is no failure.
pub(crate) fn cmp(exec: &mut Exec, call: &Call) -> Run {
    let [one, other] = call.args.as_slice() else {
        return exec.fail(code::BAD_ARGUMENT, "two arguments expected");
    };
    exec.print(&format!("Compare file `{one}' with `{other}':\n"))?;
    let Some(a) = exec.read(one, MOST)? else { return Ok(exec.errno()) };
    let Some(b) = exec.read(other, MOST)? else { return Ok(exec.errno()) };
    let text = match a.iter().zip(&b).enumerate().find(|(_, (a, b))| a != b) {
        _ if a.len() != b.len() => {
            format!("Files differ in size: {} [{one}], {} [{other}]\n", a.len(), b.len())
        }
        Some((at, (a, b))) => {
            format!("Files differ at the offset {at}: 0x{a:x} [{one}], 0x{b:x} [{other}]\n")
        }
        None => "The files are identical.\n".into(),
    };
    exec.print(&text)?;
    Ok(0)
}

/// `date`: shows date and time. They can't be set.
pub(crate) fn date(exec: &mut Exec, call: &Call) -> Run {
    if !call.args.is_empty() {
        return exec.fail(code::NOT_IMPLEMENTED, "a domain can't set its clock");
    }
    let Some(now) = exec.host.now() else { return exec.fail(code::IO, "there is no clock") };
    let date = format!("{}-{:02}-{:02}", now.year, now.month, now.day);
    let time = format!("{:02}:{:02}:{:02}", now.hour, now.minute, now.second);
    exec.print(&format!("{date} {time} {}\n", now.weekday()))?;
    Ok(0)
}

const READ: Syntax =
    Syntax { options: &[Opt("silent", b's', Value::None)], accept_dash: false, at_start: false };

/// `read [-s] [VARIABLE]`.
pub(crate) fn read(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&READ, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let Some(line) = exec.host.line(options.has(0)) else {
        return exec.fail(code::IO, "there is nobody to ask");
    };
    if let Some(variable) = options.args.first() {
        exec.set(variable, &line)?;
    }
    Ok(0)
}
