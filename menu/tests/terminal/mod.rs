//! A small terminal, to look at what the menu writes.
#![allow(dead_code)]

use pvgrub_menu::{Look, width};

/// As much of an ANSI terminal as the menu uses; anything else is a panic.
pub struct Terminal {
    rows: Vec<Vec<(char, bool)>>,
    at: (usize, usize),
    reverse: bool,
    cursor: bool,
    columns: usize,
    /// It was asked where the cursor is.
    pub asked: bool,
}

impl Terminal {
    pub fn new(look: Look) -> Self {
        let junk = vec![('#', true); look.columns];
        Self {
            rows: vec![junk; look.rows],
            at: (0, 0),
            reverse: false,
            cursor: true,
            columns: look.columns,
            asked: false,
        }
    }

    pub fn write(&mut self, text: &str) {
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '\x1b' {
                assert!(!c.is_control(), "{c:?}");
                let w = width(&c.to_string());
                assert!(self.at.1 + w < self.columns, "the last column is written to");
                for k in 0..w {
                    self.rows[self.at.0][self.at.1 + k] = (if k == 0 { c } else { '\0' }, self.reverse);
                }
                self.at.1 += w;
                continue;
            }
            if chars.next() == Some('(') {
                assert_eq!(chars.next(), Some('B'));
                continue;
            }
            let mut parameters = String::new();
            let end = loop {
                match chars.next().unwrap() {
                    c @ ('0'..='9' | ';' | '?') => parameters.push(c),
                    c => break c,
                }
            };
            match (parameters.as_str(), end) {
                ("", 'r') => {}
                ("?25", 'l' | 'h') => self.cursor = end == 'h',
                ("2", 'J') => self.rows.iter_mut().for_each(|row| row.fill((' ', false))),
                ("", 'K') => self.rows[self.at.0][self.at.1..].fill((' ', false)),
                ("", 'H') => self.at = (0, 0),
                ("999;999", 'H') => self.at = (self.rows.len() - 1, self.columns - 1),
                ("6", 'n') => self.asked = true,
                (at, 'H') => {
                    let (row, column) = at.split_once(';').unwrap();
                    self.at = (row.parse::<usize>().unwrap() - 1, column.parse::<usize>().unwrap() - 1);
                }
                (color, 'm') => self.reverse = color == "0;7",
                other => panic!("{other:?}"),
            }
        }
    }

    pub fn text(&self) -> Vec<String> {
        let line =
            |row: &Vec<(char, bool)>| row.iter().map(|c| c.0).filter(|c| *c != '\0').collect::<String>();
        self.rows.iter().map(|row| line(row).trim_end().to_owned()).collect()
    }

    /// Where the cursor is seen, if it is.
    pub fn cursor(&self) -> Option<(usize, usize)> {
        self.cursor.then_some(self.at)
    }

    pub fn marked(&self) -> Vec<String> {
        let rows = self.rows.iter().filter(|row| row[0].1);
        rows.map(|row| row.iter().map(|c| c.0).collect::<String>().trim_end().to_owned()).collect()
    }
}
