//! Menus as people had them.

use pvgrub_menu::{
    Access, Blocked, Boot, Color, Colors, ConfigFile, Default, Device, FileRef, Menu, Target, TimeoutStyle,
};

fn parse(text: &[u8]) -> Menu {
    Menu::parse(text).unwrap()
}

fn on(device: &str, path: &str) -> FileRef {
    FileRef { device: Some(Device::Name(device.into())), path: path.into(), digest: None }
}

fn boot(menu: &Menu, entry: usize) -> &Boot {
    match &menu.entries[entry].target {
        Ok(Target::Boot(boot)) => boot,
        other => panic!("entry {entry}: {other:?}"),
    }
}

#[test]
fn debian() {
    let menu = parse(include_bytes!("samples/debian.lst"));
    assert_eq!(menu.notes, []);
    assert_eq!(menu.settings.default, Default::Entry(0));
    assert_eq!(menu.settings.timeout, Some(5));
    assert_eq!(menu.settings.colors, Some(Colors { normal: Color(0x13), highlight: Color(0x1f) }));
    let titles: Vec<&str> = menu.entries.iter().map(|e| e.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "Debian GNU/Linux, kernel 6.1.0-18-amd64",
            "Debian GNU/Linux, kernel 6.1.0-18-amd64 (single-user mode)",
            "Other operating systems:",
            "Windows"
        ]
    );
    let first = boot(&menu, 0);
    assert_eq!(first.kernel, on("hd0,0", "/boot/vmlinuz-6.1.0-18-amd64"));
    assert_eq!(first.args, "root=/dev/xvda1 ro console=hvc0");
    assert_eq!(first.initrds, [on("hd0,0", "/boot/initrd.img-6.1.0-18-amd64")]);
    assert_eq!(boot(&menu, 1).args, "root=/dev/xvda1 ro single");
    assert!(!menu.entries[0].saves && menu.entries[1].saves);
    assert_eq!(menu.entries[2].target, Err(Blocked::NoKernel));
    let Err(Blocked::Unsupported { line: 56, command, .. }) = &menu.entries[3].target else {
        panic!("{:?}", menu.entries[3].target)
    };
    assert_eq!(command, "chainloader");
}

#[test]
fn amazon() {
    let menu = parse(include_bytes!("samples/amazon.lst"));
    assert_eq!((menu.settings.timeout, menu.settings.timeout_style), (Some(1), TimeoutStyle::Countdown));
    let boot = boot(&menu, 0);
    assert_eq!(boot.kernel, on("hd0", "/boot/vmlinuz-4.9.58-18.51.amzn1.x86_64"));
    assert_eq!(boot.args, "root=LABEL=/ console=tty1 console=ttyS0 selinux=0");
}

#[test]
fn ubuntu() {
    let menu = parse(include_bytes!("samples/ubuntu.lst"));
    assert_eq!(menu.settings.default, Default::Saved);
    assert_eq!(menu.settings.fallback, [2, 1, 0]);
    assert_eq!(menu.settings.timeout, Some(0));
    let uuid = Some(Device::Uuid("b9c3f1f0-6a3e-4b0e-8d3d-2d8b2a1f7c11".into()));
    assert_eq!(boot(&menu, 0).kernel.device, uuid);
    assert_eq!(boot(&menu, 0).initrds[0].device, uuid);
    assert!(matches!(menu.entries[1].target, Err(Blocked::Locked { line: 13, command: "lock", .. })));
    assert!(matches!(menu.entries[2].target, Err(Blocked::Argument { line: 19, .. })));
}

#[test]
fn dom0() {
    let menu = parse(include_bytes!("samples/dom0.lst"));
    assert_eq!(menu.notes, []);
    assert_eq!(menu.settings.timeout, None);
    assert_eq!(
        menu.entries[0].target,
        Ok(Target::Config(ConfigFile { file: on("hd0,0", "/boot/grub/menu.lst"), ..ConfigFile::default() }))
    );
    let rescue = boot(&menu, 1);
    assert_eq!(rescue.kernel, on("hd1", "/rescue/vmlinuz"));
    assert_eq!(rescue.args.split_whitespace().collect::<Vec<_>>(), ["console=hvc0", "rescue"]);
    assert_eq!(rescue.initrds, [on("hd1", "/rescue/initrd.gz")]);
    assert_eq!(menu.entries[1].notes.len(), 3);
    let mach = boot(&menu, 2);
    assert_eq!(mach.initrds, []);
    assert_eq!(mach.modules.len(), 2);
    assert_eq!(mach.modules[0].file, on("hd0,gpt2", "/hurd/ext2fs.static"));
    assert_eq!(mach.modules[0].args, "/hurd/ext2fs.static ext2fs --readonly");
    assert_eq!(menu.entries[3].target, Ok(Target::Halt));
    assert_eq!(menu.entries[4].target, Ok(Target::Reboot));
}

#[test]
fn passwords() {
    let menu = parse(include_bytes!("samples/passwords.lst"));
    assert_eq!(menu.notes, []);
    assert_eq!(menu.settings.superusers, Some(vec![String::new()]));
    assert!(menu.settings.secrets[0].1.is("password"));
    assert_eq!(menu.settings.new_config, Some(on("hd0,0", "/boot/grub/admin.lst")));
    let access = [Access::Unrestricted, Access::Superusers, Access::Unrestricted];
    assert_eq!(menu.entries.iter().map(|entry| entry.access.clone()).collect::<Vec<_>>(), access);
    assert_eq!(menu.entries[2].passwords.len(), 2);
    assert_eq!(menu.entries[1].source, "lock\nroot (hd0,0)\nkernel /boot/rescue single\n");
}
