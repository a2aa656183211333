//! Images with random damage: no panic, no endless loop, no memory without bound.
//!
//! `PVGRUB_FUZZ=100000 cargo test -p pvgrub-fs --test fuzz` tries that many mutants of each image.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use cap::Cap;
use common::Image;
use pvgrub_fs::{BlockDevice, DeviceError, Disks, FileKind, FileSystem, Numbering};

/// An allocation that goes over the limit fails, which ends the test.
#[global_allocator]
static ALLOCATOR: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

/// What one mutant may take on top of the images.
const MEMORY: usize = 48 << 20;
const TIME: Duration = Duration::from_secs(20);

/// xorshift64*: the same mutants on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Damages a few places, most of them where the image has data.
fn mutate(image: &Image, blocks: &[u64], random: &mut Random) -> Image {
    let mut image = image.clone();
    for _ in 0..=random.below(8) {
        let block = match random.below(4) {
            // The first blocks are boot sectors, tables and superblocks.
            0 => random.below(3),
            _ => blocks[random.below(blocks.len() as u64) as usize],
        };
        let at = block * 4096 + random.below(4096);
        match random.below(6) {
            0 => {
                let byte = image.bytes(at, 1)[0];
                image.write(at, &[byte ^ 1 << random.below(8)]);
            }
            1 => image.write(at, &[[0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize]]),
            2 => image.write(at & !3, &(random.next() as u32).to_le_bytes()),
            3 => image.write(at & !3, &[0xff; 4]),
            4 => {
                // A number that is almost right.
                let old = u32::from_le_bytes(image.bytes(at & !3, 4).try_into().unwrap());
                let new = old.wrapping_add(random.below(9) as u32).wrapping_sub(4);
                image.write(at & !3, &new.to_le_bytes());
            }
            _ => {
                let from = blocks[random.below(blocks.len() as u64) as usize] * 4096 + random.below(4000);
                let piece = image.bytes(from, random.below(64) as usize);
                image.write(at, &piece);
            }
        }
    }
    if random.below(20) == 0 {
        let size = random.below(image.size);
        image = image.resized(size);
    }
    image
}

struct Device {
    image: Image,
    bytes: Cell<u64>,
}

impl BlockDevice for Device {
    fn size(&self) -> u64 {
        self.image.size
    }
    fn sector_size(&self) -> u32 {
        512
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.bytes.set(self.bytes.get() + buf.len() as u64);
        self.image.read(offset, buf);
        Ok(())
    }
}

/// Does what a boot loader does, and more: lists, looks up, opens and reads.
fn use_it(fs: &dyn FileSystem, buf: &mut [u8]) {
    let mut pending = vec![String::new()];
    for _ in 0..12 {
        let Some(dir) = pending.pop() else { break };
        let Ok(list) = fs.read_dir(&dir) else { continue };
        for entry in list.iter().take(25) {
            let path = format!("{dir}/{}", entry.name);
            if entry.kind == FileKind::Directory {
                pending.push(path.clone());
            }
            let _ = fs.metadata(&path);
            let Ok(file) = fs.open(&path) else { continue };
            for at in [0, file.len() / 2, file.len().saturating_sub(1000)] {
                let n = file.read_at(at, buf).unwrap_or(0);
                assert!(n as u64 <= file.len() - at);
            }
            // A kernel of a hostile length must not be allocated first.
            let _ = file.read_all(4 << 20);
        }
    }
    for path in ["/boot/grub/menu.lst", "/vmlinuz", "/through", "/loop-b/x", "/long-link"] {
        let _ = fs.open(path);
    }
}

fn fuzz(names: &[&str], mutants: u64) {
    let mutants = std::env::var("PVGRUB_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(mutants);
    let mut buf = vec![0; 200_000];
    for name in names {
        let image = Image::load(name);
        let blocks: Vec<u64> = image.blocks.keys().copied().collect();
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ name.len() as u64);
        for number in 0..mutants {
            let mutant = mutate(&image, &blocks, &mut random);
            let device = Rc::new(Device { image: mutant, bytes: Cell::new(0) });
            ALLOCATOR.set_limit(ALLOCATOR.allocated() + MEMORY).unwrap();
            let start = Instant::now();
            let mut disks = Disks::new();
            disks.add("xvda", device.clone());
            for volume in disks.volumes() {
                if let Ok(fs) = volume.open() {
                    use_it(&*fs, &mut buf);
                }
            }
            let _ = disks.search(&["/boot/grub/menu.lst", "/one"]);
            let _ = disks.resolve("(hd0,0)", Numbering::Legacy);
            assert!(start.elapsed() < TIME, "{name}, mutant {number}: {:?}", start.elapsed());
            drop(disks);
            ALLOCATOR.set_limit(usize::MAX).unwrap();
            let read = device.bytes.get();
            assert!(read < 4 << 30, "{name}, mutant {number}: {read} bytes read");
        }
    }
}

/// One test, as the limit of memory is the process's.
#[test]
fn damaged_images() {
    fuzz(&["mbr", "gpt"], 300);
    fuzz(&["fat12", "fat16", "fat32"], 100);
    fuzz(&["ext3-crash", "ext4-crash", "ext4-nocsum-crash", "ext3-rounds"], 100);
    fuzz(&["ext2-1k", "ext2-rev0", "ext3-4k", "ext4-nocsum", "ext4-inline", "ext4"], 40);
}
