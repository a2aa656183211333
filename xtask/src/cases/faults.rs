//! Faults of everything around the loader: xenstore, disks, the console, time, memory. It says so and goes on.

use anyhow::{Context, Result, bail, ensure};

use super::{Case, LINUX, MENU, Stage, Tier};
use crate::cpio::Archive;
use crate::kernels::Kernel;
use crate::lab::{Config, DiskKind, End, Guest};
use crate::material::{self, Image, Layout};
use crate::{sh, tools};

/// The cases.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::pvgrub("fault/slow-xenstored", Tier::Full, slow_xenstored),
        Case::pvgrub("fault/silent-xenstored", Tier::Full, silent_xenstored),
        Case::pvgrub("fault/unreadable-sector", Tier::Full, unreadable_sector),
        Case::pvgrub("fault/unplugged-while-reading", Tier::Full, unplugged_while_reading),
        Case::pvgrub("fault/broken-off", Tier::Quick, broken_off),
        Case::pvgrub("fault/console-unread", Tier::Full, console_unread),
        Case::pvgrub("fault/paused", Tier::Full, paused),
        Case::pvgrub("fault/mem-set", Tier::Full, mem_set),
        Case::pvgrub("fault/every-size", Tier::Full, every_size),
    ];
    for verb in ["shutdown", "reboot", "destroy"] {
        let run = move |stage: &mut Stage| at_each_stage(stage, verb);
        cases.push(Case::pvgrub(format!("fault/{verb}"), Tier::Full, run));
    }
    cases
}

/// Bytes per second at which a ramdisk takes long enough to be disturbed.
const SLOW: u64 = 6 << 20;

/// A disk whose one entry has a large ramdisk: an archive with noise goes before the usual one.
fn heavy(mib: usize) -> Result<Image> {
    let mut archive = Archive::default();
    archive.file("noise", 0o600, &material::noise(mib << 20, 1))?;
    let mut ramdisk = archive.finish()?;
    ramdisk.extend(std::fs::read(material::ramdisk(Kernel::Cloud)?)?);
    let image = Image::new(Kernel::Cloud);
    let entry = image.entry("Heavy", Kernel::Cloud, "").replace("/boot/initrd-cloud.img", "/boot/heavy.img");
    let mut image = image.menu(format!("timeout 1\n{entry}"));
    image.files.push(("boot/heavy.img".into(), ramdisk));
    Ok(image)
}

/// Makes the image and a guest on it, on a disk that gives so many bytes a second.
fn slowly(stage: &mut Stage, image: &Image) -> Result<Config> {
    let disk = stage.image_as(image, DiskKind { slow: Some(SLOW), ..DiskKind::default() })?;
    Ok(stage.pvgrub().disk("xvda", &disk))
}

/// xenstored runs a quarter of the time, in slices.
fn slow_xenstored(stage: &mut Stage) -> Result<()> {
    let config = stage.pvgrub_on(&Image::new(Kernel::Cloud).usual_menu())?;
    let guest = stage.lab.create_paused(&config)?;
    let slices = "p=$(cat /run/xenstored.pid); (while [ -e /run/slices ]; do kill -STOP $p; usleep 300000; \
                  kill -CONT $p; usleep 100000; done) > /dev/null 2>&1 &";
    stage.lab.sh(&format!("touch /run/slices; {slices}"), 10)?;
    let result = stage.lab.unpause(&guest).and_then(|()| stage.reports(&guest));
    stage.lab.sh("rm /run/slices; sleep 1; kill -CONT $(cat /run/xenstored.pid)", 20)?;
    result.map(|_| ())
}

/// xenstored says nothing at all, from the domain's first moments on, and comes back when somebody has read the message.
fn silent_xenstored(stage: &mut Stage) -> Result<()> {
    let config = stage.pvgrub_on(&Image::new(Kernel::Cloud).usual_menu())?;
    let guest = stage.lab.create_paused(&config)?;
    // xl itself can't do without it.
    stage.lab.sh(&format!("xl unpause {}; kill -STOP $(cat /run/xenstored.pid)", guest.domid), 20)?;
    let message = stage.lab.expect(&guest, &["xenstore"], MENU);
    stage.lab.sh("kill -CONT $(cat /run/xenstored.pid)", 10)?;
    message?;
    stage.lab.keys("r")?;
    stage.lab.expect(&guest, &["The usual"], MENU)?;
    stage.lab.keys("\r")?;
    stage.reports(&guest).map(|_| ())
}

