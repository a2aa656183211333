//! What the readers of the simpler formats share: an entry that boots a kernel, and what the editor shows of it.

use pvgrub_menu::{Blocked, Boot, Device, Entry, FileRef, Target, clean};

use crate::script::server_name;

/// An entry that boots this, or can't; why. The editor shows it as commands of GRUB's shell, which runs them when it was edited.
pub fn entry(title: &str, boot: Result<Boot, String>) -> Entry {
    let source = boot.as_ref().map_or(String::new(), source);
    let target = match boot {
        Ok(boot) => Ok(Target::Boot(Box::new(boot))),
        Err(why) => Err(Blocked::Because(clean(&why))),
    };
    Entry { source, ..Entry::new(title, target) }
}

/// A file beside the menu: from the root of its volume or server, or a URL.
pub fn file(path: &str) -> Result<FileRef, String> {
    if path.contains("://") {
        return pvgrub_menu::file_ref(path, None);
    }
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok(FileRef { path, ..FileRef::default() })
}

/// `linux` and `initrd` lines, by which the kernel gets the same command line.
pub fn source(boot: &Boot) -> String {
    let kernel = word(&name(&boot.kernel));
    let words = boot.args.split_ascii_whitespace().collect::<Vec<_>>();
    // GRUB's `linux` puts backslashes before these; and what is between words would be one space.
    let special = boot.args.contains(['\\', '\'', '"', char::REPLACEMENT_CHARACTER]);
    let mut text = match special || words.join(" ") != boot.args {
        true => format!("linux --verbatim {kernel} {}\n", quoted(&boot.args)),
        false => format!("linux {kernel} {}\n", words.into_iter().map(word).collect::<Vec<_>>().join(" ")),
    };
    if !boot.initrds.is_empty() {
        let initrds: Vec<String> = boot.initrds.iter().map(|initrd| word(&name(initrd))).collect();
        text += &format!("initrd {}\n", initrds.join(" "));
    }
    text
}

/// A file as scripts name it: of a URL they know nothing.
fn name(file: &FileRef) -> String {
    match &file.device {
        Some(Device::Server(server)) => format!("({}){}", server_name(server), file.path),
        _ => file.to_string(),
    }
}

fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,@+%()[]".contains(c);
    // These two are symbols of the shell's.
    if text.chars().all(plain) && !matches!(text, "[[" | "]]") {
        return text.to_owned();
    }
    quoted(text)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use pvgrub_menu::{Action, Key, Look, Menu, Ui};
    use pvgrub_script::{Bls, By, DateTime, Host, HostError, Info, Limits, Outcome, Probe, Shell};

    use super::*;

    #[test]
    fn what_the_editor_shows() {
        let boot = Boot {
            kernel: file("boot/vmlinuz").unwrap(),
            args: "root=LABEL=a ro x='1' $y".into(),
            initrds: vec![file("/a b").unwrap(), file("/c").unwrap()],
            ..Boot::default()
        };
        let entry = entry("x\u{1b}", Ok(boot));
        assert_eq!(
            entry.source,
            "linux --verbatim /boot/vmlinuz 'root=LABEL=a ro x='\\''1'\\'' $y'\ninitrd '/a b' /c\n"
        );
        assert!(!entry.title.contains('\u{1b}'));
        for (url, shown) in [
            ("http://boot.example/a", "(http,boot.example)/a"),
            ("http://me:word@boot.example:81/a", "(http,me@boot.example:81)/a"),
            ("tftp://[fd00::1]/a", "(tftp,[fd00::1])/a"),
        ] {
            let entry = super::entry("x", Ok(Boot { kernel: file(url).unwrap(), ..Boot::default() }));
            assert_eq!(entry.source, format!("linux {shown} \n"));
            if !url.contains("word") {
                // Which means the same there.
                assert_eq!(pvgrub_menu::file_ref(shown, None), file(url));
            }
        }
        let plain = Boot { kernel: file("k").unwrap(), args: "ro $y a=b".into(), ..Boot::default() };
        assert_eq!(source(&plain), "linux /k ro '$y' a=b\n");
        assert!(file("ftp://a/b").is_err());
        assert_eq!(file("http://boot.example/a").unwrap().to_string(), "http://boot.example/a");
    }

    /// A volume that has every file.
    struct Full;

    impl Host for Full {
        fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, HostError> {
            Ok(Vec::new())
        }
        fn info(&mut self, _: &str) -> Result<Info, HostError> {
            Ok(Info::default())
        }
        fn list(&mut self, _: &str) -> Result<Vec<(String, bool)>, HostError> {
            // What a wildcard would find.
            Ok(["vmlinuz", "a", "b", "ro"].map(|name| (name.to_owned(), false)).into())
        }
        fn devices(&mut self) -> Vec<String> {
            vec!["hd0".into()]
        }
        fn search(&mut self, _: By, _: &str, _: &[String], _: usize) -> Vec<String> {
            Vec::new()
        }
        fn probe(&mut self, _: &str, _: Probe) -> Result<Option<String>, HostError> {
            Ok(None)
        }
        fn print(&mut self, _: &str) {}
        fn sleep(&mut self, _: u32, _: bool) -> bool {
            false
        }
        fn now(&mut self) -> Option<DateTime> {
            None
        }
        fn write_env(&mut self, _: &str, _: &[u8]) -> Result<(), HostError> {
            Ok(())
        }
        fn bls(&mut self, _: &str, _: &dyn Fn(&str) -> Option<String>) -> Result<Bls, HostError> {
            Ok(Bls::default())
        }
        fn line(&mut self, _: bool) -> Option<String> {
            None
        }
    }

    /// What an entry boots once it went through the editor and these keys.
    fn edited(entry: &Entry, keys: &[Key]) -> Outcome {
        let now = Duration::ZERO;
        let menu = Menu { entries: vec![entry.clone()], ..Menu::default() };
        let mut ui = Ui::new(&menu, "", Look::default(), now);
        ui.key(Key::Char('e'), now);
        keys.iter().for_each(|key| drop(ui.key(*key, now)));
        let Action::BootEdited { text, .. } = ui.key(Key::Ctrl('x'), now) else { panic!("not edited") };
        // As in prompt.rs.
        let mut shell = Shell::new("hd0", "(hd0)/boot/grub", Limits::default());
        shell.run_command(&mut Full, &format!("{text}\nboot\n"))
    }

    fn arguments() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            r#"[\\'"$`#;|&<>{}()*?!~=a-z \[\]0-9]{0,12}"#,
            r#"[a-z]{1,4}="[a-z '\\$]{0,9}""#,
            r"\\x[0-9a-fg]{0,3}|\\u[0-9]{4}|\$\{?[a-z?*@#0-9]{1,4}\}?",
            r#"--verbatim|[*]|/[*]|[(]hd0[)]/[*]|''|""|if|done|root|\[\[|\]\]|!"#,
            r"[^\p{Cc}]{0,8}",
            "[\u{a0}\u{ad}\u{301}\u{200d}\u{202e}\u{e000}\u{fffd}\u{3000}日é]{1,4}",
        ];
        let blank = prop_oneof![30 => Just(" "), 1 => Just("  "), 1 => Just("\t")];
        prop::collection::vec((blank, word), 0..6).prop_map(|words| {
            let all: String = words.iter().map(|(blank, word)| format!("{blank}{word}")).collect();
            all.get(1..).unwrap_or("").to_owned()
        })
    }

    proptest! {
        #[test]
        fn an_entry_that_went_through_the_editor_boots_the_same(
            args in arguments(), kernel in "/[^\\p{Cc}\u{fffd}]{1,12}", more: bool
        ) {
            let boot = Boot { kernel: FileRef { path: kernel, ..FileRef::default() }, args, ..Boot::default() };
            let entry = entry("x", Ok(boot.clone()));
            // A word at the end of the line.
            let keys = [Key::End, Key::Char(' '), Key::Char('!')];
            let keys = if more { &keys[..] } else { &[] };
            let mut wanted = boot.args.clone();
            if more {
                wanted = if wanted.is_empty() { "!".into() } else { format!("{wanted} !") };
            }
            match edited(&entry, keys) {
                Outcome::Boot(got) => {
                    prop_assert_eq!(got.args, wanted, "{}", entry.source);
                    prop_assert_eq!(got.kernel, format!("(hd0){}", boot.kernel.path));
                }
                other => prop_assert!(false, "{:?}: {}", other, entry.source),
            }
        }
    }
}
