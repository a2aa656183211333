//! Any offer, any range, any lie at any moment.

use std::time::Duration;

use platform_xen::block::{Config, Transfer};
use platform_xen::hal::Hal;
use platform_xen_fake::peer::{Lie, Offer};
use proptest::prelude::*;

use crate::{aligned, setup};

fn any_offer() -> impl Strategy<Value = (Offer, Config)> {
    let shape = (any::<bool>(), 0u32..600, 0u32..5, 0u64..200_000, any::<bool>(), any::<bool>());
    let config = (any::<bool>(), 0u32..5, 1usize..600, 1usize..400, 3usize..300);
    (shape, config).prop_map(
        |(
            (persistent, indirect, ring_order, latency, shuffle, large),
            (p, order, segments, in_flight, bounce),
        )| {
            let sector_size = if large { 4096 } else { 512 };
            let offer =
                Offer { persistent, indirect, ring_order, latency, shuffle, sector_size, ..Offer::default() };
            let transfer = if p { Transfer::Persistent } else { Transfer::InPlace };
            let config = Config {
                transfer,
                ring_order: order,
                segments,
                in_flight_pages: in_flight,
                bounce_pages: bounce,
                ..Config::default()
            };
            (offer, config)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Any offer, any configuration, any range at any address: the right bytes, no others touched.
    #[test]
    fn any_read(
        (offer, config) in any_offer(),
        reads in prop::collection::vec((0u64..3_000_000, 0usize..700_000, 0usize..4096, any::<bool>()), 1..5),
    ) {
        let s = setup(offer, Lie::None, config);
        s.disk.connect().unwrap();
        let mut memory = aligned::<{ 1 << 20 }>();
        for (offset, len, start, nice) in reads {
            let round = |n: usize| if nice { n / 512 * 512 } else { n };
            let (offset, len, start) = (round(offset as usize) as u64, round(len), round(start));
            memory.0.fill(0xee);
            s.disk.read(offset, &mut memory.0[start..start + len]).unwrap();
            prop_assert!(memory.0[start..start + len] == s.contents.bytes(offset, len)[..]);
            prop_assert!(memory.0[..start].iter().chain(&memory.0[start + len..]).all(|byte| *byte == 0xee));
        }
        prop_assert_eq!(s.seen().bad_requests, [""; 0]);
        s.disk.quiesce().unwrap();
        s.assert_pristine();
    }

    /// Any lie at any moment: an answer or an error in bounded time, and the disk can be closed.
    #[test]
    fn any_lie(
        (offer, config) in any_offer(),
        lie in prop_oneof![
            (0u64..40).prop_map(Lie::SilentAfter), (0u64..40).prop_map(Lie::DeafAfter),
            (1u64..40).prop_map(Lie::VanishAt), (1u64..40).prop_map(Lie::CloseAt),
            any::<u64>().prop_map(Lie::Id), (0u64..1 << 22).prop_map(Lie::Id), any::<i16>().prop_map(Lie::Status),
            Just(Lie::Twice), Just(Lie::TooMany), Just(Lie::KeepsPages), Just(Lie::Scribbles),
        ],
    ) {
        let s = setup(offer, lie, config);
        s.disk.connect().unwrap();
        let before = s.machine.now();
        let mut buffer = aligned::<{ 1 << 20 }>();
        for _ in 0..3 {
            let _ = s.disk.read(0, &mut buffer.0);
        }
        buffer.0.fill(0x11);
        let _ = s.disk.quiesce();
        s.machine.settle();
        prop_assert!(buffer.0.iter().all(|byte| *byte == 0x11));
        prop_assert!(s.machine.now() - before < Duration::from_secs(200));
    }
}
