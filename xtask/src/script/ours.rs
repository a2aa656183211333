//! The same by pvgrub.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::Result;
use pvgrub_script::Outcome;

use super::common::{self, Fake};
use super::transcript::{plain, play};

/// The volume's files.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The files below a directory, by their paths.
pub fn files(directory: &Path) -> Result<Files> {
    fn add(directory: &Path, at: &str, files: &mut Files) -> Result<()> {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let at = format!("{at}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                add(&entry.path(), &at, files)?;
            } else {
                files.insert(at, std::fs::read(entry.path())?);
            }
        }
        Ok(())
    }
    let mut files = Files::new();
    add(directory, "", &mut files)?;
    Ok(files)
}

/// What pvgrub prints when it runs a configuration file, and boots what that says, as if nobody touched a key.
pub fn run(files: &Files, text: &str) -> String {
    catch_unwind(AssertUnwindSafe(|| {
        let mut host = host(files);
        let mut shell = common::shell();
        let outcome = shell.run_text(&mut host, "(hd0,msdos1)/boot/grub/grub.cfg", text);
        let end = match outcome {
            Outcome::Menu if shell.settings().timeout == Some(0) => play(&mut shell, &mut host),
            Outcome::Exit => "[exit]",
            _ => "[menu]",
        };
        plain(&format!("{}\n{end}\n", host.out))
    }))
    .unwrap_or_else(|_| "[panic]\n".into())
}

/// A host with grub-emu's devices.
fn host(files: &Files) -> Fake {
    Fake { files: files.clone(), devices: [vec!["proc".into()], vec!["host".into()]], ..Fake::default() }
}

/// How many entries a script makes.
pub fn entries(files: &Files, text: &str) -> usize {
    catch_unwind(AssertUnwindSafe(|| {
        let mut host = host(files);
        let mut shell = common::shell();
        shell.run_text(&mut host, "(hd0,msdos1)/boot/grub/grub.cfg", text);
        if shell.levels() == 1 { shell.entries().len() } else { 0 }
    }))
    .unwrap_or(0)
}
