//! Linux: disk images instead of disks, and instead of a boot the words that say what would be booted.

mod arguments;
mod disk;
mod raw;
mod report;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use pvgrub_handover::image::HostPages;
use pvgrub_handover::plan::Layout;
use pvgrub_menu::{Key, Look, Style};

use super::{Card, FoundDisks, Machine, Memory, Paper, StaticAddress};
use crate::console::Console;
use crate::keys::Keys;
use crate::load::Ready;
use crate::options::Options;
use crate::timings::Timings;
use arguments::{Arguments, Request};
use disk::FileDisk;
use raw::RawMode;

/// A page of memory, in bytes.
const PAGE: u64 = 4096;

/// The program as a Linux process.
pub struct Linux {
    arguments: Arguments,
    options: Options,
    given: Option<Vec<u8>>,
    started: Instant,
    /// Gives the terminal back its settings at the end.
    _raw: Option<RawMode>,
}

/// The name of disk number `n`, as Xen counts them: xvda … xvdz, xvdaa …
fn disk_name(n: usize) -> String {
    let last = char::from(b'a' + (n % 26) as u8);
    match n / 26 {
        0 => format!("xvd{last}"),
        more => format!("{}{last}", disk_name(more - 1)),
    }
}

/// Whether somebody sits at a terminal that knows escape sequences.
fn ansi() -> bool {
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !dumb
}

impl Machine for Linux {
    type Pages = HostPages;

    fn start() -> Result<Self, ExitCode> {
        let started = Instant::now();
        let arguments = match Arguments::parse(std::env::args().skip(1)) {
            Ok(Request::Run(arguments)) => arguments,
            Ok(Request::Print(text)) => {
                print!("{text}");
                return Err(ExitCode::SUCCESS);
            }
            Err(why) => {
                eprintln!("pvgrub: {why}\nTry: pvgrub --help");
                return Err(ExitCode::from(2));
            }
        };
        let given = arguments.menu.as_ref().map(|path| {
            std::fs::read(path).map_err(|why| {
                eprintln!("pvgrub: {}: {why}", path.display());
                ExitCode::from(2)
            })
        });
        let given = given.transpose()?;
        let options = Options::parse(arguments.extra.iter().map(String::as_str));
        let interactive = arguments.paper.is_none() && std::io::stdin().is_terminal();
        let raw = interactive.then(|| RawMode::enter(ansi())).flatten();
        Ok(Self { arguments, options, given, started, _raw: raw })
    }

    fn since_start(&self) -> Duration {
        self.started.elapsed()
    }

    fn options(&self) -> &Options {
        &self.options
    }

    fn ramdisk(&self) -> Option<&[u8]> {
        self.given.as_deref()
    }

    fn ramdisk_file(&self) -> Option<String> {
        self.arguments.menu.as_ref().map(|path| path.display().to_string())
    }

    fn paper(&self) -> Option<Paper> {
        self.arguments.paper
    }

    fn look(&self) -> Look {
        let plain = self.options.plain || self.arguments.plain || !ansi();
        let style = if plain { Style::Plain } else { Style::Screen };
        // A window gets another size while the menu is in it: Ctrl-L asks for it, as in a domain.
        let look = Look { style, asks: !plain, ..Look::default() };
        match rustix::termios::tcgetwinsize(rustix::stdio::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                Look { columns: size.ws_col.into(), rows: size.ws_row.into(), ..look }
            }
            _ => look,
        }
    }

    fn disks(&self, _again: bool, keys: &Rc<Keys>) -> FoundDisks {
        let mut found = FoundDisks::default();
        for (number, image) in self.arguments.disks.iter().enumerate() {
            let name = disk_name(number);
            match FileDisk::open(&name, image, keys) {
                Ok(disk) => found.disks.push((name, disk)),
                Err(why) => found.problems.push(why),
            }
        }
        found
    }

    /// The network is Linux's own: it fetches, but tells nothing of leases.
    fn has_cards(&self) -> bool {
        false
    }

    fn cards(&self) -> Vec<Card> {
        Vec::new()
    }

    fn card_problems(&self) -> Vec<String> {
        vec!["On Linux pvgrub uses Linux's own network, and asks no DHCP server.".into()]
    }

    fn set_up_card(&self, _name: &str, _address: Option<StaticAddress>) {}

    fn memory(&self) -> Memory {
        let bytes = self.arguments.memory;
        Memory { pages: bytes / PAGE, p2m_size: bytes / PAGE, free: bytes }
    }

    fn pages(&self, count: usize) -> Option<HostPages> {
        let fits = (count as u64).checked_mul(PAGE).is_some_and(|bytes| bytes <= self.arguments.memory);
        if fits { HostPages::new(count) } else { None }
    }

    fn quits(&self, key: Key) -> bool {
        matches!(key, Key::Char('q') | Key::Ctrl('c' | 'd'))
    }

    fn end_of_keys(&self, console: &mut Console) -> ExitCode {
        console.lines("\nNo more input, and nothing was chosen.");
        ExitCode::FAILURE
    }

    fn hand_over(
        &self,
        ready: Ready<HostPages>,
        console: &mut Console,
        timings: &Timings,
    ) -> Result<ExitCode, String> {
        let memory = self.memory();
        let initrd = ready.ramdisk.as_ref().map(|ramdisk| ramdisk.initrd);
        let layout = Layout::new(&ready.kernel.kernel, initrd, memory.pages, memory.p2m_size);
        let layout = layout.map_err(|why| why.to_string())?;
        if self.options.timings {
            console.lines(&timings.take());
        }
        console.lines(&report::report(&ready, &layout));
        Ok(ExitCode::SUCCESS)
    }

    fn stop(&self, again: bool, console: &mut Console) -> ExitCode {
        console.lines(if again {
            "The domain would be started anew now."
        } else {
            "The domain would be switched off now."
        });
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use super::disk_name;

    #[test]
    fn disk_names() {
        assert_eq!(
            [0, 25, 26, 51, 52, 701, 702].map(disk_name),
            ["xvda", "xvdz", "xvdaa", "xvdaz", "xvdba", "xvdzz", "xvdaaa"]
        );
    }
}
