//! Unified kernel images: a file that is kernel, initial ramdisk and command line in one.

use std::rc::Rc;

use pvgrub_handover::image::{ImageError, Uki};

use crate::input::{FileSource, Input, Part};
use crate::load::Named;
use crate::timings::Timings;

/// What is booted of such an image.
pub struct Unified<'a> {
    /// The kernel.
    pub kernel: Input<'a>,
    /// What it is called.
    pub kernel_file: Named,
    /// Its ramdisks: they come before those that the menu names.
    pub initrds: Vec<(Input<'a>, Named)>,
    /// Its command line, for a menu that says none.
    pub cmdline: String,
}

/// A kernel's file, or what is in it if it is such an image.
pub enum Opened<'a> {
    /// A kernel as it is.
    Plain(Input<'a>),
    /// An image.
    Unified(Unified<'a>),
}

/// Looks into a kernel's file; `profile` is the number of the profile that is wanted.
pub fn open<'a>(
    file: Input<'a>,
    named: &Named,
    profile: Option<u32>,
    timings: &Timings,
) -> Result<Opened<'a>, String> {
    if !may_be(&file) {
        return Ok(Opened::Plain(file));
    }
    let uki = match Uki::read(&mut FileSource { file: &file, timings }) {
        Ok(uki) => uki,
        // Whoever loads it has the words for that.
        Err(ImageError::NotAKernel(_)) => return Ok(Opened::Plain(file)),
        Err(why) => return Err(format!("{}: {why}", named.name)),
    };
    let number = profile.unwrap_or(0);
    let chosen = usize::try_from(number).ok().and_then(|number| uki.profiles.get(number));
    let chosen = chosen.ok_or_else(|| format!("{}: it has no profile {number}", named.name))?;
    let file = Rc::new(file);
    let part = |range: &std::ops::Range<u64>, what: &str| {
        let len = range.end.saturating_sub(range.start);
        let part = Part { whole: file.clone(), start: range.start, len };
        (Input::Part(part), Named { name: format!("{} ({what})", named.name), len })
    };
    let (kernel, kernel_file) = part(&chosen.kernel, "its kernel");
    let initrds = chosen.initrds.iter().map(|range| part(range, "its initrd")).collect();
    Ok(Opened::Unified(Unified {
        kernel,
        kernel_file,
        initrds,
        cmdline: chosen.cmdline.clone().unwrap_or_default(),
    }))
}

/// An EFI program that is no Linux kernel itself (Documentation/arch/x86/boot.rst: "HdrS" at 0x202).
fn may_be(file: &Input<'_>) -> bool {
    let mut head = [0; 0x206];
    file.len() > head.len() as u64
        && file.read_exactly(0, &mut head).is_ok()
        && head.starts_with(b"MZ")
        && !head.ends_with(b"HdrS")
}
