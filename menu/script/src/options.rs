//! Options of commands, as GRUB reads them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::code;
use crate::exec::{Exec, Stop};

/// What stands behind an option.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    None,
    Needed,
    Optional,
}

/// An option: its long name, its letter (0: none), and what stands behind it.
pub(crate) struct Opt(pub &'static str, pub u8, pub Value);

/// How a command reads its arguments.
pub(crate) struct Syntax {
    pub options: &'static [Opt],
    /// What is no option of its own is an argument, even if it begins with a dash.
    pub accept_dash: bool,
    /// Behind the first argument there are no options.
    pub at_start: bool,
}

/// Options and arguments.
#[derive(Default)]
pub(crate) struct Parsed {
    /// Place in [`Syntax::options`], and value.
    found: Vec<(usize, Option<String>)>,
    pub args: Vec<String>,
}

impl Parsed {
    pub fn has(&self, option: usize) -> bool {
        self.found.iter().any(|(found, _)| *found == option)
    }

    pub fn value(&self, option: usize) -> Option<&str> {
        self.found.iter().rev().find(|(found, _)| *found == option)?.1.as_deref()
    }

    pub fn all(&self, option: usize) -> impl Iterator<Item = &str> {
        self.found.iter().filter(move |(found, _)| *found == option).filter_map(|(_, value)| value.as_deref())
    }
}

/// An option that was asked for: a known one, or `--help` or `--usage`, which end the command.
enum Asked {
    Known(usize),
    Help,
}

impl Syntax {
    fn short(&self, letter: u8) -> Option<Asked> {
        let own = self.options.iter().position(|Opt(_, short, _)| *short == letter && letter != 0);
        own.map(Asked::Known).or(matches!(letter, b'h' | b'u').then_some(Asked::Help))
    }

    fn long(&self, name: &str) -> Option<Asked> {
        let own = self.options.iter().position(|Opt(long, ..)| !long.is_empty() && *long == name);
        own.map(Asked::Known).or(matches!(name, "help" | "usage").then_some(Asked::Help))
    }

    fn kind(&self, option: usize) -> Value {
        self.options.get(option).map_or(Value::None, |Opt(_, _, value)| *value)
    }
}

impl Exec<'_> {
    /// Parts options from arguments; `None` if the command is not to run: help was asked for, or an error is pending.
    pub fn options(&mut self, syntax: &Syntax, name: &str, args: &[String]) -> Result<Option<Parsed>, Stop> {
        let mut parsed = Parsed::default();
        let mut rest = args.iter().map(String::as_str).peekable();
        while let Some(arg) = rest.next() {
            let past = syntax.at_start && !parsed.args.is_empty();
            if past || !arg.starts_with('-') || arg.len() == 1 {
                parsed.args.push(arg.to_string());
                continue;
            }
            let mut value: Option<&str>;
            let option = if let Some(long) = arg.strip_prefix("--") {
                if long.is_empty() {
                    parsed.args.extend(rest.map(str::to_string));
                    break;
                }
                let (long, given) =
                    long.split_once('=').map_or((long, None), |(long, given)| (long, Some(given)));
                value = given;
                match syntax.long(long) {
                    Some(Asked::Known(option)) => {
                        if value.is_none() && syntax.kind(option) != Value::None {
                            value = rest.next_if(|next| !next.starts_with('-'));
                        }
                        option
                    }
                    Some(Asked::Help) => return self.usage(name),
                    None if syntax.accept_dash => {
                        parsed.args.push(arg.to_string());
                        continue;
                    }
                    None => return self.wrong(&format!("unknown argument `{arg}'")),
                }
            } else {
                let letters = arg.bytes().skip(1);
                if syntax.accept_dash && letters.clone().any(|letter| syntax.short(letter).is_none()) {
                    parsed.args.push(arg.to_string());
                    continue;
                }
                let last = arg.len() - 2;
                let mut option = None;
                for (i, letter) in letters.enumerate() {
                    let found = match syntax.short(letter) {
                        Some(Asked::Known(found)) => found,
                        Some(Asked::Help) => return self.usage(name),
                        None => return self.wrong(&format!("unknown argument `-{}'", char::from(letter))),
                    };
                    if i == last {
                        option = Some(found);
                    } else if syntax.kind(found) == Value::Needed {
                        return self.missing(syntax, found);
                    } else if self.errno() != 0 {
                        return Ok(None);
                    } else {
                        parsed.found.push((found, None));
                    }
                }
                let Some(option) = option else { continue };
                value = match syntax.kind(option) {
                    Value::None => None,
                    Value::Needed => rest.next(),
                    Value::Optional => rest.next_if(|next| next.len() < 2 || !next.starts_with('-')),
                };
                option
            };
            match (syntax.kind(option), value) {
                (Value::Needed, None) => return self.missing(syntax, option),
                (Value::None, Some(_)) => {
                    let text = "a value was assigned to the argument";
                    return self.wrong(&format!("{text} `{arg}' while it doesn't require an argument"));
                }
                // An option is not taken, and the command not run, while an error waits to be said: be it the command's before
                // or an argument's. Without options nobody looks.
                _ if self.errno() != 0 => return Ok(None),
                _ => parsed.found.push((option, value.map(str::to_string))),
            }
        }
        Ok(Some(parsed))
    }

    fn usage(&mut self, name: &str) -> Result<Option<Parsed>, Stop> {
        let usage = crate::commands::usage(name).unwrap_or(name);
        self.print(&format!("Usage: {usage}\n"))?;
        Ok(None)
    }

    #[cold]
    fn wrong(&mut self, text: &str) -> Result<Option<Parsed>, Stop> {
        self.fail(code::BAD_ARGUMENT, text)?;
        Ok(None)
    }

    #[cold]
    fn missing(&mut self, syntax: &Syntax, option: usize) -> Result<Option<Parsed>, Stop> {
        let name = syntax.options.get(option).map_or("", |Opt(long, ..)| long);
        self.wrong(&format!("missing mandatory option for `{name}'"))
    }
}
