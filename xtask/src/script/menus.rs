//! Whole menus by GRUB: the fixtures of menu/tests/menus, and the grub.cfg that Debian's grub-mkconfig wrote.
//!
//! GRUB gets a disk with what the fixture says is there; pvgrub the same files in memory. Each runs the configuration, then each
//! of the entries, submenus' too, as if nobody touched a key. The variables at the end, titles, ids, and what is loaded must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use pvgrub_script::{By, Limits, Outcome, Shell};

use super::differ::OWN;
use super::disk::{self, Partition};
use super::grub::{Grub, MARK};
use super::world::World;
use crate::{menus, paths, sh};

/// What grub-emu has no command for: functions in their place that tell what they were given, or say no. An entry's names are seen by them.
const FUNCTIONS: &str = "function linux { echo \"@id $chosen\"; echo \"@linux ($root)\" \"$@\"; }\n\
    function linux16 { linux \"$@\"; }\n\
    function initrd { echo \"@initrd ($root)\" \"$@\"; }\n\
    function initrd16 { initrd \"$@\"; }\n\
    function chainloader { echo @refused chainloader; }\n\
    function multiboot { echo @refused multiboot; }\n\
    function multiboot2 { echo @refused multiboot2; }\n\
    function fwsetup { echo @refused fwsetup; }\n\
    function keystatus { false; }\n";

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
    let menus = all()?;
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

/// The fixtures, and the generated ones.
fn all() -> Result<Vec<Menu>> {
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
    let text = menus::text(&format!("{name}/grub.cfg"))?;
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
    world
        .files
        .insert(format!("({device})/boot/grub/grubenv"), menus::text(&format!("{name}/grubenv"))?.into());
    let uuid = text.split("--set=root ").nth(1).and_then(|rest| rest.split_whitespace().next());
    world.volumes.push((By::Uuid, uuid.context("it looks for no volume")?.to_owned(), device));
    Ok(Menu { name: name.to_owned(), text, world })
}

fn root(world: &World) -> String {
    world.variable("root", "hd0,gpt1")
}

fn prefix(world: &World) -> String {
    world.variable("prefix", "(hd0,gpt1)/boot/grub")
}

/// Which entry is booted.
#[derive(Clone)]
enum Choice {
    /// What the menu itself says.
    Own,
    /// By its place, and those of the submenus around it; or by their ids.
    Path(String),
}

impl Menu {
    /// What GRUB makes of it, and what pvgrub does.
    fn facts(&self, grub: &Grub) -> Result<(Facts, Facts)> {
        let work = tempfile::tempdir_in(grub.dir)?;
        let tail = work.path().join("tail.cfg");
        let grub = Grub { dir: work.path(), ..*grub };
        let mut world = self.world.clone();
        // A menu that only leads to another: what stands behind the menu is to be in that one.
        let mut text = format!("{}source (host){}\n", self.text, tail.display());
        let (shell, _) = load(&mut world.clone(), &self.text);
        if let Some(file) =
            shell.entries().first().map(|entry| entry.file.clone()).filter(|_| shell.levels() > 1)
        {
            text = self.text.clone();
            let more = format!("source (host){}\n", tail.display());
            world.files.get_mut(&file).context("no such file")?.extend(more.bytes());
        }
        make_disks(&world, work.path())?;
        let mut choices = vec![Choice::Own];
        paths(&shell, &mut world.clone(), "", "", &mut choices);
        let (mut theirs, mut ours) = (Facts::new(), Facts::new());
        for choice in choices {
            let end = end(&choice);
            std::fs::write(&tail, &end)?;
            let mut world = world.clone();
            world.files.insert(format!("(host){}", tail.display()), end.into_bytes());
            for image in std::fs::read_dir(work.path())? {
                let image = image?.path();
                if image.extension().is_some_and(|extension| extension == "made") {
                    std::fs::copy(&image, image.with_extension("img"))?;
                }
            }
            let said = grub.run_text(&format!("{}{text}", preamble(&world)), Duration::from_secs(20))?;
            facts(&said.context("GRUB does not end")?, &choice, &mut theirs)?;
            let (mut shell, _) = load(&mut world, &text);
            play(&mut shell, &mut world);
            facts(&std::mem::take(&mut world.said), &choice, &mut ours)?;
        }
        Ok((theirs, ours))
    }
}

/// What a configuration begins with.
fn preamble(world: &World) -> String {
    let mut text = String::from("set enable_progress_indicator=0\nexport enable_progress_indicator\n");
    let prefix = prefix(world);
    let directory = world.variable("config_directory", &prefix);
    for (name, value) in [
        ("root", root(world).as_str()),
        ("prefix", prefix.as_str()),
        ("config_directory", directory.as_str()),
        ("grub_platform", "xen"),
        ("grub_cpu", "x86_64"),
    ] {
        text += &format!("set {name}='{value}'\nexport {name}\n");
    }
    for (name, value) in &world.sets {
        text += &format!("set {name}='{value}'\nexport {name}\n");
    }
    text + FUNCTIONS
}

