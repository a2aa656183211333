//! A kernel has no C runtime, and is laid out by platform-xen's link script.
fn main() {
    println!("cargo:rustc-link-arg-bins=-Txen.ld");
    // For the Hermit target the linker is called by itself. For Linux's, whose prebuilt core and alloc will do as well,
    // by way of the C compiler.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("hermit") {
        for arg in [
            "-nostartfiles",
            "-nostdlib",
            "-static",
            "-no-pie",
            "-Wl,--build-id=none",
            "-Wl,--no-eh-frame-hdr",
        ] {
            println!("cargo:rustc-link-arg-bins={arg}");
        }
    }
}
