//! `xtask menus`: menus as Debian's own tools write them, made anew in domains of the lab and kept as fixtures for the
//! parsers' tests and the lab's cases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::cases::{LINUX, QUIET};
use crate::kernels::Kernel;
use crate::lab::{Config, DiskKind, End, Lab};
use crate::material::{self, Image, Layout};
use crate::packages::{Set, Suite};
use crate::{paths, sh, tools};

/// The password of the menus that have one; its name there is `admin`.
pub const PASSWORD: &str = "letmein";
/// What grub-mkpasswd-pbkdf2 made of it. Its salt is random, so it stays as it was made once: the same menus come of each run.
const HASH: &str = "grub.pbkdf2.sha512.10000.\
    B61C4B38FBEE903BC7C570411D86C24B146C6E4ACDC1C501DF11B17C430A6E3ED5B9E3DBD4F86E36FA364BC29D5F1D03B9A851C4C4BDA7C13A91BD94C6004768.\
    29407B454BBCEE4EE0BEDD9421BA7D6150E5D904B1C64BEA6FADEF0A6CA493918E3EF5B4C7098B8B8147A7E251A5B0D64683E9C0CDA2C9839C48AF1A762C6C9D";

/// A release whose packages write menus.
struct Writer {
    suite: Suite,
    /// Directory of its fixtures.
    name: &'static str,
    packages: &'static [&'static str],
    layout: Layout,
}

const WRITERS: [Writer; 2] = [
    Writer {
        suite: Suite::Bookworm,
        name: "debian-12",
        packages: &[
            "base-files",
            "coreutils",
            "dash",
            "debianutils",
            "gettext-base",
            "grep",
            "grub-common",
            "grub-xen-bin",
            "grub2-common",
            "linux-base",
            "mawk",
            "mount",
            "perl-base",
            "sed",
            "u-boot-menu",
            "util-linux",
        ],
        layout: Layout::Mbr,
    },
    Writer {
        suite: Suite::Trixie,
        name: "debian-13",
        packages: &[
            "base-files",
            "coreutils",
            "dash",
            "debianutils",
            "gettext-base",
            "grep",
            "grub-common",
            "grub-xen-bin",
            "grub2-common",
            "mawk",
            "mount",
            "sed",
            "systemd",
            "systemd-boot",
            "systemd-boot-efi",
            "systemd-boot-tools",
            "util-linux",
        ],
        layout: Layout::Esp,
    },
];

/// Settings with which grub-mkconfig is run: what is added to /etc/default/grub, to 40_custom, and what
/// grub-set-default and grub-reboot are told. None: as Debian has it.
struct Variant {
    name: &'static str,
    default: &'static str,
    custom: &'static str,
    saved: &'static str,
    next: &'static str,
}

/// Words for the kernels of the lab.
const WORDS: &str = "GRUB_CMDLINE_LINUX=\"console=hvc0 mitigations=off cryptomgr.notests apparmor=0\"\n";

const VARIANTS: [Variant; 3] = [
    Variant { name: "default", default: "", custom: "", saved: "", next: "" },
    Variant {
        name: "saved",
        default: "GRUB_DEFAULT=saved\nGRUB_SAVEDEFAULT=true\nGRUB_DISABLE_SUBMENU=y\n",
        custom: CUSTOM,
        saved: "custom-rescue",
        next: "1",
    },
    Variant { name: "password", default: "GRUB_TIMEOUT=4\n", custom: LOCKS, saved: "", next: "" },
];

/// An entry as somebody writes it by hand.
const CUSTOM: &str = r#"menuentry "My own rescue" --id custom-rescue {
        search --no-floppy --fs-uuid --set=root 6f1c5a0e-5d1b-4c8e-9d5a-3b1e7a9c0d42
        linux /boot/vmlinuz-6.1.0-18-cloud-amd64 root=/dev/xvda1 ro console=hvc0 quiet mitigations=off pick=custom
        initrd /boot/initrd.img-6.1.0-18-cloud-amd64
}
"#;

/// Locks the menu, but for one entry.
const LOCKS: &str = r#"set superusers="admin"
password_pbkdf2 admin HASH
menuentry "Open to all" --unrestricted --id open {
        search --no-floppy --fs-uuid --set=root 6f1c5a0e-5d1b-4c8e-9d5a-3b1e7a9c0d42
        linux /boot/vmlinuz-6.1.0-18-cloud-amd64 root=/dev/xvda1 ro console=hvc0 quiet mitigations=off pick=open
        initrd /boot/initrd.img-6.1.0-18-cloud-amd64
}
"#;

/// Where the fixtures are.
pub fn dir() -> PathBuf {
    paths::root().join("menu/tests/menus/generated")
}

