//! Backends that lie (platform-xen/liar, docs/decisions/0051-liar.md): each lie ends at the menu with a message that
//! names the disk, and the domain goes on.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{Case, MENU, Stage, Tier};
use crate::kernels::Kernel;
use crate::lab::{Disk, DiskKind, Guest, Liar};
use crate::material::{self, Image};
use crate::{paths, sh, tools};

/// A lie, and what is said of it; `{}` is the disk.
type Told = (&'static str, &'static str);

const NO_SECTORS: &str = "{}: xenstore holds no sensible value for its sectors";
const NO_SECTOR_SIZE: &str = "{}: xenstore holds no sensible value for its sector-size";
const NO_REQUEST: &str = "{}: the backend broke the protocol: a response to no request";
const TOO_MANY: &str = "{}: the backend broke the protocol: more responses than requests";
const CLOSED: &str = "{}: the backend has closed it";
const SILENT: &str = "{}: the backend did not answer within 30 s";

/// Lies that are told from the start, each by a disk of one domain.
const AT_FIRST: [(&str, Tier, &[Told]); 5] = [
    (
        "states",
        Tier::Full,
        &[
            ("never-ready", "{}: the backend did not get ready within 10 s"),
            ("no-state", "{}: it has no backend"),
            // Connected before there is anything to connect to.
            ("offers=4", NO_SECTORS),
            ("never-connects", "{}: the backend did not connect within 10 s"),
            ("connects=6", CLOSED),
            ("connects=2,1,9,-1,x,7", "{}: the backend did not connect within 10 s"),
            ("locked", "{}: xenstore refused (EACCES)"),
        ],
    ),
    (
        "keys",
        Tier::Full,
        &[
            ("key=sector-size:0", NO_SECTOR_SIZE),
            ("key=sector-size:1000", NO_SECTOR_SIZE),
            ("key=sector-size:9223372036854775808", "{}: a sector larger than 4096 bytes is not supported"),
            ("key=sectors:0", "is {}, 0 MiB"),
            ("key=sectors:18446744073709551615", NO_SECTORS),
            ("key=sectors:plenty", NO_SECTORS),
            ("key=sectors:", NO_SECTORS),
        ],
    ),
    (
        "answers",
        Tier::Quick,
        &[
            ("id=18446744073709551615", NO_REQUEST),
            // The slot, but not what it was last used for.
            ("id=0", NO_REQUEST),
            ("stale", NO_REQUEST),
            ("twice", TOO_MANY),
            ("jump=2", TOO_MANY),
            ("jump=-1", TOO_MANY),
            ("jump=-2147483648", TOO_MANY),
            ("status=77", "{}: the backend reports an I/O error"),
            ("status=-2", "{}: what was asked of the backend is not supported"),
            ("operation=99", "{}: the backend broke the protocol: a response to another operation"),
            ("no-data", "is {}, 16 MiB"),
            ("garbage", "is {}, 16 MiB"),
        ],
    ),
    (
        "silence",
        Tier::Full,
        &[("deaf", SILENT), ("silent=0", SILENT), ("vanishes=0", CLOSED), ("closes=0", CLOSED)],
    ),
    ("pests", Tier::Full, &[("storm", SILENT), ("scribbles", "{}: the backend broke the protocol")]),
];

/// Lies that are told once the menu stands there, and what is said when its entry is booted.
const AT_BOOT: [(&str, &str, &str); 9] = [
    ("read-vanishes", "vanishes=2", "xvda: the backend has closed it"),
    ("read-closes", "closes=2", "xvda: the backend has closed it"),
    ("read-silent", "silent=2", "xvda: the backend did not answer within 30 s"),
    ("refuses-what-it-offered", "refuses-indirect", "xvda: what was asked of the backend is not supported"),
    ("read-twice", "twice", "xvda: the backend broke the protocol"),
    ("keeps-pages", "keeps-pages", "xvda: the backend broke the protocol: it keeps pages of a request"),
    ("writes-late", "writes-late", "xvda: the backend broke the protocol: it keeps pages of a request"),
    (
        "keeps-ring",
        "keeps-ring",
        "xvda: the backend broke the protocol: it keeps pages of ours after closing",
    ),
    ("never-closes", "never-closes", "xvda: the backend did not begin to close within 10 s"),
];

