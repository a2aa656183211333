//! Statements that have none within them.

use super::Generator;
use crate::script::words::single;

impl Generator {
    pub fn echo(&mut self) -> String {
        let option = self.pick(&["", "", "", "", "", "", "-n ", "-e ", "-ne ", "-x ", "-- "]);
        let name = self.pick(&["echo", "echo", "echo", "echo", "ec\"ho\"", "\\echo", "'echo'"]);
        format!("{name} {option}{}", self.words().words(5))
    }

    pub fn assignment(&mut self) -> String {
        let name = self.words().variable();
        let value = self.words().value();
        match self.below(12) {
            0..=6 => format!("set {name}={value}"),
            7 => format!("{name}={value}"),
            8 => format!("unset {name}"),
            9 => format!("export {}", self.pick(&["a", "x", "a b", "y=1", "none"])),
            10 => format!("set \"{name}=${{{name}}}x\""),
            _ => self
                .pick(&[
                    "unset",
                    "export",
                    "set a",
                    "set =x",
                    "set a=b c=d",
                    "set 1=x",
                    "set '?=3'",
                    "1=x",
                    "@=y",
                    "a=b c=d",
                    "a'='b",
                    "'a=b'",
                    "unset a b",
                    "unset ''",
                    "set 'a b=c'",
                    "a-b=c",
                    "set a=b=c",
                    "set \\a=b",
                    "=x",
                    "#=x",
                    "unset root",
                    "unset '?'",
                    "set root=(hd0,msdos1)",
                    "set root=hd0,1",
                    "set pager=0",
                    "set color_normal=x",
                    "set color_normal=red/blue",
                    "set color_highlight=blue/none",
                    "unset color_normal",
                ])
                .to_owned(),
        }
    }

    /// A command that is true or false.
    pub fn condition(&mut self) -> String {
        match self.below(8) {
            0 => self
                .pick(&[
                    "true",
                    "false",
                    "! true",
                    "! false",
                    "! ! true",
                    "!",
                    "nonsense",
                    "! nonsense",
                    "true x",
                    "! [ ]",
                    "test",
                    "[ ]",
                ])
                .to_owned(),
            1 => format!("test {}", self.words().test(2)),
            2 => format!("! [ {} ]", self.words().test(1)),
            3 => self.words().regexp(),
            _ => format!("[ {} ]", self.words().test(2)),
        }
    }

    pub fn tested(&mut self) -> String {
        let condition = self.condition();
        match self.below(3) {
            0 => format!("{condition}\necho $?"),
            1 => format!("{condition}; echo $?"),
            _ => format!("if {condition}; then echo yes; else echo no $?; fi"),
        }
    }

    pub fn conditions(&mut self) -> String {
        let first = self.condition();
        match self.below(6) {
            0 => format!("{first}; {}", self.condition()),
            1 => format!("echo c; {first}"),
            _ => first,
        }
    }

    pub fn other(&mut self) -> String {
        match self.below(10) {
            0 => format!(
                "{} {}",
                self.pick(&["source", "."]),
                self.pick(&[
                    "/boot/grub/other.cfg",
                    "/boot/grub/empty.cfg",
                    "/boot/grub/sub.cfg",
                    "/none",
                    "",
                    "/boot",
                    "text x",
                    "/boot/grub/o*.cfg"
                ])
            ),
            1 => format!(
                "{} {}",
                self.pick(&[
                    "search --set=a",
                    "search --set a",
                    "search",
                    "search --no-floppy --set=a",
                    "search -s"
                ]),
                self.pick(&[
                    "--label fixtures",
                    "-l none",
                    "--file /text",
                    "-f /none",
                    "--fs-uuid 5b1f9f8e-3f27-4b0c-9a55-2f3c7d1e0a42",
                    "-u none"
                ])
            ),
            2 => format!(
                "load_env {}",
                self.pick(&[
                    "",
                    "saved_entry",
                    "none",
                    "-f /boot/grub/grubenv",
                    "-f /none",
                    "--file /text",
                    "--skip-sig"
                ])
            ),
            3 => self
                .pick(&[
                    "list_env",
                    "list_env -f /none",
                    "cat /text",
                    "cat /none",
                    "cat",
                    "cmp /text /text",
                    "cmp /text /empty",
                    "cmp /text",
                ])
                .to_owned(),
            4 => format!(
                "probe {} (hd0,msdos1)",
                self.pick(&["--fs-uuid", "-f", "--set=a -u", "--label", "-p", "--driver", "-s b -l"])
            ),
            5 => format!(
                "{} {}",
                self.pick(&[
                    "nonsense",
                    "a-long-command-that-nobody-knows",
                    "no=",
                    "/text",
                    "\"\"",
                    "$x",
                    "''"
                ]),
                self.words().words(2)
            ),
            6 => format!("gettext {}", self.words().word()),
            7 => format!(
                "{} {{ echo block; }}",
                self.pick(&["echo", "true", "nonsense", "set x=1", "f", "[", "menuentry"])
            ),
            8 => format!("setparams {}", self.words().words(2)),
            _ => self
                .pick(&[
                    "return",
                    "break",
                    "continue",
                    "shift",
                    "break 2",
                    "return 3",
                    "continue x",
                    "sleep 0",
                    "sleep x",
                    "regexp",
                    "regexp a",
                    "test -f",
                    "password",
                    "export",
                    "clear",
                ])
                .to_owned(),
        }
    }

    /// What a status is, in a place where it is easily lost.
    pub fn status(&mut self) -> String {
        let condition = self.condition();
        self.pick(&[
            "C; echo $?; echo $?",
            "for a in 1 2; do C; done; echo $?",
            "if true; then C; fi; echo $?",
            "if C; then true; fi; echo $?",
            "eval 'C'; echo $?",
            "set a=$?; C; set b=$?; echo $a $b",
            "C; if true; then echo $?; fi",
            "C; a=$?; echo $a",
            "while C; do break; done; echo $?",
            "until C; do break; done; echo $?",
        ])
        .replace("'C'", &single(&condition))
        .replace('C', &condition)
    }
}
