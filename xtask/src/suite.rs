//! Other people's test suites, unmodified, inside Xen domains: which there are, and where their parts go.
//! docs/std-tests.md says what is left out or fails, and why; [`table`] reads it.

mod build;
mod console;
mod crates;
mod mirror;
mod run;
mod table;
mod workspace;

pub use build::{build, elsewhere};
pub use console::Outcome;
pub use run::{MEMORY, every, run, slice};

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

const fn lib(package: &'static str) -> Source {
    Source::Lib { package }
}

suites! {
    "core" 995: "core" test("core-programs", "coretests");
    "alloc" 995:
        "alloc" test("alloc-programs", "alloctests"),
        "alloc-unit" lib("alloc-programs"),
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
        "std-thread" std_test("thread"),
        "std-time" std_test("time"),
        "std-type-name-unsized" std_test("type-name-unsized"),
        "std-volatile-fat-ptr" std_test("volatile-fat-ptr");
    "crossbeam-channel" 970:
        "crossbeam-after" test("crossbeam-channel", "after"),
        "crossbeam-array" test("crossbeam-channel", "array"),
        "crossbeam-golang" test("crossbeam-channel", "golang"),
        "crossbeam-iter" test("crossbeam-channel", "iter"),
        "crossbeam-list" test("crossbeam-channel", "list"),
        "crossbeam-mpsc" test("crossbeam-channel", "mpsc"),
        "crossbeam-never" test("crossbeam-channel", "never"),
        "crossbeam-ready" test("crossbeam-channel", "ready"),
        "crossbeam-same_channel" test("crossbeam-channel", "same_channel"),
        "crossbeam-select" test("crossbeam-channel", "select"),
        "crossbeam-select_macro" test("crossbeam-channel", "select_macro"),
        "crossbeam-thread_locals" test("crossbeam-channel", "thread_locals"),
        "crossbeam-tick" test("crossbeam-channel", "tick"),
        "crossbeam-zero" test("crossbeam-channel", "zero");
    // Three of its 38 tests spin.
    "crossbeam-deque" 900:
        "crossbeam-deque-fifo" test("crossbeam-deque", "fifo"),
        "crossbeam-deque-injector" test("crossbeam-deque", "injector"),
        "crossbeam-deque-lifo" test("crossbeam-deque", "lifo"),
        "crossbeam-deque-steal" test("crossbeam-deque", "steal");
    "crossbeam-epoch" 970: "crossbeam-epoch" lib("crossbeam-epoch");
    // Nearly half of its tests spin.
    "crossbeam-queue" 500:
        "crossbeam-queue-array" test("crossbeam-queue", "array_queue"),
        "crossbeam-queue-seg" test("crossbeam-queue", "seg_queue");
    "crossbeam-utils" 970:
        "crossbeam-utils" lib("crossbeam-utils"),
        "crossbeam-utils-atomic_cell" test("crossbeam-utils", "atomic_cell"),
        "crossbeam-utils-cache_padded" test("crossbeam-utils", "cache_padded"),
        "crossbeam-utils-parker" test("crossbeam-utils", "parker"),
        "crossbeam-utils-sharded_lock" test("crossbeam-utils", "sharded_lock"),
        "crossbeam-utils-thread" test("crossbeam-utils", "thread"),
        "crossbeam-utils-wait_group" test("crossbeam-utils", "wait_group");
    "parking_lot" 970:
        "parking_lot" lib("parking_lot"),
        "parking_lot-issue_203" test("parking_lot", "issue_203"),
        "parking_lot-issue_392" test("parking_lot", "issue_392");
    "regex" 970:
        "regex" lib("regex"),
        "regex-syntax" lib("regex-syntax");
    "serde_json" 970:
        "serde_json-debug" test("serde_json", "debug"),
        "serde_json-lexical" test("serde_json", "lexical"),
        "serde_json-map" test("serde_json", "map"),
        "serde_json-regression" test("serde_json", "regression"),
        "serde_json-stream" test("serde_json", "stream"),
        "serde_json-test" test("serde_json", "test");
    "hashbrown" 970:
        "hashbrown" lib("hashbrown"),
        "hashbrown-equivalent_trait" test("hashbrown", "equivalent_trait"),
        "hashbrown-hasher" test("hashbrown", "hasher"),
        "hashbrown-set" test("hashbrown", "set");
    "bytes" 970:
        "bytes" lib("bytes"),
        "bytes-buf" test("bytes", "test_buf"),
        "bytes-buf_mut" test("bytes", "test_buf_mut"),
        "bytes-bytes" test("bytes", "test_bytes"),
        "bytes-odd_alloc" test("bytes", "test_bytes_odd_alloc"),
        "bytes-vec_alloc" test("bytes", "test_bytes_vec_alloc"),
        "bytes-chain" test("bytes", "test_chain"),
        "bytes-debug" test("bytes", "test_debug"),
        "bytes-iter" test("bytes", "test_iter"),
        "bytes-limit" test("bytes", "test_limit"),
        "bytes-reader" test("bytes", "test_reader"),
        "bytes-take" test("bytes", "test_take"),
        "bytes-writer" test("bytes", "test_writer");
    "rayon-core" 970:
        "rayon-core" lib("rayon-core"),
        "rayon-core-double_init_fail" test("rayon-core", "double_init_fail"),
        "rayon-core-init_zero_threads" test("rayon-core", "init_zero_threads"),
        "rayon-core-scope_join" test("rayon-core", "scope_join"),
        "rayon-core-scoped_threadpool" test("rayon-core", "scoped_threadpool"),
        "rayon-core-simple_panic" test("rayon-core", "simple_panic"),
        "rayon-core-use_current_thread" test("rayon-core", "use_current_thread");
    "async-channel" 970:
        "smol-channel-bounded" test("async-channel", "bounded"),
        "smol-channel-unbounded" test("async-channel", "unbounded");
    "async-lock" 970:
        "smol-lock-barrier" test("async-lock", "barrier"),
        "smol-lock-mutex" test("async-lock", "mutex"),
        "smol-lock-rwlock" test("async-lock", "rwlock"),
        "smol-lock-semaphore" test("async-lock", "semaphore");
    // As crossbeam-queue.
    "concurrent-queue" 500:
        "smol-queue-bounded" test("concurrent-queue", "bounded"),
        "smol-queue-single" test("concurrent-queue", "single"),
        "smol-queue-unbounded" test("concurrent-queue", "unbounded");
    "event-listener" 970:
        "smol-event-listener" lib("event-listener"),
        "smol-event-notify" test("event-listener", "notify");
    "smallvec" 970: "smallvec" lib("smallvec");
    "memchr" 970: "memchr" lib("memchr");
    "semver" 970:
        "semver-autotrait" test("semver", "test_autotrait"),
        "semver-identifier" test("semver", "test_identifier"),
        "semver-version" test("semver", "test_version"),
        "semver-version_req" test("semver", "test_version_req");
    "arrayvec" 970:
        "arrayvec" lib("arrayvec"),
        "arrayvec-tests" test("arrayvec", "tests");
}

/// Whether a program is to be built and run: `$PVGRUB_PROGRAMS`, for who works on one of them, has their names, with
/// commas between.
pub fn is_wanted(program: &str) -> bool {
    match std::env::var("PVGRUB_PROGRAMS") {
        Ok(names) if !names.is_empty() => names.split(',').any(|name| name == program),
        _ => true,
    }
}

/// The program of a kernel `suite/NAME`.
pub fn program(kernel: &str) -> Option<Program> {
    let name = kernel.strip_prefix(PREFIX)?;
    SUITES.iter().flat_map(|suite| suite.programs).find(|program| program.name == name).copied()
}
