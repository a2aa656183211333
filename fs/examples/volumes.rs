//! Shows what is on disk images: `volumes IMAGE…` lists volumes, and `volumes IMAGE… -- '(hd0,0)/boot'` also lists that
//! directory, or reads that file and says how fast.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::time::Instant;

use pvgrub_fs::{BlockDevice, DeviceError, Disks, FileKind, Numbering, split_device};

struct Image {
    file: File,
    size: u64,
}

impl BlockDevice for Image {
    fn size(&self) -> u64 {
        self.size
    }
    fn sector_size(&self) -> u32 {
        512
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        self.file.read_exact_at(buf, offset).map_err(|e| DeviceError::new("image", e.to_string()))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut disks = Disks::new();
    for (name, path) in
        args.by_ref().take_while(|a| a != "--").zip('a'..).map(|(path, c)| (format!("xvd{c}"), path))
    {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        disks.add(&name, Rc::new(Image { file, size }));
    }
    for volume in disks.volumes() {
        println!("{volume}");
    }
    for problem in disks.problems() {
        println!("! {problem}");
    }
    for wanted in args {
        let (device, path) = split_device(&wanted);
        let volume = disks.resolve(device.unwrap_or("hd0,0"), Numbering::Legacy)?;
        let fs = volume.open()?;
        for note in fs.notes() {
            println!("! {}: {note}", volume.name);
        }
        if fs.metadata(path)?.kind == FileKind::Directory {
            for entry in fs.read_dir(path)? {
                println!("{:?} {}", entry.kind, entry.name);
            }
            continue;
        }
        let file = fs.open(path)?;
        let mut buf = vec![1; usize::try_from(file.len())?];
        let start = Instant::now();
        let n = file.read_at(0, &mut buf)?;
        let seconds = start.elapsed().as_secs_f64();
        println!("{path}: {n} bytes in {seconds:.3} s, {:.0} MB/s", n as f64 / seconds / 1e6);
    }
    Ok(())
}
