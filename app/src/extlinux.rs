//! Configurations of the Syslinux family as menus.

use pvgrub_menu::extlinux::{Boot as Found, Choice, Config, Item, Kind, Wait};
use pvgrub_menu::{
    Blocked, Boot, ConfigFile, Default as Chosen, Entry, HelpBody, HelpText, Key, Menu, Note, Secret,
    Settings, Target, TimeoutStyle, clean,
};

use crate::entries::{entry, file, source};

/// Lines of menus within menus, all together.
const MOST: usize = 2000;
/// What Syslinux's menu says while it is hidden.
const AUTOBOOT: &str = "Automatic boot in # second{,s}...";
/// Menus may lie so deep in one another.
const MAX_DEPTH: usize = 8;

/// What `SYSAPPEND` adds for its bits.
type Words<'a> = &'a dyn Fn(u32) -> String;

/// The menu that a configuration means.
pub fn menu(config: &Config, words: Words<'_>) -> Menu {
    let mut left = MOST;
    let mut menu = submenu(config, config.start, words, &mut left, &mut vec![config.start]);
    match config.master_password.as_deref().map(Secret::syslinux) {
        Some(Ok(secret)) => menu.settings.secrets.push((String::new(), secret)),
        Some(Err(why)) => menu.notes.push(Note { line: 0, text: format!("MENU MASTER PASSWD: {why}") }),
        None => {}
    }
    if !config.editable || config.master_password.is_some() {
        let somebody = if menu.settings.secrets.is_empty() { Vec::new() } else { vec![String::new()] };
        menu.settings.superusers = Some(somebody);
    } else if config.menus.iter().flat_map(|menu| &menu.items).any(|item| item.password.is_some()) {
        // Who puts a password to an entry does not want it to be edited. Syslinux would let everybody.
        menu.settings.superusers = Some(Vec::new());
    }
    defaults(config, &mut menu);
    menu.settings.timeout = match config.wait() {
        Wait::AtOnce => Some(0),
        Wait::Tenths(tenths) => Some(tenths.div_ceil(10)),
        Wait::ForEver => None,
    };
    menu.settings.countdown_is_free = true;
    menu.settings.autoboot.clone_from(&config.autoboot);
    if config.hidden {
        menu.settings.timeout_style = TimeoutStyle::Hidden;
        menu.settings.autoboot.get_or_insert_with(|| AUTOBOOT.to_owned());
        let shown = shown(config, config.start);
        let entry = |choice: &Choice| shown.iter().position(|item| *item == choice.item);
        let keys = config.hidden_keys.iter().filter_map(|(key, choice)| Some((*key, entry(choice)?)));
        menu.settings.hidden_keys = keys.collect();
    }
    let says = config.says.iter().chain(&config.notes);
    menu.notes.extend(says.map(|text| Note { line: 0, text: clean(text) }));
    menu
}

/// Which entry is marked, and which is booted when nobody chooses; words behind their labels are added to what they boot.
fn defaults(config: &Config, menu: &mut Menu) {
    let shown = shown(config, config.start);
    let mut place = |choice: &Choice| {
        let at = shown.iter().position(|item| *item == choice.item).unwrap_or(0);
        if let Some(entry) = menu.entries.get_mut(at)
            && let (false, Ok(Target::Boot(boot))) = (choice.args.is_empty(), &mut entry.target)
        {
            boot.args = format!("{} {}", boot.args, choice.args).trim().to_owned();
            entry.source = source(boot);
        }
        at
    };
    let here = |choice: &&Choice| choice.menu == config.start;
    // Without a prompt or a menu, and where those wait for ever, nothing times out.
    let times_out = matches!(config.wait(), Wait::Tenths(_));
    let late = config.on_timeout.as_ref().filter(|choice| times_out && here(choice));
    let default = config.default.as_ref().filter(here);
    // An entry can have the words of one of them only.
    let same = default.map(|choice| choice.item) == late.map(|choice| choice.item);
    let default = default.filter(|_| !same).map(&mut place);
    let late = late.map(&mut place);
    if let Some(at) = late.or(default) {
        menu.settings.default = Chosen::Entry(at);
    }
    menu.settings.marked = default.filter(|_| late.is_some());
}