/// What stands behind one: its variables, and the entry that is booted. A superuser would be asked for.
fn end(choice: &Choice) -> String {
    let default = match choice {
        Choice::Own => String::new(),
        Choice::Path(path) => format!("set default='{path}'\n"),
    };
    format!(
        "echo {MARK}\nset\nunset superusers\nunset timeout_style\nunset fallback\n{default}set timeout=0\n"
    )
}

/// Runs a configuration by pvgrub.
fn load(world: &mut World, text: &str) -> (Shell, Outcome) {
    let mut shell = Shell::new(&root(world), &prefix(world), Limits::default());
    let text = format!("{}{text}", preamble(world));
    let path = format!("{}/grub.cfg", prefix(world));
    let outcome = shell.run_text(world, &path, &text);
    (shell, outcome)
}

/// Boots the default entry as if nobody touched a key, in the words of GRUB's functions.
fn play(shell: &mut Shell, world: &mut World) {
    let mut id = String::new();
    for _ in 0..8 {
        let Some(entry) = shell.entries().get(shell.settings().default).cloned() else { return };
        let separator = if id.is_empty() { "" } else { ">" };
        id += &format!("{separator}{}", entry.id.replace('>', ">>"));
        let mut said = format!("\n== {}\n", entry.title);
        let before = shell.levels();
        let outcome = shell.run_entry(world, shell.settings().default, true);
        match &outcome {
            Outcome::Boot(boot) => {
                said += &format!("@id {id}\n@linux {} {}\n", boot.kernel, boot.args);
                if !boot.initrds.is_empty() {
                    let files: Vec<&str> = boot.initrds.iter().map(|initrd| initrd.file.as_str()).collect();
                    said += &format!("@initrd {}\n", files.join(" "));
                }
            }
            Outcome::Failed(why) if why.starts_with('`') => {
                said += &format!("@refused {}\n", why.split('`').nth(1).unwrap_or_default());
            }
            Outcome::Halt | Outcome::Reboot | Outcome::Exit => said += "[exit]\n",
            _ => {}
        }
        world.said += &said;
        if outcome != Outcome::Menu || shell.levels() <= before || shell.settings().timeout != Some(0) {
            return;
        }
    }
}

/// All entries' places; of those with an id of their own the ids, too.
fn paths(shell: &Shell, world: &mut World, place: &str, ids: &str, choices: &mut Vec<Choice>) {
    for (number, entry) in shell.entries().iter().enumerate() {
        let place = format!("{place}{number}");
        let id = format!("{ids}{}", entry.id.replace('>', ">>"));
        choices.push(Choice::Path(place.clone()));
        if entry.id != entry.title && !id.contains('\'') {
            choices.push(Choice::Path(id.clone()));
        }
        if entry.submenu {
            let mut shell = shell.clone();
            if shell.run_entry(world, number, true) == Outcome::Menu {
                paths(&shell, world, &format!("{place}>"), &format!("{id}>"), choices);
            }
        }
    }
    // And one more than there are: GRUB takes the first then.
    choices.push(Choice::Path(format!("{place}{}", shell.entries().len())));
}

/// Takes what was said apart.
fn facts(said: &str, choice: &Choice, facts: &mut Facts) -> Result<()> {
    let Some((_, said)) = said.split_once(&format!("{MARK}\n")) else { bail!("it says\n{said}") };
    let said = said.replace("\n== ", "\n@@== ");
    let (variables, entry) = said.split_once("@@").unwrap_or((&said, ""));
    let name = match choice {
        Choice::Own => "default".to_owned(),
        Choice::Path(path) => format!("entry {path}"),
    };
    if matches!(choice, Choice::Own) {
        for line in variables.lines().filter(|line| !OWN.iter().any(|own| line.starts_with(own))) {
            let Some((name, value)) = line.split_once('=') else { continue };
            facts.insert(format!("variable {name}"), value.to_owned());
        }
    }
    let kept = ["== ", "@", "[exit]"];
    let lines: Vec<String> = entry
        .replace("@@", "")
        .lines()
        .filter(|line| kept.iter().any(|word| line.starts_with(word)))
        .map(|line| qualified(line.trim_end()))
        .collect();
    facts.insert(name, lines.join("\n"));
    Ok(())
}

/// A line of a function with the devices before its files, and without what quotes words.
fn qualified(line: &str) -> String {
    let line = line.replace(['"', '\'', '\\'], "");
    let Some((word, rest)) = line.split_once(' ').filter(|(word, _)| matches!(*word, "@linux" | "@initrd"))
    else {
        return line;
    };
    let Some((root, rest)) =
        rest.split_once(") ").filter(|(root, _)| root.starts_with('(') && !root.contains('/'))
    else {
        return line;
    };
    let mut out = word.to_owned();
    for (i, file) in rest.split(' ').enumerate() {
        let device =
            if file.starts_with('(') || word == "@linux" && i > 0 { "" } else { &format!("{root})") };
        out += &format!(" {device}{file}");
    }
    out
}

/// Disks with what is in a world.
fn make_disks(world: &World, dir: &Path) -> Result<()> {
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
