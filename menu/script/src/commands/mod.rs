//! The commands, by name.

pub(crate) mod btrfs;
mod env;
mod flow;
mod gptprio;
mod harmless;
mod load;
mod loopback;
mod ls;
mod menu;
mod search;
mod show;
mod test;
mod usage;
mod users;

use crate::exec::{Call, Exec, Run};

pub use usage::usage;

pub(crate) type Command = fn(&mut Exec, &Call) -> Run;

/// Sorted by name.
const COMMANDS: &[(&str, Command)] = &[
    (".", menu::source),
    ("[", test::test),
    ("authenticate", users::authenticate),
    ("bls_import", menu::blscfg),
    ("blscfg", menu::blscfg),
    ("boot", load::boot),
    ("break", flow::leave_loop),
    ("btrfs-mount-subvol", btrfs::mount),
    ("cat", show::cat),
    ("chainloader", load::chainloader),
    ("clear", harmless::nothing),
    ("cmp", show::cmp),
    ("configfile", menu::configfile),
    ("continue", flow::continue_loop),
    ("cpuid", harmless::cpuid),
    ("date", show::date),
    ("decrement", env::decrement),
    ("devicetree", load::devicetree),
    ("echo", show::echo),
    ("eval", flow::eval),
    ("exit", load::exit),
    ("export", env::export),
    ("false", flow::no),
    ("gettext", show::gettext),
    ("gptprio.next", gptprio::next),
    ("halt", load::halt),
    ("increment", env::increment),
    ("initrd", load::initrd),
    ("initrd16", load::initrd),
    ("initrdefi", load::initrd),
    ("insmod", harmless::insmod),
    ("keystatus", flow::no),
    ("linux", load::linux),
    ("linux16", load::linux),
    ("linuxefi", load::linux),
    ("list_env", env::list_env),
    ("load_env", env::load_env),
    ("loopback", loopback::loopback),
    ("ls", ls::ls),
    ("menuentry", menu::menuentry),
    ("module", load::module),
    ("normal", menu::normal),
    ("normal_exit", harmless::nothing),
    ("password", users::password),
    ("password_pbkdf2", users::pbkdf2),
    ("probe", search::probe),
    ("read", show::read),
    ("reboot", load::reboot),
    ("regexp", test::regexp),
    ("return", flow::leave_function),
    ("save_env", env::save_env),
    ("search", search::search),
    ("search.file", search::file),
    ("search.fs_label", search::label),
    ("search.fs_uuid", search::uuid),
    ("search.part_label", search::part_label),
    ("search.part_uuid", search::part_uuid),
    ("set", env::set),
    ("setparams", flow::setparams),
    ("shift", flow::shift),
    ("sleep", show::sleep),
    ("source", menu::source),
    ("submenu", menu::submenu),
    ("test", test::test),
    ("true", flow::yes),
    ("unset", env::unset),
];

/// The names of all commands, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|(name, _)| *name)
}

pub(crate) fn find(name: &str) -> Option<Command> {
    match COMMANDS.binary_search_by(|(known, _)| (*known).cmp(name)) {
        Ok(at) => COMMANDS.get(at).map(|(_, command)| *command),
        Err(_) if harmless::is_harmless(name) => Some(harmless::nothing),
        Err(_) => harmless::refusal(name).map(|_| harmless::refuse as Command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(COMMANDS.is_sorted_by(|(a, _), (b, _)| a < b));
        for (name, _) in COMMANDS {
            assert!(find(name).is_some());
            assert!(!harmless::is_harmless(name) && harmless::refusal(name).is_none(), "{name} stands twice");
        }
    }
}
