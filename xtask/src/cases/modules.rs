//! `module` lines: the package that a kernel finds, seen by bootcheck (docs/decisions/0022-module.md).

use anyhow::{Context, Result};

use super::oracle::{disk_with, report};
use super::{Case, Stage, Tier};
use crate::bootcheck::{self, Variant};
use crate::oracle::hash;
use crate::{material, paths};

/// The cases: the package known by frame number, and mapped.
pub fn cases() -> Vec<Case> {
    let case = |name, by_pfn| {
        let case = Case::new(name, Tier::Full, move |stage| modules(stage, by_pfn));
        Case { kernels: &["pvgrub", "bootcheck"], ..case }
    };
    vec![case("menu/module", true), case("menu/module-mapped", false)]
}

const PAGE: usize = 4096;
const LINES: [&str; 2] = ["module /boot/one first --readonly", "modulenounzip /boot/two"];

fn modules(stage: &mut Stage, by_pfn: bool) -> Result<()> {
    let plain = paths::xen().join(bootcheck::NAME);
    let image = std::fs::read(&plain).with_context(|| format!("reading {}", plain.display()))?;
    let kernel = stage.dir.join("bootcheck");
    std::fs::write(&kernel, Variant { mod_start_pfn: by_pfn, ..Variant::PLAIN }.make(&image)?)?;
    let files = [material::noise(5000, 1), material::noise(1 << 20, 2)];
    let paths = [stage.dir.join("one"), stage.dir.join("two")];
    for (path, bytes) in paths.iter().zip(&files) {
        std::fs::write(path, bytes)?;
    }
    let lines: Vec<_> = LINES.into_iter().zip(paths.iter().map(|path| path.as_path())).collect();
    let disk = disk_with(stage, &kernel, &lines, "modules")?;
    let config = stage.pvgrub().memory(128).disk("xvda", &disk);
    let report = report(stage, &config)?;
    // MULTIBOOT_MOD, and MOD_START_PFN where the kernel allows it.
    report.is("start.flags", if by_pfn { "0xc" } else { "0x4" })?;
    let package = package(&files);
    let (len, hash) = (package.len(), hash(&package));
    report.is("ramdisk", &format!("bytes {len} by_pfn={by_pfn} hash {hash:#x} tail nonzero 0"))
}

/// What Xen's public/xen.h and PV-GRUB say that two modules look like, put together independently of pvgrub.
fn package(files: &[Vec<u8>; 2]) -> Vec<u8> {
    let mut package = vec![0; PAGE];
    for (entry, (file, line)) in files.iter().zip(LINES).enumerate() {
        let start = package.len();
        package.extend(file);
        package.resize(package.len().next_multiple_of(PAGE), 0);
        let cmdline = package.len();
        let text = line.split_once(' ').map_or("", |(_, text)| text);
        package.extend(text.as_bytes());
        package.resize(cmdline + PAGE, 0);
        for (word, value) in [start, start + file.len() - 1, cmdline].into_iter().enumerate() {
            let at = entry * 16 + word * 4;
            package[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
        }
    }
    package
}
