//! Whole menus by GRUB: the fixtures of menu/tests/menus, and the grub.cfg that Debian's grub-mkconfig wrote.
//!
//! GRUB gets a disk with what the fixture says is there; pvgrub the same files in memory. Each runs the configuration, then each
//! of the entries, submenus' too, as if nobody touched a key. The variables at the end, titles, ids, and what is loaded must agree.

mod disks;
mod fixtures;
mod play;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

use super::grub::Grub;
use super::world::World;
use crate::sh;

/// grub-emu has no fonts: `if loadfont` is no there. pvgrub has none either and says yes, as a GRUB with its files would.
const FONT: &str = "loadfont fails in grub-emu, which has no font";
/// Where GRUB and pvgrub differ, in what (`entry *`: in all entries), and why. A difference that is no more is an error, too.
const DIFFERENT: &[(&str, &[&str], &str)] = &[
    ("debian", &["variable gfxmode", "variable lang"], FONT),
    (
        "debian",
        &["variable menu_color_highlight", "variable menu_color_normal"],
        "background_image fails in grub-emu, which has no pictures",
    ),
    ("debian-12/default", &["variable gfxmode"], FONT),
    ("debian-12/password", &["variable gfxmode"], FONT),
    ("debian-12/saved", &["variable gfxmode"], FONT),
    ("debian-13/default", &["variable gfxmode"], FONT),
    ("debian-13/password", &["variable gfxmode"], FONT),
    ("debian-13/saved", &["variable gfxmode"], FONT),
    ("fedora", &["default", "entry *"], "Debian's GRUB has no blscfg"),
    ("fedora-cloud", &["default", "entry *"], "Debian's GRUB has no blscfg"),
    (
        "fedora-cloud",
        &["variable boot_counter", "variable boot_indeterminate"],
        "Debian's GRUB has no increment and no decrement",
    ),
    ("fedora-cloud", &["variable root"], "Debian's search has no --root-dev-only"),
    (
        "flatcar",
        &[
            "default",
            "entry *",
            "variable linux_append",
            "variable linux_cmdline",
            "variable oem",
            "variable oem_id",
        ],
        "Debian's GRUB has no gptprio.next, and its search no --part-label",
    ),
    ("live", &["variable gfxmode"], FONT),
    ("live", &["entry 3>2"], "cryptomount is not offered here"),
];

/// A menu, and what is around it.
struct Menu {
    name: String,
    text: String,
    world: World,
}

/// What comes of a menu, by a name for each fact.
type Facts = BTreeMap<String, String>;

/// Compares all of them; an error if anything differs that is not known to.
pub fn run(grub: &Grub) -> Result<()> {
    let menus = fixtures::all()?;
    sh::step(format!("{} menus, by both", menus.len()));
    let mut wrong = 0;
    let mut runs = 0;
    for menu in &menus {
        let (theirs, ours) = menu.facts(grub).with_context(|| menu.name.clone())?;
        runs += ours.keys().filter(|key| !key.starts_with("variable ")).count();
        let facts = |(_, facts, _): &(_, &'static [&str], _)| facts.iter().copied();
        let known: Vec<&str> =
            DIFFERENT.iter().filter(|(name, ..)| *name == menu.name).flat_map(facts).collect();
        let mut seen = BTreeSet::new();
        for key in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
            let (one, other) = (theirs.get(key), ours.get(key));
            let listed = known.iter().find(|known| match known.strip_suffix('*') {
                Some(begin) => key.starts_with(begin),
                None => key == **known,
            });
            match listed {
                _ if one == other => {}
                Some(listed) => _ = seen.insert(*listed),
                None => {
                    println!("{}: {key}\n  GRUB   {one:?}\n  pvgrub {other:?}", menu.name);
                    wrong += 1;
                }
            }
        }
        for key in known.iter().filter(|key| !seen.contains(*key)) {
            println!("{}: {key} no longer differs, and is still listed", menu.name);
            wrong += 1;
        }
    }
    ensure!(wrong == 0, "{wrong} differences between GRUB's menus and pvgrub's");
    let all = DIFFERENT.iter().all(|(name, ..)| menus.iter().any(|menu| menu.name == *name));
    ensure!(all, "a menu is listed that isn't there");
    println!("{} menus agree in {runs} starts of an entry, but for what is listed", menus.len());
    Ok(())
}
