//! What the readers of the simpler formats share: an entry that boots a kernel, and what the editor shows of it.

use pvgrub_menu::{Blocked, Boot, Entry, FileRef, Target, clean};

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

/// `linux` and `initrd` lines.
fn source(boot: &Boot) -> String {
    let mut text = format!("linux {} {}\n", word(&boot.kernel.to_string()), words(&boot.args));
    if !boot.initrds.is_empty() {
        let initrds: Vec<String> = boot.initrds.iter().map(|initrd| word(&initrd.to_string())).collect();
        text += &format!("initrd {}\n", initrds.join(" "));
    }
    text
}

/// A command line as its words are written in a script.
fn words(args: &str) -> String {
    args.split_ascii_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,@+%()[]".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
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
        let quoted = "'x='\\''1'\\'''";
        assert_eq!(
            entry.source,
            format!("linux /boot/vmlinuz root=LABEL=a ro {quoted} '$y'\ninitrd '/a b' /c\n")
        );
        assert!(!entry.title.contains('\u{1b}'));
        assert!(file("ftp://a/b").is_err());
        assert_eq!(file("http://boot.example/a").unwrap().to_string(), "http://boot.example/a");
    }
}
