//! The editor and the command line.

use core::time::Duration;

use pvgrub_menu::{Action, Cause, Key, Look, Menu, Style, Ui};

const NOW: Duration = Duration::ZERO;
const MENU: &[u8] = b"title Alpha\nroot (hd0,0)\nkernel /a ro\ninitrd /i\ntitle Broken\nchainloader +1\n";

fn ui(style: Style) -> Ui {
    Ui::new(&Menu::parse(MENU).unwrap(), "pvgrub", Look { style, ..Look::default() }, NOW)
}

fn press(ui: &mut Ui, keys: &[Key]) -> Action {
    keys.iter().fold(Action::None, |_, key| ui.key(*key, NOW))
}

fn type_text(ui: &mut Ui, text: &str) -> Action {
    text.chars().fold(Action::None, |_, c| ui.key(if c == '\n' { Key::Enter } else { Key::Char(c) }, NOW))
}

/// What a plain terminal gets, `\r` and backspaces made visible.
fn painted(ui: &mut Ui) -> String {
    let mut text = String::new();
    ui.paint(&mut text, NOW);
    text.replace("\r\n", "\n").replace('\r', "<CR>").replace('\x08', "<BS>")
}

fn edited(text: &str) -> Action {
    Action::BootEdited { entry: 0, text: text.into() }
}

#[test]
fn an_edited_entry_is_booted_and_can_be_edited_again() {
    let mut ui = ui(Style::Screen);
    press(&mut ui, &[Key::Char('e'), Key::Down, Key::End]);
    type_text(&mut ui, " single");
    let text = "root (hd0,0)\nkernel /a ro single\ninitrd /i\n";
    assert_eq!(press(&mut ui, &[Key::Ctrl('x')]), edited(text));
    assert_eq!(ui.failed(0, Cause::User, "/a: no such file"), Action::None);
    let mut screen = String::new();
    ui.paint(&mut screen, NOW);
    assert!(screen.contains("Editing entry 0: Alpha") && screen.contains("/a: no such file"), "{screen}");
    press(&mut ui, &[Key::Down, Key::Home, Key::Ctrl('k'), Key::Backspace]);
    assert_eq!(press(&mut ui, &[Key::Function(10)]), edited("root (hd0,0)\nkernel /a ro single\n"));
    // What Esc gives up is given up.
    assert_eq!(
        press(&mut ui, &[Key::Escape, Key::Char('e'), Key::Ctrl('x')]),
        edited("root (hd0,0)\nkernel /a ro\ninitrd /i\n")
    );
    assert_eq!(press(&mut ui, &[Key::Escape, Key::Escape]), Action::Back);
}

#[test]
fn an_entry_that_cannot_be_booted_can_be_edited() {
    let mut ui = ui(Style::Screen);
    press(&mut ui, &[Key::End, Key::Char('e'), Key::Ctrl('k')]);
    type_text(&mut ui, "kernel /k");
    assert_eq!(
        press(&mut ui, &[Key::Ctrl('x')]),
        Action::BootEdited { entry: 1, text: "kernel /k\n".into() }
    );
}

#[test]
fn from_the_editor_to_the_command_line_and_back() {
    let mut ui = ui(Style::Screen);
    press(&mut ui, &[Key::Char('e'), Key::Char('#'), Key::Ctrl('c')]);
    assert_eq!(type_text(&mut ui, "ls\n"), Action::Command("ls".into()));
    assert_eq!(
        press(&mut ui, &[Key::Escape, Key::Ctrl('x')]),
        edited("#root (hd0,0)\nkernel /a ro\ninitrd /i\n")
    );
}

#[test]
fn lines_come_back() {
    let mut ui = ui(Style::Screen);
    press(&mut ui, &[Key::Char('c')]);
    type_text(&mut ui, "one\n two \ntwo\n\n");
    type_text(&mut ui, "thr");
    let mut line = |keys: &[Key]| {
        press(&mut ui, keys);
        let Action::Complete(text) = press(&mut ui, &[Key::Tab]) else { panic!() };
        text
    };
    assert_eq!(line(&[Key::Up]), "two");
    assert_eq!(line(&[Key::Up]), "one");
    assert_eq!(line(&[Key::Up]), "one");
    assert_eq!(line(&[Key::Down, Key::Down]), "thr");
    assert_eq!(line(&[Key::Up, Key::Up, Key::Char('!')]), "one!");
    assert_eq!(press(&mut ui, &[Key::Enter]), Action::Command("one!".into()));
    // The next menu's command line knows them.
    let mut next = self::ui(Style::Screen);
    next.remember(ui.memory().clone());
    assert_eq!(press(&mut next, &[Key::Char('c'), Key::Up, Key::Enter]), Action::Command("one!".into()));
}

