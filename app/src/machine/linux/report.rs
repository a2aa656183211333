//! What would be booted, in words.

use std::fmt::Write;

use pvgrub_handover::image::HostPages;
use pvgrub_handover::plan::Layout;

use super::PAGE;
use crate::load::{Named, Ready};
use crate::ramdisk::Ramdisk;

fn mib(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10) >> 20;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

fn file(named: &Named) -> String {
    format!("{} ({})", named.name, mib(named.len))
}

/// The report: lines for the user.
pub fn report(ready: &Ready<HostPages>, layout: &Layout) -> String {
    let facts = &ready.kernel.kernel;
    let mut out = String::from("\nThis would be booted now:\n");
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<13} {text}");
    };
    line("kernel", file(&ready.kernel_file));
    line("format", ready.kernel.format.clone());
    line("system", format!("{} {}", facts.guest_os, facts.guest_version).trim().to_owned());
    line("loaded", format!("{}, entry at {:#x}", mib(layout.kernel.pages * PAGE), facts.entry));
    line("features", facts.features.to_string());
    let yes_no = |set: bool| if set { "yes" } else { "no" };
    line(
        "notes",
        format!(
            "virt_base {:#x}, INIT_P2M {}, MOD_START_PFN {}, hypercall page {}",
            facts.virt_base,
            yes_no(facts.init_p2m.is_some()),
            yes_no(facts.mod_start_pfn),
            yes_no(facts.hypercall_page.is_some())
        ),
    );
    match &ready.ramdisk {
        None => line("initrd", "none".to_owned()),
        Some(Ramdisk { files, initrd, .. }) => {
            let name = if initrd.package { "module" } else { "initrd" };
            files.iter().for_each(|named| line(name, file(named)));
            if initrd.package {
                line("modules", format!("{} pages with their list and command lines", layout.initrd_pages()));
            }
        }
    }
    line("command line", ready.cmdline.clone());
    line("memory", format!("{} are taken before the kernel starts", mib(layout.end.0 * PAGE)));
    out
}
