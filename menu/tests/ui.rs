//! The menu driven by keys and time, and looked at through a small terminal.

mod terminal;

use core::time::Duration;

use pvgrub_menu::{Action, Cause, Key, Look, Menu, Style, TimeoutStyle, Ui};
use terminal::Terminal;

const TWO: &[u8] = b"timeout 5\ndefault 1\nfallback 0\ntitle Alpha\nkernel /a\ntitle Beta\nkernel /b\n";

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ui(text: &[u8]) -> Ui {
    Ui::new(&Menu::parse(text).unwrap(), "pvgrub", Look::default(), s(0))
}

fn painted(ui: &mut Ui, now: Duration) -> String {
    let mut out = String::new();
    ui.paint(&mut out, now);
    out
}

fn screen(ui: &mut Ui, now: Duration) -> Terminal {
    let mut terminal = Terminal::new(ui.look());
    ui.redraw();
    terminal.write(&painted(ui, now));
    terminal
}

#[test]
fn the_countdown_boots_the_default_entry() {
    let mut ui = ui(TWO);
    assert_eq!(ui.tick(s(4)), Action::None);
    assert_eq!(ui.deadline(Duration::from_millis(1300)), Some(s(2)));
    assert_eq!(ui.deadline(s(2)), Some(s(3)));
    assert!(screen(&mut ui, s(3)).text().join("\n").contains("Booting entry 1 in 2 s"));
    assert_eq!(ui.tick(s(5)), Action::Boot { entry: 1, cause: Cause::Automatic });
    assert_eq!(ui.deadline(s(5)), None);
}

#[test]
fn no_timeout_means_waiting_and_zero_means_now() {
    let mut forever = ui(b"hiddenmenu\ntitle A\nkernel /a\n");
    assert_eq!(forever.deadline(s(0)), None);
    assert_eq!(forever.tick(s(1 << 40)), Action::None);
    assert!(screen(&mut forever, s(0)).text().join("\n").contains("A"));
    let mut now = ui(b"timeout 0\ntitle A\nkernel /a\n");
    assert_eq!(now.tick(s(0)), Action::Boot { entry: 0, cause: Cause::Automatic });
}

#[test]
fn any_key_stops_the_countdown() {
    for key in [Key::Up, Key::Other, Key::Ctrl('l'), Key::Char('x'), Key::Escape] {
        let mut ui = ui(TWO);
        ui.key(key, s(1));
        assert_eq!(ui.deadline(s(1)), None);
        assert_eq!(ui.tick(s(100)), Action::None);
    }
}

#[test]
fn keys_choose() {
    let mut ui = ui(TWO);
    assert_eq!(ui.key(Key::Up, s(1)), Action::None);
    assert_eq!(screen(&mut ui, s(1)).marked(), [">  0  Alpha"]);
    ui.key(Key::Up, s(1));
    assert_eq!(ui.key(Key::Enter, s(1)), Action::Boot { entry: 0, cause: Cause::User });
    ui.key(Key::Down, s(1));
    ui.key(Key::Down, s(1));
    assert_eq!(ui.key(Key::Char('b'), s(1)), Action::Boot { entry: 1, cause: Cause::User });
    ui.key(Key::Home, s(1));
    assert_eq!(ui.key(Key::Right, s(1)), Action::Boot { entry: 0, cause: Cause::User });
    ui.key(Key::End, s(1));
    assert_eq!(ui.key(Key::Enter, s(1)), Action::Boot { entry: 1, cause: Cause::User });
    assert_eq!(ui.key(Key::Char('r'), s(1)), Action::Rescan);
    assert_eq!(ui.key(Key::Escape, s(1)), Action::Back);
}

#[test]
fn numbers_choose() {
    let text: String = (0..30).map(|n| format!("title T{n}\nkernel /k\n")).collect();
    let mut ui = ui(text.as_bytes());
    let mut press = |keys: &str, at: u64| {
        for c in keys.chars() {
            ui.key(Key::Char(c), s(at));
        }
        ui.key(Key::Enter, s(at))
    };
    assert_eq!(press("17", 0), Action::Boot { entry: 17, cause: Cause::User });
    assert_eq!(press("0", 1), Action::Boot { entry: 0, cause: Cause::User });
    // No entry 49, so the 9 begins anew.
    assert_eq!(press("49", 2), Action::Boot { entry: 9, cause: Cause::User });
    ui.key(Key::Char('1'), s(10));
    ui.key(Key::Char('2'), s(20));
    assert_eq!(ui.key(Key::Enter, s(20)), Action::Boot { entry: 2, cause: Cause::User });
}

