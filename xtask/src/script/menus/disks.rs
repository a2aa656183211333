//! The disks that GRUB gets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use pvgrub_script::By;

use crate::paths;
use crate::script::disk::{self, Partition};
use crate::script::world::World;

/// Disks with what is in a world.
pub fn make_disks(world: &World, dir: &Path) -> Result<()> {
    let mut devices: BTreeMap<String, BTreeSet<(String, u64)>> = BTreeMap::new();
    let named = world.files.keys().filter_map(|path| path.strip_prefix('(')?.split(')').next());
    for device in named.chain(world.volumes.iter().map(|(.., device)| device.as_str())) {
        let Some((disk, partition)) = device.split_once(',').filter(|(disk, _)| disk.starts_with("hd"))
        else {
            continue;
        };
        let table = partition.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = partition[table.len()..].parse()?;
        devices.entry(disk.to_owned()).or_default().insert((table.to_owned(), number));
    }
    let mut map = String::new();
    for (disk, partitions) in &devices {
        let mut made = Vec::new();
        let mut kind = "gpt";
        for (table, number) in partitions {
            let device = format!("{disk},{table}{number}");
            kind = if table == "msdos" { "dos" } else { "gpt" };
            let stage = paths::ensure(dir.join("stage").join(&device))?;
            for (path, bytes) in &world.files {
                let Some(path) = path.strip_prefix(&format!("({device})/")) else { continue };
                let to = stage.join(path);
                paths::ensure(to.parent().context("no directory")?)?;
                std::fs::write(&to, bytes)?;
            }
            let named = |by: By| {
                world
                    .volumes
                    .iter()
                    .find(|(kind, _, at)| *kind == by && *at == device)
                    .map(|(_, key, _)| key.clone())
            };
            made.push(Partition { number: *number, stage, label: named(By::Label), uuid: named(By::Uuid) });
        }
        disk::make(&dir.join(format!("{disk}.made")), kind, &made)?;
        map += &format!("({disk}) {}\n", dir.join(format!("{disk}.img")).display());
    }
    std::fs::write(dir.join("device.map"), map)?;
    Ok(())
}
