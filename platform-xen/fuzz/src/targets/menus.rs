//! Menus and keys.

use core::time::Duration;

use pvgrub_menu::key::Decoder;
use pvgrub_menu::progress::Progress;
use pvgrub_menu::{
    Action, Cause, Look, MAX_ENTRIES, Menu, Style, Ui, clean, cut, parse_saved_default, width,
};

use crate::Target;
use crate::patch::take;

/// menu.lst, and the menu on the screen.
pub static MENU: Target = Target {
    name: "menu",
    what: "menu.lst, keys, and what the screen gets",
    seeds,
    run,
    max_len: 4096,
    memory: 16 << 20,
    sources: &["menu/src"],
};

const SAMPLES: [&[u8]; 5] = [
    include_bytes!("../../../../menu/tests/samples/debian.lst"),
    include_bytes!("../../../../menu/tests/samples/amazon.lst"),
    include_bytes!("../../../../menu/tests/samples/ubuntu.lst"),
    include_bytes!("../../../../menu/tests/samples/dom0.lst"),
    include_bytes!("../../../../menu/tests/samples/passwords.lst"),
];

/// Length of the keys, columns, rows, style; keys; the menu.
fn seeds() -> Vec<Vec<u8>> {
    let keys: [&[u8]; 5] = [
        b"\x1b[B\x1b[Be\x05x\r\x18\x1b",
        b"3\x1b[A\x1bOA12c ro\tx\r\x1bp x\r",
        b"\x1b[5~\x1b[6~\x1b[H\x1b[F\n",
        b"\x1b\x0er\x1b[1;5Bq",
        b"epassword\r\x0b\x19\x18\x1bF\r",
    ];
    let one = |(i, (menu, keys)): (usize, (&&[u8], &&[u8]))| {
        [&[keys.len() as u8, 80, 24, i as u8][..], keys, menu].concat()
    };
    SAMPLES.iter().zip(&keys).enumerate().map(one).collect()
}

fn run(mut data: &[u8]) {
    let [keys, columns, rows, style] = take(&mut data);
    let (keys, text) = data.split_at(usize::from(keys).min(data.len()));
    let style = if style & 1 == 0 { Style::Screen } else { Style::Plain };
    let look = Look { style, columns: columns.into(), rows: usize::from(rows) % 64, asks: rows & 64 != 0 };
    let _ = parse_saved_default(text);
    words(text, columns.into());
    let mut now = Duration::ZERO;
    let mut ui = match Menu::parse(text) {
        Ok(menu) => {
            assert!(menu.entries.len() <= MAX_ENTRIES);
            Ui::new(&menu, "fuzz", look, now)
        }
        Err(error) => Ui::empty(&error.to_string(), look),
    };
    let mut out = String::new();
    let mut decoder = Decoder::new();
    ui.paint(&mut out, now);
    for pieces in keys.chunks(3).take(16) {
        let mut found = Vec::new();
        decoder.feed(pieces, now, &mut found);
        now += Duration::from_millis(u64::from(pieces[0]) * 10);
        found.extend(decoder.expire(now));
        for key in found {
            act(&mut ui, key, now, text);
        }
        if let Action::Boot { entry, cause } = ui.tick(now) {
            ui.failed(entry, cause, "it is only a test");
        }
        let _ = ui.deadline(now);
        ui.paint(&mut out, now);
    }
    ui.redraw();
    ui.paint(&mut out, now);
    ui.leave(&mut out);
    let bound = (keys.len() + 4) * (500 * 210) + 100_000;
    assert!(out.len() < bound, "{} bytes for the screen", out.len());
}

fn act(ui: &mut Ui, key: pvgrub_menu::Key, now: Duration, text: &[u8]) {
    match ui.key(key, now) {
        Action::Boot { entry, cause } => {
            let why = String::from_utf8_lossy(&text[..text.len().min(300)]);
            if ui.failed(entry, cause, &why) != Action::None {
                ui.failed(entry, Cause::Automatic, "again");
            }
        }
        Action::BootEdited { entry, text } => {
            let _ = Menu::parse_entry("edited", &text);
            ui.failed(entry, Cause::User, "it is only a test");
        }
        Action::Command(command) => ui.output(&command.repeat(3)),
        Action::Complete(before) => {
            let word = before.rfind(' ').map_or(0, |blank| blank + 1);
            let words = text.split(|byte| *byte == b'\n').take(9);
            let words: Vec<String> = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            ui.complete(word, &words);
        }
        Action::Help(_) => ui.show_text(&String::from_utf8_lossy(text)),
        Action::Rescan | Action::Back | Action::NewConfig | Action::GiveUp(_) => ui.say("nothing new"),
        Action::None => {}
    }
}

/// What reaches a terminal has no control characters, and takes the room that is said.
fn words(text: &[u8], columns: usize) {
    let text = String::from_utf8_lossy(&text[..text.len().min(200)]);
    let cleaned = clean(&text);
    assert!(!cleaned.chars().any(|c| c.is_control()), "{cleaned:?}");
    assert!(width(&cut(&cleaned, columns)) <= columns);
    let mut progress =
        Progress::new(&text, columns as u64 * 1000, Duration::ZERO, columns, columns.is_multiple_of(2));
    let _ = progress.update(columns as u64, Duration::from_secs(1));
    let _ = progress.finish(u64::MAX, Duration::from_secs(2));
}
