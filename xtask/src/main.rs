//! The project's own commands: `cargo xtask --help`.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    xtask::main()
}
