//! Puts the link script where the linker of any dependent program finds it, and tells the build scripts of those programs what
//! to ask of the linker: `DEP_PLATFORM_XEN_LINK_ARGS`.
use std::{env, fs, path::PathBuf};

/// For a target of Linux, whose prebuilt core and alloc will do as well, the linker is called by way of the C compiler: a kernel
/// has no C runtime. For the Hermit target it is called by itself.
const BY_CC: &str = "-nostartfiles -nostdlib -static -no-pie -Wl,--build-id=none -Wl,--no-eh-frame-hdr";

fn main() {
    println!("cargo::rerun-if-changed=xen.ld");
    if env::var_os("CARGO_FEATURE_BARE").is_none() {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("xen.ld", out.join("xen.ld")).expect("xen.ld is copied to OUT_DIR");
    println!("cargo::rustc-link-search={}", out.display());
    let hermit = env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("hermit");
    println!("cargo::metadata=LINK_ARGS=-Txen.ld {}", if hermit { "" } else { BY_CC });
}
