//! The command line on Linux.

use std::path::PathBuf;

use crate::machine::Paper;

const HELP: &str = "\
Shows the boot menu of a Xen guest's disk image, and says what would be booted.

Usage: pvgrub [OPTIONS] --disk IMAGE [--disk IMAGE]... [EXTRA]...

  --disk IMAGE        a disk of the guest: the first is xvda, hd0 for the menu
  --sector-size N     bytes of a sector of the disks named after it (512)
  --writable          what the menu saves and counts is written to the disks named after it
  --menu, --config FILE
                      a menu instead of the one on the disks (what a ramdisk is for a domain)
  --memory MIB        memory of the guest (1024)
  --list              print the menu with all that its entries come to, and end
  --dump              the same as JSON
  --lint              print only what won't work: each entry is loaded, and what fails is said
  --plain, --no-tty   lines of text only, for terminals that can do no more
  --help, --version

EXTRA is what the domain's `extra` would say, for instance '(hd0,0)/boot/grub/menu.lst'.
In the menu, q ends the program. Disks are only read, but for those after --writable.
";

/// A disk image.
#[derive(Debug, PartialEq, Eq)]
pub struct DiskImage {
    pub path: PathBuf,
    /// Bytes.
    pub sector_size: u32,
    /// The menu may save to it.
    pub writable: bool,
}

/// What the program shall do.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    pub disks: Vec<DiskImage>,
    pub menu: Option<PathBuf>,
    /// Bytes.
    pub memory: u64,
    /// The menu is printed, and that is all.
    pub paper: Option<Paper>,
    pub plain: bool,
    pub extra: Vec<String>,
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    Run(Arguments),
    /// Print this and end.
    Print(String),
}

impl Arguments {
    /// Understands the arguments (without the program's name). The error is for the user.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Request, String> {
        let mut arguments = Self {
            disks: Vec::new(),
            menu: None,
            memory: 1 << 30,
            paper: None,
            plain: false,
            extra: Vec::new(),
        };
        let (mut sector_size, mut writable) = (512, false);
        let mut words = words;
        while let Some(word) = words.next() {
            let (name, attached) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (word, None),
            };
            let mut value =
                || attached.clone().or_else(|| words.next()).ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--help" | "-h" => return Ok(Request::Print(HELP.to_owned())),
                "--version" | "-V" => {
                    return Ok(Request::Print(format!("pvgrub {}\n", env!("CARGO_PKG_VERSION"))));
                }
                "--disk" | "-d" => {
                    arguments.disks.push(DiskImage { path: value()?.into(), sector_size, writable });
                }
                "--writable" => writable = true,
                "--menu" | "--config" => arguments.menu = Some(value()?.into()),
                "--sector-size" => sector_size = sector(&value()?)?,
                "--memory" => arguments.memory = memory(&value()?)?,
                "--list" => arguments.paper = Some(Paper::List),
                "--dump" => arguments.paper = Some(Paper::Json),
                "--lint" => arguments.paper = Some(Paper::Lint),
                "--plain" | "--no-tty" => arguments.plain = true,
                _ if name.starts_with('-') => return Err(format!("there is no option {name}")),
                _ => arguments.extra.push(name),
            }
        }
        Ok(Request::Run(arguments))
    }
}

fn sector(text: &str) -> Result<u32, String> {
    let size = text.parse().ok().filter(|size: &u32| size.is_power_of_two() && (512..=65536).contains(size));
    size.ok_or_else(|| format!("{text} is no size of a sector (512, 4096)"))
}

fn memory(mib: &str) -> Result<u64, String> {
    let mib = mib.parse().ok().filter(|mib| (1..=1 << 24).contains(mib));
    mib.map(|mib: u64| mib << 20).ok_or_else(|| "--memory is in MiB, for instance 512".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Request, String> {
        Arguments::parse(words.iter().map(|w| (*w).to_owned()))
    }

    #[test]
    fn all_of_them() {
        let request = parse(&[
            "--disk",
            "a.raw",
            "--sector-size=4096",
            "--writable",
            "--disk=b=c.raw",
            "--menu",
            "m",
            "--memory",
            "64",
            "--list",
            "--no-tty",
            "(hd0,0)/x",
            "a=b",
        ]);
        assert_eq!(
            request,
            Ok(Request::Run(Arguments {
                disks: vec![
                    DiskImage { path: "a.raw".into(), sector_size: 512, writable: false },
                    DiskImage { path: "b=c.raw".into(), sector_size: 4096, writable: true }
                ],
                menu: Some("m".into()),
                memory: 64 << 20,
                paper: Some(Paper::List),
                plain: true,
                extra: vec!["(hd0,0)/x".into(), "a=b".into()],
            }))
        );
    }

    #[test]
    fn mistakes() {
        for words in
            [&["--disk"][..], &["--memory", "x"], &["--memory", "0"], &["--sector-size", "100"], &["--frob"]]
        {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
