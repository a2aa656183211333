//! What entries come to: kernels, other menus, refusals.

mod common;

use common::{Fake, run};
use pvgrub_script::{
    BlsEntry, Boot, By, Counters, Initrd, Limits, Module, Outcome, Secret, Shell, TimeoutStyle, grubenv,
};

fn host() -> Fake {
    Fake::new(&[
        ("/vmlinuz", "kernel"),
        ("/initrd", "ramdisk"),
        ("/micro", "code"),
        ("/boot/grub/grub.cfg", "set timeout=3\nmenuentry inner { linux /vmlinuz inner; }\n"),
    ])
}

/// What the first entry of a script comes to, and all that was printed.
fn first(text: &str) -> (Outcome, String) {
    let mut host = host();
    let (mut shell, outcome) = run(&mut host, text);
    assert_eq!(outcome, Outcome::Menu, "{}", host.out);
    let outcome = shell.run_entry(&mut host, 0, false);
    (outcome, host.out)
}

fn booted(text: &str) -> Boot {
    match first(text) {
        (Outcome::Boot(boot), _) => boot,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kernel_and_its_ramdisks() {
    let boot =
        booted("menuentry a { linux /vmlinuz root=/dev/xvda1 ro\n initrd /micro (hd0,msdos1)/initrd }");
    assert_eq!(boot.kernel, "(hd0,msdos1)/vmlinuz");
    assert_eq!((boot.command.as_str(), boot.args.as_str()), ("linux", "root=/dev/xvda1 ro"));
    let file = |path: &str| Initrd { file: format!("(hd0,msdos1){path}"), name: None };
    assert_eq!(boot.initrds, [file("/micro"), file("/initrd")]);
    let boot = booted("menuentry a { linuxefi /vmlinuz; initrdefi newc:etc/x:/initrd; devicetree /a.dtb }");
    assert_eq!(boot.initrds[0], Initrd { file: "(hd0,msdos1)/initrd".into(), name: Some("etc/x".into()) });
    assert_eq!(boot.devicetree.as_deref(), Some("/a.dtb"));
    let boot = booted(
        "menuentry a { linux16 /vmlinuz; module --nounzip /micro a 'b c'; module /initrd; boot; echo no }",
    );
    let module = |file: &str, args: &str, nounzip| Module { file: file.into(), args: args.into(), nounzip };
    let want = [module("(hd0,msdos1)/micro", "a \"b c\"", true), module("(hd0,msdos1)/initrd", "", false)];
    assert_eq!(boot.modules, want);
}

#[test]
fn the_command_line_is_quoted_as_grub_does() {
    let line = |text: &str| booted(&format!("menuentry a {{ linux /vmlinuz {text} }}")).args;
    assert_eq!(line("a 'b c' d"), "a \"b c\" d");
    assert_eq!(line(r#"'q"q' "it's" a\\b"#), r#"q\"q it\'s a\\b"#);
    assert_eq!(line(r"'\x41\xzz' $none '' end"), r"\x41\\xzz  end");
    assert_eq!(line("x=$grub_cpu,\"$root\""), "x=x86_64,hd0,msdos1");
}

#[test]
fn a_verbatim_command_line_is_as_it_stands() {
    let line = |text: &str| booted(&format!("menuentry a {{ linux --verbatim /vmlinuz {text} }}")).args;
    assert_eq!(line(r#"'a="b c"  \x\41 $root' "it's" d"#), r#"a="b c"  \x\41 $root it's d"#);
    assert_eq!(line(""), "");
    // Behind the file it is an argument like any other.
    assert_eq!(booted("menuentry a { linux /vmlinuz --verbatim '\"' }").args, r#"--verbatim \""#);
}

#[test]
fn a_kernel_that_is_not_there() {
    let (outcome, out) = first("menuentry a { linux /none; initrd /initrd }");
    assert_eq!(outcome, Outcome::Failed("file `/none' not found".into()));
    assert_eq!(out, "error: file `/none' not found.\nerror: you need to load the kernel first.\n");
    // A second one may be.
    assert_eq!(booted("menuentry a { if ! linux /none; then linux /vmlinuz b; fi }").args, "b");
    // What was loaded is forgotten when the next one is not there.
    assert!(matches!(first("menuentry a { linux /vmlinuz; linux /none; true }").0, Outcome::Failed(_)));
    // The last command decides whether it is booted.
    assert!(matches!(first("menuentry a { linux /vmlinuz; false }").0, Outcome::Back | Outcome::Failed(_)));
    assert!(
        matches!(first("menuentry a { linux (hd9)/vmlinuz }").0, Outcome::Failed(why) if why == "disk `hd9' not found")
    );
    assert!(
        matches!(first("menuentry a { linux /boot }").0, Outcome::Failed(why) if why == "not a regular file")
    );
    assert!(matches!(first("menuentry a { initrd /initrd }").0, Outcome::Failed(_)));
    assert!(matches!(
        first("menuentry a { linux /vmlinuz; initrd /initrd; initrd /micro }").0,
        Outcome::Failed(_)
    ));
}

/// What changes nothing is not told as an error: layouts of keyboards, SUSE's entry that is not seen.
#[test]
fn words_that_change_nothing() {
    let text = "keymap fr\nhiddenentry 'Text mode' --hotkey 't' {\n  set textmode=true\n}\n\
                btrfs-mount-subvol ($root) /boot/grub2/x86_64-efi @/x\nterminfo serial\nmenuentry a { net_bootp; linux /vmlinuz }";
    let (outcome, out) = first(text);
    assert!(matches!(outcome, Outcome::Boot(_)) && out.is_empty(), "{outcome:?} {out}");
}

#[test]
fn what_a_guest_cant_do_is_refused_by_name() {
    for (command, why) in [
        ("chainloader +1", "`chainloader`: a Xen PV domain has no boot sector to run"),
        (
            "multiboot2 /vmlinuz; module2 /initrd",
            "`multiboot2`: a Xen domain is a guest, it can't start a hypervisor or a multiboot system",
        ),
        ("cryptomount -a", "`cryptomount`: encrypted disks are not supported"),
        ("fwsetup", "`fwsetup`: a Xen PV domain has no firmware"),
    ] {
        assert_eq!(first(&format!("menuentry a {{ {command} }}")).0, Outcome::Failed(why.into()));
    }
    // With a kernel besides, that is booted.
    assert_eq!(booted("menuentry a { fwsetup; linux /vmlinuz }").kernel, "(hd0,msdos1)/vmlinuz");
    assert_eq!(
        booted("menuentry a { terminal_output gfxterm; play 1 2; linux /vmlinuz }").kernel,
        "(hd0,msdos1)/vmlinuz"
    );
}

/// The texts and the values of `$?` are GRUB 2.06's (grub-core/disk/loopback.c).
#[test]
fn a_device_made_of_a_file() {
    let boot = booted(
        "menuentry a { set i=/initrd; loopback loop $i; set root=(loop); linux /vmlinuz; initrd (loop)/initrd }",
    );
    assert_eq!(boot.kernel, "(loop)/vmlinuz");
    assert_eq!(boot.initrds[0].file, "(loop)/initrd");
    for (commands, why) in [
        ("loopback", "device name required"),
        ("loopback -d", "device name required"),
        ("loopback a", "filename expected"),
        ("loopback a initrd", "invalid file name `initrd'"),
        ("loopback a /none", "file `/none' not found"),
        ("loopback a (hd7)/initrd", "disk `hd7' not found"),
        ("loopback a /boot", "not a regular file"),
        ("loopback a /initrd; loopback a /vmlinuz", "device name already exists"),
        ("loopback -d a", "device not found"),
        ("loopback a /initrd; loopback --delete a; linux (a)/vmlinuz", "disk `a' not found"),
        ("loopback -D a /initrd", "only a file that is not packed can be a device here"),
        ("loopback -x a /initrd", "unknown argument `-x'"),
    ] {
        assert_eq!(
            first(&format!("menuentry a {{ {commands} }}")).0,
            Outcome::Failed(why.into()),
            "{commands}"
        );
    }
    let status = |commands: &str| {
        let mut host = host();
        run(&mut host, &format!("{commands}; echo $?"));
        host.out.lines().last().map(str::to_owned)
    };
    assert_eq!(status("loopback a /initrd; loopback a /initrd").as_deref(), Some("18"));
    assert_eq!(status("loopback -d a").as_deref(), Some("13"));
    assert_eq!(status("loopback a /none").as_deref(), Some("5"));
    // As in GRUB the device is not the entry's: chosen again, the line fails, and what is behind it boots.
    let mut host = host();
    let (mut shell, _) = run(&mut host, "menuentry a { loopback loop /initrd; linux (loop)/vmlinuz }");
    for errors in [0, 1] {
        assert!(matches!(shell.run_entry(&mut host, 0, false), Outcome::Boot(_)));
        assert_eq!(shell.take_errors().len(), errors);
    }
    assert_eq!(host.loops["loop"], "(hd0,msdos1)/initrd");
}

#[test]
fn other_ends() {
    assert_eq!(first("menuentry a { halt; echo no }").0, Outcome::Halt);
    assert_eq!(first("menuentry a { reboot }").0, Outcome::Reboot);
    assert_eq!(first("menuentry a { exit }").0, Outcome::Exit);
    assert_eq!(first("menuentry a { true }").0, Outcome::Back);
    let mut host = host();
    assert_eq!(run(&mut host, "echo a").1, Outcome::Back);
    let (_, outcome) = run(&mut host, "linux /vmlinuz a b\ninitrd /initrd\nboot\necho no\n");
    assert!(matches!(outcome, Outcome::Boot(boot) if boot.args == "a b"));
}

#[test]
fn menus_within_menus() {
    let mut host = host();
    let text = "set x=1\nset y=2\nexport y\nset timeout=9\nsubmenu S { set timeout=1\n menuentry in { linux /vmlinuz $chosen $y$x } }\nmenuentry after { true; }";
    let (mut shell, _) = run(&mut host, text);
    assert_eq!((shell.entries().len(), shell.settings().timeout), (2, Some(9)));
    assert!(shell.entries()[0].submenu);
    assert_eq!(shell.run_entry(&mut host, 0, false), Outcome::Menu);
    assert_eq!((shell.levels(), shell.entries().len(), shell.settings().timeout), (2, 1, Some(1)));
    assert!(matches!(shell.run_entry(&mut host, 0, false), Outcome::Boot(boot) if boot.args == "S>in 2"));
    // Back in the submenu, as after a kernel that could not be read.
    assert_eq!(shell.levels(), 2);
    assert_eq!(shell.get("chosen").as_deref(), Some("S"));
    assert!(shell.leave());
    // An entry that was run takes the timeout away.
    assert_eq!((shell.levels(), shell.entries().len(), shell.settings().timeout), (1, 2, None));
    assert_eq!((shell.get("chosen"), shell.get("x").as_deref()), (None, Some("1")));
    assert!(!shell.leave());
}

#[test]
fn the_file_that_only_names_another() {
    let mut host = host();
    let text = "search.fs_uuid 5b1f9f8e-3f27-4b0c-9a55-2f3c7d1e0a42 root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\necho no\n";
    let (mut shell, outcome) = run(&mut host, text);
    assert_eq!((outcome, host.out.as_str()), (Outcome::Menu, ""));
    assert_eq!((shell.entries()[0].title.as_str(), shell.settings().timeout), ("inner", Some(3)));
    // Nothing is beneath it.
    assert!(!shell.leave());
    assert!(matches!(shell.run_entry(&mut host, 0, true), Outcome::Boot(boot) if boot.args == "inner"));
    let (shell, outcome) = run(&mut host, "normal\n");
    assert_eq!((outcome, shell.entries().len()), (Outcome::Menu, 1));
}

#[test]
fn an_id_may_begin_with_a_digit() {
    let text =
        "menuentry a --id 1x { true; }\nmenuentry b --id 5d0c-6.5 { true; }\nmenuentry c --id 1 { true; }\n";
    for (default, entry) in [("5d0c-6.5", 1), ("1x", 0), ("1", 1), ("1>x", 1), ("c", 2), ("2nonsense", 2)] {
        let (shell, _) = run(&mut host(), &format!("set default=\"{default}\"\n{text}"));
        assert_eq!(shell.settings().default, entry, "{default}");
    }
}

#[test]
fn entries_and_settings() {
    let text = "set default=two\nset timeout=0x10\nset timeout_style=countdown\nset menu_color_normal=cyan/blue\nset superusers=\"root,x\"\n\
                password root secret\npassword_pbkdf2 x grub.pbkdf2.sha512.1.AA.BB\n\
                menuentry one --class a --class b --hotkey=f2 --users x,y --id i { echo 1; }\n\n\n  menuentry two --unrestricted arg {\n true\n}\nmenuentry t {false;}\n";
    let (shell, _) = run(&mut host(), text);
    let settings = shell.settings();
    assert_eq!((settings.default, settings.timeout, settings.style), (1, Some(16), TimeoutStyle::Countdown));
    assert_eq!(settings.menu_color_normal.as_deref(), Some("cyan/blue"));
    assert_eq!(settings.superusers.as_deref(), Some("root,x"));
    assert_eq!(shell.secret("root"), Some(&Secret::Plain("secret".into())));
    assert_eq!(shell.secret("x"), Some(&Secret::Pbkdf2("grub.pbkdf2.sha512.1.AA.BB".into())));
    let [one, two, three] = shell.entries() else { panic!() };
    assert_eq!(
        (one.id.as_str(), one.classes.join(" ").as_str(), one.hotkey.as_deref()),
        ("i", "a b", Some("f2"))
    );
    assert_eq!([&one.users, &two.users, &three.users], [&Some("x,y".into()), &None, &Some(String::new())]);
    assert_eq!((two.line, two.args.join(" ").as_str(), two.id.as_str()), (11, "two arg", "two"));
    assert_eq!(two.source, "setparams 'two' 'arg'\n\n true\n");
    assert_eq!(three.file, "(hd0,msdos1)/boot/grub/grub.cfg");
}

#[test]
fn timeouts() {
    for (text, want) in [
        ("", None),
        ("set timeout=0", Some(0)),
        ("set timeout=-1", None),
        ("set timeout=x", None),
        ("set timeout=5s", Some(5)),
    ] {
        assert_eq!(run(&mut host(), text).0.settings().timeout, want, "{text}");
    }
}

#[test]
fn errors_say_where() {
    let mut host = host();
    let (mut shell, _) = run(&mut host, "echo a\nfor x\nmenuentry a {\n true\n nonsense\n}\n");
    let errors = shell.take_errors();
    assert_eq!(
        errors[0].to_string(),
        "(hd0,msdos1)/boot/grub/grub.cfg, line 2: expected `in`, found the end of the line"
    );
    shell.run_entry(&mut host, 0, false);
    assert_eq!(shell.take_errors()[0].line, 5);
}

#[test]
fn a_blocks_variables_are_saved() {
    let mut block = grubenv::SIGNATURE.to_vec();
    block.extend(*b"saved_entry=old\nnext=x\n");
    block.resize(1024, b'#');
    let mut host = host();
    host.files.insert("/boot/grub/grubenv".into(), block);
    run(
        &mut host,
        "load_env\nset saved_entry=\"new $saved_entry\"\nunset next\nset big=1\nsave_env saved_entry next big\necho $?\n",
    );
    let [(path, written)] = host.written.as_slice() else { panic!("{}", host.out) };
    assert_eq!((path.as_str(), written.len()), ("(hd0,msdos1)/boot/grub/grubenv", 1024));
    let pairs: Vec<_> = grubenv::Block::parse(written.clone()).unwrap().iter().collect();
    assert_eq!(pairs, [("saved_entry".to_owned(), "new old".to_owned()), ("big".to_owned(), "1".to_owned())]);
}

#[test]
fn entries_of_the_boot_loader_specification() {
    let mut host = host();
    host.bls.push(BlsEntry {
        id: "abc-6.1".into(),
        title: "Fedora (it's 6.1)".into(),
        linux: "/vmlinuz".into(),
        options: "root=UUID=x ro $tuned 'a b'".into(),
        initrds: vec!["/initrd".into(), "/micro".into()],
        ..BlsEntry::default()
    });
    let (mut shell, outcome) =
        run(&mut host, "set tuned=\"t1 t2\"\nset default=abc-6.1\nmenuentry a { true; }\nblscfg\n");
    assert_eq!((outcome, shell.settings().default), (Outcome::Menu, 1));
    let Outcome::Boot(boot) = shell.run_entry(&mut host, 1, true) else { panic!("{}", host.out) };
    assert_eq!((boot.args.as_str(), boot.initrds.len()), ("root=UUID=x ro t1 t2 \"a b\"", 2));
}

/// Fedora's `blscfg default`, `non-default` and an entry's name, and GRUB 2.14's options; what is there is not added again.
#[test]
fn some_of_the_entries() {
    let ids = |text: &str| -> Vec<String> {
        let mut host = host();
        for id in ["m-3", "m-2", "m-1"] {
            let title = format!("Title {id}");
            host.bls.push(BlsEntry { id: id.into(), title, linux: "/vmlinuz".into(), ..BlsEntry::default() });
        }
        let (shell, _) = run(&mut host, text);
        shell.entries().iter().map(|entry| entry.id.clone()).collect()
    };
    assert_eq!(ids("blscfg; blscfg"), ["m-3", "m-2", "m-1"]);
    assert_eq!(
        ids("set default=m-2\nblscfg default; menuentry x { true; }; blscfg non-default"),
        ["m-2", "x", "m-3", "m-1"]
    );
    assert_eq!(ids("set default=2; blscfg --show-default"), ["m-1"]);
    assert_eq!(ids("set default='Title m-3'; blscfg -n"), ["m-2", "m-1"]);
    assert_eq!(ids("blscfg m-1; blscfg m-2.conf"), ["m-1", "m-2"]);
    assert_eq!(ids("blscfg --entry m-1"), ["m-1"]);
    assert_eq!(ids("bls_import (hd0,msdos1)/loader/entries/m-3.conf; blscfg nothing"), ["m-3"]);
    assert_eq!(ids("blscfg -p (hd0,msdos1)/loader/entries -e m-2"), ["m-2"]);
}

/// Counters in a file's name: they are shown, and a default may be with them (as grubby writes it), without, or a title.
#[test]
fn entries_with_tries() {
    let mut host = host();
    for (id, counters) in [("9c-6.5", None), ("9c-6.9", Some("+0-3")), ("9c-6.9", Some("+2-1"))] {
        let counters = counters.map(|text| Counters { text: text.into(), left: format!("left: {text}") });
        let title = format!("Linux {id}");
        host.bls.push(BlsEntry {
            id: id.into(),
            title,
            linux: "/vmlinuz".into(),
            counters,
            ..BlsEntry::default()
        });
    }
    for (default, expected) in [
        ("9c-6.5", 0),
        ("9c-6.9", 1),
        ("9c-6.9+2-1", 2),
        ("9c-6.9+0-3>x", 1),
        ("Linux 9c-6.9", 1),
        ("Linux 9c-6.9 (left: +2-1)", 2),
        ("2", 2),
        ("9c-7", 0),
    ] {
        let (shell, _) = run(&mut host, &format!("set default='{default}'\nblscfg\n"));
        let titles: Vec<&str> = shell.entries().iter().map(|entry| entry.title.as_str()).collect();
        assert_eq!(titles, ["Linux 9c-6.5", "Linux 9c-6.9 (left: +0-3)", "Linux 9c-6.9 (left: +2-1)"]);
        assert_eq!(shell.settings().default, expected, "{default}");
    }
    let (shell, _) = run(&mut host, "set default=9c-6.9+2-1\nblscfg default\nblscfg non-default\n");
    let files: Vec<&str> = shell.entries().iter().map(|entry| entry.file.as_str()).collect();
    let path = |name| format!("(hd0,msdos1)/loader/entries/9c-6.{name}.conf");
    assert_eq!(files, [path("9+2-1"), path("5"), path("9+0-3")]);
}

#[test]
fn counting() {
    let out = |text: &str| {
        let mut host = host();
        run(&mut host, &format!("{text}\nmenuentry a {{ true; }}\n"));
        host.out
    };
    assert_eq!(
        out("set a=2; decrement a; echo $a; decrement a; decrement a; echo $a; increment a; echo $a"),
        "1\n-1\n0\n"
    );
    assert_eq!(out("set a=0x10; increment a; echo $a"), "17\n");
    assert!(out("increment none").contains("No such variable \"none\""));
    assert!(out("set a=x; increment a").contains("unrecognized number"));
    assert!(out("decrement; decrement a b").contains("too many arguments"));
}

/// A stick with a volume of the same UUID doesn't get between: Fedora's stub on the ESP.
#[test]
fn only_on_the_disk_of_the_root() {
    let found = |text: &str| {
        let mut host = host();
        host.volumes.push((By::Uuid, "1234".into(), "hd1,gpt2".into()));
        host.volumes.push((By::Uuid, "1234".into(), "hd0,msdos2".into()));
        let (shell, _) = run(&mut host, &format!("{text}\nmenuentry a {{ true; }}\n"));
        shell.get("dev")
    };
    assert_eq!(found("search --no-floppy --fs-uuid --set=dev 1234").as_deref(), Some("hd1,gpt2"));
    let only = "search --no-floppy --root-dev-only --fs-uuid --set=dev 1234";
    assert_eq!(found(only).as_deref(), Some("hd0,msdos2"));
    assert_eq!(found(&format!("set root=hd2; {only}")), None);
}

/// What a menu from elsewhere calls the first hard disk is gone on with. Any other boot sector may be any system's.
#[test]
fn the_first_disk_of_a_menu_from_elsewhere() {
    let comes_to = |home: &str, commands: &str| {
        let mut shell = Shell::new(home, &format!("({home})/grub"), Limits::default());
        let mut host = host();
        let text = format!("menuentry a {{ {commands}; }}\n");
        assert_eq!(shell.run_text(&mut host, &format!("({home})/grub.cfg"), &text), Outcome::Menu);
        shell.run_entry(&mut host, 0, true)
    };
    for home in ["tftp,10.0.0.1", "http,boot.example", "hd1", "hd1,msdos1", "hd10,1"] {
        for commands in
            ["set root=(hd0); chainloader +1", "chainloader (hd0)+1", "chainloader --force (hd0)+1; boot"]
        {
            assert_eq!(comes_to(home, commands), Outcome::Exit, "{home}: {commands}");
        }
        for commands in [
            "chainloader +1",
            "chainloader (hd0,1)+1",
            "chainloader (hd1)+1",
            "chainloader (hd0)/boot.img",
            "chainloader (hd0)+2",
            "chainloader",
            "set root=(hd0); chainloader --x +1",
        ] {
            let outcome = comes_to(home, commands);
            assert!(
                matches!(&outcome, Outcome::Failed(why) if why.contains("boot sector")),
                "{home}: {commands}"
            );
        }
    }
    for home in ["hd0", "hd0,msdos1", "hd0,gpt2"] {
        let outcome = comes_to(home, "chainloader (hd0)+1");
        assert!(matches!(outcome, Outcome::Failed(why) if why.contains("boot sector")), "{home}");
    }
}

#[test]
fn what_is_no_utf8_is_not_booted() {
    let mut host = host();
    host.files.insert("/x.cfg".into(), b"menuentry a { linux /vmlinuz \xff }\n".to_vec());
    let mut shell = common::shell();
    assert_eq!(shell.run_config(&mut host, "(hd0,msdos1)/x.cfg"), Outcome::Menu);
    assert_eq!(shell.run_entry(&mut host, 0, true), Outcome::Failed("the arguments are not UTF-8".into()));
}

#[test]
fn an_edited_entry_and_a_typed_command() {
    let mut host = host();
    let (mut shell, _) = run(&mut host, "menuentry a { linux /none; }");
    let edited = shell.entries()[0].source.replace("/none", "/vmlinuz edited $1");
    assert!(
        matches!(shell.run_edited(&mut host, 0, &edited), Outcome::Boot(boot) if boot.args == "edited a")
    );
    assert_eq!(shell.run_command(&mut host, "set x=5; echo $x"), Outcome::Back);
    assert_eq!(host.out, "5\n");
    host.typed = Some("typed".into());
    shell.run_command(&mut host, "read y; echo $y; sleep 2; date");
    assert_eq!((host.out.as_str(), host.slept), ("5\ntyped\n2026-11-28 08:05:09 Saturday\n", 2));
}

#[test]
fn lists_with_sizes_and_times() {
    let out = |text: &str| {
        let mut host = host();
        host.files.insert("/old/.hidden".into(), b"12345".to_vec());
        host.files.insert("/old/large".into(), vec![0; 1_500_000]);
        run(&mut host, &format!("{text}\nmenuentry a {{ true; }}\n"));
        host.out
    };
    assert_eq!(out("ls /old"), "large \n");
    assert_eq!(out("ls -a /old/"), ".hidden large \n");
    assert_eq!(out("ls -l /old"), "1500000      20010909014640 large\n");
    assert_eq!(out("ls -lh /old"), "1.43M        2001-09-09 01:46:40 Sunday      large\n");
    assert_eq!(out("ls -l /vmlinuz"), "6            20200913122640 vmlinuz\n");
    assert!(out("ls -l /").contains("DIR          20010909014640 old/\n"));
    let device =
        format!("\tPartition hd0,msdos1: Filesystem type ext2 - Label `fixtures', UUID {}\n", common::UUID);
    assert_eq!(out("ls -l (hd0,msdos1)"), device);
    assert_eq!(out("ls -l"), format!("\tDevice hd0: No known filesystem detected\n{device}"));
    assert!(out("ls --help").starts_with("Usage: ls [-l]"));
}
