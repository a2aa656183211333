//! Opening the files that an entry names, on disks and on servers; and what they must be.

use pvgrub_menu::FileRef;
use pvgrub_net::{Digest, Place, Settings, Sums};

use crate::config;
use crate::input::{Input, Remote};
use crate::load::{Loader, Named};
use crate::machine::Machine;

/// Bytes of the longest list of digests.
const MAX_SUMS: u64 = 1 << 20;

/// A list of digests.
pub struct List {
    sums: Sums,
    /// Where it is, with the slash: names in it are relative to that.
    directory: String,
    /// `http://boot.example/SHA256SUMS`
    name: String,
}

impl<'a, M: Machine> Loader<'a, M> {
    /// Opens a file; of one on a server only the length is asked for. `often`: it will be read in any order.
    pub(super) fn open(
        &mut self,
        file: &FileRef,
        often: bool,
    ) -> Result<(Input<'a>, Named, Option<Digest>), String> {
        let (input, named) = match self.sources.network.place(file, self.home, self.console) {
            Some(place) => self.on_server(place?)?,
            None => self.on_disk(file)?,
        };
        let digest = self.digest(file, &named)?;
        let input = if often { self.at_hand(input, &named, digest, "module")? } else { input };
        Ok((input, named, digest))
    }

    fn on_server(&mut self, place: Place) -> Result<(Input<'a>, Named), String> {
        self.sources.network.await_address(&place.server, self.console)?;
        let settings = self.sources.network.settings();
        let name = place.to_string();
        let input = match pvgrub_net::length(&place, settings).map_err(|why| why.to_string())? {
            Some(len) => Input::Remote(Remote::new(place, len, settings)),
            None => {
                // It moves while it grows, and is to be unpacked.
                let most = self.machine.memory().free / 4;
                self.console.lines(&format!("Fetching {name}, whose length its server does not tell"));
                let settings = Settings { most: settings.most.min(most), ..*settings };
                let fetched = pvgrub_net::read_all(&place, &settings).map_err(|why| why.to_string())?;
                Input::Memory(fetched.0)
            }
        };
        let len = input.len();
        Ok((input, Named { name, len }))
    }

    fn on_disk(&mut self, file: &FileRef) -> Result<(Input<'a>, Named), String> {
        let (volume, note) = config::volume(file, self.home.volume(), self.sources.disks)?;
        let path = self.home.path(&file.path);
        let name = format!("{}:{path}", volume.name);
        let files = volume.open().map_err(|why| why.to_string())?;
        for note in note.iter().chain(files.notes()) {
            let note = format!("{}: {note}", volume.name);
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        let file = files.open(&path).map_err(|why| format!("{name}: {why}"))?;
        let len = file.len();
        Ok((Input::Disk(file), Named { name, len }))
    }

    /// What the file must be, if the menu says it.
    fn digest(&self, file: &FileRef, named: &Named) -> Result<Option<Digest>, String> {
        let Some(list) = self.sums.as_ref().filter(|_| file.digest.is_none()) else { return Ok(file.digest) };
        let beside = named.name.strip_prefix(&list.directory).unwrap_or(&named.name);
        list.sums.get(beside).map(Some).map_err(|why| format!("{}: {why} ({})", named.name, list.name))
    }

    /// Reads the list of digests.
    pub(super) fn sums(&mut self, file: &FileRef) -> Result<List, String> {
        let (input, named, digest) = self.open(file, false)?;
        if named.len > MAX_SUMS {
            return Err(format!(
                "{}: {} bytes, where at most {MAX_SUMS} are expected",
                named.name, named.len
            ));
        }
        let Input::Memory(bytes) = self.at_hand_always(input, &named, digest, "sums")? else {
            return Err("internal error: a list is not in memory".into());
        };
        let sums = Sums::parse(&bytes).map_err(|why| format!("{}: {why}", named.name))?;
        let directory = named.name.rfind('/').map_or("", |slash| &named.name[..=slash]).to_owned();
        Ok(List { sums, directory, name: named.name })
    }

    /// The same file, so that it can be read in any order, and is what it must be.
    pub(super) fn at_hand(
        &mut self,
        file: Input<'a>,
        named: &Named,
        digest: Option<Digest>,
        what: &str,
    ) -> Result<Input<'a>, String> {
        match (&file, digest) {
            (Input::Disk(_), None) | (Input::Memory(_), None) => Ok(file),
            _ => self.at_hand_always(file, named, digest, what),
        }
    }

    fn at_hand_always(
        &mut self,
        file: Input<'a>,
        named: &Named,
        digest: Option<Digest>,
        what: &str,
    ) -> Result<Input<'a>, String> {
        let (need, free) = (file.len(), self.machine.memory().free);
        let short = || {
            let (need, free) = (need.div_ceil(1 << 20), free >> 20);
            format!(
                "{}: {need} MiB are needed and {free} MiB are free: give the domain more memory",
                named.name
            )
        };
        let mut bytes = Vec::new();
        let len = usize::try_from(need).ok().filter(|_| need <= free).ok_or_else(short)?;
        bytes.try_reserve_exact(len).map_err(|_| short())?;
        bytes.resize(len, 0);
        let keys = self.keys();
        self.showing(what, need, |show| {
            file.read_whole(&mut bytes, digest, &mut |done| {
                show(done);
                if keys.is_broken_off() { Err("broken off".to_owned()) } else { Ok(()) }
            })
            .map_err(|why| if why.starts_with(&named.name) { why } else { format!("{}: {why}", named.name) })
        })?;
        Ok(Input::Memory(bytes))
    }
}
