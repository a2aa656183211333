//! The console's ring, whose other end writes anything into the page.

use core::mem::offset_of;
use std::time::Duration;

use platform_xen::console::reader::Reader;
use platform_xen::console::ring::ConsoleRing;
use platform_xen::hal::{Hal, HalRef, Port};
use platform_xen::shared::{PAGE, SharedMem, SharedPages};
use platform_xen_fake::peer::{Here, Machine};
use platform_xen_sys::console::XenconsInterface;

use crate::Target;
use crate::patch::take;
use crate::script::{Actor, Script, Stage};

/// The console.
pub static CONSOLE: Target = Target {
    name: "console",
    what: "the console's ring while somebody writes into it",
    seeds: || {
        let steps = |steps: &[u8], script: &[u8]| [&[steps.len() as u8], steps, script].concat();
        vec![
            steps(&[0, 100, 1, 20, 0, 255, 2, 0, 3, 0, 1, 255], &[]),
            steps(&[0, 255, 0, 255, 1, 9, 1, 200], &[3, 1, 2, 3, 1, 2, 3, 9, 4, 0, 0, 3, 1, 0]),
            steps(
                &[1, 20, 0, 20, 1, 20],
                &[0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff, 1, 2, 0, 0, 4, 65, 66, 67, 68],
            ),
        ]
    },
    run,
    max_len: 600,
    memory: 2 << 20,
    sources: &[
        "platform-xen/src/console/ring.rs",
        "platform-xen/src/console/reader.rs",
        "platform-xen/src/shared.rs",
    ],
};

/// The daemon.
struct Daemon {
    script: Script,
    page: SharedMem<'static>,
    port: Port,
}

impl Actor for Daemon {
    fn script(&mut self) -> &mut Script {
        &mut self.script
    }

    fn act(&mut self, machine: &Machine) {
        self.script.scribble(self.page);
        machine.raise(self.port.0);
    }
}

/// How long a reader is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

fn run(mut data: &[u8]) {
    let [steps] = take(&mut data);
    let (steps, script) = data.split_at(usize::from(steps).min(data.len()));
    let machine = Machine::new();
    let hal: HalRef = machine.clone();
    let pages = SharedPages::alloc(&hal, 2).expect("two pages");
    // The ring is told of the first page only; the second is to stay as it is.
    pages.window().write(PAGE, &[0xa5; PAGE]);
    // SAFETY: the first of two pages that live longer than this window, which nobody uses but by windows.
    let page = unsafe { SharedMem::new(pages.window().base(), PAGE) };
    let ring = ConsoleRing::new(page);
    let here = Here(machine.clone(), machine.open_port());
    let stage = Stage::open(&machine, Daemon { script: Script::new(script), page, port: here.1 });
    let mut reader = Reader::new();
    let mut buf = [0xee; 300];
    for step in steps.chunks(2) {
        let len = usize::from(step.get(1).copied().unwrap_or(1));
        match step[0] % 6 {
            0 => assert!(ring.put(&buf[..len]) <= len),
            1 => assert!(ring.take(&mut buf[..len]) <= len),
            4 => {
                let before = machine.now();
                reader.give(&ring, &buf[..len].repeat(9), PATIENCE, &here);
                let took = machine.now() - before;
                assert!(took < 4 * PATIENCE, "a reader held us up for {took:?}");
            }
            5 => {
                let before = machine.now();
                reader.drain(&ring, PATIENCE, &here);
                let took = machine.now() - before;
                assert!(took < 2 * PATIENCE, "a reader held us up for {took:?}");
            }
            2 => assert!(ring.unread().is_none_or(|n| n <= 2048)),
            _ => _ = ring.typed(),
        }
        assert!(buf[256..].iter().all(|byte| *byte == 0xee), "written beyond the buffer");
    }
    drop(stage);
    let mut after = [0; PAGE];
    pages.window().read(PAGE, &mut after);
    assert!(after.iter().all(|byte| *byte == 0xa5), "written beyond the ring");
    assert!(offset_of!(XenconsInterface, output) + 2048 < PAGE);
}