/// The text of a fixture, such as `debian-12/default/grub.cfg`.
pub fn text(path: &str) -> Result<String> {
    std::fs::read_to_string(dir().join(path)).with_context(|| format!("reading the generated menu {path}"))
}

/// Files by their path below [`dir`].
type Files = BTreeMap<String, Vec<u8>>;

/// Makes the menus anew; writes them, or with `check` compares them with what is there.
pub fn run(check: bool) -> Result<()> {
    for writer in &WRITERS {
        writer.packages()?;
    }
    let mut lab = Lab::boot(512, 0)?;
    let mut made = Files::new();
    for writer in &WRITERS {
        let files = sh::timed(format!("menus of {}", writer.name), || writer.write(&mut lab))?;
        made.extend(files.into_iter().map(|(path, content)| (format!("{}/{path}", writer.name), content)));
    }
    drop(lab);
    if !check {
        for (path, content) in &made {
            let file = dir().join(path);
            paths::ensure(file.parent().context("a file's directory")?)?;
            std::fs::write(&file, content)?;
        }
        sh::step(format!("{} files in {}", made.len(), dir().display()));
        return Ok(());
    }
    let there: Files = WRITERS
        .iter()
        .map(|w| files_below(&dir().join(w.name), w.name))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    let differ: Vec<&String> =
        made.keys().chain(there.keys()).filter(|path| made.get(*path) != there.get(*path)).collect();
    ensure!(differ.is_empty(), "not as the tools write them now: {differ:?}");
    sh::step(format!("{} menus are as Debian's tools write them", made.len()));
    Ok(())
}

impl Writer {
    /// The packages, unpacked.
    fn packages(&self) -> Result<PathBuf> {
        Set { name: "menus", suite: self.suite, packages: self.packages, depends: Some(&[]) }.get()
    }

    /// Runs the tools in a domain; what they wrote.
    fn write(&self, lab: &mut Lab) -> Result<Files> {
        let mut image = Image::new(Kernel::Cloud)
            .layout(self.layout)
            .file("generate", include_bytes!("menus/generate"))
            .file("busybox", std::fs::read(material::busybox()?)?);
        image.kernels.clear();
        image.tree = Some(self.packages()?);
        for variant in &VARIANTS {
            let default = if variant.default.is_empty() {
                String::new()
            } else {
                format!("{WORDS}{}", variant.default)
            };
            let custom = variant.custom.replace("HASH", HASH).replace("/dev/xvda1", &image.root("xvda"));
            for (name, text) in [
                ("default", default.as_str()),
                ("custom", &custom),
                ("saved", variant.saved),
                ("next", variant.next),
            ] {
                // A directory for each, whatever is in it.
                let path = format!("variants/{}/{name}", variant.name);
                let path = if text.is_empty() { format!("{path}-none") } else { path };
                image = image.file(&path, text);
            }
        }
        let dir = tempfile::tempdir_in(paths::ensure(paths::lab())?)?;
        let file = dir.path().join("menus.img");
        image.make(&file)?;
        let disk = lab.disk(&file, DiskKind::default())?;
        let config = Config::new(Kernel::Cloud.image()?)
            .ramdisk(material::ramdisk(Kernel::Cloud)?)
            .extra(format!("root={} rw init=/generate {QUIET}", image.root("xvda")))
            .disk("xvda", &disk);
        let log = paths::ensure(paths::lab().join("logs"))?.join(format!("menus-{}.log", self.name));
        lab.log_to(&log)?;
        let guest = lab.create(&config)?;
        let (which, _) = lab.expect(&guest, &["MENUS done", "MENUS fails", "GUEST fails"], 3 * LINUX)?;
        let (end, _) = lab.end(&guest, 120)?;
        if which != 0 || end != End::Off {
            bail!("the tools of {} failed ({end:?}); the console is in {}", self.name, log.display());
        }
        lab.clean()?;
        read_back(&file, image.root_start(), dir.path())
    }
}

/// What is in /out of the file system that begins at this byte.
fn read_back(image: &Path, start: u64, dir: &Path) -> Result<Files> {
    let request = format!("rdump /out {}", dir.display());
    let place = format!("{}?offset={start}", image.display());
    sh::output(tools::command("usr/sbin/debugfs")?.args(["-R", &request]).arg(place))?;
    let files = files_below(&dir.join("out"), "")?;
    ensure!(!files.is_empty(), "the tools wrote nothing");
    Ok(files)
}

/// All files of a directory of the host and of those below it, by `prefix/` and their path in it.
fn files_below(dir: &Path, prefix: &str) -> Result<Files> {
    let mut files = Files::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if entry.file_type()?.is_dir() {
            files.extend(files_below(&entry.path(), &path)?);
        } else {
            files.insert(path, std::fs::read(entry.path())?);
        }
    }
    Ok(files)
}
