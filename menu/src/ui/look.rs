//! The terminal: its kind and its size.

/// What the terminal can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// ANSI: cursor addressing and colours.
    Screen,
    /// Lines of text, one after the other: dumb terminals, serial logs, line printers.
    Plain,
}

/// The terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its kind.
    pub style: Style,
    /// Its width; used between 20 and 400.
    pub columns: usize,
    /// Its height; used between 10 and 200.
    pub rows: usize,
    /// Its size is a guess: at the first key, and at Ctrl-L, it is asked for it (xterm's "report cursor position"), and [`crate::Key::Size`] is the
    /// answer. Not before: nobody may be there, and whoever comes later, and finds what was written till then, would answer to the next kernel.
    pub asks: bool,
}

impl Look {
    /// Another size, within what is used.
    pub(super) fn resized(self, columns: usize, rows: usize) -> Self {
        Self { columns: columns.clamp(20, 400), rows: rows.clamp(10, 200), ..self }
    }
}

impl Default for Look {
    fn default() -> Self {
        Self { style: Style::Screen, columns: 80, rows: 24, asks: false }
    }
}
