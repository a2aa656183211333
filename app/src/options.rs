//! What the domain's `extra` says to the boot loader (on Linux: the arguments that are no options).
//!
//! PV-GRUB took the whole of `extra` as the menu's name. Here it is words: one may name the menu, `plain` is for a
//! terminal that can't address its cursor, `pvgrub.…=` is what the guest's menu can't undo, and words that mean nothing to us are
//! passed over, because `xl` puts `root=` there too. docs/menus.md has the grammar.

use pvgrub_menu::{Cause, FileRef, Settings, TimeoutStyle, append, clean, file_ref};
use pvgrub_net::{Place, Scheme, Server};

use crate::config::Config;

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
    /// What holds whatever the guest's menu says.
    pub forced: Forced,
    /// Words that are not ours, as they came: the guest's menu may want them.
    pub rest: Vec<String>,
    /// Words that were passed over, for the user; with the reason.
    pub notes: Vec<String>,
}

/// What holds whatever the guest's menu says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forced {
    /// `pvgrub.timeout=`: seconds until the default entry is booted; inner `None` (`-1`): the menu waits for ever.
    pub timeout: Option<Option<u32>>,
    /// `pvgrub.entry=`: number, title or id of the default entry, with `>` before what is within a submenu.
    pub entry: Option<String>,
    /// `pvgrub.append=`: added to whatever kernel's command line, at its end, where Linux lets the last word count.
    pub append: String,
    /// `pvgrub.tries=keep`: no entry's tries are counted down.
    pub keep_tries: bool,
}

impl Forced {
    /// Puts it in place of what a menu says.
    pub fn hold(&self, config: &mut Config<'_>) {
        if let Some(timeout) = self.timeout {
            config.menu.settings.timeout = timeout;
            // Whoever forces a wait wants it seen.
            config.menu.settings.timeout_style = TimeoutStyle::Menu;
        }
        if let Some(entry) = &self.entry {
            config.insist(entry, &format!("pvgrub.entry={entry}"));
        }
    }

    /// The same for a menu that another led to, by its countdown or because somebody chose it. What was to go on at once does, and
    /// where somebody is there to choose, no countdown begins that the menu hasn't.
    pub fn hold_further(&self, settings: &mut Settings, cause: Cause) {
        let as_it_is = match cause {
            Cause::Automatic => settings.timeout == Some(0),
            Cause::User => settings.timeout.is_none(),
        };
        if let Some(timeout) = self.timeout.filter(|_| !as_it_is) {
            settings.timeout = timeout;
            settings.timeout_style = TimeoutStyle::Menu;
        }
    }

    /// The command line with what is added to it.
    pub fn add_to(&self, args: &str) -> String {
        append(args, &self.append)
    }

    /// Understands what follows `pvgrub.`; `Err`: what is wrong with it.
    fn word(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        match (name, value) {
            (_, "") => return Err("nothing follows its `=`"),
            ("timeout", "-1") => self.timeout = Some(None),
            ("timeout", value) => {
                self.timeout = Some(Some(value.parse().map_err(|_| "it is a number of seconds, or -1")?));
            }
            ("entry", value) => self.entry = Some(value.to_owned()),
            ("append", value) => self.append = format!("{} {value}", self.append).trim_start().to_owned(),
            ("tries", "keep") => self.keep_tries = true,
            ("tries", _) => return Err("there is only pvgrub.tries=keep"),
            _ => return Err("there are pvgrub.menu=, .entry=, .timeout=, .append= and .tries="),
        }
        Ok(())
    }
}

