//! `cargo test`: the program's own tests, each in a domain.

fn main() -> std::process::ExitCode {
    xtask::project::test(env!("CARGO_MANIFEST_DIR"), "@NAME@")
}
