//! On a Xen domain, platform-xen's link script lays the program out; elsewhere there is no platform-xen. And the authorities whose
//! certificates every copy of this build believes: the PEM bundle that `PVGRUB_ROOTS` names.
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-env-changed=PVGRUB_ROOTS");
    let roots = env::var_os("PVGRUB_ROOTS").filter(|file| !file.is_empty());
    let pem = roots.map_or_else(Vec::new, |file| {
        println!("cargo:rerun-if-changed={}", Path::new(&file).display());
        fs::read(&file).unwrap_or_else(|why| panic!("PVGRUB_ROOTS: {}: {why}", Path::new(&file).display()))
    });
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("roots.pem"), pem).expect("cargo's own directory can be written to");
    for arg in std::env::var("DEP_PLATFORM_XEN_LINK_ARGS").unwrap_or_default().split_whitespace() {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
}
