//! Names of files, as Syslinux writes them.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::text::{short, usable};

/// What names in a configuration are relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// A directory: from the root, without a slash at its end; the root itself is empty. Or a URL of one.
    directory: String,
    /// The configuration is from a server.
    net: bool,
}

impl Paths {
    /// For a configuration on a disk: names are relative to its own directory (`doc/syslinux.txt`, `doc/extlinux.txt`).
    pub fn beside(config: &str) -> Self {
        Self { directory: parent(config).to_owned(), net: false }
    }

    /// For a configuration from a server: names are relative to the directory of the boot program, which is the one that has
    /// `pxelinux.cfg` in it (`doc/pxelinux.txt`). A path, or a URL, of that directory.
    pub fn network(directory: &str) -> Self {
        Self { directory: directory.trim_end_matches('/').to_owned(), net: true }
    }

    /// The same for another directory: what `CONFIG FILE DIRECTORY` does.
    #[must_use]
    pub fn at(&self, directory: &str) -> Self {
        Self { directory: directory.trim_end_matches('/').to_owned(), net: self.net }
    }

    /// The directory: a path without a slash at its end, or a URL.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Whether the configuration is from a server.
    pub fn is_network(&self) -> bool {
        self.net
    }

    /// A path from the root, or a URL. Backslashes are slashes; `::` in front, from the network, means the server's root, and
    /// `SERVER::` another server.
    pub fn resolve(&self, name: &str) -> Result<String, String> {
        let name = usable(name)?;
        if name.is_empty() {
            return Err("the name of a file is missing".to_owned());
        }
        if name.contains("://") {
            return Ok(name.to_owned());
        }
        if name.starts_with('(') {
            return Err(format!("`{}`: other disks can't be named in the way of Syslinux", short(name)));
        }
        if let Some((server, path)) = name.split_once("::").filter(|_| self.net) {
            return match server {
                "" => Ok(self.absolute(path)),
                _ => Ok(format!("tftp://{server}{}", normal(path))),
            };
        }
        let name = name.replace('\\', "/");
        if name.starts_with('/') {
            return Ok(self.absolute(&name));
        }
        let (origin, directory) = self.split();
        Ok(format!("{origin}{}", normal(&format!("{directory}/{name}"))))
    }

    fn absolute(&self, path: &str) -> String {
        format!("{}{}", self.split().0, normal(path))
    }

    /// What is before the path, if the directory is a URL; and the path.
    fn split(&self) -> (&str, &str) {
        let Some(host) = self.directory.find("://").map(|at| at + 3) else { return ("", &self.directory) };
        let slash = self.directory.get(host..).and_then(|rest| rest.find('/'));
        self.directory.split_at(slash.map_or(self.directory.len(), |at| host + at))
    }
}

/// The directory of a file: what is before its last slash.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// A path without `.`, `..` and doubled slashes, from the root: it doesn't climb above that.
fn normal(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_disk() {
        let paths = Paths::beside("/boot/extlinux/extlinux.conf");
        let of = |name: &str| paths.resolve(name).unwrap();
        assert_eq!(of("vmlinuz"), "/boot/extlinux/vmlinuz");
        assert_eq!(of("../vmlinuz"), "/boot/vmlinuz");
        assert_eq!(of("../../../../vmlinuz"), "/vmlinuz");
        assert_eq!(of("/live//./vmlinuz"), "/live/vmlinuz");
        assert_eq!(of("\\live\\vmlinuz"), "/live/vmlinuz");
        assert_eq!(of("http://boot.example/a"), "http://boot.example/a");
        assert_eq!(Paths::beside("/extlinux.conf").resolve("a").unwrap(), "/a");
        assert!(
            paths.resolve("").is_err()
                && paths.resolve("(hd0,1)/a").is_err()
                && paths.resolve("a\u{1}").is_err()
        );
    }

    #[test]
    fn on_a_server() {
        let paths = Paths::network("/srv/boot/");
        let of = |name: &str| paths.resolve(name).unwrap();
        assert_eq!(of("debian/linux"), "/srv/boot/debian/linux");
        assert_eq!(of("::debian/linux"), "/debian/linux");
        assert_eq!(of("192.0.2.1::debian/linux"), "tftp://192.0.2.1/debian/linux");
        assert_eq!(of("/debian/linux"), "/debian/linux");
        let paths = Paths::network("http://boot.example:81/srv");
        let of = |name: &str| paths.resolve(name).unwrap();
        assert_eq!(of("a/b"), "http://boot.example:81/srv/a/b");
        assert_eq!(of("../../a"), "http://boot.example:81/a");
        assert_eq!(of("/a"), "http://boot.example:81/a");
        assert_eq!(Paths::network("tftp://boot.example").resolve("a").unwrap(), "tftp://boot.example/a");
    }
}