/// A sector in the middle of the first entry's kernel can't be read; the fallback's kernel lies elsewhere.
fn unreadable_sector(stage: &mut Stage) -> Result<()> {
    let image = Image::new(Kernel::Cloud).layout(Layout::Bare);
    let first = image.entry("Damaged", Kernel::Cloud, "");
    let second =
        image.entry("Sound", Kernel::Cloud, "pick=Sound").replace("/boot/vmlinuz-cloud", "/boot/sound");
    let mut image = image.menu(format!("default 0\nfallback 1\ntimeout 1\n{first}{second}"));
    image.files.push(("boot/sound".into(), std::fs::read(Kernel::Cloud.image()?)?));
    let file = stage.dir.join("damaged.img");
    image.make(&file)?;
    let bad = block_of(&file, "/boot/vmlinuz-cloud")?;
    let disk = stage.lab.disk(&file, DiskKind { bad: Some(bad), ..DiskKind::default() })?;
    let guest = stage.lab.create(&stage.pvgrub().disk("xvda", &disk))?;
    stage.lab.expect(&guest, &["Booting entry 0 by itself"], MENU)?;
    stage.lab.expect(&guest, &["Booting entry 1 by itself"], MENU)?;
    stage.reports(&guest)?.has("cmdline", "pick=Sound")
}

/// Offset in the image, which is one ext file system, of a block in the middle of the file.
fn block_of(image: &std::path::Path, path: &str) -> Result<u64> {
    let ask =
        |request: &str| sh::output(tools::command("usr/sbin/debugfs")?.args(["-R", request]).arg(image));
    let blocks = ask(&format!("blocks {path}"))?;
    let blocks: Vec<u64> = blocks.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let size = ask("show_super_stats -h")?;
    let size = size.lines().find_map(|line| line.strip_prefix("Block size:")).context("no block size")?;
    let size: u64 = size.trim().parse().context("the block size")?;
    Ok(blocks.get(blocks.len() / 2).with_context(|| format!("{path} has no blocks"))? * size)
}

/// The toolstack takes the disk away in the middle of the ramdisk.
fn unplugged_while_reading(stage: &mut Stage) -> Result<()> {
    let config = slowly(stage, &heavy(40)?)?;
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["initrd  "], MENU)?;
    stage.lab.sh_status(&format!("xl block-detach {} xvda --force", guest.domid), 60)?;
    stage.lab.expect(&guest, &["was not booted"], 60)?;
    let (_, message) = stage.lab.expect(&guest, &["xvda"], 10)?;
    sh::step(format!("fault/unplugged-while-reading: {}", message.trim()));
    stage.lab.shutdown(&guest)?;
    stage.ends(&guest, End::Off).map(drop)
}

/// Somebody presses Esc in the middle of the ramdisk of a boot that nobody asked for: the menu comes back, and neither the
/// countdown nor the fallback entry boots anything. Then the entry boots after all.
fn broken_off(stage: &mut Stage) -> Result<()> {
    let image = heavy(40)?;
    let other = image.entry("Other", Kernel::Cloud, "pick=Other");
    let menu = image.menu.replace("timeout 1", "timeout 1\nfallback 1");
    let config = slowly(stage, &image.menu(menu + &other))?;
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["Booting entry 0 by itself"], MENU)?;
    stage.lab.expect(&guest, &["initrd  "], MENU)?;
    stage.lab.expect(&guest, &["Esc: stop"], 20)?;
    let begun = std::time::Instant::now();
    stage.lab.keys("\x1b")?;
    let (_, said) = stage.lab.expect(&guest, &["Entry 0 (Heavy) was not booted: interrupted"], 20)?;
    ensure!(!said.contains("100 %"), "the ramdisk was read to its end: {said}");
    sh::step(format!(
        "fault/broken-off: the menu is back {:.1} s after the key",
        begun.elapsed().as_secs_f32()
    ));
    // Nothing goes on by itself.
    stage.lab.sh("sleep 4", 20)?;
    stage.lab.keys("\x1b[B")?;
    let (_, said) = stage.lab.expect(&guest, &[">  1  Other"], 20)?;
    ensure!(!said.contains("Booting"), "something was booted: {said}");
    stage.lab.keys("0\r")?;
    let report = stage.reports(&guest)?;
    ensure!(report.has("cmdline", "pick=Other").is_err(), "the other entry was booted");
    Ok(())
}

/// Nobody reads the console: xenconsoled is stopped, and entry after entry fails with many words, far more than the ring
/// holds. The countdown goes on, and so do the fallbacks, down to the one that ends the domain.
fn console_unread(stage: &mut Stage) -> Result<()> {
    const FAIL: u32 = 20;
    let fallbacks: String = (1..=FAIL).map(|n| format!(" {n}")).collect();
    let name = "long".repeat(40);
    let fail: String = (0..FAIL).map(|n| format!("title Gone {n} {name}\nkernel /boot/{name}\n")).collect();
    let menu = format!("timeout 2\nfallback{fallbacks}\n{fail}title The end\nhalt\n");
    let config = stage.pvgrub_on(&Image::new(Kernel::Cloud).menu(menu))?;
    let guest = stage.lab.create_paused(&config)?;
    stage.lab.sh("kill -STOP $(cat /run/xenconsoled.pid)", 10)?;
    let result = stage.lab.unpause(&guest).and_then(|()| ends_unheard(stage, &guest, 120));
    stage.lab.sh("kill -CONT $(cat /run/xenconsoled.pid)", 10)?;
    result
}

