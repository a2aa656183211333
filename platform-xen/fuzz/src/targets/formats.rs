//! The other menus: the Boot Loader Specification, the Syslinux family; and unified kernel images.

use pvgrub_handover::image::{ImageError, Source, Uki};
use pvgrub_menu::MAX_ENTRIES;
use pvgrub_menu::bls::{Flavour, List, LoaderConf, counted_down, glob, version};
use pvgrub_menu::extlinux::{Config, Kind, Paths, display};

use crate::Target;
use crate::patch::take;

/// The maker of images that handover's tests use.
#[path = "../../../../handover/src/image/tests/pe.rs"]
#[allow(dead_code, missing_docs, unreachable_pub)]
mod pe;

/// loader/entries, loader.conf.
pub static BLS: Target = Target {
    name: "bls",
    what: "entries of the Boot Loader Specification, their names, loader.conf, patterns, versions",
    seeds: bls_seeds,
    run: bls,
    max_len: 4096,
    memory: 16 << 20,
    sources: &["menu/src/bls", "menu/src/text.rs"],
};

/// extlinux.conf and its kin.
pub static EXTLINUX: Target = Target {
    name: "extlinux",
    what: "extlinux.conf, syslinux.cfg, and what they include and show",
    seeds: extlinux_seeds,
    run: extlinux,
    max_len: 4096,
    memory: 32 << 20,
    sources: &["menu/src/extlinux", "menu/src/text.rs"],
};

/// Unified kernel images.
pub static UKI: Target = Target {
    name: "uki",
    what: "PE files with a kernel in them",
    seeds: uki_seeds,
    run: uki,
    max_len: 8192,
    memory: 16 << 20,
    sources: &["handover/src/image/uki.rs"],
};

/// Files are separated by a zero byte: name, text, name, text; before them, whose way it is.
fn bls_seeds() -> Vec<Vec<u8>> {
    let files: [&[u8]; 3] = [
        include_bytes!("../../../../menu/tests/menus/bls/fedora.conf"),
        include_bytes!("../../../../menu/tests/menus/bls/kernel-install.conf"),
        include_bytes!("../../../../menu/tests/menus/bls/arch.conf"),
    ];
    let names: [&[u8]; 3] = [b"0aa5-5.3.7-301.fc31.x86_64.conf", b"4098+3.conf", b"arch+0-03.conf"];
    let all =
        names.iter().zip(files).map(|(name, text)| [name, &b"\0"[..], text].concat()).collect::<Vec<_>>();
    (0..2).map(|flavour| [&[flavour], &all.join(&0)[..]].concat()).collect()
}

fn bls(mut data: &[u8]) {
    let [flavour] = take(&mut data);
    let vars = |name: &str| (!name.len().is_multiple_of(3)).then(|| name.repeat(name.len() % 7));
    let mut list = List::new(if flavour & 1 == 0 { Flavour::SystemdBoot } else { Flavour::Grub(&vars) });
    let mut parts = data.split(|byte| *byte == 0);
    let mut names = Vec::new();
    while let (Some(name), Some(text)) = (parts.next(), parts.next()) {
        let name = String::from_utf8_lossy(name).into_owned();
        list.add(&name, text);
        let _ = LoaderConf::parse(text);
        if let Some(next) = counted_down(&name) {
            assert!(next.len() >= name.len(), "{name} {next}");
        }
        names.push(name);
    }
    assert!(list.entries.len() <= MAX_ENTRIES);
    list.sort();
    for title in list.titles() {
        assert!(!title.chars().any(char::is_control), "{title:?}");
    }
    for entry in &list.entries {
        assert!(entry.image.path().starts_with('/'));
        assert!(entry.initrds.iter().all(|path| path.starts_with('/')));
        let options = entry.options.as_deref().unwrap_or_default();
        assert!(!options.chars().any(|c| c.is_control() && c != '\t'), "{options:?}");
        // Its own name finds an entry, unless it is a pattern.
        let own = if flavour & 1 == 0 { &entry.file[..] } else { &entry.file[..entry.file.len() - 5] };
        assert!(entry.file.contains(['*', '?', '[', '\\']) || list.find(own).is_some(), "{}", entry.file);
    }
    if let [a, b, ..] = &names[..] {
        for compare in [version::uapi, version::rpm] {
            assert!(compare(a, b) == compare(b, a).reverse(), "{a:?} {b:?}");
        }
        let _ = glob(a, b);
    }
}

