//! The menus, and what is around them.

use std::path::Path;

use anyhow::{Context, Result};
use pvgrub_script::By;

use super::Menu;
use crate::paths;
use crate::script::world::World;

/// The fixtures, and the generated ones.
pub fn all() -> Result<Vec<Menu>> {
    let mut menus = Vec::new();
    let directory = paths::root().join("menu/tests/menus/grub-cfg");
    for entry in std::fs::read_dir(&directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "expect") {
            menus.push(fixture(&path)?);
        }
    }
    for (release, table) in [("debian-12", "msdos"), ("debian-13", "gpt")] {
        for variant in ["default", "saved", "password"] {
            menus.push(generated(&format!("{release}/{variant}"), table)?);
        }
    }
    menus.sort_by(|a, b| a.name.cmp(&b.name));
    for menu in &mut menus {
        // grub-emu has the terminal, but no screen for it, and then says nothing more.
        menu.text = menu.text.replace("terminal_output", "true");
    }
    Ok(menus)
}

fn fixture(expected: &Path) -> Result<Menu> {
    let name = expected.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut text = std::fs::read_to_string(expected.with_extension("cfg"))?;
    let mut facts = std::fs::read_to_string(expected)?;
    // The fixtures' UUIDs are too short for a file system.
    let short: Vec<String> = facts
        .lines()
        .filter_map(|line| line.strip_prefix("uuid ")?.split(' ').next().map(str::to_owned))
        .collect();
    for (i, short) in short.iter().enumerate() {
        let whole = format!("{i:08x}-1111-4111-8111-111111111111");
        text = text.replace(short, &whole);
        facts = facts.replace(short, &whole);
    }
    let read = |name: &str| std::fs::read(expected.with_file_name(name)).unwrap_or_default();
    let mut world = World::read(&facts, read).0;
    world.write_grubenv(&prefix(&world));
    Ok(Menu { name, text, world })
}

/// A menu of `cargo xtask menus`. Whatever it loads is there.
fn generated(name: &str, table: &str) -> Result<Menu> {
    let text = crate::menus::text(&format!("{name}/grub.cfg"))?;
    let device = format!("hd0,{table}1");
    let mut world = World::default();
    world.sets.push(("root".into(), device.clone()));
    world.sets.push(("prefix".into(), format!("({device})/boot/grub")));
    let loaded = |line: &str| {
        let mut words = line.split_whitespace();
        words
            .next()
            .filter(|word| matches!(*word, "linux" | "initrd"))
            .and_then(|_| words.next().map(str::to_owned))
    };
    for path in text.lines().filter_map(loaded) {
        world.files.insert(format!("({device}){path}"), b"\n".to_vec());
    }
    world.files.insert(
        format!("({device})/boot/grub/grubenv"),
        crate::menus::text(&format!("{name}/grubenv"))?.into(),
    );
    let uuid = text.split("--set=root ").nth(1).and_then(|rest| rest.split_whitespace().next());
    world.volumes.push((By::Uuid, uuid.context("it looks for no volume")?.to_owned(), device));
    Ok(Menu { name: name.to_owned(), text, world })
}

pub fn root(world: &World) -> String {
    world.variable("root", "hd0,gpt1")
}

pub fn prefix(world: &World) -> String {
    world.variable("prefix", "(hd0,gpt1)/boot/grub")
}
