//! What dom0 says by `pvgrub.…=`, against menus that say something else.

use crate::bls::unified;
use crate::guest::Guest;
use crate::menus::linux;

const CFG: &str = "/boot/grub/grub.cfg";

/// A guest with these files and a kernel `/k`, of which the host says this.
fn guest(files: &[(&str, &str)], words: &[&str]) -> Guest {
    let kernel = linux();
    let mut all: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    all.push(("/k", &kernel));
    with(&all, words)
}

fn with(files: &[(&str, &[u8])], words: &[&str]) -> Guest {
    let mut guest = Guest::with(files);
    words.iter().for_each(|word| guest.arg(word));
    guest
}

/// It boots, by itself or because of these keys; the kernel's command line.
#[track_caller]
fn booted(guest: &Guest, keys: &str) -> String {
    let (text, ok) = guest.run(keys);
    let line = text.lines().find_map(|line| line.trim().strip_prefix("command line"));
    assert!(ok && line.is_some(), "{text}");
    line.unwrap_or_default().trim().to_owned()
}

/// It does not boot; what it says.
#[track_caller]
fn waits(guest: &Guest, keys: &str) -> String {
    let (text, ok) = guest.run(keys);
    assert!(!ok && !text.contains("would be booted") && text.contains("nothing was chosen"), "{text}");
    text
}

#[test]
fn an_entry_that_is_not_there_boots_nothing() {
    let cfg = "set default=1\nset timeout=0\nset fallback=0\nmenuentry One --id uno { linux /k one; }\nmenuentry Two { linux /k two; }\n";
    let text = waits(&guest(&[(CFG, cfg)], &["pvgrub.entry=rescue", "pvgrub.timeout=0"]), "");
    let said = "pvgrub.entry=rescue: this menu has no entry rescue, so nothing is booted by itself. \
                There are: 0 One (uno); 1 Two.";
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(folded(&text).contains(&folded(said)), "{text}");
    assert_eq!(folded(&text).matches("this menu has no entry").count(), 1, "{text}");
    // Hidden or not: whoever comes can choose.
    let hidden = format!("set timeout_style=hidden\n{cfg}");
    assert_eq!(booted(&guest(&[(CFG, &hidden)], &["pvgrub.entry=rescue"]), "0\n"), "one");
    for (word, line) in [("uno", "one"), ("Two", "two"), ("1", "two")] {
        assert_eq!(booted(&guest(&[(CFG, cfg)], &[&format!("pvgrub.entry={word}")]), ""), line);
    }
    // What the guest itself says gives way to entry 0, as in GRUB.
    assert_eq!(booted(&guest(&[(CFG, &cfg.replace("default=1", "default=gone"))], &[]), ""), "one");
}

#[test]
fn paper_says_that_it_is_not_there() {
    let cfg = "set timeout=0\nmenuentry One { linux /k one; }\n";
    let guest = guest(&[(CFG, cfg)], &["pvgrub.entry=5", "--dump"]);
    let (text, _) = guest.run("");
    let menu: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(
        menu["default"].is_null() && menu["warnings"][0].as_str().unwrap().contains("no entry 5"),
        "{text}"
    );
}