/// A zero byte separates the configuration from what it includes.
fn extlinux_seeds() -> Vec<Vec<u8>> {
    let files: [&[u8]; 4] = [
        include_bytes!("../../../../menu/tests/menus/extlinux/alpine.conf"),
        include_bytes!("../../../../menu/tests/menus/extlinux/u-boot.conf"),
        include_bytes!("../../../../menu/tests/menus/extlinux/pxe.cfg"),
        include_bytes!("../../../../menu/tests/menus/extlinux/found.cfg"),
    ];
    files
        .iter()
        .map(|file| [&[0], *file, &b"\0label more\nkernel more\ninclude again\n"[..]].concat())
        .collect()
}

fn extlinux(mut data: &[u8]) {
    let [net] = take(&mut data);
    let (text, included) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(data.len()));
    let included = included.get(1..).unwrap_or_default();
    let paths = match net & 3 {
        0 => Paths::beside("/boot/extlinux/extlinux.conf"),
        1 => Paths::network("/srv"),
        2 => Paths::network("http://boot.example"),
        _ => Paths::network("tftp://boot.example/a/"),
    };
    display(data).iter().for_each(|line| assert!(!line.chars().any(char::is_control), "{line:?}"));
    let mut reads = 0;
    let mut read = |path: &str| {
        reads += 1;
        assert!(path.starts_with('/') || path.contains("://"), "{path:?}");
        if path.len().is_multiple_of(2) { Ok(included.to_vec()) } else { Err("none".to_owned()) }
    };
    let Ok(config) = Config::parse(text, &paths, &mut read) else { return };
    assert!(reads <= 64, "{reads} files");
    assert!(config.menus.iter().map(|menu| menu.items.len()).sum::<usize>() <= MAX_ENTRIES);
    assert!(config.start < config.menus.len() && config.menus.len() <= 256);
    for item in config.menus.iter().flat_map(|menu| &menu.items) {
        assert!(!item.title.chars().any(char::is_control), "{:?}", item.title);
        match &item.kind {
            Kind::Menu(menu) => assert!(*menu < config.menus.len()),
            Kind::Boot(boot) => {
                assert!(boot.kernel.starts_with('/') || boot.kernel.contains("://"), "{:?}", boot.kernel);
                assert!(!boot.args.chars().any(|c| c.is_control() && c != '\t'), "{:?}", boot.args);
            }
            _ => {}
        }
    }
    for choice in config.default.iter().chain(&config.on_timeout) {
        assert!(config.item(choice).is_some());
        assert!(!choice.args.chars().any(|c| c.is_control() && c != '\t'), "{:?}", choice.args);
    }
    let _ = config.wait();
}

fn uki_seeds() -> Vec<Vec<u8>> {
    let osrel: &[u8] = b"NAME=\"A \\\"B\"\nID=a\nVERSION_ID='1'\n";
    let plain: [(&str, &[u8]); 6] = [
        (".text", b"program"),
        (".osrel", osrel),
        (".cmdline", b"ro quiet\n\0"),
        (".ucode", b"u"),
        (".linux", b"kernel"),
        (".initrd", b"ramdisk"),
    ];
    let profiles: [(&str, &[u8]); 6] = [
        (".linux", b"kernel"),
        (".profile", b"ID=a\nTITLE=\"A\""),
        (".cmdline", b"a"),
        (".profile", b"ID=b"),
        (".linux", b"other"),
        (".uname", b"6.1"),
    ];
    vec![pe::uki(0x8664, &plain), pe::uki(0x8664, &profiles)]
}

/// A file that counts what is read of it.
struct Counting<'a>(&'a [u8], u64);

impl Source for Counting<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<(), String> {
        self.1 += buf.len() as u64;
        self.0.read_at(offset, buf)
    }
}

fn uki(data: &[u8]) {
    let mut file = Counting(data, 0);
    let result = Uki::read(&mut file);
    // Text of 64 profiles, and a table of 1,024 sections.
    assert!(file.1 <= (3 * 65 + 2) * (64 << 10) + (64 << 10), "{} bytes read", file.1);
    match result {
        Ok(image) => {
            assert!((1..=64).contains(&image.profiles.len()));
            for profile in &image.profiles {
                for range in profile.initrds.iter().chain([&profile.kernel]) {
                    assert!(range.start <= range.end && range.end <= data.len() as u64, "{range:?}");
                }
                assert!(!profile.cmdline.iter().any(|text| text.chars().any(char::is_control)));
            }
        }
        // Nothing is read beyond the end.
        Err(error) => assert!(!matches!(error, ImageError::Read { .. }), "{error}"),
    }
}
