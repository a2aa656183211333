//! `xtask screenshots`: pictures of the menu for the manual. What the real menu writes goes to a terminal emulator that knows nothing
//! of it, and its cells are drawn.

#[path = "../../menu/tests/scenes/mod.rs"]
mod scenes;

use std::fmt::Write;
use std::num::NonZero;
use std::time::Duration;

use anyhow::{Context, Result};
use pvgrub_menu::Look;
use vt100::{Color, Parser, Screen};

use crate::{paths, sh};

/// A cell, in pixels, and the border around all.
const WIDTH: usize = 9;
const HEIGHT: usize = 19;
const BORDER: usize = 10;
const FORE: &str = "#d8d8d8";
const BACK: &str = "#1c1c1c";
/// The states that the manual shows.
const PICTURES: [&str; 4] = ["countdown", "editor", "commands", "password"];
/// The first 16 colours of a terminal, as xterm has them.
const COLORS: [&str; 16] = [
    "#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5", "#7f7f7f",
    "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff",
];

/// Draws the states that the manual shows into docs/screens/.
pub fn draw() -> Result<()> {
    let dir = paths::root().join("docs/screens");
    std::fs::create_dir_all(&dir)?;
    for name in PICTURES {
        let file = dir.join(format!("{name}.svg"));
        std::fs::write(&file, picture(name, 80, 24))
            .with_context(|| format!("writing {}", file.display()))?;
        sh::step(format!("drew {}", file.display()));
    }
    Ok(())
}

/// The menu in this state, as SVG.
fn picture(name: &str, columns: u16, rows: u16) -> String {
    let look = Look { columns: columns.into(), rows: rows.into(), ..Look::default() };
    let mut text = String::new();
    scenes::scene(name, look).paint(&mut text, Duration::from_secs(2));
    let size = |cells| NonZero::new(cells).unwrap_or(NonZero::<u16>::MIN);
    let mut terminal = Parser::new(size(rows), size(columns), 0);
    terminal.process(text.as_bytes());
    svg(terminal.screen())
}

fn svg(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let width = 2 * BORDER + WIDTH * usize::from(columns);
    let height = 2 * BORDER + HEIGHT * usize::from(rows);
    let mut out = format!(
        "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\" font-family=\"monospace\" font-size=\"15\" xml:space=\"preserve\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{BACK}\"/>\n"
    );
    for row in 0..rows {
        draw_row(&mut out, screen, row, columns);
    }
    if !screen.hide_cursor() {
        let (row, column) = screen.cursor_position();
        let (x, y) = corner(row, column);
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"{FORE}\" opacity=\"0.6\"/>"
        );
    }
    out + "</svg>\n"
}

/// Left upper corner of a cell.
fn corner(row: u16, column: u16) -> (usize, usize) {
    (BORDER + WIDTH * usize::from(column), BORDER + HEIGHT * usize::from(row))
}

/// Cells with the same colours are one piece of text; a character of two columns is one of its own.
fn draw_row(out: &mut String, screen: &Screen, row: u16, columns: u16) {
    let mut column = 0;
    while column < columns {
        let first = column;
        let mut text = String::new();
        let mut wide = false;
        let look = colors(screen, row, first);
        while let Some(cell) = screen.cell(row, column).filter(|_| column < columns) {
            if colors(screen, row, column) != look || wide || (cell.is_wide() && !text.is_empty()) {
                break;
            }
            wide = cell.is_wide();
            text.push_str(if cell.has_contents() { cell.contents() } else { " " });
            column += if wide { 2 } else { 1 };
        }
        let (x, y) = corner(row, first);
        let span = WIDTH * usize::from(column - first);
        let (fore, back) = look;
        if back != BACK {
            let _ = writeln!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{span}\" height=\"{HEIGHT}\" fill=\"{back}\"/>"
            );
        }
        let blanks = text.len() - text.trim_start().len();
        let shown = text.trim();
        if !shown.is_empty() {
            let x = x + WIDTH * blanks;
            let span = WIDTH * if wide { 2 } else { shown.chars().count() };
            let y = y + HEIGHT - 5;
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\" textLength=\"{span}\" fill=\"{fore}\">{}</text>",
                escaped(shown)
            );
        }
    }
}

/// Of the text and of what is behind it.
fn colors(screen: &Screen, row: u16, column: u16) -> (String, String) {
    let name = |color, default: &str| match color {
        Color::Default => default.to_owned(),
        Color::Idx(index) => COLORS.get(usize::from(index)).map_or(default, |name| name).to_owned(),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
    };
    let Some(cell) = screen.cell(row, column) else { return (FORE.into(), BACK.into()) };
    let colors = (name(cell.fgcolor(), FORE), name(cell.bgcolor(), BACK));
    if cell.inverse() { (colors.1, colors.0) } else { colors }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_is_in_the_picture() {
        let list = picture("countdown", 80, 24);
        assert!(list.contains("&gt;  0  Debian GNU/Linux</text>") && list.contains("日"), "{list}");
        // The marked entry is dark on light, and nothing else.
        assert_eq!(list.matches(&format!("fill=\"{BACK}\">")).count(), 1);
        assert!(!list.contains("opacity"), "a list has no cursor");
        assert!(picture("editor", 80, 24).contains("opacity"));
    }

    /// The pictures of the manual show the menu as it is.
    #[test]
    fn the_manual_is_up_to_date() {
        for name in PICTURES {
            let file = paths::root().join(format!("docs/screens/{name}.svg"));
            let old = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(old == picture(name, 80, 24), "{name} looks different: run `cargo xtask screenshots`");
        }
    }
}
