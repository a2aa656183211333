//! A kernel is laid out by platform-xen's link script.
fn main() {
    for arg in
        std::env::var("DEP_PLATFORM_XEN_LINK_ARGS").expect("platform-xen is linked in").split_whitespace()
    {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
}
