//! Reading a kernel and what it needs into memory, up to the last point from where the menu can be shown again.

use std::rc::Rc;

use pvgrub_fs::{Disks, File, Volume};
use pvgrub_handover::image::{self, Limits, Loaded, PAGE, Source};
use pvgrub_handover::plan::{Layout, check_cmdline};
use pvgrub_menu::progress::Progress;
use pvgrub_menu::{Boot, FileRef};

use crate::config;
use crate::console::Console;
use crate::keys::Keys;
use crate::machine::{Machine, Place};
use crate::ramdisk::{Ramdisk, Wanted};
use crate::timings::Timings;

/// Why a load came to nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// Somebody broke it off.
    Interrupted,
    /// The reason is for the user.
    Because(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

impl From<&str> for Failure {
    fn from(why: &str) -> Self {
        Self::Because(why.into())
    }
}

/// A file for the handover: what it is called, and its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// `xvda1:/boot/vmlinuz`
    pub name: String,
    /// Bytes.
    pub len: u64,
}

/// Everything that the next kernel gets, in memory.
#[derive(Debug)]
pub struct Ready<P> {
    /// The kernel, loaded.
    pub kernel: Loaded<P>,
    /// Its file.
    pub kernel_file: Named,
    /// Its initrd or its modules.
    pub ramdisk: Option<Ramdisk<P>>,
    /// The command line.
    pub cmdline: String,
}

/// Where files are found and what shows the progress.
pub struct Loader<'a, M: Machine> {
    /// Gives the memory.
    pub machine: &'a M,
    /// Shows the progress.
    pub console: &'a mut Console,
    /// Where the files are.
    pub disks: &'a Disks,
    /// The volume of the menu, for names without a device.
    pub home: Option<&'a Volume>,
    /// The terminal's width.
    pub columns: usize,
    /// Whether each line that is written stays.
    pub plain: bool,
    /// Notes of the volumes that are used.
    pub notes: Vec<String>,
    /// How long things take.
    pub timings: &'a Timings,
}

impl<M: Machine> Loader<'_, M> {
    /// Loads what `boot` says. Nothing is lost by a failure.
    pub fn load(mut self, boot: &Boot) -> Result<Ready<M::Pages>, Failure> {
        check_cmdline(boot.args.as_bytes()).map_err(|why| why.to_string())?;
        // All are opened first: a name that is wrong is known before time is spent on reading.
        let timings = self.timings;
        let (file, kernel_file) = timings.of("open", || self.open(&boot.kernel))?;
        let wanted = timings.of("open", || Wanted::open(boot, |file| self.open(file)))?;
        self.show_notes();
        let keys = self.keys();
        let ready = keys.breakable(|| self.read(boot, &*file, kernel_file, wanted));
        ready.ok_or(Failure::Interrupted)?.map_err(Failure::Because)
    }

    fn read(
        &mut self,
        boot: &Boot,
        file: &dyn File,
        kernel_file: Named,
        wanted: Wanted<'_>,
    ) -> Result<Ready<M::Pages>, String> {
        let timings = self.timings;
        let kernel = timings.of("kernel", || self.kernel(file, &kernel_file))?;
        let memory = self.machine.memory();
        let wanted = wanted.for_kernel(&kernel.kernel.guest_os, timings)?;
        // Whether there is room for all of it is known before the initrd is read.
        let layout = Layout::new(&kernel.kernel, wanted.initrd(), memory.pages, memory.p2m_size)
            .map_err(|why| format!("{}: {why}", kernel_file.name))?;
        let place = layout.initrd.map(|initrd| Place {
            first: initrd.frames.first.0,
            rest: layout.scratch_pages() + kernel.zero_pages(),
        });
        let ramdisk = timings.of("initrd", || wanted.read(self, place))?;
        Ok(Ready { kernel, kernel_file, ramdisk, cmdline: boot.args.clone() })
    }

    fn open(&mut self, file: &FileRef) -> Result<(Box<dyn File>, Named), String> {
        let (volume, note) = config::volume(file, self.home, self.disks)?;
        let name = format!("{}:{}", volume.name, file.path);
        let files = volume.open().map_err(|why| why.to_string())?;
        for note in note.iter().chain(files.notes()) {
            let note = format!("{}: {note}", volume.name);
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        let file = files.open(&file.path).map_err(|why| format!("{name}: {why}"))?;
        let len = file.len();
        Ok((file, Named { name, len }))
    }

    /// What the user should know of the volumes that are used, for instance that a journal was not replayed.
    fn show_notes(&mut self) {
        self.notes.drain(..).for_each(|note| self.console.lines(&note));
    }

    /// The keys that may break off what is under way.
    pub fn keys(&self) -> Rc<Keys> {
        self.console.keys().clone()
    }

    fn progress(&self, what: &str, len: u64) -> Progress {
        Progress::new(what, len, self.console.now(), self.columns, self.plain)
    }

    fn kernel(&mut self, file: &dyn File, named: &Named) -> Result<Loaded<M::Pages>, String> {
        let memory = self.machine.memory();
        let limits = Limits { domain: memory.pages.saturating_mul(PAGE), free: memory.free };
        let (machine, timings) = (self.machine, self.timings);
        let mut pages = |pages| machine.pages(pages);
        self.showing("kernel", named.len, |show| {
            image::load(&mut FileSource { file, timings }, limits, &mut pages, &mut |done, _| show(done))
                .map_err(|why| format!("{}: {why}", named.name))
        })
    }

    /// Reads a file of `len` bytes by `read`, which says how many it has read so far: they are shown.
    pub fn showing<T>(
        &mut self,
        what: &str,
        len: u64,
        read: impl FnOnce(&mut dyn FnMut(u64)) -> Result<T, String>,
    ) -> Result<T, String> {
        let mut progress = self.progress(what, len);
        let mut last = 0;
        let result = read(&mut |done| {
            last = done;
            // So that it is known also where no disk is waited for.
            self.console.keys().is_broken_off();
            if let Some(text) = progress.update(done, self.console.now()) {
                self.console.write(&text);
            }
        });
        // Of a packed kernel not all is read: the last bytes of the file are no part of it.
        let done = if result.is_ok() { len } else { last };
        let end = progress.finish(done, self.console.now());
        self.console.write(&end);
        result
    }
}

/// Fills `buf`; a file that ends before is an error.
pub fn read_exactly(file: &dyn File, mut offset: u64, mut buf: &mut [u8]) -> Result<(), String> {
    while !buf.is_empty() {
        let read = file.read_at(offset, buf).map_err(|why| why.to_string())?;
        let rest = buf.get_mut(read..).filter(|_| read > 0);
        buf = rest.ok_or_else(|| format!("the file ends at byte {offset}, before its length"))?;
        offset = offset.saturating_add(read as u64);
    }
    Ok(())
}

/// A file as `image` reads it.
pub struct FileSource<'a> {
    /// The file.
    pub file: &'a dyn File,
    /// Count its reads as `kernel-read`.
    pub timings: &'a Timings,
}

impl Source for FileSource<'_> {
    fn size(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), String> {
        self.timings.of("kernel-read", || read_exactly(self.file, offset, buf))
    }

    fn read_ahead(&mut self, offset: u64, len: u64) {
        self.timings.of("kernel-read", || self.file.read_ahead(offset, usize::try_from(len).unwrap_or(0)));
    }
}
