//! Paths, and what is said when there is nothing behind them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use crate::code;
use crate::exec::{Exec, Stop};
use crate::host::HostError;

impl Exec<'_> {
    /// A path with its device; an error is pending if it has none.
    pub fn qualified(&mut self, path: &str) -> Option<String> {
        let device = match path.strip_prefix('(') {
            Some(rest) => match rest.split_once(')') {
                Some((device, rest)) => {
                    let rest = self.on_btrfs(device, rest);
                    return Some(format!("({device}){rest}"));
                }
                None => {
                    _ = self.fail(code::BAD_FILENAME, "missing `)' symbol");
                    return None;
                }
            },
            None => self.get("root").unwrap_or_default(),
        };
        if device.is_empty() {
            _ = self.fail(code::BAD_DEVICE, "variable `root' isn't set");
            return None;
        }
        let rest = self.on_btrfs(&device, path);
        Some(format!("({device}){rest}"))
    }

    /// The same for what must be a file: no block list.
    pub fn qualified_file(&mut self, path: &str) -> Option<String> {
        let full = self.qualified(path)?;
        match full.split_once(')') {
            Some((_, rest)) if rest.starts_with('/') => return Some(full),
            // A server has no blocks: a name without a slash is one from its root.
            Some((device, rest)) if !rest.is_empty() && is_server(device.trim_start_matches('(')) => {
                return Some(format!("{device})/{rest}"));
            }
            _ => {}
        }
        _ = self.fail(code::BAD_FILENAME, &format!("invalid file name `{path}'"));
        None
    }

    /// A file's bytes; an error is pending if there are none.
    pub fn read(&mut self, path: &str, most: usize) -> Result<Option<Vec<u8>>, Stop> {
        let blocks = self.qualified(path).as_deref().and_then(blocks);
        let (full, read) = match blocks {
            Some((device, range)) => {
                let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
                let read =
                    if len > most { Err(HostError::TooLarge) } else { self.host.read_blocks(&device, range) };
                (path.to_string(), read)
            }
            None => {
                let Some(full) = self.qualified_file(path) else { return Ok(None) };
                let read = self.host.read(&full, most);
                (full, read)
            }
        };
        match read {
            Ok(bytes) => {
                self.sh.meter.step(bytes.len())?;
                Ok(Some(bytes))
            }
            Err(error) => {
                self.file_error(&full, &error);
                Ok(None)
            }
        }
    }

    /// Whether it is a file that can be loaded; an error is pending if it is not. Its path as the host knows it.
    pub fn existing_file(&mut self, path: &str) -> Option<String> {
        let full = self.qualified_file(path)?;
        match self.host.to_load(&full) {
            Ok(path) => Some(path),
            Err(error) => {
                self.file_error(&full, &error);
                None
            }
        }
    }

    /// Makes what the host said an error that is pending.
    pub fn file_error(&mut self, path: &str, error: &HostError) {
        let (device, file) =
            path.strip_prefix('(').and_then(|path| path.split_once(')')).unwrap_or(("", path));
        let (code, text) = match error {
            HostError::NotFound => (code::FILE_NOT_FOUND, format!("file `{file}' not found")),
            HostError::NoDevice => (code::UNKNOWN_DEVICE, format!("disk `{device}' not found")),
            HostError::NoFileSystem => (code::UNKNOWN_FS, "unknown filesystem".to_string()),
            HostError::NotAFile => (code::BAD_FILE_TYPE, "not a regular file".to_string()),
            HostError::Exists => (code::BAD_ARGUMENT, "device name already exists".to_string()),
            HostError::TooLarge => (code::FILE_READ_ERROR, format!("file `{file}' is too large")),
            HostError::Refused(why) => (code::ACCESS_DENIED, why.clone()),
            HostError::Failed(why) => (code::READ_ERROR, why.clone()),
        };
        _ = self.fail(code, &text);
    }
}

/// The device and the bytes of it that a block list of one piece means: `(hd0,gpt2)512+2`, in sectors of 512 bytes. SUSE's GRUB keeps what
/// it saves there, where btrfs leaves room for a boot loader.
pub(crate) fn blocks(full: &str) -> Option<(String, Range<u64>)> {
    let (device, list) = full.strip_prefix('(')?.split_once(')')?;
    let (first, count) = list.split_once('+')?;
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let (first, count) = (number(first)?, number(count)?);
    let end = first.checked_add(count)?.checked_mul(512)?;
    (count > 0).then(|| (device.to_string(), first * 512..end))
}

/// Whether a device is a server, by its name: `tftp,10.0.0.1`.
fn is_server(device: &str) -> bool {
    let kind = device.split_once(',').map_or(device, |(kind, _)| kind);
    matches!(kind, "tftp" | "http" | "https" | "pxe" | "nd")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_lists() {
        assert_eq!(blocks("(hd0,gpt2)512+2"), Some(("hd0,gpt2".to_string(), 262_144..263_168)));
        for not in [
            "512+2",
            "(hd0)/512+2",
            "(hd0)512",
            "(hd0)+2",
            "(hd0)+",
            "(hd0)1+0",
            "(hd0)1+2,5+1",
            "(hd0)-1+2",
            "(hd0)18446744073709551615+1",
        ] {
            assert_eq!(blocks(not), None, "{not}");
        }
    }
}
