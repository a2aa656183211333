//! Comparing pvgrub's shell for grub.cfg with Debian's GRUB 2. docs/grub-cfg.md is the text to this.
//!
//! GRUB runs as an ordinary program there: grub-emu, with a disk image for a disk. Each script of menu/script/tests/scripts
//! is run once for what it prints as a configuration file, and once for each of its entries. What GRUB printed stands
//! beside the script, so that `cargo test` needs no GRUB; here it is made again and compared.

#[path = "../../menu/script/tests/common/mod.rs"]
mod common;
mod differ;
mod disk;
mod generate;
mod grub;
mod menus;
mod ours;
#[path = "../../menu/script/tests/common/transcript.rs"]
mod transcript;
mod words;
#[path = "../../menu/script/tests/common/world.rs"]
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::packages::{Set, Suite};
use crate::{paths, sh};
use grub::Grub;

/// What to do.
#[derive(clap::Args)]
pub struct Options {
    /// Only scripts whose name contains one of these, and no syntax
    names: Vec<String>,
    /// Write down what GRUB printed, in place of comparing it with what is written
    #[arg(long)]
    record: bool,
    /// How many damaged scripts are given to both parsers
    #[arg(long, default_value_t = 2000)]
    damaged: u32,
    /// How many generated scripts are run by both
    #[arg(long, default_value_t = 300)]
    generated: u64,
    /// Number of the first of them
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Nothing but the generated ones
    #[arg(long)]
    only_generated: bool,
    /// Nothing but whole menus: the fixtures, and those that grub-mkconfig wrote
    #[arg(long)]
    menus: bool,
    /// Debian 13's GRUB 2.12 in place of Debian 12's 2.06
    #[arg(long)]
    trixie: bool,
    /// Run this file by both, and compare
    #[arg(long)]
    file: Option<PathBuf>,
}

impl Options {
    /// Obeys; an error if anything differs.
    pub fn run(&self) -> Result<()> {
        let packages = ["grub-emu", "grub-common"];
        let depends: &[&str] = &["dpkg"];
        let suite = if self.trixie { Suite::Trixie } else { Suite::Bookworm };
        let tree = Set { name: "grub-emu", suite, packages: &packages, depends: Some(depends) }.get()?;
        let work = tempfile::tempdir_in(paths::ensure(paths::target().join("script"))?)?;
        let scripts: Vec<PathBuf> = scripts()?.into_iter().filter(|path| self.takes(path)).collect();
        ensure!(!scripts.is_empty(), "no script is named so");
        let grub = Grub { tree: &tree, suite, dir: work.path() };
        grub.make_disk()?;
        let files = ours::files(&home().join("files"))?;
        if let Some(file) = &self.file {
            let number = file.to_str().and_then(|name| name.parse().ok());
            let text = number
                .map_or_else(|| std::fs::read_to_string(file), |number| Ok(generate::script(number)))?;
            println!("{text}");
            let said = differ::both(&grub, &files, &text)?.context("it does not end")?;
            println!("---- GRUB\n{}---- pvgrub\n{}", said.0, said.1);
            return Ok(());
        }
        if self.menus {
            ensure!(!self.trixie, "Debian 13's grub-emu has a `linux` of its own: menus go to Debian 12's");
            return menus::run(&grub);
        }
        if self.only_generated {
            return differ::run(&grub, &files, self.first, self.generated);
        }
        sh::step(format!("{} scripts, each by GRUB", scripts.len()));
        let mut differing = Vec::new();
        for script in &scripts {
            let expected = script.with_extension("out");
            let said = grub.transcript(script).with_context(|| format!("{}", script.display()))?;
            if self.record {
                std::fs::write(&expected, said)?;
            } else if std::fs::read_to_string(&expected).unwrap_or_default() != said {
                println!("{}: GRUB now says\n{said}", script.display());
                differing.push(script.file_stem().unwrap_or_default().to_string_lossy().into_owned());
            }
        }
        if !differing.is_empty() {
            bail!(
                "GRUB prints something else than what is written (--record writes it): {}",
                differing.join(", ")
            );
        }
        sh::step("the same scripts, by pvgrub");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        sh::run(cargo.current_dir(paths::root()).args([
            "test",
            "-q",
            "-p",
            "pvgrub-script",
            "--test",
            "scripts",
        ]))?;
        if self.names.is_empty() {
            if !self.trixie {
                menus::run(&grub)?;
            }
            crate::syntax::run(&tree, work.path(), &scripts, self.damaged)?;
            differ::run(&grub, &files, self.first, self.generated)?;
        }
        Ok(())
    }

    fn takes(&self, path: &Path) -> bool {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        self.names.is_empty() || self.names.iter().any(|wanted| name.contains(wanted.as_str()))
    }
}

fn home() -> PathBuf {
    paths::root().join("menu/script/tests/scripts")
}

fn scripts() -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for entry in std::fs::read_dir(home())? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "cfg") {
            scripts.push(path);
        }
    }
    scripts.sort();
    Ok(scripts)
}
