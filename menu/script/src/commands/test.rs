//! `test`, `[`, and `regexp`.

use alloc::format;
use alloc::string::{String, ToString};

use crate::code;
use crate::exec::{Call, Exec, Run, Stop};
use crate::host::Info;
use crate::number::{number, signed};
use crate::options::{Opt, Syntax, Value};
use crate::regex::{Error, Regex};
use crate::vars::wrong_colors;

/// The most parentheses within one another.
const MAX_DEPTH: u32 = 100;

/// `test EXPRESSION`, `[ EXPRESSION ]`.
pub(crate) fn test(exec: &mut Exec, call: &Call) -> Run {
    let args = match call.args.split_last() {
        Some((last, rest)) if last == "]" => rest,
        _ => &call.args,
    };
    let mut test = Test { exec, args, at: 0, depth: 0, modified: None };
    if test.expression()? { Ok(0) } else { exec.no() }
}

struct Test<'a, 'b> {
    exec: &'a mut Exec<'b>,
    args: &'a [String],
    at: usize,
    depth: u32,
    /// The time of the file that was looked at last.
    modified: Option<i64>,
}

/// What an expression came to so far.
struct Truth {
    invert: bool,
    or: bool,
    and: bool,
}

impl Truth {
    fn update(&mut self, value: bool) {
        self.and = self.and && value != self.invert;
        self.invert = false;
    }
}

impl Test<'_, '_> {
    fn arg(&self, behind: usize) -> Option<&str> {
        self.args.get(self.at + behind).map(String::as_str)
    }

    /// An expression up to its end, or to the parenthesis that closes it.
    fn expression(&mut self) -> Result<bool, Stop> {
        let mut value = Truth { invert: false, or: false, and: true };
        while let Some(first) = self.arg(0) {
            self.exec.sh.meter.step(first.len())?;
            if let Some(result) = self.binary()? {
                value.update(result);
                self.at += 3;
                continue;
            }
            if let Some(result) = self.unary()? {
                value.update(result);
                self.at += 2;
                continue;
            }
            let first = self.arg(0).unwrap_or_default();
            let truth = !first.is_empty();
            let word = match first {
                ")" | "(" | "!" | "-a" | "-o" => String::from(first),
                _ => String::new(),
            };
            self.at += 1;
            match word.as_str() {
                ")" => {
                    self.depth = self.depth.saturating_sub(1);
                    break;
                }
                "(" => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        self.exec.fail(code::OUT_OF_RANGE, "max recursion depth exceeded")?;
                        break;
                    }
                    let result = self.expression()?;
                    value.update(result);
                }
                "!" => value.invert = !value.invert,
                "-a" => {}
                "-o" => {
                    value.or = value.or || value.and;
                    value.and = true;
                }
                _ => value.update(truth),
            }
        }
        Ok(value.or || value.and)
    }

    /// A number, of which GRUB keeps 32 bits.
    fn number(&mut self, text: &str) -> i32 {
        let (value, error) = signed(text);
        if let Some((code, text)) = error {
            _ = self.exec.fail(code, text);
        }
        value as i32
    }

    /// A test of two arguments with something between them.
    fn binary(&mut self) -> Result<Option<bool>, Stop> {
        let args = self.args;
        let Some([left, operator, right]) = args.get(self.at..self.at + 3) else { return Ok(None) };
        Ok(Some(match operator.as_str() {
            "=" | "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            ">=" => left >= right,
            "-eq" => self.number(left) == self.number(right),
            "-ge" => self.number(left) >= self.number(right),
            "-gt" => self.number(left) > self.number(right),
            "-le" => self.number(left) <= self.number(right),
            "-lt" => self.number(left) < self.number(right),
            "-ne" => self.number(left) != self.number(right),
            "-pgt" | "-plt" => {
                let (left, right) = self.behind_prefix(left, right);
                if operator == "-pgt" { left > right } else { left < right }
            }
            _ if operator.starts_with("-nt") || operator.starts_with("-ot") => {
                self.newer(operator.starts_with("-nt"), left, right, operator.get(3..).unwrap_or_default())
            }
            _ => return Ok(None),
        }))
    }

    /// The numbers in which two texts differ first: the digits before that place belong to them.
    fn behind_prefix(&mut self, left: &str, right: &str) -> (u64, u64) {
        let (a, b) = (left.as_bytes(), right.as_bytes());
        let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        // Back over the digits before, but never to the first character of all.
        let mut at = common;
        while at > 1 && a.get(at - 1).is_some_and(u8::is_ascii_digit) {
            at -= 1;
        }
        let mut value = |text: &str| {
            let number = number(text.get(at..).unwrap_or_default(), 0);
            if let Some((code, text)) = number.error {
                _ = self.exec.fail(code, text);
            }
            number.value
        };
        (value(left), value(right))
    }

    fn newer(&mut self, newer: bool, left: &str, right: &str, bias: &str) -> bool {
        // Of a file that isn't there the time is that of the one before it.
        let (left, modified) = (self.info(left), self.modified);
        let right = self.info(right);
        let times = modified.zip(self.modified);
        let bias = if bias.is_empty() { 0 } else { self.number(bias) };
        let times = times.map(|(left, right)| (left.saturating_add(i64::from(bias)), right));
        if newer {
            left.is_some() && right.is_none() || times.is_some_and(|(left, right)| left > right)
        } else {
            left.is_none() && right.is_some() || times.is_some_and(|(left, right)| left < right)
        }
    }

    fn unary(&mut self) -> Result<Option<bool>, Stop> {
        let args = self.args;
        let Some([operator, arg]) = args.get(self.at..self.at + 2) else { return Ok(None) };
        Ok(Some(match operator.as_str() {
            "-d" => self.info(arg).is_some_and(|info| info.directory),
            "-e" => self.info(arg).is_some(),
            "-f" => self.info(arg).is_some_and(|info| !info.directory),
            "-s" => {
                let full = self.exec.qualified_file(arg);
                let info = full.and_then(|full| self.exec.host.info(&full).ok());
                self.exec.sh.pending = None;
                info.is_some_and(|info| !info.directory && info.size != 0)
            }
            "-n" => !arg.is_empty(),
            "-z" => arg.is_empty(),
            _ => return Ok(None),
        }))
    }

    /// What a path leads to. That it leads nowhere is said only if there is no such device; where there is a file system, all
    /// that was to be said before is forgotten.
    fn info(&mut self, path: &str) -> Option<Info> {
        // Without a device, what stands before a `)` is none, and no part of the path.
        let path = match path.split_once(')') {
            Some((_, rest)) if !path.starts_with('(') => rest,
            _ => path,
        };
        let Some(mut full) = self.exec.qualified(path) else {
            // A device without its end is a name in the root, if there is one.
            if path.starts_with('(') {
                self.exec.sh.pending = None;
                _ = self.exec.qualified("");
            }
            return None;
        };
        // A name without a slash is one in the root.
        if let Some((device, name)) =
            full.split_once(')').filter(|(_, name)| !name.is_empty() && !name.contains('/'))
        {
            full = format!("{device})/{name}");
        }
        match self.exec.host.info(&full) {
            Ok(info) => {
                self.exec.sh.pending = None;
                self.modified = info.modified;
                Some(info)
            }
            Err(error) => {
                use crate::host::HostError::{NoDevice, NoFileSystem};
                if matches!(error, NoDevice | NoFileSystem) {
                    self.exec.file_error(&full, &error);
                } else {
                    self.exec.sh.pending = None;
                    self.no_directory(&full);
                }
                None
            }
        }
    }
}

