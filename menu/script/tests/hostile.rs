//! Scripts that want too much, and scripts that are none.

mod common;

use common::{Fake, run};
use proptest::prelude::*;
use pvgrub_script::{Limits, Outcome, Shell, check};

/// Runs a script on a small stack; how it ended, and what it printed.
fn on_small_stack(text: &'static str) -> (Outcome, String) {
    let work = || {
        let mut host = Fake::new(&[("/boot/grub/self.cfg", SELF), ("/boot/grub/menu.cfg", MENU)]);
        let outcome = run(&mut host, text).1;
        (outcome, host.out)
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap()
}

/// A file that reads itself.
const SELF: &str = "set n=x$n\nsource /boot/grub/self.cfg\n";
/// A file with an entry that shows the file again.
const MENU: &str = "menuentry a { configfile /boot/grub/menu.cfg }\nconfigfile /boot/grub/menu.cfg\n";

fn failed(outcome: &Outcome, why: &str) {
    assert_eq!(*outcome, Outcome::Failed(why.into()));
}

#[test]
fn what_never_ends_is_ended() {
    for text in [
        "while true; do true; done",
        "until false; do x=$x; done",
        "function f { g; g; }\nfunction g { f; f; }\nf",
    ] {
        failed(
            &on_small_stack(text).0,
            if text.starts_with('f') { "the script prints too much" } else { "the script runs for too long" },
        );
    }
}

#[test]
fn what_takes_long_is_broken_off() {
    for (text, patience) in [
        ("while true; do sleep 1; done", 5),
        ("while true; do sleep --interruptible 1; done", 5),
        ("while true; do true; done", 0),
        ("function f { true; }; until false; do f; done", 0),
        ("until search --file --set /gone; do true; done", 0),
    ] {
        let mut host = Fake { patience: Some(patience), ..Fake::new(&[]) };
        let outcome = run(&mut host, text).1;
        assert_eq!((outcome, host.slept), (Outcome::Failed("broken off".into()), patience), "{text}");
    }
}

#[test]
fn what_grows_is_stopped() {
    failed(&on_small_stack("a=xxxxxxxx\nwhile true; do a=$a$a; done").0, "the script takes too much memory");
    failed(
        &on_small_stack("a=xxxxxxxx\nfor i in 1 2 3 4 5 6 7 8 9 a b c; do a=$a$a; done\nwhile true; do set v$n=$a; n=x$n; done").0,
        "the script takes too much memory",
    );
    failed(&on_small_stack("while true; do menuentry a { true; }; done").0, "the script runs for too long");
    failed(
        &on_small_stack("while true; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done").0,
        "the script prints too much",
    );
}

/// As of a menu.lst: and what stands behind them is obeyed.
#[test]
fn of_too_many_entries_the_first_are_shown() {
    let mut text = "submenu s { menuentry inner { true; }; }\n".to_owned();
    (0..1100).for_each(|number| text += &format!("menuentry {number} {{ true; }}\n"));
    text += "set superusers=root\nset default=7\n";
    let mut host = Fake::new(&[]);
    let (mut shell, outcome) = run(&mut host, &text);
    assert_eq!((outcome, shell.entries().len()), (Outcome::Menu, 1000), "{}", host.out);
    assert_eq!((shell.settings().default, shell.settings().superusers.as_deref()), (7, Some("root")));
    let errors: Vec<String> = shell.take_errors().into_iter().map(|error| error.text).collect();
    assert_eq!(errors, ["more than 1000 entries; the rest is dropped"]);
    // There is no room for those of a submenu.
    failed(&shell.run_entry(&mut host, 0, false), "more than 1000 entries; the rest is dropped");
}

#[test]
fn what_calls_itself_is_stopped() {
    let (_, out) = on_small_stack("source /boot/grub/self.cfg\necho [$n]");
    assert!(
        out.starts_with("error: maximum recursion depth exceeded.\n")
            && out.ends_with("[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]\n"),
        "{out}"
    );
    let (outcome, _) = on_small_stack("configfile /boot/grub/menu.cfg");
    failed(&outcome, "too many menus within one another");
    let (_, out) = on_small_stack("eval eval eval eval echo a; function f { eval f; }; f; echo lived");
    assert_eq!(out, "a\nerror: maximum recursion depth exceeded.\nlived\n");
}

#[test]
fn deep_nesting_is_an_error() {
    for (open, close) in [("a { ", "}"), ("if true; then ", "; fi"), ("for i in a; do ", "; done")] {
        let deep = |n: usize| format!("{}echo x{}\n", open.repeat(n), close.repeat(n));
        assert!(check(&deep(60)).is_ok(), "{open}");
        let error = check(&deep(100_000)).unwrap_err();
        assert!(error.text.contains("within one another"), "{}", error.text);
    }
    let text: &'static str =
        Box::leak(format!("if [ {} a ]; then echo yes; fi", "( ".repeat(1000)).into_boxed_str());
    assert!(on_small_stack(text).1.contains("max recursion depth exceeded"));
}

#[test]
fn large_scripts_take_little_time() {
    // Each of them would be quadratic if a word were read from its beginning at each line.
    for text in
        ["a'\n".repeat(200_000), "\"\n".repeat(200_001), "\\\n".repeat(200_000), "'\n''\n'".repeat(50_000)]
    {
        let start = std::time::Instant::now();
        _ = check(&text);
        assert!(start.elapsed().as_secs() < 20, "{:?}", &text[..10]);
    }
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let mut host = Fake::new(&[("/a.cfg", "echo a")]);
    host.files.insert("/b.cfg".into(), vec![b' '; (1 << 20) + 1]);
    let mut shell = common::shell();
    failed(&shell.run_config(&mut host, "(hd0,msdos1)/b.cfg"), "file `/b.cfg' is too large");
    failed(&shell.run_config(&mut host, "(hd0,msdos1)/c.cfg"), "file `/c.cfg' not found");
    failed(&shell.run_config(&mut host, "(hd9)/c.cfg"), "disk `hd9' not found");
    assert_eq!(shell.run_config(&mut host, "/a.cfg"), Outcome::Back);
}

#[test]
fn memory_is_given_back() {
    let mut host =
        Fake::new(&[("/a.cfg", "function f { echo a b c; }\nset a=b\nfor i in 1 2 3; do f; done")]);
    let mut shell = Shell::new(common::DEVICE, "/", Limits { memory: 40_000, ..Limits::default() });
    for _ in 0..1000 {
        assert_eq!(shell.run_config(&mut host, "/a.cfg"), Outcome::Back, "{:?}", shell.take_errors());
    }
}

const PIECES: &[&str] = &[
    "if ",
    "; then ",
    "; else ",
    "; elif ",
    "; fi\n",
    "for i in ",
    "; do ",
    "; done\n",
    "while ",
    "until ",
    "function f",
    " { ",
    "}\n",
    "'",
    "\"",
    "\\",
    "\n",
    "$",
    "$x",
    "${",
    "${y}",
    "$*",
    "$@",
    "$#",
    "$1",
    "$?",
    "$\"",
    ";",
    "#",
    "[ ",
    " ]",
    "menuentry t ",
    "submenu s ",
    "echo ",
    "set x=",
    "true",
    "false",
    "test ",
    "-f ",
    "-a ",
    "! ",
    "( ",
    ") ",
    "regexp -s a:",
    "(a|b*)",
    "[^]",
    "{2,3}",
    "/*",
    "(hd0,*)/?",
    "search --set=",
    "load_env ",
    "eval ",
    "f ",
    "return ",
    "break ",
    "shift ",
    "source /a",
    "configfile /a",
    "--id ",
    "--class=",
    "é",
    "\0",
    "\r\n",
    "linux /a b ",
    "initrd /a newc:x:/a ",
    "boot\n",
    "cat ",
    "ls ",
    "probe -u hd0 ",
    "export ",
    "unset ",
    "setparams ",
    "sleep -v 1 ",
];

fn script() -> impl Strategy<Value = String> {
    let piece = prop_oneof![8 => proptest::sample::select(PIECES).prop_map(String::from), 1 => "\\PC{0,3}"];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(text in script(), file in script()) {
        let mut host = Fake::new(&[("/a", &file), ("/boot/grub/grubenv", "# GRUB Environment Block\na=b\n##")]);
        let limits = Limits { steps: 2000, memory: 200_000, entries: 8, output: 10_000, file: 4096 };
        let mut shell = Shell::new(common::DEVICE, "(hd0,msdos1)/boot/grub", limits);
        let outcome = shell.run_text(&mut host, "(hd0,msdos1)/a.cfg", &text);
        if outcome == Outcome::Menu {
            for index in 0..shell.entries().len() {
                let deep = shell.levels();
                _ = shell.run_entry(&mut host, index, false);
                _ = shell.settings();
                while shell.levels() > deep && shell.leave() {}
            }
        }
        prop_assert!(host.out.len() <= 100_000);
    }

    #[test]
    fn random_bytes_are_scripts_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        _ = check(&String::from_utf8_lossy(&bytes));
    }
}
