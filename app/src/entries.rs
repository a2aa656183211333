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

/// `linux` and `initrd` lines.
fn source(boot: &Boot) -> String {
    let mut text = format!("linux {} {}\n", word(&name(&boot.kernel)), words(&boot.args));
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
        assert!(file("ftp://a/b").is_err());
        assert_eq!(file("http://boot.example/a").unwrap().to_string(), "http://boot.example/a");
    }
}