#[test]
fn fallback_entries_follow_a_failed_countdown() {
    let mut ui = ui(TWO);
    assert_eq!(ui.tick(s(5)), Action::Boot { entry: 1, cause: Cause::Automatic });
    assert_eq!(
        ui.failed(1, Cause::Automatic, "no such file"),
        Action::Boot { entry: 0, cause: Cause::Automatic }
    );
    assert_eq!(ui.failed(0, Cause::Automatic, "bad kernel"), Action::None);
    let text = screen(&mut ui, s(6)).text().join("\n");
    assert!(text.contains("Entry 1 (Beta) was not booted: no such file"), "{text}");
    assert!(text.contains("Entry 0 (Alpha) was not booted: bad kernel"), "{text}");
    assert_eq!(ui.tick(s(999)), Action::None);
    // The next try works.
    assert_eq!(ui.key(Key::Enter, s(999)), Action::Boot { entry: 0, cause: Cause::User });
}

#[test]
fn a_chosen_entry_that_fails_has_no_fallback() {
    let mut ui = ui(TWO);
    assert_eq!(ui.key(Key::Enter, s(1)), Action::Boot { entry: 1, cause: Cause::User });
    assert_eq!(ui.failed(1, Cause::User, "no"), Action::None);
    assert_eq!(ui.tick(s(99)), Action::None);
}

#[test]
fn a_hidden_menu_shows_itself_when_asked() {
    let mut ui = ui(b"timeout 9\nhiddenmenu\ntitle Alpha\nkernel /a\ntitle Beta\nkernel /b\n");
    let text = screen(&mut ui, s(2)).text();
    assert_eq!(text[0], "Booting entry 0 in 7 s; Esc shows the menu.");
    assert!(!text.join("\n").contains("Alpha"));
    assert_eq!(ui.key(Key::Escape, s(2)), Action::None);
    assert!(screen(&mut ui, s(2)).text().join("\n").contains("Alpha"));
    assert_eq!(ui.tick(s(99)), Action::None);
}

#[test]
fn setkey_counts_in_the_list_and_on_the_command_line_and_in_menus_that_follow() {
    let menu = Menu::parse(b"setkey c y\nsetkey s z\nsetkey escape F1\ntitle Alpha\nkernel /a\n").unwrap();
    let mut first = Ui::new(&menu, "pvgrub", Look::default(), s(0));
    let type_text = |ui: &mut Ui, text: &str| {
        text.chars()
            .fold(Action::None, |_, c| ui.key(if c == '\n' { Key::Enter } else { Key::Char(c) }, s(0)))
    };
    assert_eq!(type_text(&mut first, "ylz\n"), Action::Command("ls".into()));
    assert_eq!(first.key(Key::Function(1), s(0)), Action::None);
    assert_eq!(first.key(Key::Function(1), s(0)), Action::Back);
    // As in GRUB they stay.
    let mut next =
        Ui::new(&Menu::parse(b"setkey z z\ntitle B\nkernel /b\n").unwrap(), "", Look::default(), s(0));
    next.remember(first.memory().clone());
    assert_eq!(type_text(&mut next, "yaz\n"), Action::Command("az".into()));
    let mut last = Ui::new(&Menu::parse(b"setkey\ntitle B\nkernel /b\n").unwrap(), "", Look::default(), s(0));
    last.remember(next.memory().clone());
    assert_eq!(type_text(&mut last, "cyz\n"), Action::Command("yz".into()));
}