#[test]
fn completion() {
    let mut ui = ui(Style::Screen);
    press(&mut ui, &[Key::Char('c')]);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let now = |ui: &mut Ui| match press(ui, &[Key::Tab]) {
        Action::Complete(text) => text,
        other => panic!("{other:?}"),
    };
    type_text(&mut ui, "cat /bo");
    ui.complete(4, &words(&["/boot/", "/bootlog "]));
    assert_eq!(now(&mut ui), "cat /boot");
    ui.complete(4, &words(&["/boot/größe", "/boot/größer"]));
    assert_eq!(now(&mut ui), "cat /boot/größe");
    ui.complete(4, &words(&["/boot/größer "]));
    assert_eq!(now(&mut ui), "cat /boot/größer ");
    // What makes no sense changes nothing.
    ui.complete(4, &[]);
    ui.complete(99, &words(&["x"]));
    ui.complete(13, &words(&["x"]));
    assert_eq!(now(&mut ui), "cat /boot/größer ");
    // Names can't speak to the terminal.
    ui.complete(4, &words(&["/\u{1b}[2J\n"]));
    assert_eq!(now(&mut ui), "cat /?[2J?");
    // In the editor as well, on the line of the cursor.
    press(&mut ui, &[Key::Escape, Key::Char('e'), Key::Down, Key::End]);
    assert_eq!(now(&mut ui), "kernel /a ro");
    ui.complete(10, &words(&["root="]));
    assert_eq!(press(&mut ui, &[Key::Ctrl('x')]), edited("root (hd0,0)\nkernel /a root=\ninitrd /i\n"));
}

#[test]
fn output_is_bounded_and_harmless() {
    let mut ui = ui(Style::Screen);
    press(&mut ui, &[Key::Char('c')]);
    for _ in 0..50 {
        ui.output(&"\x1b[2J x\n".repeat(100));
    }
    ui.output(&"y".repeat(1_000_000));
    let mut text = String::new();
    ui.paint(&mut text, NOW);
    assert!(text.len() < 3000 && text.matches("\x1b[2J").count() == 1);
    press(&mut ui, &[Key::PageUp; 200]);
    let mut text = String::new();
    ui.paint(&mut text, NOW);
    assert!(text.contains("?[2J x"), "{text}");
}

#[test]
fn the_command_line_on_paper() {
    let mut ui = ui(Style::Plain);
    painted(&mut ui);
    press(&mut ui, &[Key::Char('c')]);
    assert_eq!(painted(&mut ui), "\nThe command line. Tab completes, Esc goes back.\npvgrub> ");
    type_text(&mut ui, "lx");
    assert_eq!(painted(&mut ui), "lx");
    press(&mut ui, &[Key::Backspace]);
    assert_eq!(painted(&mut ui), "<BS> <BS>");
    type_text(&mut ui, "s");
    painted(&mut ui);
    press(&mut ui, &[Key::Home, Key::Char('a')]);
    assert_eq!(painted(&mut ui), "<CR>pvgrub> als<CR>pvgrub> a");
    assert_eq!(press(&mut ui, &[Key::Enter]), Action::Command("als".into()));
    ui.output("als is no command");
    assert_eq!(painted(&mut ui), "\nals is no command\npvgrub> ");
    press(&mut ui, &[Key::Escape]);
    assert!(painted(&mut ui).contains(">  0  Alpha\n"));
}

#[test]
fn the_editor_on_paper() {
    let mut ui = ui(Style::Plain);
    painted(&mut ui);
    press(&mut ui, &[Key::Char('e')]);
    assert_eq!(
        painted(&mut ui),
        "\nEditing entry 0: Alpha\n  1  root (hd0,0)\n  2  kernel /a ro\n  3  initrd /i\n\
         N: change line N.  +N: a new line before it.  -N: without it.\n\
         b: boot this.  Esc: back without the changes.\nedit> "
    );
    type_text(&mut ui, "2\n");
    assert_eq!(
        painted(&mut ui),
        "edit> 2\n2: kernel /a ro".strip_prefix("edit> ").unwrap().replacen('2', "", 1)
    );
    type_text(&mut ui, " x\n");
    assert!(painted(&mut ui).contains("  2  kernel /a ro x\n  3  initrd /i\n"));
    type_text(&mut ui, "-3\n+1\nuuid y\n9\n");
    assert!(painted(&mut ui).ends_with("There is no line `9`.\nedit> "));
    // Esc leaves the line as it was, then the editor.
    type_text(&mut ui, "1\nzzz");
    press(&mut ui, &[Key::Escape]);
    assert_eq!(type_text(&mut ui, "b\n"), edited("uuid y\nroot (hd0,0)\nkernel /a ro x\n"));
    ui.failed(0, Cause::User, "no");
    assert!(painted(&mut ui).contains("was not booted: no\n"));
    press(&mut ui, &[Key::Escape]);
    assert!(painted(&mut ui).contains(">  0  Alpha\n"));
}
