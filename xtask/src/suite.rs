//! Other people's test suites, unmodified, inside Xen domains: which there are, and where their parts go.
//! docs/std-tests.md says what is left out or fails, and why; [`table`] reads it.

mod build;
mod console;
mod crates;
mod run;
mod table;
mod workspace;

pub use build::build;
pub use run::{MEMORY, run, slice};

/// Kernels of a suite are named `suite/PROGRAM` in a case's list of kernels.
pub const PREFIX: &str = "suite/";

/// What a program is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A `[[test]]` of the generated package.
    Test {
        /// The package.
        package: &'static str,
        /// The target's name.
        target: &'static str,
    },
    /// The unit tests in the package's library.
    Lib {
        /// The package.
        package: &'static str,
    },
    /// The unit tests in std itself, which no cargo package outside of Rust's own can build.
    Std,
}

/// One kernel made of tests.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The kernel's name, and the first column of the tables.
    pub name: &'static str,
    /// What it is made of.
    pub source: Source,
}

/// A line of the figures: programs that belong together.
pub struct Suite {
    /// The case is `std-suite/NAME`.
    pub name: &'static str,
    /// Its programs' kernels, as a case names them.
    pub kernels: &'static [&'static str],
    /// The programs.
    pub programs: &'static [Program],
    /// The least share of those tests that could pass, in thousandths.
    pub least: u32,
}

/// Declares suites, so that the names of the kernels follow from those of the programs.
macro_rules! suites {
    ($($suite:literal $least:literal: $($program:literal $source:expr),+;)+) => {
        /// All suites.
        pub const SUITES: &[Suite] = &[$(Suite {
            name: $suite,
            kernels: &[$(concat!("suite/", $program)),+],
            programs: &[$(Program { name: $program, source: $source }),+],
            least: $least,
        }),+];
    };
}

const fn std_test(target: &'static str) -> Source {
    Source::Test { package: "std-programs", target }
}

const fn test(package: &'static str, target: &'static str) -> Source {
    Source::Test { package, target }
}

suites! {
    "core" 995: "core" test("core-programs", "coretests");
    "alloc" 995:
        "alloc" test("alloc-programs", "alloctests"),
        "alloc-unit" Source::Lib { package: "alloc-programs" },
        "alloc-vec_deque_alloc_error" test("alloc-programs", "vec_deque_alloc_error");
    "std" 970:
        "std" Source::Std,
        "std-sync" std_test("sync"),
        "std-thread_local" std_test("thread_local"),
        "std-ambiguous-hash_map" std_test("ambiguous-hash_map"),
        "std-builtin-clone" std_test("builtin-clone"),
        "std-create_dir_all_bare" std_test("create_dir_all_bare"),
        "std-env" std_test("env"),
        "std-env_modify" std_test("env_modify"),
        "std-eq-multidispatch" std_test("eq-multidispatch"),
        "std-error" std_test("error"),
        "std-istr" std_test("istr"),
        "std-log-knows-the-names" std_test("log-knows-the-names-of-variants-in-std"),
        "std-minmax-stability" std_test("minmax-stability-issue-23687"),
        "std-num" std_test("num"),
        "std-panic" std_test("panic"),
        "std-path" std_test("path"),
        "std-process_spawning" std_test("process_spawning"),
        "std-run-time-detect" std_test("run-time-detect"),
        "std-seq-compare" std_test("seq-compare"),
        "std-slice-from-array" std_test("slice-from-array-issue-113238"),
        "std-switch-stdout" std_test("switch-stdout"),
        "std-thread" std_test("thread"),
        "std-time" std_test("time"),
        "std-type-name-unsized" std_test("type-name-unsized"),
        "std-volatile-fat-ptr" std_test("volatile-fat-ptr");
}

/// The program of a kernel `suite/NAME`.
pub fn program(kernel: &str) -> Option<Program> {
    let name = kernel.strip_prefix(PREFIX)?;
    SUITES.iter().flat_map(|suite| suite.programs).find(|program| program.name == name).copied()
}
