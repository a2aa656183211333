//! xenstore: our own keys, each backend's, and whether somebody before us left watches behind.

mod wire;

use crate::{Machine, line, start::Escaped};
use core::fmt;
use platform_xen_sys::xenstore::{XS_DIRECTORY, XS_READ, XS_WRITE};
use wire::{Client, Fault};

/// Longest path and longest value that is printed.
const LONGEST: usize = 512;
/// How deep the tree is followed.
const DEEPEST: usize = 6;

/// A short text of our own.
#[derive(Clone, Copy)]
struct Text {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Text {
    fn new(parts: &[&[u8]]) -> Text {
        let mut text = Text { bytes: [0; LONGEST], len: 0 };
        for byte in parts.iter().copied().flatten() {
            if text.len < LONGEST {
                text.bytes[text.len] = *byte;
                text.len += 1;
            }
        }
        text
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What differs from one start to the next, and is shown by a word instead.
struct Names {
    /// `/local/domain/N`
    home: Text,
    /// `/vm/UUID`
    vm: Text,
    /// The domain's number.
    id: Text,
}

struct Shown<'a>(&'a [u8], &'a Names);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(value, names) = self;
        if !names.vm.get().is_empty() && value.starts_with(names.vm.get()) {
            return write!(f, "VM{}", Escaped(&value[names.vm.len..]));
        }
        if let Some(rest) = value.strip_prefix(names.home.get())
            && matches!(rest.first(), None | Some(b'/'))
        {
            return write!(f, "HOME{}", Escaped(rest));
        }
        // A backend's path names the frontend's domain as one of its parts.
        let is_path = value.starts_with(b"/local/domain/");
        for (i, part) in value.split(|b| *b == b'/').enumerate() {
            if i > 0 {
                f.write_str("/")?;
            }
            match is_path && i > 3 && part == names.id.get() {
                true => f.write_str("ID")?,
                false => fmt::Display::fmt(&Escaped(part), f)?,
            }
        }
        Ok(())
    }
}

pub fn report(machine: &mut Machine) {
    if machine.is_dom0() {
        line!(machine.out, "store none");
        return;
    }
    if let Err(fault) = all(machine) {
        line!(machine.out, "store fault {fault}");
    }
}

fn all(machine: &mut Machine) -> Result<(), Fault> {
    let mut client = Client::new(machine);
    let id = Text::new(&[client.ask(machine, XS_READ, &[b"domid\0"])?]);
    let vm = client.ask(machine, XS_READ, &[b"vm\0"]).map_or(Text::new(&[]), |vm| Text::new(&[vm]));
    let home = Text::new(&[b"/local/domain/", id.get()]);
    let names = Names { home, vm, id };
    tree(machine, &mut client, &names, home, 0)?;
    watches(machine, &mut client, &names)
}

/// Prints a node and what is below it, in the order of names.
fn tree(
    machine: &mut Machine,
    client: &mut Client,
    names: &Names,
    path: Text,
    depth: usize,
) -> Result<(), Fault> {
    let value = match client.ask(machine, XS_READ, &[path.get(), b"\0"]) {
        Ok(value) => Text::new(&[value]),
        Err(Fault::Refused(why)) => {
            line!(machine.out, "store {} {why}", Shown(path.get(), names));
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    node(machine, names, &path, value.get());
    let is_backend_link = path.get().ends_with(b"/backend") && value.get().starts_with(b"/local/domain/");
    if is_backend_link && depth < DEEPEST {
        tree(machine, client, names, value, DEEPEST - 2)?;
    }
    if depth == DEEPEST {
        return Ok(());
    }
    // Names come in the order of creation: each pass asks again and takes the next one by name.
    let mut last = Text::new(&[]);
    loop {
        let children = client.ask(machine, XS_DIRECTORY, &[path.get(), b"\0"])?;
        let next = children.split(|b| *b == 0).filter(|name| *name > last.get()).min();
        let Some(next) = next else { return Ok(()) };
        last = Text::new(&[next]);
        tree(machine, client, names, Text::new(&[path.get(), b"/", last.get()]), depth + 1)?;
    }
}

fn node(machine: &mut Machine, names: &Names, path: &Text, value: &[u8]) {
    let shown = Shown(path.get(), names);
    let relative = path.get().strip_prefix(names.home.get()).unwrap_or_default();
    let number = core::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
    match (relative, number) {
        // A backend's directory has the number of our domain.
        _ if path.get().ends_with(b"/frontend-id") && value == names.id.get() => {
            line!(machine.out, "store {shown} = ID");
        }
        // Frames by their PFN.
        (b"/console/ring-ref" | b"/store/ring-ref", Some(mfn)) => {
            match machine.m2p.pfn(platform_xen_sys::Mfn(mfn)) {
                Some(pfn) => line!(machine.out, "store {shown} = pfn {pfn}"),
                None => line!(machine.out, "store {shown} = no pfn"),
            }
        }
        // What xl picks anew for each domain.
        (b"/console/tty" | b"/name" | b"/domid", _) => {
            line!(machine.out, "~store {shown} = {}", Escaped(value));
        }
        _ => line!(machine.out, "store {shown} = {}", Shown(value, names)),
    }
}

/// Writes what is there already, so that nothing changes but every watch on it fires.
fn watches(machine: &mut Machine, client: &mut Client, names: &Names) -> Result<(), Fault> {
    let mut fired = 0;
    for path in [&b"control/shutdown"[..], b"data"] {
        let Ok(value) = client.ask(machine, XS_READ, &[path, b"\0"]) else { continue };
        let value = Text::new(&[value]);
        if client.ask(machine, XS_WRITE, &[path, b"\0", value.get()]).is_ok() {
            fired += 1;
        }
    }
    for class in [&b"device/vbd"[..], b"device/vif"] {
        let mut last = Text::new(&[]);
        while let Ok(devices) = client.ask(machine, XS_DIRECTORY, &[class, b"\0"]) {
            let next = devices.split(|b| *b == 0).filter(|name| *name > last.get()).min();
            let Some(next) = next else { break };
            last = Text::new(&[next]);
            let state = Text::new(&[class, b"/", last.get(), b"/state"]);
            let Ok(value) = client.ask(machine, XS_READ, &[state.get(), b"\0"]) else { continue };
            let value = Text::new(&[value]);
            if client.ask(machine, XS_WRITE, &[state.get(), b"\0", value.get()]).is_ok() {
                fired += 1;
            }
        }
    }
    // Events that a write causes come before the answer to the next request.
    let _ = client.ask(machine, XS_READ, &[b"domid\0"])?;
    line!(machine.out, "store watches probed {fired} events {}", client.events);
    if client.events > 0 {
        line!(machine.out, "store watches last event {}", Shown(client.last_event(), names));
    }
    Ok(())
}
