//! What a menu with passwords asks for, and what it does with the answer.

use core::time::Duration;

use pvgrub_menu::{Access, Action, Cause, Entry, Key, Look, Menu, Secret, Style, Target, Ui};

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn menu_lst(text: &str) -> Ui {
    Ui::new(&Menu::parse(text.as_bytes()).unwrap(), "pvgrub", Look::default(), s(0))
}

/// Types `text` and Enter; what comes of it.
fn enter(ui: &mut Ui, text: &str, now: Duration) -> Action {
    for c in text.chars() {
        assert_eq!(ui.key(Key::Char(c), now), Action::None);
    }
    ui.key(Key::Enter, now)
}

fn screen(ui: &mut Ui, now: Duration) -> String {
    let mut text = String::new();
    ui.redraw();
    ui.paint(&mut text, now);
    text
}

const USER: Cause = Cause::User;

#[test]
fn an_entry_with_a_password_asks_each_time() {
    let mut ui = menu_lst("title A\npassword one\npassword two\nkernel /a\ntitle B\nkernel /b\n");
    for now in [s(1), s(2)] {
        assert_eq!(ui.key(Key::Enter, now), Action::None);
        assert!(screen(&mut ui, now).contains("Password: "));
        assert_eq!(enter(&mut ui, "one", now), Action::None);
        assert_eq!(enter(&mut ui, "two", now), Action::Boot { entry: 0, cause: USER });
        ui.failed(0, USER, "no");
    }
    // A wrong one costs a second, in which nothing is tried.
    ui.key(Key::Enter, s(10));
    assert_eq!(enter(&mut ui, "two", s(10)), Action::None);
    assert!(screen(&mut ui, s(10)).contains("The password is wrong. Wait for 1 s."));
    assert_eq!(ui.deadline(s(10)), Some(s(11)));
    assert_eq!(enter(&mut ui, "one", s(10)), Action::None);
    assert_eq!(enter(&mut ui, "two", s(10)), Action::None);
    assert_eq!(enter(&mut ui, "one", s(11)), Action::None);
    assert_eq!(enter(&mut ui, "two", s(11)), Action::Boot { entry: 0, cause: USER });
    // Esc goes back to the list.
    ui.key(Key::Enter, s(12));
    assert_eq!(ui.key(Key::Escape, s(12)), Action::None);
    ui.key(Key::Down, s(12));
    assert_eq!(ui.key(Key::Enter, s(12)), Action::Boot { entry: 1, cause: USER });
    // The menu has no password of its own, so nobody edits.
    ui.key(Key::Char('e'), s(13));
    assert!(screen(&mut ui, s(13)).contains("This is locked, and the menu knows no password"));
}

#[test]
fn what_is_typed_is_not_seen() {
    let mut ui = menu_lst("title A\npassword hush\nkernel /a\n");
    ui.key(Key::Enter, s(0));
    screen(&mut ui, s(0));
    for style in [Style::Screen, Style::Plain] {
        for c in "hush".chars() {
            ui.key(Key::Char(c), s(0));
            let mut text = String::new();
            ui.paint(&mut text, s(0));
            assert!(!text.replace("Password: ", "").contains(c), "{text:?}");
        }
        let whole = screen(&mut ui, s(0));
        assert!(!whole.contains("hus") && whole.contains("****") == (style == Style::Screen), "{whole}");
        ui.key(Key::Escape, s(0));
        ui.key(Key::Char('t'), s(0));
        ui.key(Key::Enter, s(0));
        screen(&mut ui, s(0));
    }
}

#[test]
fn the_password_of_a_menu_lst_opens_all() {
    let mut ui = menu_lst("password x\ntitle A\nkernel /a\ntitle B\nlock\nkernel /b\n");
    assert_eq!(ui.key(Key::Enter, s(0)), Action::Boot { entry: 0, cause: USER });
    ui.failed(0, USER, "no");
    for key in [Key::Char('e'), Key::Char('c'), Key::Char('p')] {
        ui.key(key, s(0));
        assert!(screen(&mut ui, s(0)).contains("Password: "));
        ui.key(Key::Escape, s(0));
    }
    ui.key(Key::Down, s(0));
    assert_eq!(ui.key(Key::Enter, s(0)), Action::None);
    assert_eq!(enter(&mut ui, "x", s(0)), Action::Boot { entry: 1, cause: USER });
    ui.failed(1, USER, "no");
    // It is not asked for again, here and in the next menu with this password.
    assert_eq!(ui.key(Key::Enter, s(0)), Action::Boot { entry: 1, cause: USER });
    let memory = ui.memory().clone();
    let mut next = menu_lst("password x\ntitle A\nlock\nkernel /a\n");
    next.remember(memory.clone());
    assert_eq!(next.key(Key::Enter, s(0)), Action::Boot { entry: 0, cause: USER });
    let mut other = menu_lst("password y\ntitle A\nlock\nkernel /a\n");
    other.remember(memory);
    assert_eq!(other.key(Key::Enter, s(0)), Action::None);
}

