//! On a Xen domain, platform-xen's link script lays the program out.
fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("hermit") {
        println!("cargo:rustc-link-arg=-Txen.ld");
    }
}
