//! A FAT12 volume made here, byte by byte, so that what a directory with another name in it is like is known without the crate: one
//! that was made with that name.

use proptest::prelude::*;

use crate::device::Device;
use crate::{names, rename};

const SECTOR: usize = 512;
/// Reserved, FAT, root directory (512 entries), data, in sectors.
const ROOT: usize = 2 * SECTOR;
const SIZE: usize = 100 * SECTOR;
pub const SLOT: usize = 32;
const UNITS: [usize; 13] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// A short name that none of the long ones here is.
fn alias(n: usize) -> [u8; 11] {
    let mut alias = *b"ALIAS~00CON";
    alias[6..8].copy_from_slice(format!("{n:02}").as_bytes());
    alias
}

fn sum(alias: &[u8; 11]) -> u8 {
    let mut sum = 0u8;
    for byte in alias {
        sum = ((sum & 1) << 7).wrapping_add(sum >> 1).wrapping_add(*byte);
    }
    sum
}

/// The entries of an empty file with this name.
pub fn entries(n: usize, name: &str) -> Vec<u8> {
    let units: Vec<u16> = name.encode_utf16().collect();
    let parts = units.len().div_ceil(13);
    let mut bytes = Vec::new();
    for part in (0..parts).rev() {
        let mut slot = [0; SLOT];
        slot[0] = part as u8 + 1 + if part + 1 == parts { 0x40 } else { 0 };
        slot[11] = 0xf;
        slot[13] = sum(&alias(n));
        for (index, at) in UNITS.into_iter().enumerate() {
            let unit = match (part * 13 + index).cmp(&units.len()) {
                std::cmp::Ordering::Less => units[part * 13 + index],
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Greater => 0xffff,
            };
            slot[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        bytes.extend(slot);
    }
    let mut slot = [0; SLOT];
    slot[..11].copy_from_slice(&alias(n));
    slot[11] = 0x20;
    bytes.extend(slot);
    bytes
}

/// A volume with these bytes as its root directory.
pub fn volume(root: &[u8]) -> Vec<u8> {
    let mut image = vec![0; SIZE];
    image[..3].copy_from_slice(&[0xeb, 0x3c, 0x90]);
    image[11..13].copy_from_slice(&(SECTOR as u16).to_le_bytes());
    image[13] = 1;
    image[14] = 1;
    image[16] = 1;
    image[17..19].copy_from_slice(&512u16.to_le_bytes());
    image[19..21].copy_from_slice(&((SIZE / SECTOR) as u16).to_le_bytes());
    image[21] = 0xf8;
    image[22] = 1;
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    image[SECTOR..SECTOR + 3].copy_from_slice(&[0xf8, 0xff, 0xff]);
    image[ROOT..ROOT + root.len()].copy_from_slice(root);
    image
}

/// Three files: the middle one begins at this entry.
fn with(before: usize, name: &str) -> Vec<u8> {
    let mut root: Vec<u8> = std::iter::repeat_n([0xe5; SLOT], before).flatten().collect();
    root.extend(entries(1, "First and there+1.conf"));
    root.extend(entries(2, name));
    root.extend(entries(3, "last"));
    volume(&root)
}

fn name() -> impl Strategy<Value = String> {
    "[a-dA-D+0-9é]{1,20}(\\+[0-9]{1,3}){0,2}(-[0-9]{1,3}){0,1}\\.(conf|efi)"
}

/// Pairs that differ in much or little.
fn pair() -> impl Strategy<Value = (String, String)> {
    let counted =
        ("[a-z0-9. -]{0,60}x", 0..100u32, 0..30u32, any::<bool>()).prop_map(|(stem, left, done, both)| {
            let old = if both { format!("{stem}+{left}-{done}.conf") } else { format!("{stem}+{left}.conf") };
            (old, format!("{stem}+{}-{}.conf", left.saturating_sub(1), done + 1))
        });
    prop_oneof![(name(), name()), counted]
}

proptest! {
    #[test]
    fn it_is_as_if_made_so_or_as_before(before in 0usize..17, (old, new) in pair()) {
        let (image, made) = (with(before, &old), with(before, &new));
        let differs = |at: &usize| image[at * SECTOR..][..SECTOR] != made[at * SECTOR..][..SECTOR];
        let sectors: Vec<usize> = (0..SIZE / SECTOR).filter(differs).collect();
        let parts = |name: &str| name.encode_utf16().count().div_ceil(13);
        let possible = sectors.len() == 1 && parts(&old) == parts(&new);
        let device = Device::new(image.clone(), SECTOR);
        let done = rename(&device, &format!("/{old}"), &[&new]);
        prop_assert_eq!(done.is_ok(), possible, "{:?}", done);
        if possible {
            prop_assert!(*device.bytes.borrow() == made);
            prop_assert_eq!(&*device.writes.borrow(), &[((sectors[0] * SECTOR) as u64, SECTOR)]);
            prop_assert_eq!(names(&device, "/"), ["First and there+1.conf", &new, "last"]);
        } else {
            prop_assert!(*device.bytes.borrow() == image);
            prop_assert_eq!(device.writes.borrow().len(), 0);
        }
    }
}
