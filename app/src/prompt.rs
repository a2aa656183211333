//! What somebody asks for besides booting an entry: to boot one that was edited, the command line, a text of help, the menu behind a
//! password.

use pvgrub_fs::Numbering;
use pvgrub_menu::{Action, Cause, HelpBody, MAX_TEXT, Menu, Target, Ui, Word, cut};

use crate::config::Config;
use crate::load::Failure;
use crate::machine::Machine;
use crate::reach::{Way, deep};
use crate::script::{Led, Script};
use crate::session::{End, Session};

/// Most of what a command says, in bytes.
pub(super) const MAX_SAID: usize = 256 << 10;
/// The most ways to go on that are offered.
const MAX_CANDIDATES: usize = 500;

impl<M: Machine> Session<'_, M> {
    /// Does what is no matter of an entry as it stands in the menu. `Some`: this menu is at its end.
    pub(super) fn obey(
        &mut self,
        ui: &mut Ui,
        config: &Config<'_>,
        action: Action,
        depth: usize,
    ) -> Option<End> {
        match action {
            Action::BootEdited { entry, text } => match self.edited(ui, config, entry, &text, depth) {
                // What was shown there counts here.
                Ok(End::Back | End::GaveUp) => ui.remember(self.memory.clone()),
                Ok(end) => return Some(end),
                Err(Failure::Because(why)) => _ = ui.failed(entry, Cause::User, &why),
                Err(Failure::Interrupted) => _ = ui.failed(entry, Cause::User, "interrupted"),
            },
            Action::Command(line) => match self.command(ui, config, &line, depth) {
                // What was shown there counts here.
                Ok(End::Back | End::GaveUp) => ui.remember(self.memory.clone()),
                Ok(end) => return Some(end),
                Err(Failure::Because(why)) => ui.output(&why),
                Err(Failure::Interrupted) => ui.output("interrupted"),
            },
            Action::Complete(text) => {
                // Of a directory that somebody has no patience with nothing is shown.
                if let Ok((start, candidates)) =
                    self.breakable(|session| Ok(session.candidates(config, &text)))
                {
                    ui.complete(start, &candidates);
                }
            }
            Action::Help(key) => match self.breakable(|session| session.help(config, key)) {
                Ok(text) => ui.show_text(&text),
                Err(Failure::Because(why)) => ui.say(&why),
                Err(Failure::Interrupted) => ui.say("interrupted"),
            },
            Action::NewConfig => {
                let file = config.menu.settings.new_config.as_ref()?;
                let read = deep(depth)
                    .and_then(|()| self.breakable(|session| session.reader().read(file, &config.home)));
                match read {
                    // Esc there leads back here.
                    Ok(other) => match self.further(other, &Way::USER, depth + 1) {
                        End::Back | End::GaveUp => ui.remember(self.memory.clone()),
                        end => return Some(end),
                    },
                    Err(Failure::Because(why)) => ui.say(&why),
                    Err(Failure::Interrupted) => ui.say("interrupted"),
                }
            }
            _ => {}
        }
        None
    }

    /// Boots an entry in the text that somebody made of it.
    fn edited(
        &mut self,
        ui: &mut Ui,
        config: &Config<'_>,
        number: usize,
        text: &str,
        depth: usize,
    ) -> Result<End, Failure> {
        let entry = config.menu.entries.get(number).ok_or("there is no such entry")?;
        self.leave(ui);
        let title = cut(&entry.title, self.look.columns.saturating_sub(24));
        self.console.lines(&format!("Booting entry {number} as edited: {title}\n(of {})", config.name));
        if let Some(script) = &config.script {
            let levels = script.levels();
            let led = self.breakable(|session| {
                script.entry(&mut session.place(&config.home), number, false, Some(text))
            });
            let end = led.and_then(|led| self.follow(config, led, &Way::USER, depth));
            script.leave_to(levels);
            return end;
        }
        if config.lines {
            let edited = Menu::parse_entry(&entry.title, text);
            edited.pauses.iter().try_for_each(|pause| self.pause(pause, Cause::User))?;
            for lines in [&config.menu.settings.net, &edited.net] {
                self.breakable(|session| session.sources.network.obey(lines, session.console))?;
            }
            let target = edited.target.as_ref().map_err(ToString::to_string)?;
            return self.reach(config, target, &Way::USER, depth);
        }
        // Other formats are shown as commands.
        let script = self.shell(config);
        let text = format!("{text}\nboot\n");
        let levels = script.levels();
        let led = self.breakable(|session| script.command(&mut session.place(&config.home), &text));
        let config = Config { script: Some(script.clone()), ..config.clone() };
        let end = led.and_then(|mut led| {
            // No command names a profile, or the file that is counted by.
            if let (Led::To(Target::Boot(boot)), Ok(Target::Boot(own))) = (&mut led, &entry.target) {
                boot.counter.clone_from(&own.counter);
                let moved = own.kernel.device.is_some() && boot.kernel.device != own.kernel.device;
                if boot.kernel.path == own.kernel.path && !moved {
                    boot.profile = own.profile;
                }
            }
            self.follow(&config, led, &Way::USER, depth)
        });
        script.leave_to(levels);
        end
    }

    /// The shell that the command line talks to.
    pub(super) fn shell(&mut self, config: &Config<'_>) -> Script {
        let (sources, machine) = (self.sources, self.machine);
        // As the menu counts them.
        let counting = if config.lines { Numbering::Legacy } else { Numbering::Grub2 };
        let new = || Script::counting(counting, sources, &config.home, &machine.options().rest.join(" "));
        config.script.clone().unwrap_or_else(|| self.shell.get_or_insert_with(new).clone())
    }

    /// Obeys a command; what it says is shown.
    fn command(
        &mut self,
        ui: &mut Ui,
        config: &Config<'_>,
        line: &str,
        depth: usize,
    ) -> Result<End, Failure> {
        if let Some(names) = line.strip_prefix("help").filter(|rest| rest.is_empty() || rest.starts_with(' '))
        {
            ui.output(&help(names, config.lines));
            return Ok(End::Back);
        }
        if config.lines
            && let Some(end) = self.legacy(ui, config, line, depth)
        {
            return end;
        }
        let script = self.shell(config);
        let levels = script.levels();
        let mut said = String::new();
        let led = self.breakable(|session| {
            let mut place = session.place(&config.home);
            place.said = Some(&mut said);
            script.command(&mut place, line)
        });
        said.truncate(said.floor_char_boundary(MAX_SAID));
        ui.output(&said);
        let end = match led {
            Err(why) => Err(why),
            Ok(Led::Back) => Ok(End::Back),
            Ok(led) => {
                self.leave(ui);
                let config = Config { script: Some(script.clone()), ..config.clone() };
                self.follow(&config, led, &Way::USER, depth)
            }
        };
        script.leave_to(levels);
        end
    }

    /// How a line may go on: from which byte on, and by what.
    fn candidates(&mut self, config: &Config<'_>, text: &str) -> (usize, Vec<String>) {
        let start = text.rfind([' ', '=', ';', '\n']).map_or(0, |at| at + 1);
        let word = text.get(start..).unwrap_or("");
        let before = text.get(..start).unwrap_or("").trim_end();
        let script = self.shell(config);
        let mut found: Vec<String> = if before.is_empty() || before.ends_with(';') || before.ends_with('\n') {
            let names = commands(config.lines).into_iter().filter(|name| name.starts_with(word));
            names.map(|name| format!("{name} ")).collect()
        } else {
            let paths = script.paths(&mut self.place(&config.home), word);
            let device = config.lines && Word::of(before) == Word::Root;
            let whole = |path: String| if device { path.trim_end_matches('/').to_owned() } else { path };
            paths.into_iter().map(whole).collect()
        };
        found.sort();
        found.truncate(MAX_CANDIDATES);
        (start, found)
    }

    /// The text behind a function key.
    fn help(&mut self, config: &Config<'_>, key: u8) -> Result<String, String> {
        let text = config.menu.settings.help_texts.iter().find(|text| text.key == key);
        match text.map(|text| &text.body) {
            Some(HelpBody::Text(text)) => Ok(text.clone()),
            Some(HelpBody::File(file)) => {
                let bytes = self.reader().text(file, &config.home, MAX_TEXT)?;
                Ok(pvgrub_menu::extlinux::display(&bytes).join("\n"))
            }
            None => Err(format!("there is no text behind F{key}")),
        }
    }
}

