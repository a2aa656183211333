//! The one disk that all parts of a bench use: kernels, a large initrd, and a menu for each thing to be booted.

use std::path::PathBuf;

use anyhow::Result;

use crate::kernels::Kernel;
use crate::lab::{Config, Disk, DiskKind, Lab};
use crate::material::{self, Image};
use crate::packages::{Set, Suite};
use crate::{paths, sh};

/// Bytes of the large initrd: what a Debian desktop has, and no whole number of pages.
pub const BIG: usize = 41_000_000;

/// What a menu boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Menu {
    /// Debian's generic kernel (xz) and the lab's small initrd.
    GenericSmall,
    /// The generic kernel and the large initrd.
    GenericBig,
    /// Debian's cloud kernel (lz4) and the small initrd.
    CloudSmall,
    /// Debian 13's kernel (zstd) and the small initrd.
    TrixieSmall,
    /// A kernel of 40 KB, which does nothing.
    Tiny,
    /// The same, with the large initrd.
    TinyBig,
    /// As `Tiny`, but the menu is shown for a second.
    Shown,
}

/// What the menu shows for a second.
pub const TITLE: &str = "The entry of the bench";

impl Menu {
    const ALL: [Menu; 7] = [
        Menu::GenericSmall,
        Menu::GenericBig,
        Menu::CloudSmall,
        Menu::TrixieSmall,
        Menu::Tiny,
        Menu::TinyBig,
        Menu::Shown,
    ];

    fn file(self) -> String {
        format!("boot/grub/{self:?}.lst").to_lowercase()
    }

    /// For `extra`.
    pub fn grub_name(self) -> String {
        format!("(hd0,0)/{}", self.file())
    }

    /// The kernel, if it is Linux.
    pub fn kernel(self) -> Option<Kernel> {
        match self {
            Menu::GenericSmall | Menu::GenericBig => Some(Kernel::Generic),
            Menu::CloudSmall => Some(Kernel::Cloud),
            Menu::TrixieSmall => Some(Kernel::Trixie),
            Menu::Tiny | Menu::TinyBig | Menu::Shown => None,
        }
    }

    /// The initrd's path on the disk.
    fn initrd(self) -> Option<String> {
        match self {
            Menu::GenericBig | Menu::TinyBig => Some("/boot/initrd-big.img".into()),
            Menu::Tiny | Menu::Shown => None,
            _ => self.kernel().map(|kernel| format!("/boot/initrd-{}.img", kernel.name())),
        }
    }

    /// The same for `dir`, a URL: kernel, initrd, and nothing said of disks.
    pub fn text_from(self, dir: &str) -> String {
        let text = self.text().replace("root (hd0,0)\n", "");
        text.replace(" /boot/", &format!(" {dir}/"))
    }

    fn text(self) -> String {
        let kernel =
            self.kernel().map_or_else(|| "tiny".into(), |kernel| format!("vmlinuz-{}", kernel.name()));
        let initrd = self.initrd().map(|file| format!("initrd {file}\n")).unwrap_or_default();
        let timeout = u32::from(self == Menu::Shown);
        format!("timeout {timeout}\ntitle {TITLE}\nroot (hd0,0)\nkernel /boot/{kernel} {FIRST}\n{initrd}")
    }
}

/// For Linux: say the first line as soon as there can be one.
pub const FIRST: &str = "root=/dev/xvda1 ro console=hvc0 earlyprintk=xen";

/// The beginning of Linux's first line.
pub const FIRST_LINE: &str = "Linux version";

/// For GRUB: the same files, and it says what it begins with.
fn grub_cfg() -> String {
    format!(
        "echo GRUB-begins\nlinux /boot/vmlinuz-generic {FIRST}\necho GRUB-kernel\n\
         initrd /boot/initrd-big.img\necho GRUB-initrd\nboot\n"
    )
}

/// Bytes per second of the slow disk: an xz kernel takes about as long to read as to unpack.
pub const SLOW: u64 = 2_000_000;

