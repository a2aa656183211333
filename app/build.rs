//! On a Xen domain, platform-xen's link script lays the program out; elsewhere there is no platform-xen.
fn main() {
    for arg in std::env::var("DEP_PLATFORM_XEN_LINK_ARGS").unwrap_or_default().split_whitespace() {
        println!("cargo:rustc-link-arg-bins={arg}");
    }
}
