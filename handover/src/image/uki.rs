//! Unified kernel images ([UAPI.5](https://uapi-group.org/specifications/specs/unified_kernel_image/)): a PE file for EFI that has a
//! kernel, its ramdisk and its command line in it. Its program is of no use here; what it holds is.
//!
//! Only the table of sections is read, and the small sections that are text. Where kernel and ramdisks lie is said in bytes of
//! the file, and nothing of them is looked at: [`load`](super::load()) does that, on a [`Window`](super::Window).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::{ImageError, Source};

/// The most sections that are looked at. (Some ten are usual, and as many for each profile.)
const MAX_SECTIONS: u16 = 1024;
/// The most profiles.
const MAX_PROFILES: usize = 64;
/// The longest section of text, in bytes.
const MAX_TEXT: u64 = 64 * 1024;

/// Bytes of one section header, and where its fields are. (PE format, "Section Table".)
const HEADER: usize = 40;

/// What such an image holds. All text is as it is there, so it may have anything in it but control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uki {
    /// `.osrel`: `PRETTY_NAME`, or the next best name; what is shown.
    pub title: Option<String>,
    /// `.osrel`: the version of the image or of the system.
    pub version: Option<String>,
    /// `.osrel`: what entries are sorted by, as `sort-key` of other entries.
    pub sort_key: Option<String>,
    /// `.uname`: the kernel's release.
    pub uname: Option<String>,
    /// What can be booted: at least one, and the first is the default.
    pub profiles: Vec<Profile>,
}

/// A kernel, its ramdisks and its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// `.profile`: `ID`. An image without profiles has one, without a name.
    pub id: Option<String>,
    /// `.profile`: `TITLE`.
    pub title: Option<String>,
    /// `.linux`: bytes of the file.
    pub kernel: Range<u64>,
    /// `.ucode`, then `.initrd`: bytes of the file; the kernel gets them as one.
    pub initrds: Vec<Range<u64>>,
    /// `.cmdline`. Without one, whoever boots it says what the kernel is told.
    pub cmdline: Option<String>,
}

/// The sections of one profile, or of what all have.
#[derive(Clone, Default)]
struct Sections {
    profile: Option<Range<u64>>,
    linux: Option<Range<u64>>,
    initrd: Option<Range<u64>>,
    ucode: Option<Range<u64>>,
    cmdline: Option<Range<u64>>,
    osrel: Option<Range<u64>>,
    uname: Option<Range<u64>>,
}

impl Uki {
    /// Reads what is in the image.
    ///
    /// # Errors
    /// It is no such image ([`ImageError::NotAKernel`]), is for another machine ([`ImageError::Unsupported`]), is damaged, or can't be
    /// read.
    pub fn read(file: &mut dyn Source) -> Result<Self, ImageError> {
        let parts = sections(file)?;
        let (base, own) = parts.split_first().ok_or_else(not_one)?;
        let release = variables(file, base.osrel.as_ref())?;
        let first = |names: &[&str]| names.iter().find_map(|name| value(&release, name));
        // The order is that of systemd-boot.
        let uki = Self {
            title: first(&["PRETTY_NAME", "IMAGE_ID", "NAME", "ID"]),
            version: first(&["IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"]),
            sort_key: first(&["IMAGE_ID", "ID"]),
            uname: text(file, base.uname.as_ref())?.map(|text| text.trim().to_string()),
            profiles: Vec::new(),
        };
        let own = if own.is_empty() { &[Sections::default()][..] } else { own };
        let profiles = own.iter().map(|own| profile(file, base, own)).collect::<Result<_, _>>()?;
        Ok(Self { profiles, ..uki })
    }
}

fn not_one() -> ImageError {
    ImageError::NotAKernel("an EFI program without a Linux in it (it has no section .linux)".into())
}

/// What a profile has, on top of what all have.
fn profile(file: &mut dyn Source, base: &Sections, own: &Sections) -> Result<Profile, ImageError> {
    let about = variables(file, own.profile.as_ref())?;
    let kernel = own.linux.clone().or_else(|| base.linux.clone()).ok_or_else(not_one)?;
    let ucode = own.ucode.as_ref().or(base.ucode.as_ref());
    let initrd = own.initrd.as_ref().or(base.initrd.as_ref());
    let cmdline = text(file, own.cmdline.as_ref().or(base.cmdline.as_ref()))?;
    Ok(Profile {
        id: value(&about, "ID"),
        title: value(&about, "TITLE"),
        kernel,
        initrds: ucode.into_iter().chain(initrd).filter(|range| !range.is_empty()).cloned().collect(),
        cmdline: cmdline.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")),
    })
}

