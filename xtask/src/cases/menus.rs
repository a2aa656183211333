//! The menu over the real console: keys, countdown, fallback, where the menu comes from.

use anyhow::{Result, ensure};

use super::{Case, MENU, Stage, Tier};
use crate::kernels::Kernel;
use crate::lab::{Config, Guest};
use crate::material::Image;

/// The cases.
pub fn cases() -> Vec<Case> {
    vec![
        Case::pvgrub("menu/arrow-keys", Tier::Quick, arrow_keys),
        Case::pvgrub("menu/number", Tier::Full, number),
        Case::pvgrub("menu/timeout", Tier::Full, timeout),
        Case::pvgrub("menu/fallback", Tier::Quick, fallback),
        Case::pvgrub("menu/redraw", Tier::Full, redraw),
        Case::pvgrub("menu/log-held", Tier::Full, log_held),
        Case::pvgrub("menu/extra", Tier::Full, extra),
        Case::pvgrub("menu/ramdisk", Tier::Full, ramdisk),
        Case::pvgrub("menu/shutdown", Tier::Quick, shutdown),
        Case::pvgrub("menu/packed", Tier::Full, packed),
    ]
}

/// A disk whose menu has three entries that tell themselves apart by a word on the command line.
fn three(head: &str) -> Image {
    let image = Image::new(Kernel::Cloud);
    let entries: Vec<String> = ["First", "Second", "Third"]
        .iter()
        .map(|title| image.entry(title, Kernel::Cloud, &format!("pick={title}")))
        .collect();
    image.menu(format!("{head}\n\n{}", entries.concat()))
}

/// Waits for the menu, with this entry marked.
fn marked(stage: &mut Stage, guest: &Guest, entry: u32, title: &str) -> Result<()> {
    stage.lab.expect(guest, &[&format!(">  {entry}  {title}")], MENU).map(|_| ())
}

fn picked(stage: &mut Stage, guest: &Guest, title: &str) -> Result<()> {
    stage.reports(guest)?.has("cmdline", &format!("pick={title}"))
}

fn arrow_keys(stage: &mut Stage) -> Result<()> {
    let config = stage.pvgrub_on(&three("default 0"))?;
    let guest = stage.lab.create(&config)?;
    marked(stage, &guest, 0, "First")?;
    for (key, entry, title) in [("\x1b[B", 1, "Second"), ("\x1b[B", 2, "Third"), ("\x1b[A", 1, "Second")] {
        stage.lab.keys(key)?;
        marked(stage, &guest, entry, title)?;
    }
    stage.lab.keys("\r")?;
    picked(stage, &guest, "Second")
}

/// A message of the system's while the menu stands there comes after it.
fn log_held(stage: &mut Stage) -> Result<()> {
    const MESSAGE: &str = "the toolstack asks for \"dance\"";
    let config = stage.pvgrub_on(&three("default 0"))?;
    let guest = stage.lab.create(&config)?;
    marked(stage, &guest, 0, "First")?;
    let key = format!("/local/domain/{}/control/shutdown", guest.domid);
    stage.lab.sh(&format!("xenstore-write {key} dance; sleep 2; xenstore-read {key}"), 20)?;
    stage.lab.keys("\x1b[B")?;
    let (_, said) = stage.lab.expect(&guest, &[">  1  Second"], MENU)?;
    ensure!(!said.contains("dance"), "the message is on the menu's screen: {said}");
    stage.lab.keys("\r")?;
    let (which, said) = stage.lab.expect(&guest, &[MESSAGE, "Booting entry 1"], MENU)?;
    ensure!(which == 0, "no message after the menu: {said}");
    picked(stage, &guest, "Second")
}

fn number(stage: &mut Stage) -> Result<()> {
    let config = stage.pvgrub_on(&three("default 0\ntimeout 60"))?;
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["any key stops this"], MENU)?;
    stage.lab.keys("2")?;
    marked(stage, &guest, 2, "Third")?;
    stage.lab.keys("\r")?;
    picked(stage, &guest, "Third")
}

fn timeout(stage: &mut Stage) -> Result<()> {
    let config = stage.pvgrub_on(&three("default 1\ntimeout 4"))?;
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["Booting entry 1 in 4 s"], MENU)?;
    let start = std::time::Instant::now();
    stage.lab.expect(&guest, &["Booting entry 1 by itself"], MENU)?;
    // The line may have waited on its way to us, never by as much as a second and a half.
    ensure!(
        start.elapsed().as_millis() > 2500,
        "the countdown of 4 s took {} ms",
        start.elapsed().as_millis()
    );
    picked(stage, &guest, "Second")
}

fn fallback(stage: &mut Stage) -> Result<()> {
    let image = three("default 0\nfallback 2\ntimeout 1");
    let broken = image.menu.replacen("/boot/vmlinuz-cloud", "/boot/no-such-kernel", 1);
    let config = stage.pvgrub_on(&image.menu(broken))?;
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["Booting entry 0 by itself"], MENU)?;
    stage.lab.expect(&guest, &["Booting entry 2 by itself"], MENU)?;
    picked(stage, &guest, "Third")
}

/// Somebody attaches to the console when the menu has long been drawn.
fn redraw(stage: &mut Stage) -> Result<()> {
    let config = stage.pvgrub_on(&three("default 0"))?;
    let guest = stage.lab.create(&config)?;
    marked(stage, &guest, 0, "First")?;
    stage.lab.keys("\x0c")?;
    marked(stage, &guest, 0, "First")?;
    // A menu without timeout stays until a key comes.
    stage.lab.keys("\x1b[B\r")?;
    picked(stage, &guest, "Second")
}

/// `extra` says which menu.
fn extra(stage: &mut Stage) -> Result<()> {
    let mut image = three("default 0\ntimeout 1");
    let other = image.entry("Other", Kernel::Cloud, "pick=Other");
    image.files.push(("boot/grub/other.lst".into(), format!("timeout 1\n{other}").into_bytes()));
    let config = stage.pvgrub_on(&image)?.extra("(hd0,0)/boot/grub/other.lst");
    let guest = stage.lab.create(&config)?;
    picked(stage, &guest, "Other")
}

/// The ramdisk that dom0 gives is the menu's text.
fn ramdisk(stage: &mut Stage) -> Result<()> {
    let image = three("default 0");
    let text = format!("timeout 1\n{}", image.entry("Given", Kernel::Cloud, "pick=Given"));
    let file = stage.dir.join("menu-from-dom0.lst");
    std::fs::write(&file, text)?;
    let config = stage.pvgrub_on(&image)?.ramdisk(file);
    let guest = stage.lab.create(&config)?;
    picked(stage, &guest, "Given")
}

fn shutdown(stage: &mut Stage) -> Result<()> {
    let config: Config = stage.pvgrub_on(&three("default 0"))?;
    let guest = stage.lab.create(&config)?;
    marked(stage, &guest, 0, "First")?;
    stage.ends_when_asked(&guest)
}

/// The loader itself packed by gzip, as it may lie in dom0.
fn packed(stage: &mut Stage) -> Result<()> {
    let disk = stage.image(&three("default 1\ntimeout 1"))?;
    let kernel = crate::build::packed_name(&stage.kernel("pvgrub"));
    let guest = stage.lab.create(&Config::new(kernel).disk("xvda", &disk))?;
    picked(stage, &guest, "Second")
}