impl Options {
    /// Understands the words.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut options = Self::default();
        for word in words {
            // A value may have blanks in it, where the host put quotes around it.
            match word.strip_prefix("pvgrub.").and_then(|word| word.split_once('=')) {
                Some(("menu", value)) => options.menu(value),
                Some((name, value)) => {
                    if let Err(why) = options.forced.word(name, value) {
                        // Of a word that isn't known nobody knows what is in it.
                        let known = matches!(name, "timeout" | "entry" | "append" | "tries");
                        let value = if known { value } else { "" };
                        options.pass_over(&format!("pvgrub.{name}={value}: {why}"));
                    }
                }
                None => word.split_ascii_whitespace().for_each(|word| options.word(word)),
            }
        }
        options
    }

    fn word(&mut self, word: &str) {
        match word {
            "plain" | "--plain" | "--no-tty" => self.plain = true,
            "timings" => self.timings = true,
            _ if word.strip_prefix("bootdev=").is_some_and(|name| !name.is_empty()) => {
                self.card = word.strip_prefix("bootdev=").map(clean);
            }
            _ if word.starts_with("proxy=") => match proxy(&word["proxy=".len()..]) {
                Ok(server) => self.proxy = Some(server),
                // The word may have a password in it.
                Err(why) => self.pass_over(&format!("`proxy=`: {why}")),
            },
            _ if word.starts_with(['(', '/']) || is_url(word) => self.menu(word),
            // `loglevel=` is for others; `root=/dev/xvda1 ro` comes of xl's `root`.
            "ro" | "rw" | "quiet" => self.rest.push(word.to_owned()),
            _ if word.contains('=') => self.rest.push(word.to_owned()),
            _ => {
                self.rest.push(word.to_owned());
                self.pass_over(word);
            }
        }
    }

    fn menu(&mut self, word: &str) {
        match file_ref(word, None) {
            Ok(file) if self.menu.is_none() => self.menu = Some(file),
            Ok(file) => self.pass_over(&format!("a second menu: {file}")),
            Err(why) => self.pass_over(&why),
        }
    }

    fn pass_over(&mut self, what: &str) {
        self.notes.push(format!("passed over in the command line: {}", clean(what)));
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
    use crate::config::Home;
    use pvgrub_menu::{Default as Chosen, Menu};

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
    fn what_the_host_forces() {
        let options = Options::parse([
            "pvgrub.timeout=3",
            "pvgrub.entry=Advanced options>rescue",
            "pvgrub.append=a=1 b",
            "pvgrub.append=c",
            "pvgrub.menu=(hd0,0)/m.cfg",
            "root=/dev/xvda1",
        ]);
        assert_eq!(options.notes, [""; 0]);
        assert_eq!(options.menu.unwrap().path, "/m.cfg");
        assert_eq!(options.rest, ["root=/dev/xvda1"]);
        assert_eq!(options.forced.add_to("ro"), "ro a=1 b c");
        assert_eq!(options.forced.add_to(""), "a=1 b c");
        let settings = Settings {
            timeout: Some(60),
            timeout_style: TimeoutStyle::Hidden,
            fallback: vec![2],
            ..Settings::default()
        };
        let mut config = Config::new(Menu { settings, ..Menu::default() }, Home::Host, "x".into());
        options.forced.hold(&mut config);
        let mut settings = config.menu.settings.clone();
        assert_eq!((settings.timeout, settings.timeout_style), (Some(3), TimeoutStyle::Menu));
        assert_eq!(settings.forced.as_deref(), Some("pvgrub.entry=Advanced options>rescue"));
        assert_eq!(settings.default, Chosen::Path("Advanced options>rescue".into()));
        assert!(settings.fallback.is_empty());
        assert_eq!(Options::parse(["pvgrub.timeout=-1"]).forced.timeout, Some(None));
        for wrong in
            ["pvgrub.tries=3", "pvgrub.timeout=x", "pvgrub.timeout=", "pvgrub.tiemout=3", "pvgrub.append="]
        {
            assert_eq!(Options::parse([wrong]).notes.len(), 1, "{wrong}");
        }
        let secret =
            Options::parse(["pvgrub.proxy=http://me:word@a", "pvgrub.menu=http://me:word@a:b:c/"]).notes;
        assert!(secret.len() == 2 && !secret.join("").contains("word"), "{secret:?}");
        // The next menu: (its own timeout, who led there) and what it comes to.
        for (own, cause, held) in [
            (Some(60), Cause::Automatic, Some(3)),
            (None, Cause::Automatic, Some(3)),
            (Some(0), Cause::Automatic, Some(0)),
            (Some(60), Cause::User, Some(3)),
            (None, Cause::User, None),
        ] {
            let hidden = TimeoutStyle::Hidden;
            settings = Settings { timeout: own, timeout_style: hidden, ..Settings::default() };
            options.forced.hold_further(&mut settings, cause);
            assert_eq!(settings.timeout, held, "{own:?} {cause:?}");
            assert_eq!(settings.timeout_style == hidden, own == held, "{own:?} {cause:?}");
            Forced::default().hold_further(&mut settings, cause);
            assert_eq!(settings.timeout, held);
        }
        // Nothing is forced: nothing is changed.
        let before = config.menu.clone();
        Forced::default().hold(&mut config);
        assert_eq!(config.menu, before);
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
