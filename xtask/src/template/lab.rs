//! `cargo run`: builds the program for Xen and starts it in the lab. `cargo xtask --help`: what else there is.

fn main() -> std::process::ExitCode {
    xtask::project::main(env!("CARGO_MANIFEST_DIR"), "@NAME@")
}
