//! `xtask demo`: pvgrub's menu on real Xen, in this very terminal.

use std::io::IsTerminal;

use anyhow::{Result, ensure};

use crate::cases::{LINUX, MENU};
use crate::kernels::Kernel;
use crate::lab::{Config, DiskKind, End, Lab};
use crate::material::Image;
use crate::{build, paths, sh};

/// Builds, boots the lab, and puts the user in front of the menu; with no terminal, plays the default entry.
pub fn run() -> Result<()> {
    let pvgrub = build::kernels(&["pvgrub"])?.remove(0);
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let mut image = Image::new(Kernel::Cloud);
    image.kernels = Kernel::ALL.to_vec();
    let what = if terminal { "do=shell" } else { "" };
    let mut menu = format!("default 0\ntimeout {}\n\n", if terminal { 30 } else { 3 });
    for (title, kernel) in [
        ("Debian 12, cloud kernel (lz4)", Kernel::Cloud),
        ("Debian 12, generic kernel (xz)", Kernel::Generic),
        ("Debian 13 (zstd)", Kernel::Trixie),
    ] {
        menu += &image.entry(title, kernel, what);
    }
    menu += "title A kernel that is not there\nroot (hd0,0)\nkernel /boot/no-such-kernel\n";
    let dir = paths::ensure(paths::lab())?;
    let file = dir.join("demo.img");
    sh::timed("making the guest's disk", || image.menu(menu).make(&file))?;
    let mut lab = Lab::boot(512, 0)?;
    let disk = lab.disk(&file, DiskKind::default())?;
    let config = Config::new(&pvgrub).disk("xvda", &disk).memory(384);
    sh::step(format!("xl create, with `kernel = \"{}\"` and the disk as xvda", pvgrub.display()));
    if !terminal {
        let result = play(&mut lab, &config);
        lab.clean()?;
        return result;
    }
    sh::step(
        "this is the guest's console; its menu comes now. In Linux you get a shell; Ctrl-] leaves at any time",
    );
    let guest = lab.create(&config)?;
    let end = lab.console(&guest)?;
    sh::step(match end {
        Some(End::Off) => "the guest has powered off",
        Some(End::Reboot) => "the guest has asked for a reboot",
        Some(End::Crash) => "the guest has crashed",
        None => "left",
    });
    Ok(())
}

/// The default entry, stage by stage.
fn play(lab: &mut Lab, config: &Config) -> Result<()> {
    sh::step("there is no terminal: the default entry is played");
    let config = config.clone().extra("plain");
    let guest = lab.create(&config)?;
    let stages: [(&str, &str, u64); 5] = [
        ("pvgrub runs in the new domain, has found the disk and shows its menu", "cloud kernel (lz4)", MENU),
        ("the countdown has ended; it reads kernel and ramdisk from the guest's own disk", "by itself", MENU),
        (
            "Linux runs in pvgrub's place and has mounted its root through xen-blkfront",
            "GUEST root=/dev/xvda1",
            LINUX,
        ),
        ("its network card answers", "ping=yes", LINUX),
        ("its init is done", "GUEST done", LINUX),
    ];
    for (number, (stage, text, limit)) in stages.into_iter().enumerate() {
        let (_, mut said) = lab.expect(&guest, &[text], limit)?;
        said += &lab.expect(&guest, &["\n"], MENU)?.1;
        // A progress line is written over and over; its last form is enough.
        let last_form = |line: &str| line.trim_end().rsplit('\r').next().unwrap_or_default().to_owned();
        said.lines().for_each(|line| println!("    | {}", last_form(line)));
        println!("{}. {stage}", number + 1);
    }
    let (end, _) = lab.end(&guest, 120)?;
    ensure!(end == End::Off, "the guest ended with {end:?}");
    println!("6. the guest has powered off");
    Ok(())
}