/// The disk, given to dom0.
pub struct BenchDisk {
    disk: Disk,
    /// The same again.
    slow: Disk,
    big: PathBuf,
}

impl BenchDisk {
    /// Makes it.
    pub fn make(lab: &mut Lab) -> Result<BenchDisk> {
        sh::step("making the disk");
        let dir = paths::ensure(paths::lab().join("bench"))?;
        let bytes: Vec<u8> = material::noise(BIG, 41);
        let big = dir.join("initrd-big.img");
        std::fs::write(&big, &bytes)?;
        let mut image = Image::new(Kernel::Generic);
        image.kernels = Kernel::ALL.to_vec();
        image.files = Menu::ALL.iter().map(|menu| (menu.file(), menu.text().into_bytes())).collect();
        image.files.push(("boot/initrd-big.img".into(), bytes));
        image.files.push(("boot/tiny".into(), std::fs::read(paths::xen().join("hello-nostd"))?));
        image.files.push(("boot/grub/grub.cfg".into(), grub_cfg().into_bytes()));
        let file = dir.join("disk.img");
        image.make(&file)?;
        let disk = lab.disk(&file, DiskKind::read_only())?;
        let slow = lab.disk(&file, DiskKind { slow: Some(SLOW), ..DiskKind::read_only() })?;
        Ok(BenchDisk { disk, slow, big })
    }

    /// Its device in dom0.
    pub fn device(&self) -> &str {
        self.disk.device()
    }

    fn guest(&self, kernel: PathBuf) -> Config {
        Self::guest_on(kernel, &self.disk)
    }

    fn guest_on(kernel: PathBuf, disk: &Disk) -> Config {
        let mut config = Config::new(kernel).disk("xvda", disk);
        config.cards.clear();
        config
    }

    /// A guest that starts pvgrub with this menu, and says its timings.
    pub fn pvgrub(&self, menu: Menu) -> Config {
        Self::pvgrub_on(menu, &self.disk)
    }

    /// The same on the slow disk.
    pub fn slow_pvgrub(&self, menu: Menu) -> Config {
        Self::pvgrub_on(menu, &self.slow)
    }

    fn pvgrub_on(menu: Menu, disk: &Disk) -> Config {
        let words = format!("{} plain timings", menu.grub_name());
        Self::guest_on(paths::xen().join("pvgrub"), disk).extra(words)
    }

    /// The kernel and the initrd of a menu, on the host.
    pub fn files(&self, menu: Menu) -> Result<(PathBuf, PathBuf)> {
        match menu.kernel() {
            Some(kernel) if menu == Menu::GenericBig => Ok((kernel.image()?, self.big.clone())),
            Some(kernel) => Ok((kernel.image()?, material::ramdisk(kernel)?)),
            None => anyhow::bail!("only Linux has an initrd"),
        }
    }

    /// A guest that xl boots directly with the same files.
    pub fn direct(&self, menu: Menu) -> Result<Config> {
        let (kernel, ramdisk) = self.files(menu)?;
        Ok(self.guest(kernel).ramdisk(ramdisk).extra(FIRST))
    }

    /// A guest that starts Debian's GRUB for PV domains, which boots what [`Menu::GenericBig`] does.
    pub fn grub(&self) -> Result<Config> {
        let packages = ["grub-xen-host"];
        let tree = Set { name: "grub", suite: Suite::Bookworm, packages: &packages, depends: None }.get()?;
        Ok(self.guest(tree.join("usr/lib/grub-xen/grub-x86_64-xen.bin")))
    }

    /// A Linux guest that reads the large initrd in several ways, and reports.
    pub fn dd(&self) -> Result<Config> {
        let config = self.guest(Kernel::Cloud.image()?).ramdisk(material::ramdisk(Kernel::Cloud)?);
        Ok(config.extra(format!("root=/dev/xvda1 ro do=dd {}", crate::cases::QUIET)))
    }
}
