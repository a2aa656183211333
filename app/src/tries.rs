//! Boot counting: an entry that is booted has one try less from then on, by the name of its file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pvgrub_fs::Volume;
use pvgrub_menu::Boot;
use pvgrub_menu::bls::{Tries, counted_names};

use crate::config::{self, Config};
use crate::machine::Machine;
use crate::session::Session;

/// Files that have another name than the menu knows: volume and path, to the path that they have now. An entry may be tried again, and an
/// image has several.
pub type Counted = BTreeMap<String, String>;

/// A path's directory, and its last name.
fn parts(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// An error, for the user, if this file's name can't be counted down on its volume, were it writable.
#[cfg(not(target_os = "hermit"))]
pub fn can_be_counted(volume: &Volume, path: &str) -> Result<(), String> {
    let names = counted_names(parts(path).1);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    volume.can_rename(path, &names).map(drop).map_err(|why| not_counted(&why))
}

fn not_counted(why: &pvgrub_fs::Error) -> String {
    format!("its tries are not counted down: {why}")
}

impl<M: Machine> Session<'_, M> {
    /// Counts the entry of `boot`, and gives what is to be booted then: an image that was counted has another name. That it can't be
    /// counted is said, and is no reason not to boot it.
    pub(super) fn count<'b>(&mut self, config: &Config<'_>, boot: &'b Boot) -> Cow<'b, Boot> {
        let Some(file) = boot.counter.as_ref().filter(|_| !self.machine.options().forced.keep_tries) else {
            return Cow::Borrowed(boot);
        };
        let on = |file| config::volume(file, config.home.volume(), self.sources.disks).ok();
        let (Some((volume, _)), counter) = (on(file), &file.path) else { return Cow::Borrowed(boot) };
        let here = on(&boot.kernel).is_some_and(|(kernel, _)| kernel.name == volume.name);
        let key = format!("{}:{counter}", volume.name);
        let before = self.counted.get(&key).unwrap_or(counter).clone();
        let (directory, name) = parts(&before);
        let names = counted_names(name);
        let now = match rename(volume, &before, &names) {
            // After its last try.
            None => before,
            Some(Ok(new)) => {
                let stem = new.rsplit_once('.').map_or(new, |(stem, _)| stem);
                let tries = Tries::of(stem).1.map_or(0, |tries| tries.left);
                self.console.lines(&format!("Its tries are counted: {new}, {tries} left"));
                format!("{directory}/{new}")
            }
            Some(Err(why)) => {
                self.console.lines(&not_counted(&why));
                // A write that failed may have been done all the same.
                let paths = names.iter().map(|name| format!("{directory}/{name}"));
                let mut paths = [before.clone()].into_iter().chain(paths);
                paths.find(|path| is_there(volume, path)).unwrap_or_else(|| before.clone())
            }
        };
        let mut boot = Cow::Borrowed(boot);
        if here && boot.kernel.path == *counter && now != *counter {
            boot.to_mut().kernel.path.clone_from(&now);
        }
        self.counted.insert(key, now);
        boot
    }
}

/// The name that it has now; `None`: there was nothing to count.
fn rename<'n>(volume: &Volume, path: &str, names: &'n [String]) -> Option<Result<&'n str, pvgrub_fs::Error>> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| volume.rename(path, &names))
}

fn is_there(volume: &Volume, path: &str) -> bool {
    volume.open().is_ok_and(|files| files.metadata(path).is_ok())
}
