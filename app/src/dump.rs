//! `--dump`: the menu as JSON, for programs.

use pvgrub_menu::{Access, Attempts, Boot, Target, TimeoutStyle};
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::outline::{ComesTo, Outline};

/// The menu as one JSON object. docs/menus.md says what is in it.
pub fn dump(config: &Config<'_>, outline: &Outline) -> String {
    let mut all = menu(outline);
    all.insert("config".into(), json!(config.name));
    let notes = config.notes.iter().cloned().chain(outline.menu.notes.iter().map(ToString::to_string));
    all.insert("warnings".into(), notes.map(Value::from).collect());
    format!("{:#}\n", Value::Object(all))
}

fn menu(outline: &Outline) -> Map<String, Value> {
    let settings = &outline.menu.settings;
    let mut order = Attempts::new(settings, &outline.menu.entries);
    let default = order.next();
    let style = match settings.timeout_style {
        TimeoutStyle::Menu => "menu",
        TimeoutStyle::Countdown => "countdown",
        TimeoutStyle::Hidden => "hidden",
    };
    let mut all = Map::new();
    all.insert("default".into(), json!(default));
    all.insert("fallback".into(), order.map(Value::from).collect());
    all.insert("timeout".into(), json!(settings.timeout));
    all.insert("timeout_style".into(), json!(style));
    if let Some(superusers) = &settings.superusers {
        all.insert("superusers".into(), json!(superusers));
    }
    let entries = (0..outline.comes_to.len()).map(|number| Value::Object(entry(outline, number)));
    all.insert("entries".into(), entries.collect());
    all.insert(
        "warnings".into(),
        outline.menu.notes.iter().map(|note| Value::from(note.to_string())).collect(),
    );
    all
}

fn entry(outline: &Outline, number: usize) -> Map<String, Value> {
    let mut all = Map::new();
    let (Some(entry), Some(comes_to)) = (outline.menu.entries.get(number), outline.comes_to.get(number))
    else {
        return all;
    };
    all.insert("title".into(), json!(entry.title));
    if let Some(id) = &entry.id {
        all.insert("id".into(), json!(id));
    }
    if !entry.classes.is_empty() {
        all.insert("classes".into(), json!(entry.classes));
    }
    // Without superusers everybody may do all.
    let guarded = outline.menu.settings.superusers.is_some();
    match &entry.access {
        _ if !guarded => {}
        Access::Unrestricted => {}
        Access::Superusers => _ = all.insert("users".into(), json!([])),
        Access::Users(users) => _ = all.insert("users".into(), json!(users)),
    }
    if !entry.passwords.is_empty() {
        all.insert("password".into(), json!(true));
    }
    match comes_to {
        ComesTo::Target(target) => does(target, &mut all),
        ComesTo::Menu(inner) => {
            all.insert("action".into(), json!("submenu"));
            all.insert("menu".into(), Value::Object(menu(inner)));
        }
        ComesTo::Nothing => _ = all.insert("action".into(), json!("nothing")),
        ComesTo::Fails(why) => {
            all.insert("action".into(), json!("fail"));
            all.insert("why".into(), json!(why));
        }
    }
    if !entry.notes.is_empty() {
        all.insert("warnings".into(), entry.notes.iter().map(|note| Value::from(note.to_string())).collect());
    }
    all
}

fn does(target: &Target, all: &mut Map<String, Value>) {
    let action = match target {
        Target::Boot(boot) => {
            files(boot, all);
            "boot"
        }
        Target::Config(other) => {
            all.insert("file".into(), json!(other.file.to_string()));
            if !other.more.is_empty() {
                let more = other.more.iter().map(|file| Value::from(file.to_string()));
                all.insert("more".into(), more.collect());
            }
            "configfile"
        }
        Target::OfferedConfig => "dhcp --with-configfile",
        Target::Up(_) => "back",
        Target::Disks => "disks",
        Target::Halt => "halt",
        Target::Reboot => "reboot",
        Target::Submenu(_) | Target::Script(_) => "nothing",
    };
    all.insert("action".into(), json!(action));
}

fn files(boot: &Boot, all: &mut Map<String, Value>) {
    all.insert("kernel".into(), json!(boot.kernel.to_string()));
    all.insert("arguments".into(), json!(boot.args));
    let names =
        |files: &[pvgrub_menu::FileRef]| files.iter().map(|file| Value::from(file.to_string())).collect();
    all.insert("initrds".into(), names(&boot.initrds));
    if !boot.modules.is_empty() {
        let modules = boot.modules.iter().map(|module| {
            json!({ "file": module.file.to_string(), "arguments": module.args, "unzip": module.unzip })
        });
        all.insert("modules".into(), modules.collect());
    }
    if let Some(sums) = &boot.sums {
        all.insert("sha256sums".into(), json!(sums.to_string()));
    }
}
