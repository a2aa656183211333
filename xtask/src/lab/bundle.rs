//! Programs for dom0 that only some cases need. They would double dom0's ramdisk, so they come when a case asks for them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Lab, dom0};
use crate::cpio::Archive;
use crate::kernels::Kernel;
use crate::packages::{Set, Suite};
use crate::{paths, sh};

/// What comes to dom0 at once.
pub(super) struct Bundle {
    /// A word for file names.
    pub name: &'static str,
    /// For people.
    pub what: &'static str,
    pub packages: &'static [&'static str],
    /// As [`Set::depends`].
    pub depends: Option<&'static [&'static str]>,
    /// Names in dom0, and in the packages.
    pub programs: &'static [(&'static str, &'static str)],
    pub modules: &'static [&'static str],
}

impl Bundle {
    /// Makes the archive that is unpacked in dom0.
    fn archive(&self, dir: &Path) -> Result<PathBuf> {
        let set =
            Set { name: self.name, suite: Suite::Bookworm, packages: self.packages, depends: self.depends };
        let tree = set.get()?;
        let mut archive = Archive::default();
        for (there, here) in self.programs {
            archive.copy(there, &tree.join(here))?;
        }
        for dir in ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"] {
            dom0::add_libraries(&mut archive, &tree, dir)?;
        }
        Kernel::Generic.add_modules(&mut archive, self.modules)?;
        let file = paths::ensure(dir)?.join(format!("{}.cpio", self.name));
        std::fs::write(&file, archive.finish()?).with_context(|| format!("writing {}", file.display()))?;
        Ok(file)
    }
}

impl Lab {
    /// Brings the programs to dom0, with their modules, once.
    pub(super) fn bring(&mut self, bundle: &Bundle) -> Result<()> {
        let Bundle { name, what, .. } = bundle;
        if self.sh_status(&format!("test -e /run/brought-{name}"), 10)?.0 == 0 {
            return Ok(());
        }
        let file = sh::timed(format!("making {what} ready for dom0"), || bundle.archive(&paths::lab()))?;
        let there = self.push(&file)?;
        let script = format!(
            "cd / && cpio -idu < {there} && rm {there} && for module in /modules/*; do \
             [ -e $module ] || continue; insmod $module || exit 1; done && rm -rf /modules && : > /run/brought-{name}"
        );
        self.sh(&script, 60).map(drop).with_context(|| format!("bringing {what} to dom0"))
    }
}
