//! A menu by GRUB and by pvgrub: entry by entry, and what each says.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use pvgrub_script::{Limits, Outcome, Shell};

use super::disks::make_disks;
use super::fixtures::{prefix, root};
use super::{Facts, Menu};
use crate::script::differ::OWN;
use crate::script::grub::{Grub, MARK};
use crate::script::world::World;

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
    pub fn facts(&self, grub: &Grub) -> Result<(Facts, Facts)> {
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
