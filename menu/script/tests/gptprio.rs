//! `gptprio.next`: which partition's turn it is.

mod common;

use common::{Fake, run};
use pvgrub_script::GptPartition;

const USR: &str = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6";

/// Partitions by type, priority, tries, and whether they came up well.
fn host(partitions: &[(&str, u64, u64, bool)]) -> Fake {
    let of = |(i, (system, priority, tries, successful)): (usize, &(&str, u64, u64, bool))| GptPartition {
        device: format!("hd0,gpt{}", i + 1),
        system: (*system).to_owned(),
        uuid: format!("uuid-{}", i + 1),
        attributes: priority << 48 | tries << 52 | u64::from(*successful) << 56 | 1,
    };
    Fake { gpt: partitions.iter().enumerate().map(of).collect(), ..Fake::default() }
}

/// What is chosen; and all that is said.
fn next(partitions: &[(&str, u64, u64, bool)]) -> String {
    let mut host = host(partitions);
    run(&mut host, "gptprio.next -d device -u uuid\necho $? $device $uuid");
    host.out
}

#[test]
fn the_highest_priority_that_may_be_started() {
    let other = "0fc63daf-8483-4772-8e79-3d69d8477de4";
    assert_eq!(next(&[(USR, 1, 0, true), (USR, 2, 0, true)]), "0 hd0,gpt2 uuid-2\n");
    assert_eq!(next(&[(USR, 2, 0, true), (USR, 1, 0, true)]), "0 hd0,gpt1 uuid-1\n");
    // Of two with the same the first.
    assert_eq!(next(&[(USR, 1, 0, true), (USR, 1, 0, true)]), "0 hd0,gpt1 uuid-1\n");
    // Never came up, and has no tries; is of another type; has no priority.
    assert_eq!(next(&[(USR, 1, 0, true), (USR, 2, 0, false)]), "0 hd0,gpt1 uuid-1\n");
    assert_eq!(next(&[(USR, 1, 0, true), (other, 2, 0, true)]), "0 hd0,gpt1 uuid-1\n");
    assert_eq!(next(&[(USR, 0, 0, true)]), "error: no such partition.\n12\n");
}

#[test]
fn tries_are_not_taken_away_and_that_is_said() {
    let keeps = "hd0,gpt2 keeps its tries (3): the partition table is not written.\n";
    assert_eq!(next(&[(USR, 1, 0, true), (USR, 2, 3, false)]), format!("{keeps}0 hd0,gpt2 uuid-2\n"));
}

#[test]
fn words() {
    let said = |text: &str| {
        let mut host = host(&[(USR, 1, 0, true)]);
        run(&mut host, text);
        host.out
    };
    assert_eq!(said("gptprio.next -d a"), "error: -d and -u are required.\n");
    assert_eq!(said("gptprio.next -d a -u b hd0 x"), "error: unexpected arguments.\n");
    assert_eq!(said("gptprio.next -d a -u b hd7"), "error: disk `hd7' not found.\n");
    assert_eq!(said("gptprio.next --set-device=a --set-uuid b hd0,gpt9; echo $a $b"), "hd0,gpt1 uuid-1\n");
}
