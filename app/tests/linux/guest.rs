//! Guests' disks, made for a test, and the program run on them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A guest's disks in a directory that goes away.
pub struct Guest {
    pub dir: TempDir,
    arguments: Vec<String>,
}

impl Guest {
    /// A guest without disks.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), arguments: Vec::new() }
    }

    /// A guest whose only disk is ext4 with these files.
    pub fn with(files: &[(&str, &[u8])]) -> Self {
        let mut guest = Self::new();
        let image = guest.file_system("xvda", files);
        guest.disk(&image);
        guest
    }

    /// Makes a 16 MiB ext4 file system with these files in it.
    pub fn file_system(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        self.sized(name, "16M", files)
    }

    /// The same, of this size.
    pub fn sized(&self, name: &str, size: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let tree = self.dir.path().join(format!("{name}.tree"));
        std::fs::create_dir_all(&tree).unwrap();
        for (path, bytes) in files {
            let path = tree.join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let image = self.dir.path().join(name);
        // Debian keeps it where a user's PATH may not lead.
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let made = Command::new("mke2fs")
            .env("PATH", path)
            .args([
                "-q",
                "-F",
                "-t",
                "ext4",
                "-L",
                "root",
                "-U",
                "b9c3f1f0-6a3e-4b0e-8d3d-2d8b2a1f7c11",
                "-d",
            ])
            .args([&tree, &image])
            .arg(size)
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("these tests need mke2fs (package e2fsprogs)").success());
        image
    }

    /// Makes a 16 MiB FAT16 file system with these files in it.
    pub fn fat(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let image = self.dir.path().join(name);
        let mut options = std::fs::OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).open(&image).unwrap();
        file.set_len(16 << 20).unwrap();
        let mut disk = lamfat::StdIoWrapper::from(file);
        lamfat::format_volume(&mut disk, lamfat::FormatVolumeOptions::new()).unwrap();
        let volume = lamfat::FileSystem::new(disk, lamfat::FsOptions::new()).unwrap();
        for (path, bytes) in files {
            let mut directory = volume.root_dir();
            let mut names: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            let last = names.pop().unwrap();
            for name in names {
                directory = directory.create_dir(name).unwrap();
            }
            // Or a directory.
            if !last.is_empty() {
                directory.create_file(last).unwrap().write_all(bytes).unwrap();
            }
        }
        volume.unmount().unwrap();
        image
    }

    /// Makes a disk of volumes with these types in its GPT (as the type is written), or in its MBR if they fit in a byte.
    pub fn divided(&self, name: &str, volumes: &[(u128, &Path)]) -> PathBuf {
        let volumes: Vec<_> = volumes.iter().map(|(system, volume)| (*system, *volume, "", 0)).collect();
        self.divided_as(name, &volumes)
    }

    /// The same, with the partitions' names and attributes, which only a GPT has.
    pub fn divided_as(&self, name: &str, volumes: &[(u128, &Path, &str, u64)]) -> PathBuf {
        let mut disk = vec![0; 1 << 20];
        let mut places = Vec::new();
        for (_, volume, ..) in volumes {
            let bytes = std::fs::read(volume).unwrap();
            places.push((disk.len() / SECTOR, bytes.len() / SECTOR));
            disk.extend(bytes);
        }
        // Room for the second GPT, which isn't there.
        disk.resize(disk.len() + (1 << 20), 0);
        let types = volumes.iter().map(|(system, ..)| *system);
        let table = types.zip(places).collect::<Vec<_>>();
        let words: Vec<_> = volumes.iter().map(|(.., name, attributes)| (*name, *attributes)).collect();
        match table.iter().all(|(system, _)| *system < 256) {
            true => mbr(&mut disk, &table),
            false => gpt(&mut disk, &table, &words),
        }
        let image = self.dir.path().join(name);
        std::fs::write(&image, disk).unwrap();
        image
    }

    /// Adds a disk.
    pub fn disk(&mut self, image: &Path) {
        self.arg("--disk");
        self.arg(image.to_str().unwrap());
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: &str) {
        self.arguments.push(argument.to_owned());
    }

    /// The program, with its arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pvgrub"));
        command.args(&self.arguments);
        command
    }

    /// Runs it on a terminal that can do nothing, on which `keys` are typed. Gives its text, and if it succeeded.
    pub fn run(&self, keys: &str) -> (String, bool) {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may end before it has read them.
        let _ = child.stdin.take().unwrap().write_all(keys.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap().replace('\r', "");
        assert!(!text.contains("panicked"), "{text}");
        (text, output.status.success())
    }
}

