//! Names of disks, from their numbers (docs/man/xen-vbd-interface.7).

use alloc::format;
use alloc::string::String;

/// The name that Linux and people give to a virtual-device number: `xvda`, `xvdb3`, `hdc`, `sda1`. A number that the
/// interface does not define is `vbd-<number>`.
///
/// ```
/// use platform_xen::block::device_name;
///
/// assert_eq!(device_name(202 << 8), "xvda");
/// assert_eq!(device_name((202 << 8) | (1 << 4) | 3), "xvdb3");
/// assert_eq!(device_name((1 << 28) | (26 << 8)), "xvdaa");
/// ```
pub fn device_name(number: u32) -> String {
    let (kind, disk, partition) = match number {
        n if n >> 28 == 1 => ("xvd", (n >> 8) & 0xf_ffff, n & 0xff),
        n if n >> 8 == 202 => ("xvd", (n >> 4) & 15, n & 15),
        n if n >> 8 == 8 => ("sd", (n >> 4) & 15, n & 15),
        n if n >> 8 == 3 && n & 0xff < 128 => ("hd", (n >> 6) & 3, n & 63),
        n if n >> 8 == 22 && n & 0xff < 128 => ("hd", 2 + ((n >> 6) & 3), n & 63),
        n => return format!("vbd-{n}"),
    };
    let mut name = format!("{kind}{}", letters(disk));
    if partition > 0 {
        name += &format!("{partition}");
    }
    name
}

/// 0 is a, 25 is z, 26 is aa.
fn letters(mut disk: u32) -> String {
    let mut reversed = String::new();
    loop {
        reversed.push(char::from(b'a' + (disk % 26) as u8));
        disk /= 26;
        if disk == 0 {
            break;
        }
        disk -= 1;
    }
    reversed.chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_s_examples() {
        assert_eq!(device_name(202 << 8), "xvda");
        assert_eq!(device_name(51712), "xvda");
        assert_eq!(device_name(51713), "xvda1");
        assert_eq!(device_name((202 << 8) | (1 << 4) | 2), "xvdb2");
        assert_eq!(device_name((1 << 28) | (536 << 8) | 37), "xvdtq37");
        assert_eq!(device_name((1 << 28) | (25 << 8)), "xvdz");
        assert_eq!(device_name((1 << 28) | (26 << 8)), "xvdaa");
        assert_eq!(device_name((1 << 28) | (701 << 8)), "xvdzz");
        assert_eq!(device_name((1 << 28) | (702 << 8)), "xvdaaa");
        assert_eq!(device_name((8 << 8) | (1 << 4) | 3), "sdb3");
        assert_eq!(device_name((22 << 8) | 2), "hdc2");
        assert_eq!(device_name((3 << 8) | (1 << 6)), "hdb");
        assert_eq!(device_name((22 << 8) | (1 << 6) | 63), "hdd63");
        assert_eq!(device_name(2 << 28), "vbd-536870912");
        assert_eq!(device_name(0), "vbd-0");
        assert_eq!(device_name(u32::MAX), "vbd-4294967295");
    }
}
