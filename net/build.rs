//! Lays the certificates that are to be built in where the crate includes them from.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-env-changed=PVGRUB_ROOTS");
    let to = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("roots.pem");
    match env::var_os("PVGRUB_ROOTS") {
        Some(file) => {
            println!("cargo:rerun-if-changed={}", file.display());
            fs::copy(file, to).map(|_| ())
        }
        None => fs::write(to, ""),
    }
}