/// Lies that harm nobody: the menu stands there, and its entry boots.
const HARMLESS: [&str; 6] = [
    "overruns",
    "fickle",
    "restless",
    "key=feature-max-indirect-segments:-5",
    "key=feature-max-indirect-segments:4294967295",
    "key=max-ring-page-order:99999999999999999999",
];

/// The cases.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("honest", Tier::Quick, honest),
        case("harmless", Tier::Full, harmless),
        case("dies", Tier::Full, dies),
        case("beside-an-honest-disk", Tier::Full, beside),
        case("beside-never-closes", Tier::Full, beside_never_closes),
        case("beside-silent", Tier::Full, beside_silent),
        case("behind-silent", Tier::Full, behind_silent),
    ];
    for (name, tier, told) in AT_FIRST {
        cases.push(case(name, tier, move |stage| at_first(stage, told)));
    }
    for (name, lie, message) in AT_BOOT {
        cases.push(case(name, Tier::Full, move |stage| at_boot(stage, lie, message)));
    }
    cases
}

fn case(name: &str, tier: Tier, run: impl Fn(&mut Stage) -> Result<()> + Send + Sync + 'static) -> Case {
    let run = move |stage: &mut Stage| {
        run(stage).map_err(|error| match stage.lab.liar_said() {
            Ok(said) => error.context(format!("the backend said: {said}")),
            Err(_) => error,
        })
    };
    Case { kernels: &["pvgrub", "liar"], ..Case::new(format!("liar/{name}"), tier, run) }
}

/// Without a lie, the backend boots a guest; so what fails below fails for the lie.
fn honest(stage: &mut Stage) -> Result<()> {
    let disk = stage.image(&Image::new(Kernel::Cloud).usual_menu())?;
    let mut config = stage.pvgrub();
    config.liars.push(Liar { letter: 'a', disk, lie: "honest".into(), armed: true });
    stage.boots(&config)?.has("root", "/dev/xvda1 ext4 ro")
}

/// Seconds for a screen, and for a lie of which only time tells: 30 s of silence, then 10 s to close.
const SLOW: u64 = 150;

const TITLE: &str = "Back again";

/// A small disk whose menu's entry is pvgrub itself, with a ramdisk of 6 MiB.
fn small(stage: &mut Stage) -> Result<Disk> {
    let tree = stage.dir.join("tree");
    let boot = paths::ensure(tree.join("boot/grub"))?;
    let menu = format!("title {TITLE}\nroot (hd0)\nkernel /boot/pvgrub\ninitrd /boot/ramdisk\n");
    std::fs::write(boot.join("menu.lst"), menu)?;
    std::fs::copy(stage.kernel("pvgrub"), tree.join("boot/pvgrub"))?;
    std::fs::write(tree.join("boot/ramdisk"), material::noise(6 << 20, 6))?;
    let image = stage.dir.join("small.img");
    make(&tree, &image)?;
    stage.lab.disk(&image, DiskKind::default())
}

fn make(tree: &Path, image: &Path) -> Result<()> {
    let mut cmd = tools::command("usr/sbin/mke2fs")?;
    cmd.args(["-q", "-F", "-t", "ext4", "-d"]).arg(tree).arg(image).arg("16m");
    sh::output(&mut cmd).map(drop)
}

/// A guest with a disk for each of these lies, from xvda on, and no other.
fn guest(stage: &mut Stage, lies: &[&str], armed: bool) -> Result<(Guest, Vec<Liar>)> {
    let disk = small(stage)?;
    let liar = |(letter, lie): (char, &&str)| Liar { letter, disk: disk.clone(), lie: (*lie).into(), armed };
    let liars: Vec<Liar> = ('a'..='z').zip(lies).map(liar).collect();
    let mut config = stage.pvgrub().memory(64).extra("plain");
    config.cards.clear();
    config.liars.clone_from(&liars);
    Ok((stage.lab.create(&config)?, liars))
}

/// The next screen that is drawn (in plain lines) has these texts.
fn screen(stage: &mut Stage, guest: &Guest, texts: &[&str], limit: u64) -> Result<String> {
    let (_, came) = stage.lab.expect(guest, &["t is for ANSI terminals."], limit)?;
    // What is logged on the way is not yet on the screen.
    let shown = came.rsplit("pvgrub 0").next().unwrap_or_default();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in texts {
        ensure!(shown.contains(text), "no {text:?} on the screen: {shown}");
    }
    Ok(shown)
}

