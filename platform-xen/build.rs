//! Puts the link script where the linker of any dependent program finds it: `-Txen.ld`.
use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=xen.ld");
    if env::var_os("CARGO_FEATURE_BARE").is_none() {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("xen.ld", out.join("xen.ld")).expect("xen.ld is copied to OUT_DIR");
    println!("cargo:rustc-link-search={}", out.display());
}
