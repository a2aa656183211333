//! Directories that mkfs.fat and mtools made, with names of all lengths.

use crate::device::Device;
use crate::{load, names, rename};

const ALL: [&str; 3] = ["tries12", "tries16", "tries32"];
const ENTRIES: &str = "/loader/entries";

/// Names as boot counting has them: with both counters, or else with the first one alone.
fn counted(stem: &str, left: u32, done: u32) -> [String; 2] {
    [format!("{stem}+{left}-{done}.conf"), format!("{stem}+{left}.conf")]
}

#[test]
fn names_of_all_lengths_count_down() {
    for name in ALL {
        let device = Device::new(load(name), 512);
        let stems: Vec<String> = (1..=60).filter(|n| *n != 9).map(|n| "k".repeat(n)).collect();
        let (mut both, mut first_alone) = (0, 0);
        // All that changes is what is written, a sector each time.
        let mut image = device.bytes.borrow().clone();
        for stem in &stems {
            let mut now = format!("{stem}+3.conf");
            for done in 1..=3 {
                let mut expected = names(&device, ENTRIES);
                let place = expected.iter().position(|name| *name == now).unwrap();
                let text = content(&device, &now);
                device.writes.borrow_mut().clear();
                let wanted = counted(stem, 3 - done, done);
                let new =
                    rename(&device, &format!("{ENTRIES}/{now}"), &wanted.each_ref().map(|name| &**name));
                let Ok(new) = new else {
                    // +2-1 to +1-2: where one number is in another sector than the other.
                    assert!(now.contains('-') && device.writes.borrow().is_empty(), "{name}: {now}");
                    break;
                };
                if new == wanted[0] {
                    both += 1
                } else {
                    first_alone += 1
                }
                let writes = device.writes.borrow().clone();
                assert!(matches!(writes[..], [(_, 512)]) && device.flushed.get(), "{writes:?}");
                let sector = writes[0].0 as usize..writes[0].0 as usize + 512;
                image[sector.clone()].copy_from_slice(&device.bytes.borrow()[sector]);
                expected[place].clone_from(&new);
                assert_eq!(names(&device, ENTRIES), expected);
                assert_eq!(content(&device, &new), text);
                now = new;
            }
        }
        assert!(*device.bytes.borrow() == image);
        // Two lengths of 13 have no room for the second counter, and some few names lie in two sectors.
        assert!(both > first_alone * 3 && both + first_alone >= 3 * stems.len() - 6, "{both} {first_alone}");
        assert!(first_alone >= 2 * 3 * 4, "{first_alone}");
    }
}

fn content(device: &std::rc::Rc<Device>, name: &str) -> Vec<u8> {
    let files = crate::disks(device).volumes()[0].open().unwrap();
    files.open(&format!("{ENTRIES}/{name}")).unwrap().read_all(100).unwrap()
}

#[test]
fn images_count_down_too() {
    for (name, sector) in [("tries12", 512), ("tries16", 512), ("tries32", 512), ("tries32", 4096)] {
        let device = Device::new(load(name), sector);
        for n in 1..=60 {
            let stem = "k".repeat(n);
            let path = format!("/EFI/Linux/{stem}+10-00.efi");
            // Where ten and one lie in two sectors, there is no way.
            match rename(&device, &path, &[&format!("{stem}+09-01.efi")]) {
                Ok(new) => assert_eq!(new, format!("{stem}+09-01.efi")),
                Err(why) => assert!(why.to_string().contains("more than one sector"), "{why}"),
            }
        }
        let counted = names(&device, "/EFI/Linux").iter().filter(|name| name.contains("+09-01")).count();
        assert!(counted >= 58, "{name}: {counted}");
        assert_eq!(device.writes.borrow().len(), counted);
    }
}

/// What is asked of a dry run is what comes.
#[test]
fn a_dry_run_writes_nothing() {
    let device = Device::new(load("tries16"), 512);
    let disks = crate::disks(&device);
    let volume = disks.volumes()[0];
    let can = |stem: &str| {
        let names = counted(stem, 2, 1);
        let names = names.each_ref().map(|name| &**name);
        volume.can_rename(&format!("{ENTRIES}/{stem}+3.conf"), &names).map(str::to_owned)
    };
    assert_eq!(can("kkk").unwrap(), "kkk+2-1.conf");
    // 13 characters: two more need another entry.
    assert_eq!(can("kkkkkk").unwrap(), "kkkkkk+2.conf");
    assert!(can("missing").unwrap_err().to_string().contains("not found"));
    assert_eq!(*device.writes.borrow(), []);
}
