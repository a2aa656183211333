//! Ends that are not clean, and the console under load.

use crate::say;
use alloc::format;
use core::hint::black_box;
use platform_xen::{console, mm};

/// Does what a word asks for, if it is one of ours.
pub fn end_by(word: &[u8]) {
    match word {
        b"panic" => panic!("as asked"),
        b"overflow" => say(&format!("{}", deeper(1))),
        b"write-code" => {
            // SAFETY: none: the write must not be possible.
            unsafe { (end_by as *const () as *mut u8).write_volatile(0xcc) };
            say("wrong: code was written");
        }
        b"run-data" => {
            let page = mm::PageBuf::zeroed(1).expect("a page");
            // SAFETY: none: the jump must not be possible.
            let function: extern "C" fn() = unsafe { core::mem::transmute(page.address().0) };
            function();
            say("wrong: data was run");
        }
        b"null" => {
            // SAFETY: none: nothing is mapped there.
            let value = unsafe { black_box(core::ptr::without_provenance::<u8>(8)).read_volatile() };
            say(&format!("wrong: {value} at address 8"));
        }
        b"flood" => {
            for i in 0..2000 {
                say(&format!("line {i} of a flood of lines, each of which must arrive"));
            }
        }
        b"keys" => keys(),
        _ => {}
    }
}

#[expect(unconditional_recursion, reason = "the point is to run over the end of the stack")]
fn deeper(n: u64) -> u64 {
    let room = black_box([n; 64]);
    deeper(n + 1) + black_box(room)[n as usize % 64]
}

fn keys() {
    say("type; q ends");
    let mut buf = [0; 16];
    loop {
        let n = console::read(&mut buf, None);
        say(&format!("typed {}", buf[..n].escape_ascii()));
        if buf[..n].contains(&b'q') {
            return;
        }
    }
}
