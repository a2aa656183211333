//! How each state of the menu looks, on screens of three sizes and on paper: compared with tests/screens/.
//!
//! `PVGRUB_BLESS=1 cargo test -p pvgrub-menu --test screens` writes what is seen now; look at the difference.

mod scenes;
mod terminal;

use core::fmt::Write;
use core::time::Duration;
use std::path::Path;

use pvgrub_menu::{Look, Style};
use terminal::Terminal;

const NOW: Duration = Duration::from_secs(2);

fn screen(name: &str, columns: usize, rows: usize) -> String {
    let look = Look { columns, rows, ..Look::default() };
    let mut ui = scenes::scene(name, look);
    let mut text = String::new();
    ui.paint(&mut text, NOW);
    let mut terminal = Terminal::new(look);
    terminal.write(&text);
    let edge = format!("+{}+\n", "-".repeat(columns));
    let mut out = edge.clone();
    for row in terminal.text() {
        let blanks = columns - pvgrub_menu::width(&row);
        let _ = writeln!(out, "|{row}{:blanks$}|", "");
    }
    out += &edge;
    if let Some((row, column)) = terminal.cursor() {
        let _ = writeln!(out, "cursor in row {row}, column {column}");
    }
    out
}

fn paper(name: &str) -> String {
    let mut ui = scenes::scene(name, Look { style: Style::Plain, ..Look::default() });
    let mut text = String::new();
    ui.paint(&mut text, NOW);
    text.replace("\r\n", "\n").replace('\r', "\\r").replace('\x08', "\\b") + "\n"
}

#[test]
fn every_state_looks_as_it_did() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens");
    let bless = std::env::var_os("PVGRUB_BLESS").is_some();
    let mut wrong = Vec::new();
    for name in scenes::NAMES {
        let mut out = String::new();
        for (columns, rows) in [(80, 24), (80, 50), (40, 12)] {
            let _ = writeln!(out, "{columns} x {rows}:\n{}", screen(name, columns, rows));
        }
        let _ = writeln!(out, "plain:\n{}", paper(name));
        let file = dir.join(format!("{name}.txt"));
        if bless {
            std::fs::write(&file, &out).unwrap();
        }
        if std::fs::read_to_string(&file).unwrap_or_default() != out {
            wrong.push(format!("{name}:\n{out}"));
        }
    }
    assert!(wrong.is_empty(), "these look different:\n{}", wrong.join("\n"));
}