#[test]
fn a_hidden_menu_says_how_to_see_it() {
    let hidden = |autoboot: Option<&str>| {
        let mut menu = Menu::parse(TWO).unwrap();
        menu.settings.timeout_style = TimeoutStyle::Hidden;
        menu.settings.autoboot = autoboot.map(str::to_owned);
        menu.settings.hidden_keys = vec![(Key::Function(2), 0)];
        menu
    };
    let mut ui = Ui::new(&hidden(None), "pvgrub", Look::default(), s(0));
    assert_eq!(screen(&mut ui, s(0)).text()[..2], ["Esc shows the menu.", ""]);
    // Time changes nothing on the screen, and a log has one line of it.
    assert_eq!(painted(&mut ui, s(1)), "");
    let look = Look { style: Style::Plain, ..Look::default() };
    let mut ui = Ui::new(&hidden(None), "pvgrub", look, s(0));
    assert_eq!(painted(&mut ui, s(0)), "\r\nEsc shows the menu.\r\n");
    assert_eq!(painted(&mut ui, s(3)), "");
    // In the owner's words; on two rows if there is no room.
    let menu = hidden(Some("Automatic boot in # second{,s}..."));
    let mut ui = Ui::new(&menu, "pvgrub", Look::default(), s(0));
    assert_eq!(screen(&mut ui, s(4)).text()[0], "Automatic boot in 1 second...  Esc shows the menu.");
    let narrow = Look { columns: 40, ..Look::default() };
    let mut terminal = terminal::Terminal::new(narrow);
    let mut ui = Ui::new(&menu, "pvgrub", narrow, s(0));
    terminal.write(&painted(&mut ui, s(0)));
    assert_eq!(terminal.text()[..3], ["Automatic boot in 5 seconds...", "Esc shows the menu.", ""]);
    // A key of its own boots; any other shows the menu, where that key means nothing.
    let mut ui = Ui::new(&menu, "pvgrub", Look::default(), s(0));
    assert_eq!(ui.key(Key::Function(2), s(1)), Action::Boot { entry: 0, cause: Cause::User });
    let mut ui = Ui::new(&menu, "pvgrub", Look::default(), s(0));
    assert_eq!(ui.key(Key::Function(3), s(1)), Action::None);
    assert!(screen(&mut ui, s(1)).text().join("\n").contains("Alpha"));
    assert_eq!(ui.key(Key::Function(2), s(1)), Action::None);
    assert_eq!(ui.tick(s(99)), Action::None);
}

#[test]
fn long_lists_scroll_and_long_titles_are_cut() {
    let text: String = (0..200).map(|n| format!("title {n} {}\nkernel /k\n", "漢".repeat(100))).collect();
    let mut ui = ui(text.as_bytes());
    for n in 1..200 {
        ui.key(Key::Down, s(0));
        let terminal = screen(&mut ui, s(0));
        let marked = terminal.marked();
        assert_eq!(marked.len(), 1, "{n}");
        assert!(marked[0].starts_with(&format!(">{n:>3}  {n} ")), "{}", marked[0]);
        assert!(marked[0].ends_with(['~', '^', 'v']));
    }
    assert!(screen(&mut ui, s(0)).text()[23].contains("to 199 of 0 to 199"));
    ui.key(Key::PageUp, s(0));
    ui.key(Key::PageUp, s(0));
    ui.key(Key::PageDown, s(0));
    assert_eq!(screen(&mut ui, s(0)).marked().len(), 1);
}

#[test]
fn titles_cannot_speak_to_the_terminal() {
    let mut ui = ui("title \u{1b}[2J\u{1b}]0;x\u{7}\u{9b}5m\u{202e}evil\nkernel /k\n".as_bytes());
    // The terminal of this test panics on what it does not know.
    assert_eq!(screen(&mut ui, s(0)).marked(), [">  0  ?[2J?]0;x??5mevil"]);
}

#[test]
fn no_menu_at_all_is_a_message_and_a_key() {
    let mut ui = Ui::empty("pvgrub", Look::default());
    ui.say("No menu was found.\nxvda: 1 GiB\nxvdb: 2 GiB");
    let text = screen(&mut ui, s(0)).text().join("\n");
    assert!(text.contains("No menu was found.\n xvda: 1 GiB\n xvdb: 2 GiB"), "{text}");
    let many: String = (0..100).map(|n| format!("\nxvd{n}")).collect();
    ui.say(&format!("No menu was found.{many}"));
    let text = screen(&mut ui, s(0)).text().join("\n");
    assert!(text.contains("No menu was found.\n xvd0\n") && text.contains("r: look again"), "{text}");
    assert_eq!(ui.deadline(s(0)), None);
    // No command line opens: who may use it stands in the menu that could not be read. But if there is none it does.
    let mut open = ui.clone().with_commands();
    open.key(Key::Char('c'), s(0));
    assert!(open.takes_text());
    assert_eq!(ui.key(Key::Char('c'), s(0)), Action::None);
    assert_eq!(ui.key(Key::Ctrl('c'), s(0)), Action::None);
    assert!(!ui.takes_text());
    assert_eq!(ui.key(Key::Enter, s(0)), Action::Rescan);
    assert_eq!(ui.key(Key::Char('r'), s(0)), Action::Rescan);
    for key in [Key::Up, Key::Down, Key::PageUp, Key::PageDown, Key::Home, Key::End, Key::Char('3')] {
        assert_eq!(ui.key(key, s(0)), Action::None);
    }
}

