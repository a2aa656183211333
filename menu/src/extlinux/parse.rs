//! The text → [`Config`].

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::command::Type;
use super::model::{Config, Item, Kind, Menu};
use super::path::Paths;
use crate::clean::clean;
use crate::parse::{MAX_ENTRIES, MAX_LINE};
use crate::text::{self, first_word, short};

/// The deepest `INCLUDE` (Syslinux has 16, too), the most files, and the most bytes of all of them.
const MAX_DEPTH: usize = 16;
const MAX_FILES: usize = 64;
const MAX_BYTES: usize = 1 << 20;
const MAX_NOTES: usize = 32;
const MAX_SAYS: usize = 32;
/// The most lines of an entry's help, and of all.
const MAX_HELP: usize = 40;
const MAX_ALL_HELP: usize = 4000;

/// Brings a file that is included: its path, as [`Paths::resolve`] gives it.
pub type Read<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

impl Config {
    /// Reads a configuration. What can't be obeyed is in the result with its reason; the error is for what is no text at all.
    pub fn parse(bytes: &[u8], paths: &Paths, read: Read<'_>) -> Result<Self, String> {
        let text = text::text(bytes)?;
        let top = Menu { tag: ".top".to_owned(), ..Menu::default() };
        let config = Config { menus: [top].into(), editable: true, ..Config::default() };
        let mut parser = Parser {
            config,
            paths,
            read,
            menu: 0,
            open: None,
            append: String::new(),
            sysappend: 0,
            prompt: None,
            default: None,
            on_timeout: None,
            hidden_keys: Vec::new(),
            files: 0,
            bytes: 0,
            items: 0,
            help: 0,
            gotos: Vec::new(),
            same: Vec::new(),
        };
        parser.file(text, 1);
        Ok(parser.finish())
    }
}

/// A label whose lines are being read.
#[derive(Default)]
pub(super) struct Label {
    pub name: String,
    pub all: String,
    pub title: Option<String>,
    pub kind: Type,
    pub kernel: String,
    pub append: Option<String>,
    pub initrd: String,
    pub sysappend: Option<u32>,
    pub password: Option<String>,
    pub help: Vec<String>,
    pub indent: usize,
    pub hidden: bool,
    pub disabled: bool,
    pub default: bool,
    /// `MENU GOTO`, `MENU EXIT`: where to. Empty: one menu up.
    pub goto: Option<String>,
    pub refused: Option<&'static str>,
}

pub(super) struct Parser<'a> {
    pub config: Config,
    pub paths: &'a Paths,
    pub read: Read<'a>,
    /// The menu that lines go to.
    pub menu: usize,
    pub open: Option<Label>,
    pub append: String,
    pub sysappend: u32,
    /// `PROMPT`, if it is said.
    pub prompt: Option<bool>,
    pub default: Option<String>,
    pub on_timeout: Option<String>,
    /// `MENU HIDDENKEY`: line, keys, command.
    pub hidden_keys: Vec<(u32, String, String)>,
    pub files: usize,
    pub bytes: usize,
    pub items: usize,
    pub help: usize,
    /// Lines that lead to a menu by its name: menu, line, name.
    pub gotos: Vec<(usize, usize, String)>,
    /// Lines that do the same as a label.
    pub same: Vec<(usize, usize, String)>,
}