/// Boots the menu's entry: pvgrub, which finds the same disk, and says that its ramdisk is no menu.
fn chain(stage: &mut Stage, guest: &Guest) -> Result<()> {
    stage.lab.keys("\r")?;
    stage.lab.expect(guest, &["Starting xvda:/boot/pvgrub"], MENU)?;
    // It was not told to be plain.
    stage.lab.expect(guest, &["The ramdisk that the domain was given is not a menu"], MENU)?;
    stage.ends_when_asked(guest)
}

fn at_first(stage: &mut Stage, told: &[Told]) -> Result<()> {
    let lies: Vec<&str> = told.iter().map(|(lie, _)| *lie).collect();
    let (guest, liars) = guest(stage, &lies, true)?;
    let said: Vec<String> = liars
        .iter()
        .zip(told)
        .map(|(liar, (_, text))| text.replace("{}", &format!("xvd{}", liar.letter)))
        .collect();
    screen(stage, &guest, &said.iter().map(String::as_str).collect::<Vec<_>>(), SLOW)?;
    // They lie no more: another look finds the menu, and nothing to complain of.
    liars.iter().try_for_each(|liar| stage.lab.arm(&guest, liar, false))?;
    stage.lab.keys("r")?;
    let shown = screen(stage, &guest, &[TITLE], MENU).context("honest again")?;
    ensure!(!shown.contains("backend"), "all are honest again, but: {shown}");
    stage.ends_when_asked(&guest)
}

fn at_boot(stage: &mut Stage, lie: &str, message: &str) -> Result<()> {
    let (guest, liars) = guest(stage, &[lie], false)?;
    screen(stage, &guest, &[TITLE], MENU)?;
    liars.iter().try_for_each(|liar| stage.lab.arm(&guest, liar, true))?;
    stage.lab.keys("\r")?;
    stage.lab.expect(&guest, &["Booting entry 0"], MENU)?;
    screen(stage, &guest, &[message], SLOW)?;
    // It lies no more: another look, and the entry boots.
    liars.iter().try_for_each(|liar| stage.lab.arm(&guest, liar, false))?;
    stage.lab.keys("r")?;
    screen(stage, &guest, &[TITLE], MENU).context("honest again")?;
    chain(stage, &guest)
}

fn harmless(stage: &mut Stage) -> Result<()> {
    let (guest, _) = guest(stage, &HARMLESS, true)?;
    screen(stage, &guest, &[TITLE], SLOW)?;
    stage.lab.keys("r")?;
    screen(stage, &guest, &[TITLE], SLOW).context("a second look")?;
    chain(stage, &guest)
}

/// The backend's program is gone in the middle of a read, and xenstore goes on saying that it is connected.
fn dies(stage: &mut Stage) -> Result<()> {
    let (guest, liars) = guest(stage, &["dies=2"], false)?;
    screen(stage, &guest, &[TITLE], MENU)?;
    liars.iter().try_for_each(|liar| stage.lab.arm(&guest, liar, true))?;
    stage.lab.keys("\r")?;
    stage.lab.expect(&guest, &["Booting entry 0"], MENU)?;
    screen(stage, &guest, &["xvda: the backend did not answer within 30 s"], SLOW)?;
    stage.lab.keys("r")?;
    screen(stage, &guest, &["xvda: the backend did not begin to close within 10 s"], SLOW)?;
    stage.ends_when_asked(&guest)
}

/// An honest xvda, of dom0's own backend, and a liar's xvdb.
fn two(stage: &mut Stage, lie: &str, armed: bool) -> Result<(Guest, Liar)> {
    let image = Image::new(Kernel::Cloud);
    let entry = image.entry(TITLE, Kernel::Cloud, "");
    let honest = stage.image(&image.menu(entry))?;
    let liar = Liar { letter: 'b', disk: small(stage)?, lie: lie.into(), armed };
    let mut config = stage.pvgrub().disk("xvda", &honest).extra("plain");
    config.liars.push(liar.clone());
    Ok((stage.lab.create(&config)?, liar))
}

/// The guest boots from the honest disk, whatever the other one does. (Linux itself does not get through its start beside such
/// a backend, so that one is honest again by then.)
fn beside(stage: &mut Stage) -> Result<()> {
    let (guest, liar) = two(stage, "id=5", true)?;
    screen(stage, &guest, &["xvdb: the backend broke the protocol: a response to no request"], MENU)?;
    stage.lab.keys("\r")?;
    stage.lab.expect(&guest, &["Booting entry 0"], MENU)?;
    stage.lab.arm(&guest, &liar, false)?;
    stage.reports(&guest)?.has("root", "/dev/xvda1 ext4 ro")
}

