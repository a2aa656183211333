//! Reading a kernel and what it needs into memory, up to the last point from where the menu can be shown again.

use std::rc::Rc;

use pvgrub_handover::image::{self, Limits, Loaded, PAGE};
use pvgrub_handover::plan::{Layout, check_cmdline};
use pvgrub_menu::Boot;
use pvgrub_menu::progress::Progress;

use crate::config::{Home, Sources};
use crate::console::Console;
use crate::input::{FileSource, Input};
use crate::keys::Keys;
use crate::machine::{Machine, Place};
use crate::open::List;
use crate::ramdisk::{Ramdisk, Wanted};
use crate::timings::Timings;
use crate::unified::{self, Opened};

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
    /// `xvda1:/boot/vmlinuz`, `http://boot.example/vmlinuz`
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
    pub sources: Sources<'a, 'a, M>,
    /// Where the menu is, for names without a device.
    pub home: &'a Home<'a>,
    /// What the entry's files must be.
    pub sums: Option<List>,
    /// The terminal's width.
    pub columns: usize,
    /// Whether each line that is written stays.
    pub plain: bool,
    /// Notes of the volumes that are used.
    pub notes: Vec<String>,
    /// How long things take.
    pub timings: &'a Timings,
}

impl<'a, M: Machine> Loader<'a, M> {
    /// Loads what `boot` says. Nothing is lost by a failure.
    pub fn load(mut self, boot: &'a Boot) -> Result<Ready<M::Pages>, Failure> {
        let cmdline = self.cmdline(&boot.args)?;
        let keys = self.keys();
        let ready = keys.breakable(|| self.open_and_read(boot, cmdline));
        ready.ok_or(Failure::Interrupted)?.map_err(Failure::Because)
    }

    /// The kernel's command line: what the menu says, and what dom0 adds.
    fn cmdline(&self, args: &str) -> Result<String, String> {
        let cmdline = self.machine.options().forced.add_to(args);
        check_cmdline(cmdline.as_bytes()).map_err(|why| why.to_string())?;
        Ok(cmdline)
    }

    fn open_and_read(&mut self, boot: &'a Boot, cmdline: String) -> Result<Ready<M::Pages>, String> {
        // All are opened first: a name that is wrong is known before time is spent on reading.
        let timings = self.timings;
        self.sums = boot.sums.as_ref().map(|file| self.sums(file)).transpose()?;
        let (file, kernel_file, digest) = timings.of("open", || self.open(&boot.kernel, false))?;
        let wanted = timings.of("open", || Wanted::open(boot, |file, often| self.open(file, often)))?;
        self.show_notes();
        let file = timings.of("fetch", || self.at_hand(file, &kernel_file, digest, "kernel"))?;
        match unified::open(file, &kernel_file, boot.profile, timings)? {
            Opened::Plain(file) => self.read(cmdline, &file, kernel_file, wanted),
            Opened::Unified(found) => {
                let args = if boot.args.is_empty() { &found.cmdline } else { &boot.args };
                let cmdline = self.cmdline(args)?;
                let wanted = wanted.after(found.initrds);
                self.read(cmdline, &found.kernel, found.kernel_file, wanted)
            }
        }
    }

    fn read(
        &mut self,
        cmdline: String,
        file: &Input<'_>,
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
        Ok(Ready { kernel, kernel_file, ramdisk, cmdline })
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

    fn kernel(&mut self, file: &Input<'_>, named: &Named) -> Result<Loaded<M::Pages>, String> {
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