impl Test<'_, '_> {
    /// Where a file isn't there because its directory isn't: that is said, unless the whole test fails.
    fn no_directory(&mut self, path: &str) {
        let Some((device, path)) = path.split_once(')') else { return };
        let Some((directory, _)) = path.trim_end_matches('/').rsplit_once('/') else { return };
        if directory.is_empty() {
            return;
        }
        let (code, text) = match self.exec.host.info(&format!("{device}){directory}")) {
            _ if !directory.starts_with('/') => {
                (code::BAD_FILENAME, format!("invalid file name `{directory}/'"))
            }
            Ok(info) if info.directory => return,
            Ok(_) => (code::BAD_FILE_TYPE, "not a directory".to_string()),
            Err(_) => (code::FILE_NOT_FOUND, format!("file `{directory}/' not found")),
        };
        _ = self.exec.fail(code, &text);
    }
}

const REGEXP: Syntax =
    Syntax { options: &[Opt("set", b's', Value::Needed)], accept_dash: false, at_start: false };

/// `regexp [--set [N:]VARIABLE]… EXPRESSION TEXT`.
pub(crate) fn regexp(exec: &mut Exec, call: &Call) -> Run {
    let Some(options) = exec.options(&REGEXP, &call.name, &call.args)? else { return Ok(exec.errno()) };
    let [expression, text] = options.args.as_slice() else {
        return exec.fail(code::BAD_ARGUMENT, "two arguments expected");
    };
    let found = Regex::new(expression).and_then(|regex| {
        let size = regex.cost(text);
        exec.sh.meter.step(size).map_err(|_| Error::TooLong)?;
        Ok(regex.find(text))
    });
    let groups = match found {
        Ok(Some(groups)) => groups,
        Ok(None) => return exec.fail(code::TEST_FAILURE, "No match"),
        Err(Error::TooLong) => return Err(crate::limits::Bound::Steps.into()),
        // GRUB says nothing of a wrong expression; it counts as no match.
        Err(_) => return exec.no(),
    };
    for variable in options.all(0) {
        let (index, name) = match variable.split_once(':') {
            None => (1, variable),
            Some((digits, name)) => {
                let index = number(digits, 10);
                if let Some((code, text)) = index.error {
                    exec.fail(code, text)?;
                }
                // No digits at all: that is said, and means the whole match.
                if !index.rest.is_empty() {
                    return exec
                        .fail(code::BAD_ARGUMENT, &format!("invalid variable name format {variable}"));
                }
                (usize::try_from(index.value).unwrap_or(usize::MAX), name)
            }
        };
        match groups.get(index).copied().flatten().and_then(|(from, to)| text.get(from..to)) {
            Some(value) => {
                exec.set(name, value)?;
                // A colour that is none ends it where an error waits to be said.
                if wrong_colors(name, value).is_some() && exec.errno() != 0 {
                    return Ok(exec.errno());
                }
            }
            None => exec.unset(name)?,
        }
    }
    Ok(0)
}
