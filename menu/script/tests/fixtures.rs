//! Menus as distributions write them (menu/tests/menus/grub-cfg): what each must hold stands beside it. The README there has the format.

#[path = "common/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use pvgrub_script::{Limits, Outcome, Shell, grubenv};
use world::World;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/menus/grub-cfg")
}

/// The menu that is on top, in the words of a fixture.
fn entries(shell: &Shell, world: &mut World, out: &mut String) {
    for number in 0..shell.entries().len() {
        let entry = shell.entries()[number].clone();
        let mut line =
            |word: &str, text: &str| writeln!(out, "{}", format!("{word} {text}").trim_end()).unwrap();
        line(if entry.submenu { "submenu" } else { "entry" }, &entry.title);
        line("id", &entry.id);
        entry.classes.iter().for_each(|class| line("class", class));
        entry.hotkey.iter().for_each(|key| line("hotkey", key));
        match entry.users.as_deref() {
            None => line("unrestricted", ""),
            Some("") => {}
            Some(users) => line("users", users),
        }
        // What one entry sets is not there for the next.
        let mut shell = shell.clone();
        match shell.run_entry(world, number, false) {
            Outcome::Boot(boot) => {
                line("linux", &boot.kernel);
                line("args", &boot.args);
                boot.initrds.iter().for_each(|initrd| line("initrd", &initrd.file));
            }
            Outcome::Menu if entry.submenu => {
                entries(&shell, world, out);
                out.push_str("end\n");
            }
            Outcome::Menu => {
                let file = shell.entries().first().map_or(String::new(), |entry| entry.file.clone());
                line("config", &file);
            }
            Outcome::Reboot => line("reboot", ""),
            Outcome::Halt => line("halt", ""),
            Outcome::Failed(why) => {
                let command = why.split('`').nth(1).unwrap_or(&why);
                line("refused", command);
            }
            Outcome::Back | Outcome::Exit => {}
        }
    }
}

/// What came out; `None` for lines that are only a hint to a reader.
fn outcome(name: &str, world: &mut World) -> String {
    let text = std::fs::read_to_string(directory().join(format!("{name}.cfg"))).unwrap();
    let prefix = world.variable("prefix", "(hd0,gpt1)/boot/grub");
    let mut shell = Shell::new(&world.variable("root", "hd0,gpt1"), &prefix, Limits::default());
    shell.set("config_directory", &world.variable("config_directory", &prefix)).unwrap();
    for (key, value) in world.sets.clone() {
        shell.set(&key, &value).unwrap();
        shell.run_command(world, &format!("export {key}"));
    }
    let before = world.env.clone();
    let path = world.write_grubenv(&prefix);
    shell.run_text(world, &format!("{prefix}/grub.cfg"), &text);
    let mut out = String::new();
    for name in ["default", "timeout", "timeout_style"] {
        if let Some(value) = shell.get(name) {
            writeln!(out, "{}", format!("{name} {value}").trim_end()).unwrap();
        }
    }
    if let Some(block) = world.files.get(&path).filter(|_| !before.is_empty()) {
        let after: BTreeMap<String, String> =
            grubenv::Block::parse(block.clone()).expect("a grubenv that is whole").iter().collect();
        for (key, value) in &after {
            if before.get(key) != Some(value) {
                writeln!(out, "saved {key}={value}").unwrap();
            }
        }
        for key in before.keys().filter(|key| !after.contains_key(*key)) {
            writeln!(out, "deleted {key}").unwrap();
        }
    }
    entries(&shell, world, &mut out);
    out
}

/// What is saved, and an entry's facts but for its classes, stand in no order.
fn in_order(mut lines: Vec<&str>) -> Vec<&str> {
    let kind = |line: &&str| match line.split(' ').next().unwrap_or("") {
        "saved" | "deleted" => 1,
        "id" | "class" | "hotkey" | "users" | "unrestricted" => 2,
        _ => 0,
    };
    lines.chunk_by_mut(|a, b| kind(a) == kind(b)).filter(|chunk| kind(&chunk[0]) > 0).for_each(|chunk| {
        chunk.sort_by_key(|line| line.split(' ').next());
        if kind(&chunk[0]) == 1 {
            chunk.sort();
        }
    });
    lines
}

#[test]
fn each_holds_what_stands_beside_it() {
    let mut wrong = String::new();
    let mut seen = 0;
    for file in std::fs::read_dir(directory()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "expect") {
            continue;
        }
        seen += 1;
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (mut world, wanted) = World::read(&std::fs::read_to_string(&path).unwrap(), |fixture| {
            std::fs::read(directory().join(fixture)).unwrap()
        });
        let found = outcome(&name, &mut world);
        let found: Vec<&str> = in_order(found.lines().collect());
        let wanted: Vec<&str> = in_order(wanted.iter().map(String::as_str).collect());
        if found != wanted {
            let at = found.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
            let (found, wanted) = (found.get(at..).unwrap_or(&[]), wanted.get(at..).unwrap_or(&[]));
            let some =
                |lines: &[&str]| lines.iter().take(6).map(|line| format!("  {line}\n")).collect::<String>();
            wrong += &format!("{name}, line {at}:\n found\n{} wanted\n{}", some(found), some(wanted));
            wrong += &format!(" said: {}\n", world.said.chars().take(300).collect::<String>());
        }
    }
    assert!(seen > 10, "only {seen} fixtures");
    assert!(wrong.is_empty(), "{wrong}");
}
