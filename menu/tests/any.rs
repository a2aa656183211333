//! Whatever is pressed, whatever the menu says.

mod terminal;

use core::time::Duration;

use proptest::prelude::*;
use pvgrub_menu::{
    Access, Action, Entry, HelpBody, HelpText, Key, Look, Menu, Secret, Style, Target, TimeoutStyle, Ui,
    width,
};
use terminal::Terminal;

fn any_key() -> impl Strategy<Value = Key> {
    let often = [
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::PageUp,
        Key::PageDown,
        Key::Home,
        Key::End,
        Key::Enter,
        Key::Enter,
        Key::Escape,
        Key::Backspace,
        Key::Delete,
        Key::Tab,
        Key::Other,
        Key::Ctrl('l'),
        Key::Ctrl('x'),
        Key::Ctrl('c'),
        Key::Char('t'),
        Key::Char('e'),
        Key::Char('c'),
        Key::Char('p'),
        Key::Char('x'),
        Key::Char('漢'),
        Key::Char('ä'),
        Key::Char(' '),
        Key::Function(1),
        Key::Function(2),
        Key::Function(3),
        Key::Alt('b'),
    ];
    prop_oneof![
        4 => prop::sample::select(often.to_vec()),
        1 => prop::char::range('0', '9').prop_map(Key::Char),
        1 => prop::char::range('a', 'z').prop_map(Key::Ctrl),
    ]
}

fn any_access() -> impl Strategy<Value = Access> {
    prop_oneof![
        Just(Access::Unrestricted),
        Just(Access::Superusers),
        Just(Access::Users(vec!["x".into(), "".into()]))
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let hotkey = prop::option::of(prop::sample::select(vec![Key::Char('x'), Key::Function(3)]));
    (".{0,100}", any_access(), 0usize..2, hotkey, ".{0,50}(\n.{0,90}){0,30}", any::<bool>(), any::<bool>())
        .prop_map(|(title, access, passwords, hotkey, source, blocked, menu)| {
            let target = match (blocked, menu) {
                (true, _) => Menu::parse_entry("", "").target,
                (_, true) => Ok(Target::Submenu(Box::default())),
                _ => Ok(Target::Halt),
            };
            let help = if menu { source.clone() } else { String::new() };
            let passwords = vec![Secret::Plain("x".into()); passwords];
            Entry { access, passwords, hotkey, source, help, ..Entry::new(&title, target) }
        })
}

fn any_menu() -> impl Strategy<Value = Menu> {
    let style = prop::sample::select(vec![TimeoutStyle::Menu, TimeoutStyle::Countdown, TimeoutStyle::Hidden]);
    let superusers =
        prop::option::of(prop::sample::select(vec![vec![], vec!["".to_owned()], vec!["x".to_owned()]]));
    let entries = prop::collection::vec(any_entry(), 1..40);
    (entries, 0usize..40, prop::collection::vec(0usize..40, 0..4), style, superusers).prop_map(
        |(entries, default, fallback, style, superusers)| {
            let mut menu = Menu { entries, ..Menu::default() };
            menu.settings.default = pvgrub_menu::Default::Entry(default);
            menu.settings.fallback = fallback;
            menu.settings.timeout = Some(3);
            menu.settings.timeout_style = style;
            menu.settings.superusers = superusers;
            menu.settings.secrets = ["x", ""].map(|user| (user.into(), Secret::Plain("x".into()))).into();
            menu.settings.help_texts = vec![HelpText { key: 1, body: HelpBody::Text("help\n".repeat(60)) }];
            menu
        },
    )
}

/// Does what a program would do, and sees to it that nothing is booted that must not be.
fn act(ui: &mut Ui, menu: &Menu, mut action: Action, now: Duration) -> Result<(), TestCaseError> {
    let mut tries = 0;
    while action != Action::None {
        action = match action {
            Action::Boot { entry, cause } => {
                let chosen = &menu.entries[entry];
                prop_assert!(chosen.target.is_ok());
                tries += 1;
                prop_assert!(tries <= menu.entries.len());
                ui.failed(entry, cause, "it did not work\nat all")
            }
            Action::BootEdited { entry, text } => {
                prop_assert!(text.ends_with('\n') && entry < menu.entries.len());
                ui.failed(entry, pvgrub_menu::Cause::User, "no")
            }
            Action::Command(line) => {
                ui.output(&format!("{line}\n\x1b[2J {}", "long ".repeat(40)));
                Action::None
            }
            Action::Complete(text) => {
                let start = text.rfind(' ').map_or(0, |at| at + 1);
                ui.complete(start, &["xyz/ab".into(), "xyz/äb".into(), "xyz/".into()]);
                Action::None
            }
            _ => ui.tick(now),
        };
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// No panic, no blocked entry boots, and drawing what changed gives what drawing all gives.
    #[test]
    fn any_keys(menu in any_menu(), keys in prop::collection::vec((any_key(), 0u64..1500), 0..60), columns in 0usize..120, rows in 0usize..40) {
        let look = Look { columns, rows, ..Look::default() };
        let now = Duration::ZERO;
        let mut ui = Ui::new(&menu, "pvgrub", look, now);
        let mut terminal = Terminal::new(ui.look());
        let mut now = now;
        for (key, wait) in keys {
            now += Duration::from_millis(wait);
            let action = ui.tick(now);
            act(&mut ui, &menu, action, now)?;
            let action = ui.key(key, now);
            act(&mut ui, &menu, action, now)?;
            prop_assert!(ui.deadline(now).is_none_or(|deadline| deadline >= now));
            let mut text = String::new();
            ui.paint(&mut text, now);
            if ui.look().style == Style::Plain {
                prop_assert!(!text.contains('\x1b'));
                for line in text.split(['\r', '\n']) {
                    prop_assert!(width(line.trim_matches('\x08')) < ui.look().columns + 20, "{line:?}");
                }
                continue;
            }
            terminal.write(&text);
            let mut again = ui.clone();
            again.redraw();
            let mut whole = Terminal::new(ui.look());
            let mut text = String::new();
            again.paint(&mut text, now);
            whole.write(&text);
            prop_assert_eq!(terminal.text(), whole.text());
            prop_assert_eq!(terminal.marked(), whole.marked());
            prop_assert_eq!(terminal.cursor(), whole.cursor());
        }
    }

    /// Without the password nothing that asks for one is booted, whatever else is pressed.
    #[test]
    fn no_way_around(menu in any_menu(), keys in prop::collection::vec((any_key(), 0u64..1500), 0..60), plain: bool) {
        let mut menu = menu;
        menu.settings.superusers = Some(vec!["root".into()]);
        menu.settings.secrets = ["root", "x", ""].map(|user| (user.into(), Secret::Plain("never".into()))).into();
        menu.entries.iter_mut().for_each(|entry| entry.passwords.fill(Secret::Plain("never".into())));
        let look = Look { style: if plain { Style::Plain } else { Style::Screen }, ..Look::default() };
        let mut now = Duration::ZERO;
        let mut ui = Ui::new(&menu, "pvgrub", look, now);
        for (key, wait) in keys {
            now += Duration::from_millis(wait);
            for mut action in [ui.tick(now), ui.key(key, now)] {
                while let Action::Boot { entry, cause } = action {
                    let chosen = &menu.entries[entry];
                    prop_assert!(chosen.access == Access::Unrestricted && chosen.passwords.is_empty());
                    action = ui.failed(entry, cause, "no");
                }
                let guarded = matches!(action, Action::BootEdited { .. } | Action::Command(_) | Action::Complete(_) | Action::NewConfig);
                prop_assert!(!guarded, "{action:?}");
            }
        }
    }
}
