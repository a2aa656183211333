//! How menus name files: on a volume, on a server, by a URL.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use pvgrub_net::{Place, Server};

use crate::model::{Device, FileRef};
use crate::words::short;

/// `(hd0,0)`, `(nd)`, `(http,boot.example)`: what is between the parentheses.
pub(crate) fn device(word: &str) -> Result<Device, String> {
    let name = word.strip_prefix('(').and_then(|w| w.strip_suffix(')'));
    let name = name.filter(|n| !n.is_empty() && n.len() <= 300 && !n.contains(['(', ')', '/']));
    let Some(name) = name else {
        return Err(format!("`{}` is no device; one is written like (hd0,0)", short(word)));
    };
    if name == "nd" {
        return Ok(Device::Network);
    }
    match Server::parse_grub(name) {
        Some(Ok(server)) => Ok(Device::Server(Box::new(server))),
        Some(Err(why)) => Err(format!("`{}`: {why}", short(word))),
        None if name.len() <= 80 => Ok(Device::Name(name.to_owned())),
        None => Err(format!("`{}` is no device; one is written like (hd0,0)", short(word))),
    }
}

/// A file as menu.lst and a domain's `extra` name it: `(hd0,0)/boot/vmlinuz`, `http://boot.example/vmlinuz`, `/boot/vmlinuz` on
/// `root`, or `vmlinuz` beside the menu. The error is a sentence for the user.
pub fn file_ref(word: &str, root: Option<&Device>) -> Result<FileRef, String> {
    if word.contains("://") {
        let Place { server, path } = Place::parse(word).map_err(|why| {
            // There may be a password before the `@`.
            let shown = word.rsplit_once('@').map_or(word, |(_, rest)| rest);
            format!("`{}`: {why}", short(shown))
        })?;
        return Ok(FileRef { device: Some(Device::Server(Box::new(server))), path, digest: None });
    }
    let (device, path) = match word.find(')') {
        Some(end) if word.starts_with('(') => {
            let (name, path) = word.split_at(end + 1);
            (Some(device(name)?), path)
        }
        _ => (root.cloned(), word),
    };
    if path.contains('+') && !path.starts_with('/') {
        return Err(format!("`{}`: lists of blocks are not supported, only files", short(word)));
    }
    if path.is_empty() || path.starts_with('(') || (device.is_some() && !path.starts_with('/')) {
        return Err(format!("`{}` is no path: it must begin with / or (device)/", short(word)));
    }
    Ok(FileRef { device, path: path.to_owned(), digest: None })
}