const SECTOR: usize = 512;

/// A partition's type, and its first sector and how many they are.
type Row = (u128, (usize, usize));

fn mbr(disk: &mut [u8], table: &[Row]) {
    for ((system, (first, count)), row) in table.iter().zip(disk[446..].chunks_mut(16)) {
        row[4] = *system as u8;
        row[8..12].copy_from_slice(&(*first as u32).to_le_bytes());
        row[12..16].copy_from_slice(&(*count as u32).to_le_bytes());
    }
    disk[510..512].copy_from_slice(b"\x55\xaa");
}

/// UEFI specification, chapter 5; without the backup.
fn gpt(disk: &mut [u8], table: &[Row], words: &[(&str, u64)]) {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let last = disk.len() / SECTOR - 1;
    mbr(disk, &[(0xee, (1, last))]);
    let (head, rows) = disk[SECTOR..].split_at_mut(SECTOR);
    for (((system, (first, count)), (name, attributes)), row) in
        table.iter().zip(words).zip(rows.chunks_mut(128))
    {
        // The first three fields are the other way round.
        let mut guid = system.to_be_bytes();
        [0..4, 4..6, 6..8].into_iter().for_each(|field| guid[field].reverse());
        row[..16].copy_from_slice(&guid);
        row[16..20].copy_from_slice(&(*first as u32).to_le_bytes());
        row[32..40].copy_from_slice(&(*first as u64).to_le_bytes());
        row[40..48].copy_from_slice(&((first + count - 1) as u64).to_le_bytes());
        row[48..56].copy_from_slice(&attributes.to_le_bytes());
        for (unit, place) in name.encode_utf16().zip(row[56..].chunks_mut(2)) {
            place.copy_from_slice(&unit.to_le_bytes());
        }
    }
    head[..16].copy_from_slice(b"EFI PART\0\0\x01\0\x5c\0\0\0");
    for (at, sector) in [(24, 1), (32, last), (40, 34), (48, last - 34), (72, 2)] {
        head[at..at + 8].copy_from_slice(&(sector as u64).to_le_bytes());
    }
    for (at, number) in [(80, 128), (84, 128), (88, crc.checksum(&rows[..128 * 128]))] {
        head[at..at + 4].copy_from_slice(&u32::to_le_bytes(number));
    }
    let sum = crc.checksum(&head[..92]);
    head[16..20].copy_from_slice(&sum.to_le_bytes());
}

/// An ELF file that a PV domain could start: one segment of code, and Xen's notes.
pub fn kernel() -> Vec<u8> {
    kernel_of(b"testkernel")
}

/// The same, of this system (GUEST_OS).
pub fn kernel_of(system: &[u8; 10]) -> Vec<u8> {
    const BASE: u64 = 0xffff_ffff_8000_0000;
    let mut notes = Vec::new();
    let mut note = |kind: u32, desc: &[u8]| {
        for word in [4, desc.len() as u32, kind] {
            notes.extend(word.to_le_bytes());
        }
        notes.extend(b"Xen\0");
        notes.extend(desc);
        notes.resize(notes.len().next_multiple_of(4), 0);
    };
    note(5, b"xen-3.0\0");
    note(6, &[system, b"\0".as_slice()].concat());
    note(7, b"1.5\0");
    note(8, b"generic\0");
    note(3, &BASE.to_le_bytes());
    note(1, &(BASE + 0x10_0000).to_le_bytes());
    let mut file = vec![0; 0x3000];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &2u16.to_le_bytes());
    put(18, &62u16.to_le_bytes());
    put(20, &1u32.to_le_bytes());
    put(24, &(BASE + 0x10_0000).to_le_bytes());
    put(32, &64u64.to_le_bytes());
    put(52, &64u16.to_le_bytes());
    put(54, &56u16.to_le_bytes());
    put(56, &2u16.to_le_bytes());
    put(58, &64u16.to_le_bytes());
    let mut segment = |at: usize, kind: u32, offset: u64, paddr: u64, size: u64, align: u64| {
        put(at, &kind.to_le_bytes());
        put(at + 4, &7u32.to_le_bytes());
        for (field, value) in [offset, BASE + paddr, paddr, size, size, align].into_iter().enumerate() {
            put(at + 8 + 8 * field, &value.to_le_bytes());
        }
    };
    segment(64, 1, 0x1000, 0x10_0000, 0x2000, 0x1000);
    segment(120, 4, 0x200, 0, notes.len() as u64, 4);
    put(0x200, &notes);
    put(0x1000, b"\xeb\xfe");
    file
}
