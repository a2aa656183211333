//! One test after another, each on a thread of its own.

use std::any::Any;
use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use test::{ShouldPanic, TestDesc, TestDescAndFn, TestFn};

/// The test that runs and wants to panic.
struct Expected {
    thread: ThreadId,
    message: Option<&'static str>,
    verdict: Sender<Result<(), String>>,
}

type Slot = Arc<Mutex<Option<Expected>>>;

/// What a test writes with `println!` and `eprintln!`: kept from the console, as libtest does.
type Output = Arc<Mutex<Vec<u8>>>;

/// Bytes of it that are worth the console's time when the test fails.
const SHOWN: usize = 2000;

/// Runs them from the `from`-th on, and says so at the end.
pub fn all(tests: &[&TestDescAndFn], from: usize) {
    let slot: Slot = Slot::default();
    install(slot.clone());
    println!("suite: {} tests, from {from}", tests.len());
    for test in &tests[from.min(tests.len())..] {
        print!("test {} ... ", test.desc.name);
        // A failure to print has nowhere to be told.
        let _ = io::stdout().flush();
        let begun = Instant::now();
        let outcome = run(test, &slot);
        let ms = begun.elapsed().as_millis();
        match outcome {
            Ok(()) => println!("ok ({ms} ms)"),
            Err(why) => println!("FAILED: {}", why.replace('\n', " ")),
        }
    }
    println!("suite: end of the list");
}

fn run(test: &TestDescAndFn, slot: &Slot) -> Result<(), String> {
    let function: Box<dyn FnOnce() -> Result<(), String> + Send> = match test.testfn {
        TestFn::StaticTestFn(function) => Box::new(function),
        // As `cargo test` does with a benchmark: once, to see that it works.
        TestFn::StaticBenchFn(function) | TestFn::StaticBenchAsTestFn(function) => {
            Box::new(move || test::bench::run_once(function))
        }
        _ => return Err("a kind of test that the compiler makes for no crate".into()),
    };
    let (verdict, outcome) = channel();
    let desc = test.desc.clone();
    let own = slot.clone();
    let output: Output = Output::default();
    let kept = output.clone();
    let body = move || {
        // The threads that it starts have the same. It stays with the thread.
        io::set_output_capture(Some(kept));
        let wants_panic = desc.should_panic != ShouldPanic::No;
        if wants_panic {
            let expected = Expected {
                thread: thread::current().id(),
                message: message(&desc),
                verdict: verdict.clone(),
            };
            *own.lock().unwrap_or_else(PoisonError::into_inner) = Some(expected);
        }
        let result = function();
        // The receiver waits for just this.
        let _ = verdict.send(if wants_panic { Err("it did not panic".into()) } else { result });
    };
    let runner = thread::Builder::new()
        .name(test.desc.name.to_string())
        .spawn(body)
        .map_err(|e| format!("no thread for it: {e}"))?;
    let result = outcome.recv().map_err(|_| "its thread is gone".to_owned()).and_then(|verdict| verdict);
    // A thread that has panicked is parked for good; any other ends now, and its thread-locals with it.
    if slot.lock().unwrap_or_else(PoisonError::into_inner).take().is_none() {
        runner.join().map_err(|_| "its thread panicked".to_owned())?;
    }
    if result.is_err() {
        show(&output);
    }
    result
}

/// Prints the end of what a test wrote.
fn show(output: &Output) {
    let output = output.lock().unwrap_or_else(PoisonError::into_inner);
    let end = &output[output.len().saturating_sub(SHOWN)..];
    println!("{}", String::from_utf8_lossy(end));
}

fn message(desc: &TestDesc) -> Option<&'static str> {
    match desc.should_panic {
        ShouldPanic::YesWithMessage(text) => Some(text),
        _ => None,
    }
}

/// Puts a hook before std's that lets the expected panic be, and shows what stands before another.
fn install(slot: Slot) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.as_mut() {
            Some(expected) if expected.thread == thread::current().id() => {
                let said = text(info.payload());
                let verdict = match expected.message {
                    Some(wanted) if !said.contains(wanted) => {
                        Err(format!("it panicked with {said:?}, without {wanted:?}"))
                    }
                    _ => Ok(()),
                };
                let _ = expected.verdict.send(verdict);
                drop(slot);
                loop {
                    thread::park();
                }
            }
            _ => {
                drop(slot);
                // std's message would go there too, and with the domain.
                if let Some(output) = io::set_output_capture(None) {
                    show(&output);
                }
                before(info);
            }
        }
    }));
}

fn text(payload: &dyn Any) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("Box<dyn Any>")
}
