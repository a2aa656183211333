//! Prints a domain's part of xenstore from inside, as the tool of this name does in dom0: `xenstore-ls [PATH]`.
//!
//! Unlike the other examples it is about Xen: how a program with std uses what the platform has besides std.
#![forbid(unsafe_code)]

#[cfg(target_os = "hermit")]
mod tree;

#[cfg(target_os = "hermit")]
fn main() {
    let path = std::env::args().nth(1);
    if let Err(error) = tree::print(path.as_deref()) {
        println!("xenstore-ls: {error}");
        std::process::exit(1);
    }
}

#[cfg(not(target_os = "hermit"))]
fn main() {
    println!("xenstore-ls: this runs as a Xen domain only; elsewhere use Xen's own");
}