/// All commands, sorted; over a menu.lst those of GRUB 0.97, too.
fn commands(lines: bool) -> Vec<&'static str> {
    let legacy = Word::names().filter(|_| lines);
    let mut names: Vec<&str> = pvgrub_script::commands().chain(["help"]).chain(legacy).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// How these commands are used; or all of them, if there are no names.
fn help(names: &str, lines: bool) -> String {
    let mut names = names.split_whitespace().peekable();
    if names.peek().is_none() {
        let rows = |names: &[&str]| names.chunks(6).map(|row| row.join("  ")).collect::<Vec<_>>().join("\n");
        let head = "Commands (help NAME: how it is used; Tab completes, Esc leaves):";
        if !lines {
            return format!("{head}\n{}", rows(&commands(false)));
        }
        let (legacy, others): (Vec<&str>, Vec<&str>) =
            commands(true).into_iter().partition(|name| Word::names().any(|known| known == *name));
        return format!("{head}\n{}\nand those of GRUB 2's shell:\n{}", rows(&legacy), rows(&others));
    }
    let legacy = |name: &str| Word::usage(name).filter(|_| lines);
    let of = |name: &str| match legacy(name).or_else(|| pvgrub_script::usage(name).map(str::to_owned)) {
        Some(usage) => usage,
        None if pvgrub_script::commands().any(|known| known == name) => name.to_owned(),
        None => format!("there is no command `{}`", pvgrub_menu::clean(name)),
    };
    names.map(of).collect::<Vec<_>>().join("\n")
}
