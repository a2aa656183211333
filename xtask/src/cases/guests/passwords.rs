//! Menus with passwords: who may boot what, who may edit, and that nothing leads around the question.

use anyhow::{Result, ensure};

use super::debian::disk;
use super::driver::{DOWN, ENTER, ESC, Person};
use super::menu_lst::two;
use super::runs;
use crate::cases::{Case, Stage, Tier};
use crate::kernels::Kernel;
use crate::material::Image;
use crate::menus::PASSWORD;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::pvgrub("guests/password/boot", Tier::Quick, boot),
        Case::pvgrub("guests/password/screens", Tier::Full, screens),
        Case::pvgrub("guests/password/wrong", Tier::Full, wrong),
        Case::pvgrub("guests/password/unrestricted", Tier::Full, unrestricted),
        Case::pvgrub("guests/password/edit", Tier::Full, edit),
        Case::pvgrub("guests/password/command-line", Tier::Full, command_line),
        Case::pvgrub("guests/password/countdown", Tier::Full, countdown),
        Case::pvgrub("guests/password/submenu", Tier::Full, submenu),
        Case::pvgrub("guests/password/hotkey", Tier::Full, hotkey),
        Case::pvgrub("guests/password/forced", Tier::Full, forced),
        Case::pvgrub("guests/password/menu-lst", Tier::Quick, menu_lst),
        Case::pvgrub("guests/password/menu-lst-keys", Tier::Full, menu_lst_keys),
        Case::pvgrub("guests/password/menu-lst-own", Tier::Full, menu_lst_own),
    ]
}

const TITLE: &str = "Debian GNU/Linux";
const USER: &str = "admin";
/// Of [`PASSWORD`], made by `openssl passwd -1`.
const MD5: &str = "$1$Wd3nQx7z$g2p5mP9oIXxw1XzhenpQv1";

/// Debian's menu, locked but for one entry.
fn locked(stage: &mut Stage, extra: &str) -> Result<crate::lab::Config> {
    stage.guest(&disk("debian-12/password")?, extra)
}

fn boot(stage: &mut Stage) -> Result<()> {
    let config = locked(stage, "pvgrub.timeout=-1")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(TITLE)?;
    person.types(ENTER)?;
    person.answers(USER, PASSWORD)?;
    runs(&person.comes_up()?, Kernel::Cloud)
}

/// The question, as it looks.
fn screens(stage: &mut Stage) -> Result<()> {
    let config = locked(stage, "pvgrub.timeout=-1")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(TITLE)?;
    person.types(ENTER)?;
    person.is_asked()?;
    person.types(USER)?;
    let headline = concat!("pvgrub ", env!("CARGO_PKG_VERSION"), "   xvda1:/boot/grub/grub.cfg");
    let list = [
        headline,
        "",
        ">  0  Debian GNU/Linux [password]",
        "   1  Advanced options for Debian GNU/Linux [password]",
        "   2  Open to all",
    ];
    person.looks(&list, &["", " User: admin", "", "Enter: go on.  Esc: back.", "", ""])?;
    person.types(&format!("{ENTER}{PASSWORD}"))?;
    person.looks(&list, &["", " Password of admin: *******", "", "Enter: go on.  Esc: back.", "", ""])?;
    let Person { stage, guest } = person;
    stage.ends_when_asked(&guest)
}

/// A wrong password, a wrong name, one letter too much: nothing is booted, and the next answer has to wait.
fn wrong(stage: &mut Stage) -> Result<()> {
    let config = locked(stage, "pvgrub.timeout=-1")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(TITLE)?;
    person.types(ENTER)?;
    for (name, password) in [(USER, "letmeout"), ("root", PASSWORD), (USER, "letmein ")] {
        person.answers(name, password)?;
        person.is_refused()?;
    }
    person.gives_up(TITLE)?;
    person.stays(5)?;
    // And the right one still opens it.
    person.types(ENTER)?;
    person.answers(USER, PASSWORD)?;
    runs(&person.comes_up()?, Kernel::Cloud)
}

/// An entry for everybody asks nobody, but to edit it asks.
fn unrestricted(stage: &mut Stage) -> Result<()> {
    let config = locked(stage, "pvgrub.timeout=-1")?;
    let mut person = Person::at(stage, &config)?;
    person.goes_to("Open to all")?;
    person.types("e")?;
    let asked = person.is_asked()?;
    ensure!(!asked.has("vmlinuz"), "the editor is open:\n{asked}");
    person.gives_up("Open to all")?;
    person.types(ENTER)?;
    person.comes_up()?.has("cmdline", "pick=open")
}

/// Who has the password may edit.
fn edit(stage: &mut Stage) -> Result<()> {
    let config = locked(stage, "pvgrub.timeout=-1")?;
    let mut person = Person::at(stage, &config)?;
    person.goes_to("Open to all")?;
    person.types("e")?;
    person.answers(USER, PASSWORD)?;
    person.editor_has("pick=open")?;
    person.appends_to("linux", " pick=edited")?;
    person.boots_it()?;
    person.comes_up()?.has("cmdline", "pick=open pick=edited")
}

