//! grub.cfg.

use pvgrub_script::{
    Bls, BlsEntry, By, DateTime, Host, HostError, Info, Limits, Outcome, Probe, Shell, check,
};

use crate::Target;
use crate::patch::take;

/// GRUB 2's shell.
pub static SCRIPT: Target = Target {
    name: "script",
    what: "a grub.cfg and another file that it reads, and each of the entries",
    seeds,
    run,
    max_len: 8192,
    memory: 32 << 20,
    sources: &["menu/script/src"],
};

const SAMPLES: [&[u8]; 8] = [
    include_bytes!("../../../../menu/script/tests/scripts/mkconfig.cfg"),
    include_bytes!("../../../../menu/script/tests/scripts/quote-translated.cfg"),
    include_bytes!("../../../../menu/script/tests/scripts/positional.cfg"),
    include_bytes!("../../../../menu/script/tests/scripts/menu-args.cfg"),
    include_bytes!("../../../../menu/script/tests/scripts/regexp-set.cfg"),
    include_bytes!("../../../../menu/script/tests/scripts/test-logic.cfg"),
    include_bytes!("../../../../menu/script/tests/scripts/wildcards.cfg"),
    include_bytes!("../../../../menu/script/tests/scripts/syntax-function.cfg"),
];

/// Length of the other file; the file; the script.
fn seeds() -> Vec<Vec<u8>> {
    let others: [&[u8]; 2] =
        [b"# GRUB Environment Block\na=b\\\\\nc=\n####", b"menuentry a { linux /a b 'c d' ; initrd /a }\n"];
    let one = |(sample, other): (&&[u8], &&[u8])| [&[other.len() as u8][..], other, sample].concat();
    SAMPLES.iter().zip(others.iter().cycle()).map(one).collect()
}

fn run(mut data: &[u8]) {
    let [length] = take(&mut data);
    let (file, text) = data.split_at(usize::from(length).min(data.len()));
    let text = String::from_utf8_lossy(text);
    let mut host = One { file: file.to_vec(), printed: 0 };
    let limits = Limits { steps: 20_000, memory: 1 << 20, file: 4096, entries: 16, output: 10_000 };
    let mut shell = Shell::new("hd0", "(hd0)/boot/grub", limits);
    let _ = check(&text);
    if shell.run_text(&mut host, "(hd0)/boot/grub/grub.cfg", &text) != Outcome::Menu {
        return;
    }
    assert!(shell.entries().len() <= limits.entries);
    for index in 0..shell.entries().len() {
        let (levels, printed) = (shell.levels(), host.printed);
        match shell.run_entry(&mut host, index, index.is_multiple_of(2)) {
            Outcome::Menu => {
                let default = shell.settings().default;
                let _ = shell.run_entry(&mut host, default, true);
            }
            Outcome::Boot(boot) => assert!(boot.kernel.starts_with('(') && !boot.args.contains('\u{fffd}')),
            _ => {}
        }
        while shell.levels() > levels && shell.leave() {}
        assert!(host.printed - printed <= 2 * limits.output + 4096);
    }
}

/// Every path leads to the same file.
struct One {
    file: Vec<u8>,
    printed: usize,
}

impl Host for One {
    fn read(&mut self, path: &str, most: usize) -> Result<Vec<u8>, HostError> {
        assert!(path.starts_with('(') && path.contains(')'), "{path}");
        if path.ends_with('/') || self.file.len() > most {
            Err(HostError::NotFound)
        } else {
            Ok(self.file.clone())
        }
    }

    fn info(&mut self, path: &str) -> Result<Info, HostError> {
        Ok(Info {
            directory: path.ends_with('/'),
            size: self.file.len() as u64,
            modified: Some(path.len() as i64),
        })
    }

    fn list(&mut self, _: &str) -> Result<Vec<(String, bool)>, HostError> {
        Ok(vec![("a".into(), false), ("*".into(), true), ("é\\".into(), false)])
    }

    fn devices(&mut self) -> Vec<String> {
        vec!["hd0".into(), "hd0,msdos1".into()]
    }

    fn search(&mut self, _: By, key: &str, _: &[String], _: usize) -> Vec<String> {
        if key.len().is_multiple_of(2) { vec!["hd0".into(), "hd0,1".into()] } else { vec![] }
    }

    fn probe(&mut self, device: &str, _: Probe) -> Result<Option<String>, HostError> {
        if device.is_empty() { Err(HostError::NoDevice) } else { Ok(Some("ext2".into())) }
    }

    fn print(&mut self, text: &str) {
        self.printed += text.len();
    }

    fn sleep(&mut self, _: u32, interruptible: bool) -> bool {
        interruptible
    }

    fn now(&mut self) -> Option<DateTime> {
        Some(DateTime { year: 2026, month: 11, day: 28, hour: 1, minute: 2, second: 3 })
    }

    fn write_env(&mut self, _: &str, block: &[u8]) -> Result<(), HostError> {
        assert_eq!(block.len(), self.file.len());
        Ok(())
    }

    fn bls(&mut self, _: &str, _: &dyn Fn(&str) -> Option<String>) -> Result<Bls, HostError> {
        let entry = BlsEntry {
            id: "a".into(),
            title: "it's".into(),
            linux: "/a".into(),
            options: "$x 'y".into(),
            ..BlsEntry::default()
        };
        Ok(Bls { entries: vec![entry], notes: vec!["a note".into()] })
    }

    fn line(&mut self, silent: bool) -> Option<String> {
        (!silent).then(|| "typed".into())
    }
}