/// The sections of all profiles, those of the base before them.
fn sections(file: &mut dyn Source) -> Result<Vec<Sections>, ImageError> {
    let not_pe = || ImageError::NotAKernel("no EFI program".into());
    let size = file.size();
    if size < 64 {
        return Err(not_pe());
    }
    let mut dos = [0; 64];
    read(file, 0, &mut dos)?;
    let start = u64::from(u32_at(&dos, 60));
    if !dos.starts_with(b"MZ") || start.saturating_add(24) > size {
        return Err(not_pe());
    }
    let mut coff = [0; 24];
    read(file, start, &mut coff)?;
    if !coff.starts_with(b"PE\0\0") {
        return Err(not_pe());
    }
    if u16_at(&coff, 4) != 0x8664 {
        let what = format!("an EFI program for another machine ({:#06x})", u16_at(&coff, 4));
        return Err(ImageError::unsupported(what, "use the image for x86-64"));
    }
    let (count, optional) = (u16_at(&coff, 6), u16_at(&coff, 20));
    if count > MAX_SECTIONS {
        return Err(ImageError::damaged(format!("it has {count} sections")));
    }
    // At most 4 GiB and some bytes: it can't overflow.
    let table = start + 24 + u64::from(optional);
    let mut headers = vec![0; usize::from(count) * HEADER];
    if table.saturating_add(headers.len() as u64) > size {
        return Err(ImageError::damaged("its table of sections is cut off"));
    }
    read(file, table, &mut headers)?;
    let mut parts = vec![Sections::default()];
    for header in headers.chunks_exact(HEADER) {
        let name = header.split(|byte| *byte == 0).next().unwrap_or(&[]);
        let name = name.get(..8).unwrap_or(name);
        if name == b".profile" {
            if parts.len() > MAX_PROFILES {
                return Err(ImageError::damaged(format!("it has more than {MAX_PROFILES} profiles")));
            }
            parts.push(Sections::default());
        }
        let Some(last) = parts.last_mut() else { break };
        let slot = match name {
            b".profile" => &mut last.profile,
            b".linux" => &mut last.linux,
            b".initrd" => &mut last.initrd,
            b".ucode" => &mut last.ucode,
            b".cmdline" => &mut last.cmdline,
            b".osrel" => &mut last.osrel,
            b".uname" => &mut last.uname,
            _ => continue,
        };
        let range = range(header, size).ok_or_else(|| {
            ImageError::damaged(format!("section {} is beyond the end", String::from_utf8_lossy(name)))
        })?;
        // Of two the first counts, as in systemd's stub.
        slot.get_or_insert(range);
    }
    Ok(parts)
}

/// The bytes of a section: its size in memory, without what fills it up to the alignment of the file.
fn range(header: &[u8], size: u64) -> Option<Range<u64>> {
    let (memory, raw, start) = (u32_at(header, 8), u32_at(header, 16), u32_at(header, 20));
    let len = if memory == 0 { raw } else { memory.min(raw) };
    let start = u64::from(start);
    let end = start + u64::from(len);
    (end <= size).then_some(start..end)
}

/// A section of text: up to the first zero byte.
fn text(file: &mut dyn Source, section: Option<&Range<u64>>) -> Result<Option<String>, ImageError> {
    let Some(section) = section else { return Ok(None) };
    let len = section.end - section.start;
    if len > MAX_TEXT {
        return Err(ImageError::damaged(format!("{len} bytes of text in one section")));
    }
    let mut bytes = vec![0; len as usize];
    read(file, section.start, &mut bytes)?;
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or(&[]);
    let text = core::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')));
    Ok(Some(text.ok_or_else(|| ImageError::damaged("a section of text has other things in it"))?.to_string()))
}

/// The lines `NAME=VALUE` of `.osrel` and `.profile`, as os-release(5) has them.
fn variables(
    file: &mut dyn Source,
    section: Option<&Range<u64>>,
) -> Result<Vec<(String, String)>, ImageError> {
    let text = text(file, section)?.unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.trim().split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_string(), unquoted(value))).collect())
}

fn value(variables: &[(String, String)], name: &str) -> Option<String> {
    let found = variables.iter().rev().find(|(other, _)| other == name);
    found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
}

/// A value without its quotes. Within double ones a backslash protects the character behind it.
fn unquoted(value: &str) -> String {
    let within = |quote| value.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
    if let Some(value) = within('\'') {
        return value.to_string();
    }
    let mut out = String::new();
    let mut chars = within('"').unwrap_or(value).chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

fn read(file: &mut dyn Source, at: u64, bytes: &mut [u8]) -> Result<(), ImageError> {
    file.read_at(at, bytes).map_err(|why| ImageError::Read { at, why })
}

/// A number at an offset; 0 beyond the end.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |field| u16::from_le_bytes(*field))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |field| u32::from_le_bytes(*field))
}