#[test]
fn p_leads_to_another_menu() {
    let mut ui = menu_lst("password x (hd0,0)/other.lst\ntitle A\nkernel /a\n");
    ui.key(Key::Char('p'), s(0));
    assert_eq!(enter(&mut ui, "x", s(0)), Action::NewConfig);
    assert_eq!(ui.key(Key::Char('p'), s(0)), Action::NewConfig);
}

#[test]
fn a_countdown_passes_over_a_lock_if_it_can_and_asks_if_not() {
    let mut ui = menu_lst(
        "password x\ntimeout 3\ndefault 0\nfallback 1\ntitle A\nlock\nkernel /a\ntitle B\nkernel /b\n",
    );
    assert_eq!(ui.tick(s(3)), Action::Boot { entry: 1, cause: Cause::Automatic });
    let mut ui = menu_lst("password x\ntimeout 3\ntitle A\nlock\nkernel /a\n");
    assert_eq!(ui.tick(s(3)), Action::None);
    assert_eq!(ui.tick(s(99)), Action::None);
    assert_eq!(enter(&mut ui, "x", s(99)), Action::Boot { entry: 0, cause: Cause::Automatic });
    let mut ui = menu_lst("timeout 3\nfallback 1\ntitle A\npassword y\nkernel /a\ntitle B\nkernel /b\n");
    assert_eq!(ui.tick(s(3)), Action::None);
    assert_eq!(enter(&mut ui, "y", s(4)), Action::Boot { entry: 0, cause: Cause::Automatic });
    let mut ui = menu_lst("timeout 0\ntitle A\nlock\nkernel /a\n");
    assert_eq!(ui.tick(s(0)), Action::None);
    assert_eq!(ui.key(Key::Enter, s(1)), Action::None);
    assert!(screen(&mut ui, s(1)).contains("the entry is locked (`lock`)"));
}

/// A menu as GRUB 2 has them: root may all, ann may boot the second entry.
fn grub2() -> Menu {
    let entry = |title: &str, access| Entry { access, ..Entry::new(title, Ok(Target::Halt)) };
    let mut menu = Menu {
        entries: vec![
            entry("free", Access::Unrestricted),
            entry("ann's", Access::Users(vec!["ann".into()])),
            Entry { hotkey: Some(Key::Char('s')), ..entry("root's", Access::Superusers) },
        ],
        ..Menu::default()
    };
    menu.settings.superusers = Some(vec!["root".into()]);
    menu.settings.secrets =
        ["root", "ann"].map(|user| (user.into(), Secret::Plain(format!("{user}!")))).into();
    menu
}

#[test]
fn users_are_asked_for_their_name() {
    let mut ui = Ui::new(&grub2(), "pvgrub", Look::default(), s(0));
    assert_eq!(ui.key(Key::Enter, s(0)), Action::Boot { entry: 0, cause: USER });
    ui.failed(0, USER, "no");
    ui.key(Key::Down, s(0));
    ui.key(Key::Enter, s(0));
    assert!(screen(&mut ui, s(0)).contains("User: "));
    assert_eq!(enter(&mut ui, "ann", s(0)), Action::None);
    assert!(screen(&mut ui, s(0)).contains("Password of ann: "));
    assert_eq!(enter(&mut ui, "ann!", s(0)), Action::Boot { entry: 1, cause: USER });
    ui.failed(1, USER, "no");
    // ann may boot, not edit; a hotkey asks like Enter.
    ui.key(Key::Char('e'), s(1));
    enter(&mut ui, "ann", s(1));
    assert_eq!(enter(&mut ui, "ann!", s(1)), Action::None);
    assert!(screen(&mut ui, s(1)).contains("ann may not do this"));
    ui.key(Key::Escape, s(1));
    assert_eq!(ui.key(Key::Char('s'), s(2)), Action::None);
    enter(&mut ui, "root", s(2));
    assert_eq!(enter(&mut ui, "root!", s(2)), Action::Boot { entry: 2, cause: USER });
    ui.failed(2, USER, "no");
    assert_eq!(ui.key(Key::Char('s'), s(2)), Action::Boot { entry: 2, cause: USER });
    ui.failed(2, USER, "no");
    ui.key(Key::Char('c'), s(3));
    assert_eq!(enter(&mut ui, "ls", s(3)), Action::Command("ls".into()));
}

/// GRUB 2 asks also where a countdown chose, and a hidden menu hides no question.
#[test]
fn a_hidden_countdown_asks() {
    let mut menu = grub2();
    menu.settings.default = pvgrub_menu::Default::Path("root's".into());
    menu.settings.fallback = vec![0];
    menu.settings.timeout = Some(2);
    menu.settings.timeout_style = pvgrub_menu::TimeoutStyle::Hidden;
    let mut ui = Ui::new(&menu, "pvgrub", Look::default(), s(0));
    assert!(!screen(&mut ui, s(1)).contains("free"));
    assert_eq!(ui.tick(s(2)), Action::None);
    assert!(screen(&mut ui, s(2)).contains("User: "));
    let mut ui = Ui::new(&menu, "pvgrub", Look::default(), s(0));
    assert_eq!(ui.key(Key::Char('s'), s(1)), Action::None);
    assert!(screen(&mut ui, s(1)).contains("User: "));
}