#[test]
fn a_plain_terminal_gets_lines_and_answers_with_numbers() {
    let look = Look { style: Style::Plain, ..Look::default() };
    let menu = Menu::parse(TWO).unwrap();
    let mut ui = Ui::new(&menu, "pvgrub", look, s(0));
    let text = painted(&mut ui, s(0));
    assert!(!text.contains('\x1b'));
    assert!(text.contains("   0  Alpha\r\n>  1  Beta\r\n"), "{text:?}");
    assert!(text.contains("Booting entry 1 in 5 s"), "{text}");
    assert!(text.ends_with("entry? "));
    assert_eq!(painted(&mut ui, s(1)), "");
    ui.key(Key::Char('7'), s(1));
    assert!(painted(&mut ui, s(1)).ends_with('7'));
    assert_eq!(ui.key(Key::Enter, s(1)), Action::None);
    assert!(painted(&mut ui, s(1)).contains("There is no entry 7."));
    ui.key(Key::Char('7'), s(1));
    ui.key(Key::Backspace, s(1));
    ui.key(Key::Char('0'), s(9));
    assert_eq!(ui.key(Key::Enter, s(9)), Action::Boot { entry: 0, cause: Cause::User });
    ui.failed(0, Cause::User, "it is gone");
    assert!(painted(&mut ui, s(9)).contains("Entry 0 (Alpha) was not booted: it is gone"));
    ui.key(Key::Up, s(9));
    assert!(painted(&mut ui, s(9)).contains("> 0  Alpha"));
    ui.key(Key::Char('t'), s(9));
    assert_eq!(ui.look().style, Style::Screen);
}

#[test]
fn the_size_is_asked_for_when_somebody_is_there() {
    let look = Look { asks: true, ..Look::default() };
    let menu = Menu::parse(b"timeout 9\ntitle Alpha\nkernel /k\ntitle Beta\nkernel /k\n").unwrap();
    let mut ui = Ui::new(&menu, "pvgrub", look, s(0));
    assert!(!painted(&mut ui, s(0)).contains("\x1b[6n"));
    // A size is no key, and stops no countdown.
    assert_eq!(ui.key(Key::Size { columns: 50, rows: 30 }, s(1)), Action::None);
    assert!(painted(&mut ui, s(1)).contains("8 s") && ui.look().columns == 50);
    for (key, asked) in [(Key::Down, true), (Key::Up, false), (Key::Ctrl('l'), true)] {
        ui.key(key, s(2));
        assert_eq!(painted(&mut ui, s(2)).contains("\x1b[6n"), asked, "{key:?}");
    }
    // The marked entry is seen, whatever the size.
    for (columns, rows) in [(40, 12), (132, 50), (1, 2), (u16::MAX, u16::MAX)] {
        ui.key(Key::Size { columns, rows }, s(3));
        let mut terminal = terminal::Terminal::new(ui.look());
        terminal.write(&painted(&mut ui, s(3)));
        assert_eq!(terminal.marked(), [">  0  Alpha"], "{columns} x {rows}");
        // The same again changes nothing.
        ui.key(Key::Size { columns, rows }, s(3));
        assert_eq!(painted(&mut ui, s(3)), "");
    }
    // A terminal whose size is known, or a log, is not asked.
    for look in [Look::default(), Look { style: Style::Plain, ..look }] {
        let mut ui = Ui::new(&menu, "pvgrub", look, s(0));
        ui.key(Key::Down, s(0));
        assert!(!painted(&mut ui, s(0)).contains("\x1b[6n"));
    }
}