/// A backend that keeps our pages would write into the next kernel: it does not start before they are given back.
fn beside_never_closes(stage: &mut Stage) -> Result<()> {
    let (guest, liar) = two(stage, "never-closes", true)?;
    screen(stage, &guest, &[TITLE], MENU)?;
    stage.lab.keys("\r")?;
    stage.lab.expect(&guest, &["Booting entry 0"], MENU)?;
    screen(stage, &guest, &["xvdb: the backend did not begin to close within 10 s"], SLOW)?;
    stage.lab.arm(&guest, &liar, false)?;
    stage.lab.keys("r")?;
    screen(stage, &guest, &[TITLE], MENU).context("honest again")?;
    stage.lab.keys("\r")?;
    stage.reports(&guest)?.has("root", "/dev/xvda1 ext4 ro")
}

/// An honest disk of this letter, whose menu's entry is on it, and for each lie a disk of the letters before or after.
fn among(stage: &mut Stage, letter: char, lies: &[(char, &str)]) -> Result<(Guest, Vec<Liar>)> {
    let number = u32::from(letter) - u32::from('a');
    let image = Image::new(Kernel::Cloud);
    let entry = image.entry(TITLE, Kernel::Cloud, "").replace("(hd0,0)", &format!("(hd{number},0)"));
    let entry = entry.replace("/dev/xvda1", &format!("/dev/xvd{letter}1"));
    let honest = stage.image(&image.menu(entry))?;
    let small = small(stage)?;
    let mut config = stage.pvgrub().disk(&format!("xvd{letter}"), &honest).extra("plain");
    for (letter, lie) in lies {
        config.liars.push(Liar { letter: *letter, disk: small.clone(), lie: (*lie).into(), armed: true });
    }
    Ok((stage.lab.create(&config)?, config.liars))
}

/// Boots the menu's entry, beside backends that say the truth again: Linux waits for others for ever.
fn boots_in_the_end(stage: &mut Stage, guest: &Guest, liars: &[Liar], root: &str) -> Result<()> {
    stage.lab.keys("\r")?;
    stage.lab.expect(guest, &["Booting entry 0"], MENU)?;
    liars.iter().try_for_each(|liar| stage.lab.arm(guest, liar, false))?;
    stage.reports(guest)?.has("root", &format!("{root} ext4 ro"))
}

/// Disks behind that of the menu say nothing: the menu is there at once, and says so.
fn beside_silent(stage: &mut Stage) -> Result<()> {
    let lies = [('b', "deaf"), ('c', "never-ready"), ('d', "silent=0"), ('e', "never-connects")];
    let (guest, liars) = among(stage, 'a', &lies)?;
    let begun = Instant::now();
    // These two would be waited for half a minute.
    let shown = screen(stage, &guest, &["xvdb has not answered yet.", "xvdd has not answered yet."], MENU)?;
    for letter in ['c', 'e'] {
        // On a slow machine their ten seconds are over when the menu comes.
        let said =
            [" has not answered yet.", ": the backend did not "].map(|why| format!("xvd{letter}{why}"));
        let named = said.iter().any(|said| shown.contains(said));
        ensure!(named, "nothing of xvd{letter} on the screen: {shown}");
    }
    sh::step(format!("liar/beside-silent: the menu came after {:.1} s", begun.elapsed().as_secs_f32()));
    boots_in_the_end(stage, &guest, &liars, "/dev/xvda1")
}

/// Disks before that of the menu say nothing: they are waited for, all of them at the same time, and keep their numbers.
fn behind_silent(stage: &mut Stage) -> Result<()> {
    let lies = [('a', "deaf"), ('b', "silent=0"), ('c', "never-connects"), ('d', "deaf")];
    let (guest, liars) = among(stage, 'e', &lies)?;
    let begun = Instant::now();
    let said =
        ["xvda: the backend did not answer within 30 s", "xvdc: the backend did not connect within 10 s"];
    screen(stage, &guest, &said, SLOW)?;
    let waited = begun.elapsed();
    sh::step(format!("liar/behind-silent: the menu came after {:.1} s", waited.as_secs_f32()));
    // In turn that would be a hundred seconds and the start.
    ensure!(waited < Duration::from_secs(85), "disks that say nothing were waited for in turn: {waited:?}");
    boots_in_the_end(stage, &guest, &liars, "/dev/xvde1")
}
