//! Frames from one who means ill.

use platform_xen::tcpip::{Offloads, TxInfo};
use proptest::prelude::*;

use crate::net::{Faults, Net, random};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Frames that once were right, with bytes changed and lengths cut, among the right ones.
    #[test]
    fn frames_changed_at_random_do_no_harm(seed in any::<u64>(), trusted in any::<bool>()) {
        let mut net = Net::new(Faults::default(), Offloads::default());
        let (mut client, mut server, _listener) = net.connected("10.0.0.2:80");
        let mut spoiled = seed;
        for round in 0..60 {
            let _ = client.send(&mut net.stacks[0], &[round; 700]);
            let _ = server.send(&mut net.stacks[1], &[round; 300]);
            for lane in &net.lanes {
                let mut lane = lane.lock().unwrap();
                let copies: Vec<_> = lane.iter().cloned().collect();
                for (mut frame, _) in copies {
                    for _ in 0..1 + spoiled % 4 {
                        spoiled = spoiled.rotate_left(7) ^ random();
                        let at = 12 + spoiled as usize % (frame.len() - 12);
                        frame[at] = (spoiled >> 32) as u8;
                    }
                    if spoiled.is_multiple_of(5) {
                        frame.truncate(spoiled as usize % frame.len());
                    }
                    // As if a backend had sworn that its checksum is right.
                    lane.push_back((frame, TxInfo { checksum: trusted, segment: None }));
                }
            }
            net.step();
            let mut buf = [0; 4096];
            let _ = client.recv(&mut net.stacks[0], &mut buf, false);
            let _ = server.recv(&mut net.stacks[1], &mut buf, false);
        }
    }
}
