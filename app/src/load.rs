//! Reading a kernel and its initrd into memory, up to the last point from where the menu can be shown again.

use std::collections::BTreeMap;
use std::ops::DerefMut;

use pvgrub_fs::{Disks, File, Volume};
use pvgrub_handover::image::{self, Limits, Loaded, PAGE, Source};
use pvgrub_handover::plan::{Layout, check_cmdline};
use pvgrub_menu::progress::Progress;
use pvgrub_menu::{Boot, FileRef};

use crate::config;
use crate::console::Console;
use crate::machine::Machine;

/// The initrd is read in pieces of this size, so that progress can be shown.
const PIECE: usize = 4 << 20;

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
    /// The initrd: whole pages, zeroes after its end; and its file.
    pub initrd: Option<(P, Named)>,
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
    /// Notes of the volumes that are used, by their names.
    pub notes: BTreeMap<String, Vec<String>>,
}

impl<M: Machine> Loader<'_, M> {
    /// Loads what `boot` says. The error is for the user; nothing is lost by it.
    pub fn load(mut self, boot: &Boot) -> Result<Ready<M::Pages>, String> {
        if !boot.modules.is_empty() {
            return Err("`module` is not supported yet; a Linux initrd is named by `initrd`".into());
        }
        check_cmdline(boot.args.as_bytes()).map_err(|why| why.to_string())?;
        // Both are opened first: a name that is wrong is known before time is spent on reading.
        let (file, kernel_file) = self.open(&boot.kernel)?;
        let initrd = boot.initrd.as_ref().map(|initrd| self.open(initrd)).transpose()?;
        self.show_notes();

        let kernel = self.kernel(&*file, &kernel_file)?;
        let memory = self.machine.memory();
        let initrd_len = initrd.as_ref().map(|(_, named)| named.len);
        // Whether there is room for all of it is known before the initrd is read.
        Layout::new(&kernel.kernel, initrd_len, memory.pages, memory.p2m_size)
            .map_err(|why| format!("{}: {why}", kernel_file.name))?;
        let initrd = initrd.map(|(file, named)| self.initrd(&*file, named)).transpose()?;
        Ok(Ready { kernel, kernel_file, initrd, cmdline: boot.args.clone() })
    }

    fn open(&mut self, file: &FileRef) -> Result<(Box<dyn File>, Named), String> {
        let volume = config::volume(file, self.home, self.disks)?;
        let name = format!("{}:{}", volume.name, file.path);
        let files = volume.open().map_err(|why| why.to_string())?;
        self.notes.insert(volume.name.clone(), files.notes().to_vec());
        let file = files.open(&file.path).map_err(|why| format!("{name}: {why}"))?;
        let len = file.len();
        Ok((file, Named { name, len }))
    }

    /// What the user should know of the volumes that are used, for instance that a journal was not replayed.
    fn show_notes(&mut self) {
        for (volume, notes) in std::mem::take(&mut self.notes) {
            for note in notes {
                self.console.lines(&format!("{volume}: {note}"));
            }
        }
    }

    fn progress(&self, what: &str, len: u64) -> Progress {
        Progress::new(what, len, self.console.now(), self.columns, self.plain)
    }

    fn kernel(&mut self, file: &dyn File, named: &Named) -> Result<Loaded<M::Pages>, String> {
        let memory = self.machine.memory();
        let limits = Limits { domain: memory.pages.saturating_mul(PAGE), free: memory.free };
        let mut progress = self.progress("kernel", named.len);
        let mut done = 0;
        let mut show = |read: u64, _| {
            done = read;
            if let Some(text) = progress.update(read, self.console.now()) {
                self.console.write(&text);
            }
        };
        let mut pages = |pages| self.machine.pages(pages);
        let loaded = image::load(&mut KernelFile { file }, limits, &mut pages, &mut show);
        let end = progress.finish(done, self.console.now());
        self.console.write(&end);
        loaded.map_err(|why| format!("{}: {why}", named.name))
    }

    fn initrd(&mut self, file: &dyn File, named: Named) -> Result<(M::Pages, Named), String> {
        let count = usize::try_from(named.len.div_ceil(PAGE)).ok();
        let mut pages = count.and_then(|count| self.machine.pages(count)).ok_or_else(|| {
            let (need, free) = (named.len.div_ceil(1 << 20), self.machine.memory().free >> 20);
            format!("{} needs {need} MiB and {free} MiB are free: give the domain more memory", named.name)
        })?;
        let mut progress = self.progress("initrd", named.len);
        let mut done = 0;
        let result = self.read_pages(file, &named, &mut pages, &mut progress, &mut done);
        let end = progress.finish(done, self.console.now());
        self.console.write(&end);
        result.map(|()| (pages, named))
    }

    fn read_pages(
        &mut self,
        file: &dyn File,
        named: &Named,
        pages: &mut impl DerefMut<Target = [u8]>,
        progress: &mut Progress,
        done: &mut u64,
    ) -> Result<(), String> {
        let len = usize::try_from(named.len).unwrap_or(usize::MAX);
        let Some((bytes, rest)) = pages.split_at_mut_checked(len) else {
            return Err(format!("{}: its memory is too small", named.name));
        };
        rest.fill(0);
        for piece in bytes.chunks_mut(PIECE) {
            read_exactly(file, *done, piece).map_err(|why| format!("{}: {why}", named.name))?;
            *done += piece.len() as u64;
            if let Some(text) = progress.update(*done, self.console.now()) {
                self.console.write(&text);
            }
        }
        Ok(())
    }
}

/// Fills `buf`; a file that ends before is an error.
fn read_exactly(file: &dyn File, mut offset: u64, mut buf: &mut [u8]) -> Result<(), String> {
    while !buf.is_empty() {
        let read = file.read_at(offset, buf).map_err(|why| why.to_string())?;
        let rest = buf.get_mut(read..).filter(|_| read > 0);
        buf = rest.ok_or_else(|| format!("the file ends at byte {offset}, before its length"))?;
        offset = offset.saturating_add(read as u64);
    }
    Ok(())
}

/// A kernel's file as `image` reads it.
struct KernelFile<'a> {
    file: &'a dyn File,
}

impl Source for KernelFile<'_> {
    fn size(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), String> {
        read_exactly(self.file, offset, buf)
    }
}
