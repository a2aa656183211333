//! Loads every kernel in the directory `PVGRUB_TEST_KERNELS`, and mutants of them. Without it there is nothing to do:
//! `cargo xtask` fetches Debian's kernels and sets it.

use pvgrub_handover::image::{self, HostPages, Limits, Loaded, Origin};
use pvgrub_handover::plan::{Initrd, Layout};
use std::path::PathBuf;
use std::time::Instant;

const LIMITS: Limits = Limits { domain: 512 << 20, free: 400 << 20 };

fn kernels() -> Vec<PathBuf> {
    let Some(dir) = std::env::var_os("PVGRUB_TEST_KERNELS") else { return Vec::new() };
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

fn load(mut bytes: &[u8], limits: Limits) -> Result<Loaded<HostPages>, image::ImageError> {
    image::load(&mut bytes, limits, &mut HostPages::new, &mut |_, _| {})
}

#[test]
fn they_load_and_few_pages_are_copied() {
    for path in kernels() {
        let bytes = std::fs::read(&path).unwrap();
        let start = Instant::now();
        let loaded = load(&bytes, LIMITS).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let count = |want: fn(&Origin) -> bool| -> u64 {
            loaded.runs.iter().filter(|run| want(&run.origin)).map(|run| run.pages).sum()
        };
        let (image, extra, zero) = (
            count(|o| matches!(o, Origin::Image(_))),
            count(|o| matches!(o, Origin::Extra(_))),
            count(|o| matches!(o, Origin::Zero)),
        );
        println!(
            "{}: {:?}, {image} pages as they lie, {extra} put together, {zero} zero",
            path.display(),
            start.elapsed()
        );
        println!("  {:x?}", loaded.kernel);
        assert_eq!((image + extra + zero) * 4096, loaded.kernel.buffer_len().unwrap());
        assert!(extra < 20, "{extra} pages of {} were copied", path.display());
        let layout = Layout::new(&loaded.kernel, Some(Initrd::plain(30 << 20)), 40_000, 40_000).unwrap();
        assert_eq!((layout.kernel.first.0, layout.kernel.pages), (loaded.first_pfn(), image + extra + zero));
    }
}

#[test]
fn damaged_ones_are_refused() {
    for path in kernels() {
        let bytes = std::fs::read(&path).unwrap();
        for part in [2, 3, 7] {
            assert!(load(&bytes[..bytes.len() / part], LIMITS).is_err(), "{} cut", path.display());
            let mut flipped = bytes.clone();
            flipped[bytes.len() / part] ^= 0x10;
            // lz4 as the kernel build uses it has no checksum: a changed literal goes unnoticed there.
            match load(&flipped, LIMITS) {
                Err(error) => println!("{}: {error}", path.display()),
                Ok(_) => assert!(is_lz4(&bytes), "a flipped bit of {} was not noticed", path.display()),
            }
        }
    }
}

fn is_lz4(bzimage: &[u8]) -> bool {
    bzimage.windows(4).any(|window| window == [0x02, 0x21, 0x4c, 0x18])
}
