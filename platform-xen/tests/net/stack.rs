//! TCP/IP on a card whose backend leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use platform_xen::hal::Hal;
use platform_xen::tcpip::{Limits, NicLink, Setup, Stack, Waiter};
use platform_xen_fake::peer::netback::Offer;

use crate::{BACK, connected};

fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(1);
    STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
}

#[test]
fn without_a_backend_nothing_is_due_for_ever() {
    let s = connected(Offer::default());
    let limits = Limits { tcp_buffer: 4096, udp_buffer: 4096, most: 64 << 10, ending: 32 };
    let mut stack = Stack::new(limits, random, Waiter::new(|_| {}), s.machine.now());
    // It asks for an address, and nobody answers.
    stack.attach(Box::new(NicLink::new(Arc::new(s.nic))), Setup::parse("dhcp").unwrap());
    let polls = |stack: &mut Stack| {
        let until = s.machine.now() + std::time::Duration::from_secs(60);
        let mut polls = 0;
        while s.machine.now() < until {
            polls += 1;
            assert!(polls < 1000, "it is polled for ever");
            let now = s.machine.now();
            let next = stack.poll(now);
            if next.is_some_and(|next| next <= now) || stack.ask_for_events() {
                continue;
            }
            s.machine.wait(&stack.ports(), Some(next.unwrap_or(until).min(until)));
        }
        polls
    };
    assert!(polls(&mut stack) > 10);
    s.store.write(&format!("{BACK}/state"), 6);
    assert!(polls(&mut stack) > 10);
}
