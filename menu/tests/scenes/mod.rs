//! The menu in each of its states, for whoever wants to look at it: the tests, and the pictures of the manual.

use core::time::Duration;

use pvgrub_menu::{
    Access, Action, Blocked, Entry, HelpBody, HelpText, Key, Look, Menu, Secret, Target, TimeoutStyle, Ui,
};

const KERNEL: &str = "linux (xvda1)/boot/vmlinuz-6.12.57+deb13-amd64 root=UUID=0a1b2c3d-7c2f-4f53-9d0a-5e0f6a2b9d11 ro quiet \
                      console=hvc0 earlyprintk=xen net.ifnames=0";

fn entry(title: &str) -> Entry {
    let source = format!(
        "insmod gzio\ninsmod part_gpt\nsearch --no-floppy --fs-uuid --set=root 0a1b2c3d-7c2f-4f53-9d0a-5e0f6a2b9d11\n\
         echo 'Loading Linux'\n{KERNEL}\ninitrd /boot/initrd.img-6.12.57+deb13-amd64\n"
    );
    Entry { source, ..Entry::new(title, Ok(Target::Halt)) }
}

/// A menu with some of everything.
fn menu() -> Menu {
    let inner = Menu {
        entries: vec![
            entry("Debian GNU/Linux, with Linux 6.12.57"),
            entry("Debian GNU/Linux, with Linux 6.12.48"),
        ],
        ..Menu::default()
    };
    let mut menu = Menu {
        entries: vec![
            entry("Debian GNU/Linux"),
            Entry::new("Advanced options for Debian GNU/Linux", Ok(Target::Submenu(Box::new(inner)))),
            Entry {
                hotkey: Some(Key::Char('s')), ..entry("Größere Änderungen: 日本語のタイトル")
            },
            Entry { access: Access::Superusers, ..entry("Rescue system") },
            Entry::new("Windows Boot Manager", Err(Blocked::NoKernel)),
        ],
        ..Menu::default()
    };
    menu.entries[0].help = "The system as it is. It takes half a minute.\nUpdates come on Mondays.".into();
    menu.settings.timeout = Some(5);
    menu.settings.superusers = Some(vec!["root".into()]);
    menu.settings.secrets = vec![("root".into(), Secret::Plain("x".into()))];
    let help = "F1  this text\n\nPress Enter to boot, or e to change how.\n\nThis server belongs to the computing centre.";
    menu.settings.help_texts = vec![HelpText { key: 1, body: HelpBody::Text(help.into()) }];
    menu
}

fn long() -> Menu {
    let entries = (0..100).map(|n| entry(&format!("Snapshot {n} of the root file system, taken at night")));
    Menu { entries: entries.collect(), ..Menu::default() }
}

const HEADLINE: &str = "pvgrub 0.1.0   xvda1:/boot/grub/grub.cfg";

/// The names of the states.
#[allow(dead_code, reason = "xtask draws some only")]
pub const NAMES: [&str; 14] = [
    "list",
    "countdown",
    "hidden",
    "quiet",
    "autoboot",
    "message",
    "long",
    "submenu",
    "password",
    "wrong",
    "editor",
    "commands",
    "help",
    "nothing",
];

fn press(ui: &mut Ui, keys: &[Key]) {
    for key in keys {
        ui.key(*key, Duration::from_secs(2));
    }
}

fn type_text(ui: &mut Ui, text: &str) -> Action {
    let mut action = Action::None;
    for c in text.chars() {
        let key = if c == '\n' { Key::Enter } else { Key::Char(c) };
        action = ui.key(key, Duration::from_secs(2));
    }
    action
}

/// The menu in the state `name`, two seconds after its start.
pub fn scene(name: &str, look: Look) -> Ui {
    let mut menu = if name == "long" { long() } else { menu() };
    if matches!(name, "editor" | "commands" | "list") {
        menu.settings.superusers = None;
    }
    if name == "hidden" {
        menu.settings.timeout_style = TimeoutStyle::Countdown;
    }
    if matches!(name, "quiet" | "autoboot") {
        menu.settings.timeout_style = TimeoutStyle::Hidden;
    }
    if name == "autoboot" {
        menu.settings.autoboot = Some("Starting Debian in # second{,s}. Ask Ann\u{1b} if it doesn't.".into());
    }
    if name == "submenu" {
        menu = menu.enter(1, pvgrub_menu::Cause::User).unwrap();
    }
    let mut ui = Ui::new(&menu, HEADLINE, look, Duration::ZERO);
    match name {
        "list" => press(&mut ui, &[Key::Down]),
        "message" => {
            press(&mut ui, &[Key::End]);
            ui.say("There is another menu in xvdb1:/boot/grub/menu.lst.\nxvdc has not answered yet.");
        }
        "long" => press(&mut ui, &[Key::PageDown, Key::PageDown, Key::Down]),
        "password" => {
            press(&mut ui, &[Key::Char('e')]);
            type_text(&mut ui, "root\nhush");
        }
        "wrong" => {
            press(&mut ui, &[Key::Down, Key::Down, Key::Down, Key::Enter]);
            type_text(&mut ui, "root\nhush\n");
        }
        "editor" => press(
            &mut ui,
            &[
                Key::Down,
                Key::Up,
                Key::Char('e'),
                Key::Down,
                Key::Down,
                Key::Down,
                Key::Down,
                Key::End,
                Key::Char('!'),
            ],
        ),
        "commands" => {
            press(&mut ui, &[Key::Down, Key::Char('c')]);
            type_text(&mut ui, "ls (xvda1)/boot\n");
            ui.output("grub/  vmlinuz-6.12.57+deb13-amd64  initrd.img-6.12.57+deb13-amd64");
            type_text(&mut ui, "linux /boot/");
            let paths = [
                "/boot/grub/",
                "/boot/initrd.img-6.12.57+deb13-amd64 ",
                "/boot/vmlinuz-6.12.57+deb13-amd64 ",
            ];
            ui.complete(6, &paths.map(String::from));
            type_text(&mut ui, "vm");
            ui.complete(6, &[paths[2].into()]);
            type_text(&mut ui, "root=/dev/xvda1 ro");
        }
        "help" => press(&mut ui, &[Key::Other, Key::Function(1)]),
        "nothing" => {
            ui = Ui::empty(HEADLINE, look).with_commands();
            ui.say("No menu was found. Looked on every volume for /boot/grub/menu.lst and /grub/menu.lst.\n(hd0) is xvda, 2048 MiB");
        }
        _ => {}
    }
    ui
}
