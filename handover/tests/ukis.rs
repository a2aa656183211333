//! Real unified kernel images, in the directory `PVGRUB_TEST_UKIS`. Without it there is nothing to do:
//! `cargo xtask test` makes them by ukify and sets it.

use pvgrub_handover::image::{self, HostPages, Limits, Profile, Uki, Window};

const LIMITS: Limits = Limits { domain: 512 << 20, free: 400 << 20 };

fn kernel(mut bytes: &[u8], profile: &Profile) -> image::Loaded<HostPages> {
    let mut window = Window::new(&mut bytes, profile.kernel.start, profile.kernel.end);
    image::load(&mut window, LIMITS, &mut HostPages::new, &mut |_, _| {}).unwrap()
}

#[test]
fn they_hold_a_kernel_a_ramdisk_and_what_to_say_to_it() {
    let Some(dir) = std::env::var_os("PVGRUB_TEST_UKIS").map(std::path::PathBuf::from) else { return };
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let bytes = read("plain.efi");
    let plain = Uki::read(&mut &bytes[..]).unwrap();
    assert_eq!(plain.title.as_deref(), Some("Made by ukify"));
    assert_eq!((plain.version.as_deref(), plain.sort_key.as_deref()), (Some("13"), Some("debian")));
    let [profile] = &plain.profiles[..] else { panic!("{plain:?}") };
    assert_eq!(profile.cmdline.as_deref(), Some("root=/dev/xvda1 ro console=hvc0"));
    let [initrd] = &profile.initrds[..] else { panic!("{profile:?}") };
    assert_eq!(bytes[initrd.start as usize..initrd.end as usize], read("ramdisk"));
    let loaded = kernel(&bytes, profile);
    assert!(loaded.format.starts_with("bzImage"), "{}", loaded.format);
    println!("{}: {:?}, {}", plain.uname.as_deref().unwrap_or("?"), profile, loaded.format);

    let bytes = read("profiles.efi");
    let profiles = Uki::read(&mut &bytes[..]).unwrap().profiles;
    let about: Vec<_> =
        profiles.iter().map(|p| [p.id.as_deref(), p.title.as_deref(), p.cmdline.as_deref()]).collect();
    let expected = [
        // ukify puts this one in, for what all have.
        [Some("main"), None, Some("root=/dev/xvda1 ro console=hvc0")],
        [Some("rescue"), Some("Rescue it"), Some("single")],
        [Some("reset"), Some("Begin anew"), Some("reset")],
    ];
    assert_eq!(about, expected);
    kernel(&bytes, &profiles[1]);
}