/// Within a submenu, too, of either kind; and behind the name of what is no menu.
#[test]
fn paper_follows_what_is_forced_into_submenus() {
    let cfg = "menuentry One { linux /k one; }\nsubmenu More { menuentry Two { linux /k two; }\nmenuentry Three { linux /k three; }\n\
               submenu Deep { menuentry Four { linux /k four; }\n}\n}\n";
    let extlinux = "UI menu.c32\nLABEL One\nLINUX /k\nMENU BEGIN More\nLABEL Two\nLINUX /k\nLABEL Three\nLINUX /k\nMENU BEGIN Deep\nLABEL Four\nLINUX /k\n\
                    MENU END\nMENU END\n";
    for (path, text) in [(CFG, cfg), ("/extlinux/extlinux.conf", extlinux)] {
        let run = |entry: &str, paper: &str| {
            guest(&[(path, text)], &[&format!("pvgrub.entry={entry}"), paper]).run("")
        };
        let inner = |entry: &str| -> serde_json::Value {
            let menu: serde_json::Value = serde_json::from_str(&run(entry, "--dump").0).unwrap();
            assert_eq!(menu["default"], 1, "{menu}");
            menu["entries"][1]["menu"].clone()
        };
        assert_eq!(inner("More>Three")["default"], 1);
        assert_eq!(run("More>Three", "--lint"), (String::new(), true));
        assert_eq!(run("More>Deep>0", "--lint"), (String::new(), true));
        let missed = inner("More>gone");
        assert!(
            missed["default"].is_null() && missed["warnings"].to_string().contains("no entry gone"),
            "{missed}"
        );
        let (text, ok) = run("More>gone", "--lint");
        assert!(!ok && text.contains("pvgrub.entry=More>gone: this menu has no entry gone"), "{text}");
        let (text, ok) = run("1>2>7", "--lint");
        assert!(!ok && text.contains("no entry 7") && text.contains("0 Four"), "{text}");
        for (entry, left) in [("One>x", "x"), ("1>0>y>z", "y>z")] {
            let (text, ok) = run(entry, "--lint");
            assert!(
                !ok && text.contains(&format!("this entry is no menu, so there is no {left} in it")),
                "{text}"
            );
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }
}

#[test]
fn every_format_has_entries_by_name() {
    let lst = "timeout 0\nfallback 0\ntitle One\nkernel /k one\ntitle Two\nkernel /k two\n";
    let extlinux =
        "DEFAULT one\nLABEL one\nLINUX /k\nAPPEND one\nLABEL two\nMENU LABEL Two\nLINUX /k\nAPPEND two\n";
    let bls = [
        ("/loader/entries/one.conf", "title One\nlinux /k\noptions one\nversion 2\n"),
        ("/loader/entries/two.conf", "title Two\nlinux /k\noptions two\nversion 1\n"),
    ];
    let formats: [&[(&str, &str)]; 3] =
        [&[("/boot/grub/menu.lst", lst)], &[("/extlinux/extlinux.conf", extlinux)], &bls];
    for files in formats {
        assert_eq!(booted(&guest(files, &["pvgrub.entry=Two", "pvgrub.timeout=0"]), ""), "two");
        let text = waits(&guest(files, &["pvgrub.entry=Three", "pvgrub.timeout=0"]), "");
        assert!(text.contains("no entry Three"), "{text}");
    }
}

/// GRUB 2.06: `default` is cut at the `>` when an entry is run; a `configfile` sees it only if it was exported.
#[test]
fn the_guests_own_default_behind_a_configfile_is_as_in_grub() {
    let cfg =
        "set default='A>b'\nset timeout=0\nmenuentry Z { true; }\nmenuentry A { configfile /other.cfg; }\n";
    let other = "set timeout=0\nmenuentry a { linux /k a; }\nmenuentry b { linux /k b; }\n";
    assert_eq!(booted(&guest(&[(CFG, cfg), ("/other.cfg", other)], &[]), ""), "a");
    let cfg = format!("{cfg}export default\n");
    assert_eq!(booted(&guest(&[(CFG, &cfg), ("/other.cfg", other)], &[]), ""), "b");
    let other = format!("set default=a\n{other}");
    assert_eq!(booted(&guest(&[(CFG, &cfg), ("/other.cfg", &other)], &[]), ""), "a");
}

#[test]
fn the_hosts_entry_behind_a_configfile() {
    let other = "set default=0\nset timeout=60\nset timeout_style=hidden\nset fallback=0\n\
                 menuentry a { linux /k a; }\nmenuentry b { linux /k b; }\nsubmenu c { menuentry d { linux /k d; }\nmenuentry e { linux /k e; }\n }\n";
    let lst = "timeout 0\nfallback 0\ntitle Z\nkernel /k z\ntitle A\nconfigfile /other.cfg\n";
    let extlinux = "DEFAULT z\nLABEL z\nMENU LABEL Z\nLINUX /k\nAPPEND z\nLABEL A\nCONFIG /other.cfg\n";
    let cfg = "set default='Z>b'\nset timeout=0\nset fallback=0\nmenuentry Z { linux /k z; }\n\
               menuentry A { set default=0; export default; configfile /other.cfg; }\n";
    for (name, text) in [(CFG, cfg), ("/boot/grub/menu.lst", lst), ("/extlinux/extlinux.conf", extlinux)] {
        let boots = |entry: &str| {
            let words = [&format!("pvgrub.entry={entry}"), "pvgrub.timeout=0"];
            booted(&guest(&[(name, text), ("/other.cfg", other)], &words), "")
        };
        assert_eq!(
            (boots("A>b"), boots("1>c>e"), boots("Z")),
            ("b".into(), "e".into(), "z".into()),
            "{name}"
        );
        for (entry, missed) in
            [("A>x", "no entry x"), ("A>c>x", "no entry x"), ("Z>b", "there is no b in it")]
        {
            let words = [&format!("pvgrub.entry={entry}"), "pvgrub.timeout=0"];
            let text = waits(&guest(&[(name, text), ("/other.cfg", other)], &words), "");
            let text = text.replace('\n', " ");
            assert!(text.contains(missed), "{name} {entry}: {text}");
        }
    }
}

/// The guest's own `default` says nothing of the submenu that the host names.
#[test]
fn a_submenu_that_the_host_names() {
    let cfg = "set default='Z>1'\nset timeout=0\nsubmenu Z { menuentry z { linux /k z; } }\n\
               submenu A { menuentry a { linux /k a $default; }\nmenuentry b { linux /k b; } }\n";
    assert_eq!(booted(&guest(&[(CFG, cfg)], &["pvgrub.entry=A"]), ""), "a");
    assert_eq!(booted(&guest(&[(CFG, cfg)], &["pvgrub.entry=A>b"]), ""), "b");
}

/// Beside a boot loader of the guest's own: the host's entry is one of the guest's menu.
#[test]
fn beside_a_boot_loader_of_the_guests_own() {
    let (kernel, pvboot) = (linux(), "/boot/xen/pvboot-x86_64.elf");
    let cfg = b"set timeout=0\nmenuentry One { linux /k one; }\nmenuentry Two { linux /k two; }\n";
    let files: &[(&str, &[u8])] = &[(pvboot, &kernel), (CFG, cfg), ("/k", &kernel)];
    assert_eq!(booted(&with(files, &["pvgrub.entry=1"]), ""), "two");
    assert_eq!(booted(&with(files, &["pvgrub.entry=One"]), ""), "one");
    let text = waits(&with(files, &["pvgrub.entry=Three"]), "");
    assert!(text.contains("no entry Three") && text.contains("pvboot-x86_64.elf is not started"), "{text}");
    // Without it the loader is started, of whose kernel's command line nobody here knows.
    let (text, ok) = with(files, &["pvgrub.append=forced=1", "pvgrub.timeout=0"]).run("");
    assert!(ok && text.contains("pvboot-x86_64.elf"), "{text}");
    assert!(text.contains("pvgrub.append= is not on the command line of what xvda:"), "{text}");
    // It is all there is.
    assert_eq!(booted(&with(&files[..1], &["pvgrub.entry=0"]), ""), "");
    waits(&with(&files[..1], &["pvgrub.entry=1"]), "");
}

/// However a kernel is come by, dom0's words are the last that it takes as its own.
#[test]
fn what_is_appended_is_on_every_command_line() {
    let append = "pvgrub.append=forced=1 last";
    let lst = "timeout 0\ntitle One\nkernel /k one forced=0\n";
    let top = "set pvgrub_append=\nlinux /k one forced=0\nboot\n";
    let entries = "set timeout=0\nmenuentry One { linux /k one forced=0; }\nlinux /k two\nboot\n";
    let sub = "set default='A>0'\nset timeout=0\nsubmenu A { submenu B { menuentry C { linux /k one forced=0; } } }\n";
    let env = "terminal_output none\nset pager=1\nset timeout=0\nset timeout_style=hidden\nmenuentry One {\n\
               set forced=0\nsave_env forced\nlinux /k one forced=0\nboot\n}\n";
    let global = "DEFAULT one\nAPPEND global\nLABEL one\nLINUX /k\nAPPEND -\n";
    let words = "DEFAULT one forced=0\nLABEL one\nLINUX /k\nAPPEND one\n";
    let bls = "title One\nlinux /k\noptions one forced=0\n";
    let away = "configfile /other.cfg\n";
    let other = "set timeout=0\nmenuentry One { linux /k one forced=0; }\n";
    for (files, line) in [
        (&[("/boot/grub/menu.lst", lst)][..], "one forced=0"),
        (&[(CFG, top)], "one forced=0"),
        (&[(CFG, entries)], "two"),
        (&[(CFG, sub)], "one forced=0"),
        (&[(CFG, env)], "one forced=0"),
        (&[("/extlinux/extlinux.conf", global)], ""),
        (&[("/extlinux/extlinux.conf", words)], "one forced=0"),
        (&[("/loader/entries/one.conf", bls)], "one forced=0"),
        (&[(CFG, away), ("/other.cfg", other)], "one forced=0"),
    ] {
        let whole = format!("{line} forced=1 last");
        assert_eq!(booted(&guest(files, &[append]), ""), whole.trim(), "{files:?}");
    }
    let image = unified(&[(".cmdline", b"one forced=0\n\0"), (".linux", &linux())]);
    assert_eq!(booted(&with(&[("/EFI/Linux/x.efi", &image)], &[append]), ""), "one forced=0 forced=1 last");
}

#[test]
fn what_is_appended_to_what_is_typed() {
    let append = "pvgrub.append=forced=1 last";
    let lst = "title One\nkernel /k one\n";
    let cfg = "menuentry One {\nlinux /k one\n}\n";
    let extlinux = "PROMPT 1\nLABEL one\nLINUX /k\nAPPEND one\n";
    for (name, text, line) in
        [("/boot/grub/menu.lst", lst, 1), (CFG, cfg, 3), ("/extlinux/extlinux.conf", extlinux, 1)]
    {
        let guest = guest(&[(name, text)], &[append]);
        assert_eq!(booted(&guest, &format!("e{line}\n more\nb\n")), "one more forced=1 last", "{name}");
        assert_eq!(booted(&guest, "clinux /k typed -- x\nboot\n"), "typed forced=1 last -- x", "{name}");
        assert_eq!(booted(&guest, "0\n"), "one forced=1 last", "{name}");
    }
}

#[test]
fn nothing_before_makes_the_appended_words_others() {
    let append = "pvgrub.append=forced=1 last";
    for (args, line) in [
        ("one -- forced=0", "one forced=1 last -- forced=0"),
        ("one --", "one forced=1 last --"),
        ("one x=\"", "one x=\"\" forced=1 last"),
        ("one \"--", "one forced=1 last \"--\""),
    ] {
        let lst = format!("timeout 0\ntitle One\nkernel /k {args}\n");
        assert_eq!(booted(&guest(&[("/boot/grub/menu.lst", &lst)], &[append]), ""), line);
        let extlinux = format!("DEFAULT one\nLABEL one\nLINUX /k\nAPPEND {args}\n");
        assert_eq!(booted(&guest(&[("/extlinux/extlinux.conf", &extlinux)], &[append]), ""), line);
    }
    // GRUB puts a backslash before a quote, which is nothing to Linux.
    let cfg = "set timeout=0\nmenuentry One { linux /k 'x=\"' 'a b'; }\n";
    assert_eq!(booted(&guest(&[(CFG, cfg)], &[append]), ""), "x=\\\" \"a b\"\" forced=1 last");
    // Blanks of other kinds, and a quoted word in which dashes are no end.
    let cfg = "set timeout=0\nmenuentry One { linux /k 'one\t--\tforced=0'; }\n";
    assert_eq!(
        booted(&guest(&[(CFG, cfg)], &[append]), ""),
        "one  forced=1 last -- forced=0",
        "tabs are shown as blanks"
    );
    let cfg = "set timeout=0\nmenuentry One { linux /k 'one -- two' --- three; }\n";
    assert_eq!(booted(&guest(&[(CFG, cfg)], &[append]), ""), "\"one -- two\" --- three forced=1 last");
    // A byte that ends the line for Xen.
    let image = unified(&[(".cmdline", b"one\0two"), (".linux", &linux())]);
    let (text, _) = with(&[("/EFI/Linux/x.efi", &image)], &[append]).run("");
    assert!(text.contains("forced=1 last") || !text.contains("would be booted"), "{text}");
    // So long that there is no room: it is not booted without them.
    let lst = format!("timeout 0\ntitle One\nkernel /k {}\n", "x".repeat(1010));
    let text = waits(&guest(&[("/boot/grub/menu.lst", &lst)], &[append]), "");
    assert!(text.contains("1024 bytes"), "{text}");
    assert_eq!(booted(&guest(&[("/boot/grub/menu.lst", &lst)], &[]), "").len(), 1010);
}

/// A menu that boots without asking, that waits for ever, that hides: dom0's wait holds.
#[test]
fn the_wait_is_the_hosts() {
    for cfg in [
        "set timeout=0\nmenuentry One { linux /k one; }\n",
        "set timeout=0\nset timeout_style=hidden\nmenuentry One { linux /k one; }\n",
        "linux /k one\nboot\n",
        "menuentry One { linux /k one; }\nlinux /k one\nboot\n",
        "configfile /other.cfg\n",
        "set pvgrub.timeout=0\nset timeout=0\nexport timeout\nmenuentry One { linux /k one; }\n",
    ] {
        let files = [(CFG, cfg), ("/other.cfg", "set timeout=0\nmenuentry One { linux /k one; }\n")];
        waits(&guest(&files, &["pvgrub.timeout=-1"]), "");
        assert_eq!(booted(&guest(&files, &["pvgrub.timeout=-1"]), "0\n"), "one", "{cfg}");
        assert_eq!(booted(&guest(&files, &["pvgrub.timeout=0"]), ""), "one", "{cfg}");
    }
    let cfg = "set timeout=-1\nset timeout_style=hidden\nmenuentry A { configfile /other.cfg; }\n";
    let other = "set timeout=-1\nset timeout_style=hidden\nmenuentry One { linux /k one; }\n";
    assert_eq!(booted(&guest(&[(CFG, cfg), ("/other.cfg", other)], &["pvgrub.timeout=0"]), ""), "one");
}

/// A script that says which entry is meant as it likes: dom0's is.
#[test]
fn the_entry_is_the_hosts() {
    let other = "set default=0\nset timeout=0\nmenuentry a { linux /k a; }\nmenuentry b { linux /k b; }\n";
    for cfg in [
        other.to_owned(),
        format!("set pvgrub.entry=a\nset pvgrub_entry=a\n{other}export default\n"),
        format!(
            "{other}function menuentry2 {{ true; }}\nset fallback='0 0'\nset next_entry=a\nsave_env next_entry\n"
        ),
        "configfile /other.cfg\n".to_owned(),
        "source /other.cfg\n".to_owned(),
        format!("if [ x ]; then\nconfigfile /other.cfg\nfi\n{other}"),
    ] {
        let guest = guest(&[(CFG, &cfg), ("/other.cfg", other)], &["pvgrub.entry=b"]);
        assert_eq!(booted(&guest, ""), "b", "{cfg}");
    }
    // What a script boots before there is a menu is no entry that somebody named.
    let cfg = format!("{other}linux /k top\nboot\n");
    let text = waits(&guest(&[(CFG, &cfg)], &["pvgrub.entry=b"]), "");
    assert!(text.contains("0 What the configuration boots"), "{text}");
}
