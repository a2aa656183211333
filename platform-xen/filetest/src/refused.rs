//! What std for Hermit refuses by itself, as docs/files.md has it: should it change, that page is wrong.

use std::fs::{self, File, FileTimes, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};

use crate::{Check, fails};

pub const CHECKS: &[Check] = &[("refused: by std alone", by_std)];

fn by_std() -> io::Result<()> {
    fs::write("/tmp/file", "x")?;
    fs::create_dir("/tmp/dir")?;
    for result in [
        fs::rename("/tmp/file", "/tmp/other"),
        fs::hard_link("/tmp/file", "/tmp/other"),
        fs::canonicalize("/tmp/file").map(drop),
        fs::read_link("/tmp/file").map(drop),
        fs::remove_dir_all("/tmp/dir"),
    ] {
        fails(result, ErrorKind::Unsupported);
    }
    let file = OpenOptions::new().read(true).write(true).open("/tmp/file")?;
    for result in [file.lock(), file.lock_shared(), file.unlock()] {
        fails(result, ErrorKind::Unsupported);
    }
    assert!(
        matches!(file.try_lock(), Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported)
    );
    for result in [
        file.sync_all(),
        file.sync_data(),
        file.set_len(0),
        file.try_clone().map(drop),
        file.set_permissions(file.metadata()?.permissions()),
        file.set_times(FileTimes::new()),
        fs::set_permissions("/tmp/file", file.metadata()?.permissions()),
    ] {
        fails(result, ErrorKind::InvalidInput);
    }
    fails(File::options().open("/tmp/file"), ErrorKind::InvalidInput);
    drop(file);
    fs::remove_dir("/tmp/dir")?;
    fs::remove_file("/tmp/file")
}
