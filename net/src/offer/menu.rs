//! Which menu a message names.

use alloc::format;
use alloc::string::String;

use super::{Offer, Option150};
use crate::words::clean;
use crate::{Place, Server};

/// What PXE loads: files with these endings or beginnings are no menus.
const ENDINGS: [&str; 13] = [
    ".0", ".efi", ".pxe", ".kpxe", ".kkpxe", ".kkkpxe", ".c32", ".com", ".n12", ".lkrn", ".ipxe", ".bin",
    ".gz",
];
const BEGINNINGS: [&str; 8] =
    ["pxelinux", "pxegrub", "pvgrub", "undionly", "vmlinuz", "bzimage", "bootx64", "wdsnbp"];

/// Names of PXELINUX (its doc/pxelinux.txt).
const PXELINUX: [&str; 3] = ["pxelinux.0", "lpxelinux.0", "gpxelinux.0"];

impl Offer {
    /// The menu that is named: by option 150 as text (GRUB 0.97), by option 209 with 210 before it (RFC 5071), or by the boot file. A
    /// URL is taken as it is, `(nd)/PATH` and a path are on [`server`](Offer::server), and servers are also read as GRUB 2 writes
    /// them. `None`: no menu is named.
    ///
    /// # Errors
    /// In words: the name is no place, or clearly that of a program that PXE loads.
    #[must_use]
    pub fn menu(&self) -> Option<Result<Place, String>> {
        if let Some(Option150::Menu(name)) = &self.option_150 {
            return Some(self.place("option 150", name));
        }
        if let Some(name) = &self.config_file {
            return Some(self.config(name));
        }
        let name = self.boot_file.as_ref()?;
        if is_program(name) {
            let why = "which is a program that PXE loads, and no menu";
            return Some(Err(format!("DHCP names the boot file {}, {why}", clean(name))));
        }
        Some(self.place("the boot file", name))
    }

    /// PXELINUX, if that is the boot file: no menu, but beside it, in `pxelinux.cfg`, there may be one for this machine.
    #[must_use]
    pub fn pxelinux(&self) -> Option<Place> {
        let name = self.boot_file.as_ref()?;
        let file = name.rsplit('/').next().unwrap_or(name);
        PXELINUX.contains(&file).then(|| self.place("the boot file", name).ok())?
    }

    fn config(&self, name: &str) -> Result<Place, String> {
        let prefix = self.path_prefix.as_deref().unwrap_or("");
        if is_url(prefix) && !is_url(name) {
            let joined = Place::parse(prefix).and_then(|base| base.join(name));
            return joined.map_err(|why| unusable("option 210", prefix, &why));
        }
        if name.starts_with(['/', '(']) || is_url(name) {
            return self.place("option 209", name);
        }
        self.place("options 210 and 209", &format!("{prefix}{name}"))
    }

    /// The place of this name, which `by` gives.
    fn place(&self, by: &str, name: &str) -> Result<Place, String> {
        if is_url(name) {
            return Place::parse(name).map_err(|why| unusable(by, name, &why));
        }
        let (server, path) = match name.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            None => (None, name),
            Some(("nd" | "tftp" | "pxe", path)) => (None, path),
            Some((device, path)) => match Server::parse_grub(device) {
                Some(server) => (Some(server.map_err(|why| unusable(by, name, &why))?), path),
                None => return Err(unusable(by, name, &"that is on no server")),
            },
        };
        let server = server.or_else(|| self.server());
        let server = server.ok_or_else(|| unusable(by, name, &"and no server that has it"))?;
        let place = server.file(path);
        // Dots, too, may leave nothing.
        if place.path.trim_matches('/').is_empty() { Err(unusable(by, name, &"no file")) } else { Ok(place) }
    }
}

pub fn unusable(by: &str, name: &str, why: &dyn core::fmt::Display) -> String {
    format!("DHCP names the menu {} by {by}: {why}", clean(name))
}

pub fn is_url(name: &str) -> bool {
    name.contains("://")
}

/// Whether the name is clearly not a menu's.
pub fn is_program(name: &str) -> bool {
    let path = if is_url(name) { name.split(['?', '#']).next().unwrap_or(name) } else { name };
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
    ENDINGS.iter().any(|ending| file.ends_with(ending))
        || BEGINNINGS.iter().any(|beginning| file.starts_with(beginning))
}