fn command_line(stage: &mut Stage) -> Result<()> {
    let config = locked(stage, "pvgrub.timeout=-1")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(TITLE)?;
    person.types("c")?;
    person.is_asked()?;
    ensure!(!person.screen().has("pvgrub>"), "the command line is open:\n{}", person.screen());
    person.answers(USER, "wrong")?;
    person.is_refused()?;
    person.answers(USER, PASSWORD)?;
    person.reads("pvgrub>")?;
    person.types(ESC)?;
    person.marked(TITLE)?;
    let guest = &person.guest;
    person.stage.ends_when_asked(guest)
}

/// The countdown's entry is protected: at its end there is a question, not a boot.
fn countdown(stage: &mut Stage) -> Result<()> {
    let config = locked(stage, "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked(TITLE)?;
    person.is_asked()?;
    person.stays(3)?;
    person.answers(USER, PASSWORD)?;
    runs(&person.comes_up()?, Kernel::Cloud)
}

/// What is within a submenu is protected too.
fn submenu(stage: &mut Stage) -> Result<()> {
    let config = locked(stage, "pvgrub.timeout=-1")?;
    let mut person = Person::at(stage, &config)?;
    person.chooses("Advanced options")?;
    person.answers(USER, PASSWORD)?;
    person.chooses("with Linux 6.1.0-18-cloud-amd64 (recovery mode)")?;
    // Whoever has proved who they are is not asked twice, as in GRUB 2.
    person.comes_up()?.has("cmdline", "single")
}

/// A hotkey boots an entry, so it asks like Enter.
fn hotkey(stage: &mut Stage) -> Result<()> {
    let mut image = disk("debian-12/password")?;
    for (path, content) in &mut image.files {
        if path == "boot/grub/grub.cfg" {
            let text = String::from_utf8_lossy(content).into_owned();
            let first = "menuentry 'Debian GNU/Linux'";
            ensure!(text.contains(first), "no {first}");
            *content = text.replacen(first, &format!("{first} --hotkey=x"), 1).into_bytes();
        }
    }
    let config = stage.guest(&image, "pvgrub.timeout=-1")?;
    let mut person = Person::at(stage, &config)?;
    person.goes_to("Open to all")?;
    person.types("x")?;
    person.is_asked()?;
    person.stays(3)?;
    person.answers(USER, PASSWORD)?;
    runs(&person.comes_up()?, Kernel::Cloud)
}

/// dom0's entry is a choice of the countdown's: the guest's password counts all the same.
fn forced(stage: &mut Stage) -> Result<()> {
    let config = locked(stage, "pvgrub.entry=open pvgrub.timeout=1")?;
    Person::at(stage, &config)?.comes_up()?.has("cmdline", "pick=open")?;
    let config = locked(stage, "pvgrub.entry=0 pvgrub.timeout=1")?;
    let mut person = Person::at(stage, &config)?;
    person.is_asked()?;
    person.stays(3)?;
    person.answers(USER, PASSWORD)?;
    runs(&person.comes_up()?, Kernel::Cloud)
}

/// menu.lst: a password for the menu, and the second entry locked.
fn md5(head: &str) -> Image {
    let image = two(&format!("default 0\ntimeout 60\n{head}"));
    let menu = image.menu.replace("title Second\n", "title Second\nlock\n");
    image.menu(menu)
}

fn menu_lst(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&md5(&format!("password --md5 {MD5}")), "")?;
    let mut person = Person::at(stage, &config)?;
    person.marked("First")?;
    person.types(DOWN)?;
    person.marked("Second")?;
    person.types(ENTER)?;
    person.answers("", "wrong")?;
    person.is_refused()?;
    person.stays(3)?;
    person.answers("", PASSWORD)?;
    person.comes_up()?.has("cmdline", "pick=Second")
}

/// `e` and `c` ask; an entry that is not locked does not.
fn menu_lst_keys(stage: &mut Stage) -> Result<()> {
    let config = stage.guest(&md5(&format!("password --md5 {MD5}")), "")?;
    let mut person = Person::at(stage, &config)?;
    for key in ["e", "c"] {
        person.marked("First")?;
        person.types(key)?;
        let asked = person.is_asked()?;
        ensure!(!asked.has("pick=") && !asked.has("pvgrub>"), "`{key}` opens without asking:\n{asked}");
        person.gives_up("First")?;
    }
    person.types(ENTER)?;
    person.comes_up()?.has("cmdline", "pick=First")
}

/// An entry with a password of its own.
fn menu_lst_own(stage: &mut Stage) -> Result<()> {
    let image = two("default 1\ntimeout 3");
    let menu = image.menu.replace("title Second\n", &format!("title Second\npassword --md5 {MD5}\n"));
    let config = stage.guest(&image.menu(menu), "")?;
    let mut person = Person::at(stage, &config)?;
    person.is_asked()?;
    person.stays(3)?;
    person.answers("", PASSWORD)?;
    person.comes_up()?.has("cmdline", "pick=Second")
}
