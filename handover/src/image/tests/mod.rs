//! Kernels made to order, packed by the real tools, whole and damaged. (Random damage: platform-xen/fuzz.)

mod build;
mod elf_files;
mod packed;
mod pe;
mod uki;

use super::*;
use alloc::string::String;
use core::ops::Range;

pub const LIMITS: Limits = Limits { domain: 64 << 20, free: 32 << 20 };

/// Load, counting the pages that were asked for.
fn load_within(limits: Limits, mut file: &[u8]) -> Result<Loaded<HostPages>, ImageError> {
    let mut asked = 0;
    let result = load(
        &mut file,
        limits,
        &mut |pages| {
            asked += pages as u64;
            assert!(asked * PAGE <= 3 * limits.free + 3 * PAGE, "too much memory: {asked} pages");
            HostPages::new(pages)
        },
        &mut |_, _| {},
    );
    if let Ok(loaded) = &result {
        let pages: u64 = loaded.runs.iter().map(|run| run.pages).sum();
        assert_eq!(Some(pages * PAGE), loaded.kernel.buffer_len());
    }
    result
}

fn load_bytes(file: &[u8]) -> Result<Loaded<HostPages>, ImageError> {
    load_within(LIMITS, file)
}

fn message(file: &[u8]) -> String {
    use alloc::string::ToString;
    load_bytes(file).map(|loaded| loaded.kernel).expect_err("should be refused").to_string()
}

/// The kernel as it will lie in memory.
fn memory(loaded: &Loaded<HostPages>) -> Vec<u8> {
    let page = |buffer: &HostPages, n: usize| buffer[n * 4096..][..4096].to_vec();
    let image: Vec<usize> = (0..loaded.image.len() / 4096).collect();
    let extra_pages = loaded.extra.as_ref().map_or(0, |extra| extra.len() / 4096);
    let extra: Vec<usize> = (0..extra_pages).map(|n| n + (1 << 20)).collect();
    let zeros = vec![usize::MAX; loaded.zero_pages() as usize];
    let frames = loaded.frames(&image, &extra, &zeros).unwrap();
    let bytes = frames.into_iter().flat_map(|frame| match frame {
        usize::MAX => vec![0; 4096],
        n if n >= 1 << 20 => page(loaded.extra.as_ref().unwrap(), n - (1 << 20)),
        n => page(&loaded.image, n),
    });
    bytes.collect()
}
