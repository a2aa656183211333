//! How long each step took, said on the console before the jump.

use core::fmt::{self, Write};

use pvgrub_handover::plan::{STEPS, Step};

use crate::hal::Nanos;
use crate::{console, time};

/// Times of the steps so far. Nothing is allocated.
pub struct Stopwatch {
    /// When each step began.
    began: [Nanos; STEPS.len()],
    steps: usize,
}

impl Stopwatch {
    /// None has begun.
    pub fn new() -> Stopwatch {
        Stopwatch { began: [Nanos(0); STEPS.len()], steps: 0 }
    }

    /// A step begins. Before the last, all is said: `timing: NAME N us`, as the program itself says its own stages.
    pub fn begins(&mut self, step: Step) {
        if let Some(slot) = self.began.get_mut(self.steps) {
            *slot = time::now();
            self.steps += 1;
        }
        if step != Step::Jump {
            return;
        }
        for (step, pair) in STEPS.iter().zip(self.began.windows(2)) {
            say(format_args!("timing: {} {} us\n", name(*step), (pair[1] - pair[0]).as_micros()));
        }
        say(format_args!("timing: total {} us\n", time::since_start().as_micros()));
    }
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Fill => "fill",
        Step::DropAliases => "protect",
        Step::PinNewRoot => "pin",
        Step::MachineToPhys => "m2p",
        Step::CloseOwnPorts => "ports",
        Step::ResetEvents => "events",
        Step::ResetVcpu => "vcpu",
        Step::Jump => "jump",
    }
}

/// Writes without allocating or waiting for other threads.
pub fn say(text: fmt::Arguments<'_>) {
    // A console that takes nothing is no reason not to go on.
    let _ = Out.write_fmt(text);
}

struct Out;

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console::emergency(text.as_bytes());
        Ok(())
    }
}
