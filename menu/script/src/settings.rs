//! What variables say of a menu.

use alloc::string::ToString;

use crate::menu::{Entry, Settings, TimeoutStyle};
use crate::number::{is_space, number};
use crate::shell::Shell;

/// GRUB's variables at the beginning, besides those that depend on where it came from.
pub(crate) const INITIAL: [(&str, &str); 16] = [
    ("grub_platform", "xen"),
    ("grub_cpu", "x86_64"),
    ("pager", ""),
    ("lang", ""),
    ("color_normal", "light-gray/black"),
    ("color_highlight", "black/light-gray"),
    ("feature_200_final", "y"),
    ("feature_all_video_module", "y"),
    ("feature_chainloader_bpb", "y"),
    ("feature_default_font_path", "y"),
    ("feature_menuentry_id", "y"),
    ("feature_menuentry_options", "y"),
    ("feature_nativedisk_cmd", "y"),
    ("feature_ntldr", "y"),
    ("feature_platform_search_hint", "y"),
    ("feature_timeout_style", "y"),
];

pub(crate) fn settings(shell: &Shell) -> Settings {
    let get = |name: &str| shell.get(name);
    let default = get("default").and_then(|value| entry_number(shell.entries(), &value));
    // A number that can't be read, such as -1, is no timeout.
    let timeout =
        get("timeout").map(|value| number(&value, 0).error.is_none().then(|| number(&value, 0).value));
    Settings {
        default: default.filter(|index| *index < shell.entries().len()).unwrap_or(0),
        // GRUB keeps it in 32 bits with a sign; what is negative there is no timeout either.
        timeout: timeout.flatten().map(|value| value as u32).filter(|value| i32::try_from(*value).is_ok()),
        style: match get("timeout_style").as_deref() {
            Some("countdown") => TimeoutStyle::Countdown,
            Some("hidden") => TimeoutStyle::Hidden,
            _ => TimeoutStyle::Menu,
        },
        color_normal: get("color_normal"),
        color_highlight: get("color_highlight"),
        menu_color_normal: get("menu_color_normal"),
        menu_color_highlight: get("menu_color_highlight"),
        superusers: get("superusers"),
    }
}

/// The entry that a number, a title or an id means. To GRUB 2.06 all that begins with a digit is a number. Here an id counts before that:
/// those of Fedora's entries begin with a machine's, which may well begin with a digit, and Fedora's GRUB knows that.
fn entry_number(entries: &[Entry], value: &str) -> Option<usize> {
    let first = value.split('>').next().unwrap_or("");
    if !first.bytes().all(|byte| byte.is_ascii_digit()) {
        let own = |entry: &Entry| entry.id != entry.title && means(&entry.id, value);
        // One of the specification may be named by its file, counters and all, and by its own title.
        let by_file = |entry: &Entry| {
            let name = entry.file.rsplit('/').next().and_then(|name| name.strip_suffix(".conf"));
            name.is_some_and(|name| means(name, value))
        };
        let found = entries.iter().position(own).or_else(|| entries.iter().position(by_file));
        if found.is_some() {
            return found;
        }
    }
    let index = number(value, 0);
    if index.error.is_none() {
        return usize::try_from(index.value as u32).ok();
    }
    let title = |entry: &Entry| entry.args.first().is_some_and(|title| means(title, value));
    entries.iter().position(|entry| title(entry) || means(&entry.title, value) || means(&entry.id, value))
}

/// Whether the first part of a path (`a>b`; `>>` stands for a `>`) is this name.
fn means(name: &str, path: &str) -> bool {
    let mut name = name.bytes();
    let mut path = path.bytes().peekable();
    while let Some(byte) = path.next() {
        if byte == b'>' && path.next_if_eq(&b'>').is_none() {
            break;
        }
        if name.next() != Some(byte) {
            return false;
        }
    }
    name.next().is_none()
}

/// What a path says behind its first part, if it says anything.
pub(crate) fn behind_path(path: &str) -> Option<&str> {
    let mut rest = path;
    loop {
        let (_, behind) = rest.split_once('>')?;
        match behind.strip_prefix('>') {
            Some(behind) => rest = behind,
            None => return Some(behind).filter(|behind| !behind.is_empty()),
        }
    }
}

/// The first entry that `fallback` names; it is taken from the list.
pub(crate) fn next_fallback(shell: &mut Shell) -> Option<usize> {
    let value = shell.get("fallback")?;
    let index = number(&value, 0);
    // Numbers only: titles mean nothing here.
    let found = usize::try_from(index.value as u32).ok().filter(|_| index.error.is_none());
    let rest = index.rest.trim_start_matches(is_space).to_string();
    if found.is_none() || rest.is_empty() {
        shell.unset("fallback");
    } else {
        _ = shell.set("fallback", &rest);
    }
    found.filter(|index| *index < shell.entries().len())
}
