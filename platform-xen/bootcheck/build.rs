//! A kernel has no C runtime, and is laid out by a link script of its own.

fn main() {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("bootcheck.ld");
    println!("cargo:rerun-if-changed={}", script.display());
    println!("cargo:rustc-link-arg-bins=-T{}", script.display());
    for arg in
        ["-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", "-Wl,--no-eh-frame-hdr"]
    {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
}