/// Waits for a domain that nobody hears.
fn ends_unheard(stage: &mut Stage, guest: &Guest, limit: u32) -> Result<()> {
    let log = format!("/var/log/xen/xl-{}.log", guest.name());
    let script = format!("until grep -q 'has shut down, reason code 0' {log}; do sleep 1; done");
    stage.lab.sh(&script, limit).map(|_| ()).context("it waits for a reader of its console")
}

/// The domain stands still for ten seconds, once in the countdown and once while it reads: its clock jumps.
fn paused(stage: &mut Stage) -> Result<()> {
    let image = heavy(40)?;
    let image = Image { menu: image.menu.replace("timeout 1", "timeout 30"), ..image };
    let config = slowly(stage, &image)?;
    let guest = stage.lab.create(&config)?;
    let pause = format!("xl pause {0} && sleep 10 && xl unpause {0}", guest.domid);
    stage.lab.expect(&guest, &["Booting entry 0 in"], MENU)?;
    stage.lab.sh(&pause, 60)?;
    stage.lab.keys("\r")?;
    stage.lab.expect(&guest, &["initrd  "], MENU)?;
    stage.lab.sh(&pause, 60)?;
    stage.reports(&guest).map(|_| ())
}

/// The toolstack wants memory back, and gives more, while the menu stands there. The guest's own driver sees to it later.
fn mem_set(stage: &mut Stage) -> Result<()> {
    let image = Image::new(Kernel::Cloud);
    let image = image.clone().menu(format!("default 0\n{}", image.entry("Waits", Kernel::Cloud, "")));
    for (target, limit) in [(192, 256), (320, 384)] {
        let mut config = stage.pvgrub_on(&image)?;
        config.maxmem = Some(384);
        let guest = stage.lab.create(&config)?;
        stage.lab.expect(&guest, &[">  0  Waits"], MENU)?;
        stage.lab.sh(&format!("xl mem-max {0} {limit}; xl mem-set {0} {target}", guest.domid), 60)?;
        stage.lab.keys("\r")?;
        stage.reports(&guest).with_context(|| format!("mem-max {limit}, mem-set {target}"))?;
    }
    Ok(())
}

/// Domains of every size up to one that suffices: memory runs short at each of the large allocations in turn, and each
/// time the menu comes back and says so.
fn every_size(stage: &mut Stage) -> Result<()> {
    const STEP: u32 = 6;
    let disk = stage.image(&Image::new(Kernel::Generic).usual_menu())?;
    let mut memory = 32;
    loop {
        let config = stage.pvgrub().memory(memory).disk("xvda", &disk);
        let guest = stage.lab.create(&config)?;
        stage.lab.expect(&guest, &["Booting entry 0 by itself"], MENU)?;
        let (which, said) = stage
            .lab
            .expect(&guest, &["was not booted", "Starting "], 120)
            .with_context(|| format!("in {memory} MiB"))?;
        if which == 1 {
            sh::step(format!("fault/every-size: the first that does has {memory} MiB"));
            // Whether Linux itself can live in it is another question.
            return stage.lab.destroy(&guest);
        }
        let (_, message) =
            stage.lab.expect(&guest, &["emory"], 20).with_context(|| format!("in {memory} MiB: {said}"))?;
        ensure!(!message.contains("panic"), "in {memory} MiB: {message}");
        stage.lab.shutdown(&guest)?;
        stage.ends(&guest, End::Off)?;
        memory += STEP;
        ensure!(memory < 256, "the generic kernel does not start in {memory} MiB");
    }
}

/// Where a domain is when the toolstack ends it: its menu, reading the kernel, reading the ramdisk, in the guest.
const STAGES: [&str; 4] = [">  0  Heavy", "kernel  ", "initrd  ", "Linux version"];

fn at_each_stage(stage: &mut Stage, verb: &'static str) -> Result<()> {
    let image = heavy(40)?;
    let image = Image { menu: image.menu.replace("timeout 1", "timeout 3").replace("quiet", ""), ..image };
    let config = slowly(stage, &image)?;
    for at in STAGES {
        let guest = stage.lab.create(&config)?;
        stage.lab.expect(&guest, &[at], LINUX).with_context(|| format!("waiting for {at:?}"))?;
        match verb {
            "destroy" => stage.lab.destroy(&guest)?,
            // A Linux that has no init yet does not obey.
            _ if at == "Linux version" => stage.lab.destroy(&guest)?,
            _ => {
                stage.lab.sh(&format!("xl {verb} {}", guest.domid), 60)?;
                let wanted = if verb == "reboot" { End::Reboot } else { End::Off };
                stage.ends(&guest, wanted).with_context(|| format!("xl {verb} at {at:?}"))?;
            }
        }
        if let (0, said) = stage.lab.sh_status(&format!("xl list {}", guest.domid), 20)? {
            bail!("after xl {verb} at {at:?} it is still there: {said}");
        }
    }
    Ok(())
}