/// The lines that can be chosen: hidden ones only where they are the default.
fn shown(config: &Config, number: usize) -> Vec<usize> {
    let keys = config.hidden_keys.iter().map(|(_, choice)| choice).filter(|_| config.hidden);
    let chosen = [&config.default, &config.on_timeout].into_iter().flatten().chain(keys);
    let chosen: Vec<usize> =
        chosen.filter(|choice| choice.menu == number).map(|choice| choice.item).collect();
    let items = config.menus.get(number).map_or(&[][..], |menu| &menu.items).iter().enumerate();
    let kept = |(at, item): &(usize, &Item)| {
        !matches!(item.kind, Kind::Nothing) && (!item.hidden || chosen.contains(at))
    };
    items.filter(kept).map(|(at, _)| at).collect()
}

fn submenu(
    config: &Config,
    number: usize,
    words: Words<'_>,
    left: &mut usize,
    open: &mut Vec<usize>,
) -> Menu {
    let Some(found) = config.menus.get(number) else { return Menu::default() };
    let keys = config.keys.iter().zip(1..).filter_map(|(path, key)| {
        let body = HelpBody::File(file(path.as_deref()?).ok()?);
        Some(HelpText { key, body })
    });
    let title = Some(found.title.replacen('^', "", 1));
    let title = title.filter(|title| !title.is_empty() && number == config.start);
    let settings = Settings { title, help_texts: keys.collect(), hotkeys_mark: true, ..Settings::default() };
    let mut menu = Menu { settings, ..Menu::default() };
    let shown = shown(config, number);
    menu.settings.default = Chosen::Entry(shown.iter().position(|item| *item == found.default).unwrap_or(0));
    for item in shown.into_iter().filter_map(|at| found.items.get(at)) {
        let Some(less) = left.checked_sub(1) else {
            menu.notes.push(Note { line: 0, text: format!("more than {MOST} lines; the rest is dropped") });
            break;
        };
        *left = less;
        menu.entries.push(line(config, item, words, left, open));
    }
    menu
}

fn line(config: &Config, item: &Item, words: Words<'_>, left: &mut usize, open: &mut Vec<usize>) -> Entry {
    let blocked = |why: &str| Err(Blocked::Because(clean(why)));
    let of = |target| Entry::new(&item.title, target);
    let mut entry = match &item.kind {
        Kind::Boot(found) => entry(&item.title, boot(found, words)),
        Kind::Menu(number) if open.contains(number) => {
            of(Ok(Target::Up(open.iter().rev().position(|open| open == number).unwrap_or(0))))
        }
        Kind::Menu(_) if open.len() >= MAX_DEPTH => of(blocked("menus within menus, too deep")),
        Kind::Menu(number) => {
            open.push(*number);
            let menu = submenu(config, *number, words, left, open);
            open.pop();
            of(Ok(Target::Submenu(Box::new(menu))))
        }
        Kind::Config { file: path, more, directory } => {
            let more: Result<_, String> = more.iter().map(|path| file(path)).collect();
            of(match (file(path), more) {
                (Ok(file), Ok(more)) => {
                    Ok(Target::Config(ConfigFile { file, more, directory: Some(directory.clone()) }))
                }
                (Err(why), _) | (_, Err(why)) => blocked(&why),
            })
        }
        // Whichever number it has: a domain has one order of disks.
        Kind::LocalBoot => of(Ok(Target::Disks)),
        Kind::Reboot => of(Ok(Target::Reboot)),
        Kind::Halt => of(Ok(Target::Halt)),
        Kind::Nothing => of(Err(Blocked::NoKernel)),
        Kind::Refused(why) => of(blocked(why)),
    };
    entry.id = Some(item.label.clone());
    entry.hotkey = item.hotkey.map(Key::Char);
    entry.help = item.help.join("\n");
    if let Some(password) = &item.password {
        // An empty one means the master's.
        let wanted =
            if password.is_empty() { config.master_password.as_deref() } else { Some(password.as_str()) };
        match wanted.map_or(Err("there is no MENU MASTER PASSWD that it means"), Secret::syslinux) {
            Ok(secret) => entry.passwords.push(secret),
            Err(why) => {
                entry.target = blocked(&format!("its password can't be checked, so it stays locked: {why}"));
            }
        }
    }
    entry
}

fn boot(found: &Found, words: Words<'_>) -> Result<Boot, String> {
    Ok(Boot {
        kernel: file(&found.kernel)?,
        args: [found.args.clone(), words(found.sysappend)].join(" ").trim().to_owned(),
        initrds: found.initrds.iter().map(|initrd| file(initrd)).collect::<Result<_, _>>()?,
        ..Boot::default()
    })
}
