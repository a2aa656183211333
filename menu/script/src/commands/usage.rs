//! What is said by `help NAME` and `NAME --help`.

/// Sorted by name.
const USAGE: &[(&str, &str)] = &[
    ("[", "[ EXPRESSION ]: see test"),
    ("blscfg", "blscfg [default|non-default|NAME|DIRECTORY]: entries of the Boot Loader Specification"),
    ("boot", "boot: what linux and initrd have named"),
    (
        "btrfs-mount-subvol",
        "btrfs-mount-subvol (DEVICE) DIRECTORY SUBVOLUME: the one in place of the other, by SUSE's GRUB",
    ),
    ("cat", "cat FILE: shows a text"),
    ("cmp", "cmp FILE FILE: compares two files"),
    ("configfile", "configfile FILE: another menu"),
    ("date", "date: shows the time, in UTC"),
    ("decrement", "decrement NAME: takes one from a variable"),
    ("echo", "echo [-n] [-e] WORD..."),
    ("export", "export NAME...: submenus and configfile see the variable, too"),
    ("gptprio.next", "gptprio.next -d NAME -u NAME [DISK]: the /usr whose turn it is, as Flatcar has them"),
    ("halt", "halt: switches the domain off"),
    ("help", "help [NAME]: the commands, or how one is used"),
    ("increment", "increment NAME: adds one to a variable"),
    ("initrd", "initrd FILE...: ramdisks; behind linux"),
    ("insmod", "insmod NAME: nothing is needed, so nothing is done"),
    ("linux", "linux FILE [ARGUMENT...]: a kernel and its command line; then initrd, then boot"),
    ("list_env", "list_env [-f FILE]: what grubenv holds"),
    ("load_env", "load_env [-f FILE] [NAME...]: variables from grubenv"),
    ("loopback", "loopback NAME FILE: (NAME) is what the file, an image, has in it; -d NAME: no longer"),
    ("ls", "ls [-l] [-h] [-a] [(DEVICE)|PATH...]: devices, or files; -l: with sizes and times"),
    (
        "menuentry",
        "menuentry TITLE [--id ID] [--class C] [--users U] [--unrestricted] [--hotkey K] { COMMANDS }",
    ),
    ("module", "module [--nounzip] FILE [ARGUMENT...]: behind linux"),
    ("normal", "normal [FILE]: reads the menu again, or that one"),
    ("password", "password USER PASSWORD"),
    ("password_pbkdf2", "password_pbkdf2 USER HASH"),
    ("probe", "probe [--set=NAME] --driver|--partmap|--fs|--fs-uuid|--label|--part-uuid DEVICE"),
    ("read", "read [NAME]: asks for a line"),
    ("reboot", "reboot: starts the domain anew"),
    ("regexp", "regexp [--set [N:]NAME] EXPRESSION TEXT"),
    ("save_env", "save_env [-f FILE] NAME...: into grubenv, where the disk may be written"),
    (
        "search",
        "search --file|--label|--fs-uuid|--part-label|--part-uuid [--set[=NAME]] [--hint DEVICE] WHAT",
    ),
    ("set", "set [NAME=VALUE]: a variable; alone: all of them"),
    ("sleep", "sleep [--interruptible] [--verbose] SECONDS"),
    ("source", "source FILE: runs a script here"),
    ("submenu", "submenu TITLE { COMMANDS }: as menuentry"),
    ("test", "test EXPRESSION: = != < > -eq -ne -lt -gt -e -f -d -s -n -z ! -a -o ( )"),
    ("unset", "unset NAME"),
];

/// How a command is used; nothing for those that explain themselves.
pub fn usage(name: &str) -> Option<&'static str> {
    let at = USAGE.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    USAGE.get(at).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_commands_that_there_are() {
        assert!(USAGE.is_sorted_by(|(a, _), (b, _)| a < b));
        for (name, text) in USAGE {
            assert!(*name == "help" || super::super::find(name).is_some(), "{name}");
            assert!(text.starts_with(name) && text.len() < 110, "{text}");
        }
        assert_eq!(usage("none"), None);
    }
}
