//! Any offer, any frames, any lie at any moment.

use std::time::Duration;

use platform_xen::hal::Hal;
use platform_xen::net::{Config, TxInfo};
use platform_xen_fake::peer::netback::{Frame, Lie, Offer, Raw};
use proptest::prelude::*;

use crate::{pattern, setup};

fn any_raw() -> impl Strategy<Value = Raw> {
    prop_oneof![
        4 => (0u16..5000, prop_oneof![Just(0u16), Just(4), Just(8), Just(12), 0u16..32], -3i16..4200)
            .prop_map(|(offset, flags, status)| Raw::Data { id: None, offset: offset.saturating_sub(4000), flags, status }),
        1 => any::<(Option<u16>, u16, u16, i16)>()
            .prop_map(|(id, offset, flags, status)| Raw::Data { id, offset, flags, status }),
        1 => any::<[u8; 8]>().prop_map(Raw::Extra),
        2 => (0u8..6, 0u8..3, any::<u8>(), 0u8..4).prop_map(|(kind, flags, size, of)| {
            Raw::Extra([kind, flags, size, 0, of, 0, 0, 0])
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Any frames both ways, in any order of steps: all arrive, in their order.
    #[test]
    fn any_frames(
        shuffle in any::<bool>(),
        (rx_most, tx_most) in (0usize..300, 0usize..300),
        steps in prop::collection::vec((0u8..4, 14usize..65_535, 1usize..4097, any::<bool>()), 1..60),
    ) {
        let config = Config { rx_most, tx_most, ..Config::default() };
        let s = setup(Offer { shuffle, ..Offer::default() }, Lie::None, config);
        s.nic.connect().unwrap();
        let (mut sent, mut due) = (Vec::new(), std::collections::VecDeque::new());
        for (i, (what, len, per_page, short)) in steps.into_iter().enumerate() {
            let bytes = pattern(i, if short { len.min(1514) } else { len });
            match what {
                0 => {
                    let per_page = per_page.max(bytes.len().div_ceil(36));
                    s.wire.inject(Frame { per_page, offset: 4096 - per_page, ..Frame::new(bytes.clone()) });
                    due.push_back(bytes);
                }
                1 => {
                    s.send(&bytes, TxInfo::default());
                    sent.push(Frame::new(bytes));
                }
                2 => {
                    s.nic.flush();
                    s.machine.settle();
                }
                _ => if let Some(bytes) = due.pop_front() {
                    prop_assert!(s.next().unwrap().0 == bytes);
                }
            }
        }
        for bytes in due {
            prop_assert!(s.next().unwrap().0 == bytes);
        }
        s.nic.quiesce().unwrap();
        prop_assert!(s.wire.take_sent() == sent);
        prop_assert_eq!(s.seen().bad, [""; 0]);
        s.assert_pristine();
    }

    /// Any slots: frames within their bounds, or an error, in bounded time; and the card can be closed.
    #[test]
    fn any_lie(
        chains in prop::collection::vec(prop::collection::vec(any_raw(), 1..70), 1..12),
        lie in prop_oneof![
            Just(Lie::None), Just(Lie::Silent), Just(Lie::Deaf), Just(Lie::Closes), Just(Lie::TxTwice),
            any::<u16>().prop_map(Lie::TxId), any::<i16>().prop_map(Lie::TxStatus), Just(Lie::Scribbles),
            Just(Lie::RxTooMany), Just(Lie::TxTooMany), Just(Lie::KeepsPages),
        ],
        at in 0usize..12,
    ) {
        let s = setup(Offer::default(), Lie::None, Config::default());
        s.nic.connect().unwrap();
        let before = s.machine.now();
        let mut frame = Vec::new();
        for (i, chain) in chains.into_iter().enumerate() {
            if i == at {
                s.wire.lie(lie.clone());
            }
            s.wire.inject_raw(chain);
            let _ = s.nic.send(&pattern(i, 14 + i * 3000), TxInfo::default());
            let _ = s.nic.ask_for_events();
            s.machine.settle();
            while let Ok(Some(info)) = s.nic.receive(&mut frame) {
                prop_assert!((14..=65_553).contains(&frame.len()));
                prop_assert!(info.gso_size != Some(0));
            }
        }
        s.wire.lie(Lie::None);
        let _ = s.nic.quiesce();
        s.machine.settle();
        prop_assert!(s.machine.now() - before < Duration::from_secs(100));
        prop_assert!(s.machine.live_pages() <= s.pages_before + 2 + 256);
    }
}