impl Parser<'_> {
    pub(super) fn note(&mut self, text: String) {
        if self.config.notes.len() < MAX_NOTES {
            self.config.notes.push(text);
        }
    }

    fn file(&mut self, text: &str, depth: usize) {
        let mut lines = text::lines(text);
        while let Some((number, line)) = lines.next() {
            if line.len() > MAX_LINE {
                // Better not at all than with half of its words.
                if let Some(label) = &mut self.open {
                    label.refused = Some("one of its lines is longer than 4096 bytes");
                }
                self.note(format!("line {number}: longer than {MAX_LINE} bytes; passed over"));
                continue;
            }
            let (word, rest) = first_word(line);
            let word = word.to_ascii_lowercase();
            if word == "text" {
                let is_help = first_word(rest).0.eq_ignore_ascii_case("help");
                // Within it a `#` is no comment, and blank lines count, but it is only a hint: they may be missing.
                for (_, line) in lines.by_ref() {
                    if first_word(line).0.eq_ignore_ascii_case("endtext") {
                        break;
                    }
                    self.helps(line, is_help);
                }
                continue;
            }
            self.line(number, &word, rest, depth);
        }
    }

    fn helps(&mut self, line: &str, is_help: bool) {
        let Some(label) = self.open.as_mut().filter(|_| is_help) else { return };
        if label.help.len() < MAX_HELP && self.help < MAX_ALL_HELP {
            self.help += 1;
            label.help.push(text::title(line));
        }
    }

    fn line(&mut self, number: u32, word: &str, rest: &str, depth: usize) {
        // As C's atoi: what follows the digits does not count (`TIMEOUT 50 # five seconds`).
        let tenths = || leading_number(rest);
        let flag = || leading_number(rest) != 0;
        match word {
            "menu" => self.menu_line(number, rest, depth),
            "label" => {
                self.close();
                // Its name is the first word; many have a whole title there, which is more to show.
                let name = first_word(rest).0.to_owned();
                self.open =
                    Some(Label { kernel: name.clone(), name, all: rest.to_owned(), ..Label::default() });
            }
            "append" => match &mut self.open {
                Some(label) => label.append = Some(rest.to_owned()),
                None => self.append = rest.to_owned(),
            },
            "initrd" => {
                if let Some(label) = &mut self.open {
                    label.initrd = rest.to_owned();
                }
            }
            "sysappend" | "ipappend" => {
                let bits = number_of(rest).unwrap_or(0);
                match &mut self.open {
                    Some(label) => label.sysappend = Some(bits),
                    None => self.sysappend = bits,
                }
            }
            "default" => {
                // `DEFAULT menu.c32`, as it was before there was `UI`; gfxboot's and others are such programs, too.
                let program = first_word(rest).0.to_ascii_lowercase().ends_with(".c32");
                self.config.ui |= program;
                if !program {
                    self.default = Some(rest.to_owned());
                }
            }
            "ui" => self.config.ui = true,
            "ontimeout" => self.on_timeout = Some(rest.to_owned()),
            "timeout" => self.config.timeout = tenths(),
            "totaltimeout" => self.config.total_timeout = tenths(),
            "prompt" => self.prompt = Some(flag()),
            "allowoptions" => self.config.editable = flag(),
            "include" => self.include(number, rest, depth),
            "say" => {
                if self.config.says.len() < MAX_SAYS {
                    self.config.says.push(text::title(rest));
                }
            }
            "display" => self.config.display = self.paths.resolve(first_word(rest).0).ok(),
            // How the console looks, what is done with a machine's own screen, keyboard and serial line; for U-Boot's boards.
            "serial" | "console" | "font" | "kbdmap" | "noescape" | "nocomplete" | "nohalt" | "implicit"
            | "path" | "pxeretry" | "sendcookies" | "onerror" | "fdt" | "fdtdir" | "fdtoverlays"
            | "devicetree" | "devicetreedir" | "devicetree-overlay" | "kaslrseed" | "fallback"
            | "gfxboot" | "endtext" => {}
            _ => {
                if let Some(kind) = Type::of(word) {
                    match &mut self.open {
                        Some(label) => (label.kind, label.kernel) = (kind, rest.to_owned()),
                        None => self.note(format!("line {number}: `{}` before the first label", short(word))),
                    }
                } else if let Some(key) = word.strip_prefix('f').and_then(|key| key.parse::<usize>().ok())
                    // F0 is F10.
                    && let Some(slot) = self.config.keys.get_mut(if key == 0 { 9 } else { key - 1 })
                {
                    *slot = self.paths.resolve(first_word(rest).0).ok();
                } else {
                    self.note(format!("line {number}: `{}` passed over", short(word)));
                }
            }
        }
    }

    pub(super) fn include(&mut self, number: u32, rest: &str, depth: usize) {
        let (name, tag) = first_word(rest);
        let why = match self.paths.resolve(name) {
            Err(why) => why,
            Ok(_) if depth >= MAX_DEPTH => format!("more than {MAX_DEPTH} files within one another"),
            Ok(_) if self.files >= MAX_FILES || self.bytes >= MAX_BYTES => {
                "too many files are included".to_owned()
            }
            Ok(path) => {
                self.files += 1;
                let bytes = (self.read)(&path);
                self.bytes += bytes.as_ref().map_or(0, Vec::len);
                match bytes.and_then(|bytes| text::text(&bytes).map(str::to_owned)) {
                    Ok(text) => {
                        let before = self.menu;
                        if !tag.is_empty() {
                            self.begin(number, tag);
                        }
                        self.file(&text, depth + 1);
                        if !tag.is_empty() {
                            self.close();
                            self.menu = before;
                        }
                        return;
                    }
                    Err(why) => why,
                }
            }
        };
        self.note(format!("line {number}: `{}` is not included: {}", short(name), clean(&why)));
    }

    /// Adds a line to the current menu; whether there was room.
    pub(super) fn push(&mut self, label: String, title: String, kind: Kind) -> bool {
        if self.items >= MAX_ENTRIES {
            if self.items == MAX_ENTRIES {
                self.note(format!("more than {MAX_ENTRIES} entries; the rest is dropped"));
                self.items += 1;
            }
            return false;
        }
        self.items += 1;
        let item = Item { label, title, hotkey: None, hidden: false, password: None, help: Vec::new(), kind };
        self.config.menus[self.menu].items.push(item);
        true
    }
}

/// The digits at the beginning, as a number; 0 if there are none.
pub(super) fn leading_number(text: &str) -> u32 {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).filter(|digits| !digits.is_empty()).map_or(0, |digits| digits.parse().unwrap_or(u32::MAX))
}

/// A number as C reads it: decimal, or hexadecimal after `0x`.
fn number_of(word: &str) -> Option<u32> {
    let word = first_word(word).0;
    match word.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}
