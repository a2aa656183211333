//! Disk images, made by the real tools without root.

mod make;

use std::path::PathBuf;

use crate::kernels::Kernel;

/// How a disk is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The file system is the disk.
    Bare,
    /// MBR, the root in the first primary partition.
    Mbr,
    /// MBR, the root in the second logical partition (number 6).
    Logical,
    /// GPT, the root in the first partition.
    Gpt,
    /// MBR, a FAT32 /boot in the first partition, the root in the second.
    FatBoot,
    /// MBR, an ext4 /boot in the first partition, the root in the second.
    ExtBoot,
    /// The same with XFS for /boot.
    XfsBoot,
    /// GPT, an EFI system partition (FAT32) first, the root in the second; /boot is on the root.
    Esp,
    /// The same, and the root has the type of an extended boot loader partition.
    Xbootldr,
}

impl Layout {
    /// What the tests of all go through.
    #[cfg(test)]
    const ALL: [Layout; 9] = [
        Layout::Bare,
        Layout::Mbr,
        Layout::Logical,
        Layout::Gpt,
        Layout::FatBoot,
        Layout::ExtBoot,
        Layout::XfsBoot,
        Layout::Esp,
        Layout::Xbootldr,
    ];
}

/// The root's file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fs {
    /// No journal.
    Ext2,
    /// Journal, block maps.
    Ext3,
    /// Journal, extents, checksums.
    Ext4,
}

impl Fs {
    /// Its name for mke2fs.
    pub fn name(self) -> &'static str {
        match self {
            Fs::Ext2 => "ext2",
            Fs::Ext3 => "ext3",
            Fs::Ext4 => "ext4",
        }
    }
}

/// A disk image to be made.
#[derive(Clone, Debug)]
pub struct Image {
    /// How it is divided.
    pub layout: Layout,
    /// The root's file system.
    pub fs: Fs,
    /// What is in /boot.
    pub kernels: Vec<Kernel>,
    /// /boot/grub/menu.lst; none if empty.
    pub menu: String,
    /// For sectors of 4096 bytes.
    pub big_sectors: bool,
    /// Further files: path below the root, and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Files on the first volume of [`Layout::FatBoot`], [`Layout::ExtBoot`], [`Layout::XfsBoot`], [`Layout::Esp`] and [`Layout::Xbootldr`]: path from its top, and
    /// content.
    pub boot_files: Vec<(String, Vec<u8>)>,
    /// Symbolic links: path below the root, in a directory that is there, and target.
    pub links: Vec<(String, String)>,
    /// A directory of the host that is the root, in place of our own small one.
    pub tree: Option<PathBuf>,
}

/// UUID of the root's file system.
pub const ROOT_UUID: &str = "6f1c5a0e-5d1b-4c8e-9d5a-3b1e7a9c0d42";
/// UUID of the file system of [`Layout::ExtBoot`]'s and [`Layout::XfsBoot`]'s /boot.
pub const BOOT_UUID: &str = "c2d8f3a1-7b46-4e09-8a5f-91e6d0b37c18";

impl Image {
    /// An MBR disk with an ext4 root and this kernel.
    pub fn new(kernel: Kernel) -> Image {
        Image {
            layout: Layout::Mbr,
            fs: Fs::Ext4,
            kernels: vec![kernel],
            menu: String::new(),
            big_sectors: false,
            files: Vec::new(),
            boot_files: Vec::new(),
            links: Vec::new(),
            tree: None,
        }
    }

    /// Divided so.
    pub fn layout(mut self, layout: Layout) -> Image {
        self.layout = layout;
        self
    }

    /// With this file system.
    pub fn fs(mut self, fs: Fs) -> Image {
        self.fs = fs;
        self
    }

    /// With this menu.
    pub fn menu(mut self, menu: impl Into<String>) -> Image {
        self.menu = menu.into();
        self
    }

    /// With this file below the root.
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Image {
        self.files.push((path.into(), content.into()));
        self
    }

    /// With this file on the first volume, see [`boot_files`](Self::boot_files).
    pub fn boot_file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Image {
        self.boot_files.push((path.into(), content.into()));
        self
    }

    /// The number of the root's partition; 0 when there are none.
    pub fn root_number(&self) -> u32 {
        match self.layout {
            Layout::Bare => 0,
            Layout::Mbr | Layout::Gpt => 1,
            Layout::FatBoot | Layout::ExtBoot | Layout::XfsBoot | Layout::Esp | Layout::Xbootldr => 2,
            Layout::Logical => 6,
        }
    }

    /// Linux's name for the root on the disk `disk` (xvda).
    pub fn root(&self, disk: &str) -> String {
        match self.root_number() {
            0 => format!("/dev/{disk}"),
            n => format!("/dev/{disk}{n}"),
        }
    }

    /// GRUB's name for the volume with /boot, and the path of that directory in it.
    pub fn grub_boot(&self) -> (String, &'static str) {
        match self.layout {
            Layout::Bare => ("(hd0)".into(), "/boot"),
            Layout::FatBoot | Layout::ExtBoot | Layout::XfsBoot => ("(hd0,0)".into(), ""),
            _ => (format!("(hd0,{})", self.root_number() - 1), "/boot"),
        }
    }

    /// The usual menu entry for one of its kernels, with `words` added to the command line.
    pub fn entry(&self, title: &str, kernel: Kernel, words: &str) -> String {
        let (volume, dir) = self.grub_boot();
        let (name, root) = (kernel.name(), self.root("xvda"));
        format!(
            "title {title}\nroot {volume}\nkernel {dir}/vmlinuz-{name} root={root} ro {} {words}\n\
             initrd {dir}/initrd-{name}.img\n\n",
            crate::cases::QUIET
        )
    }

    /// With the usual menu: its first kernel after one second.
    pub fn usual_menu(self) -> Image {
        let kernel = self.kernels.first().copied().unwrap_or(Kernel::Cloud);
        let menu = format!("default 0\ntimeout 1\n\n{}", self.entry("The usual", kernel, ""));
        self.menu(menu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_fit_and_are_aligned() {
        for layout in Layout::ALL {
            let image = Image::new(Kernel::Generic).layout(layout).boot_file("a", vec![0; 5 << 20]);
            let places = image.places();
            let mut end = 0;
            for place in [places.boot, places.root] {
                assert!(place.start >= end, "{layout:?}");
                assert_eq!((place.start % 4096, place.size % 4096), (0, 0), "{layout:?}");
                end = place.start + place.size;
            }
            assert!(end <= places.total);
            assert_eq!(places.total % 4096, 0);
        }
    }

    #[test]
    fn entries_name_the_volume_that_has_boot() {
        let fat = Image::new(Kernel::Cloud).layout(Layout::FatBoot);
        assert!(
            fat.entry("x", Kernel::Cloud, "")
                .contains("root (hd0,0)\nkernel /vmlinuz-cloud root=/dev/xvda2 ro")
        );
        let logical = Image::new(Kernel::Cloud).layout(Layout::Logical);
        assert!(
            logical
                .entry("x", Kernel::Cloud, "")
                .contains("root (hd0,5)\nkernel /boot/vmlinuz-cloud root=/dev/xvda6")
        );
    }
}
