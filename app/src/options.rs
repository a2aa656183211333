//! What the domain's `extra` says to the boot loader (on Linux: the arguments that are no options).
//!
//! PV-GRUB took the whole of `extra` as the menu's name. Here it is words: one may name the menu, `plain` is for a
//! terminal that can't address its cursor, and words that mean nothing to us are passed over, because `xl` puts `root=` there too.

use pvgrub_menu::{FileRef, clean, file_ref};
use pvgrub_net::{Place, Scheme, Server};

/// The words of `extra`, understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The menu to use: `(hd0,0)/boot/grub/menu.lst`, or a path that is looked for on every volume.
    pub menu: Option<FileRef>,
    /// Write lines only, no cursor addressing.
    pub plain: bool,
    /// The network card to use (`bootdev=`); `None`: the first that gets an address.
    pub card: Option<String>,
    /// The proxy for HTTP and HTTPS (`proxy=`).
    pub proxy: Option<Server>,
    /// Say before the handover how long each stage took.
    pub timings: bool,
    /// Words that were passed over, for the user; with the reason.
    pub notes: Vec<String>,
}

impl Options {
    /// Understands the words.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut options = Self::default();
        for word in words.into_iter().flat_map(str::split_ascii_whitespace) {
            match word {
                "plain" | "--plain" | "--no-tty" => options.plain = true,
                "timings" => options.timings = true,
                _ if word.strip_prefix("bootdev=").is_some_and(|name| !name.is_empty()) => {
                    options.card = word.strip_prefix("bootdev=").map(clean);
                }
                _ if word.starts_with("proxy=") => match proxy(&word["proxy=".len()..]) {
                    Ok(server) => options.proxy = Some(server),
                    // The word may have a password in it.
                    Err(why) => {
                        options.notes.push(format!("passed over in the command line, `proxy=`: {why}"))
                    }
                },
                _ if word.starts_with(['(', '/']) || is_url(word) => match file_ref(word, None) {
                    Ok(file) if options.menu.is_none() => options.menu = Some(file),
                    Ok(file) => options.notes.push(format!(
                        "passed over in the command line, a second menu: {}",
                        clean(&file.to_string())
                    )),
                    Err(why) => options.notes.push(format!("passed over in the command line: {why}")),
                },
                // `loglevel=` is for others; `root=/dev/xvda1 ro` comes of xl's `root`.
                "ro" | "rw" | "quiet" => {}
                _ if word.contains('=') => {}
                _ => options.notes.push(format!("passed over in the command line: {}", clean(word))),
            }
        }
        options
    }
}

/// `http://user:password@server:3128`: a proxy is spoken to by HTTP, whatever it fetches.
fn proxy(url: &str) -> Result<Server, String> {
    let place = Place::parse(url).map_err(|why| why.to_string())?;
    if place.server.scheme == Scheme::Http && place.path == "/" {
        Ok(place.server)
    } else {
        Err("a proxy is http://SERVER:PORT".into())
    }
}

/// `http://…`: behind a `=` it is a value of somebody else's.
fn is_url(word: &str) -> bool {
    word.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_extra() {
        let options =
            Options::parse(["root=/dev/xvda1 ro", "(hd0,0)/boot/grub/menu.lst", "plain", "timings"]);
        assert_eq!(options.menu.unwrap().to_string(), "(hd0,0)/boot/grub/menu.lst");
        assert!(options.plain && options.timings);
        assert_eq!(options.notes, [""; 0]);
        for url in ["http://boot.example/menu.lst?of=me", "tftp://[fd00::1]/m", "(nd)/menu.lst", "(http,a)/m"]
        {
            let options = Options::parse([url, "bootdev=eth1"]);
            assert_eq!(options.notes, [""; 0], "{url}");
            assert!(options.menu.is_some_and(|menu| menu.device.is_some()), "{url}");
            assert_eq!(options.card.as_deref(), Some("eth1"));
        }
        assert_eq!(Options::parse(["ftp://a/b"]).notes.len(), 1);
        assert_eq!(Options::parse(["url=http://a/b"]).menu, None);
        assert_eq!(Options::parse(["plian"]).notes.len(), 1);
        assert_eq!(Options::parse(["/grub/menu.lst"]).menu.unwrap().device, None);
        assert_eq!(Options::parse([""]), Options::default());
    }

    #[test]
    fn proxies() {
        let proxy = |word: &str| Options::parse([word]).proxy.map(|server| (server.to_string(), server.port));
        assert_eq!(
            proxy("proxy=http://me:word@10.0.0.1:3128/"),
            Some(("http://me@10.0.0.1:3128".into(), 3128))
        );
        assert_eq!(proxy("proxy=http://[fd00::1]"), Some(("http://[fd00::1]".into(), 80)));
        for odd in
            ["proxy=", "proxy=10.0.0.1:3128", "proxy=https://a", "proxy=tftp://a", "proxy=http://a:b:c@d:0/x"]
        {
            let options = Options::parse([odd]);
            assert!(options.proxy.is_none() && options.notes.len() == 1, "{odd}: {:?}", options.notes);
            assert!(!options.notes[0].contains("b:c"), "{:?}", options.notes);
        }
    }

    #[test]
    fn a_name_that_is_none() {
        let options = Options::parse(["(hd0,0)", "(hd0"]);
        assert_eq!(options.menu, None);
        assert_eq!(options.notes.len(), 2);
    }
}
