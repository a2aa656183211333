//! ext by e2fsprogs: made, changed, judged and read by them.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The file that is overwritten, and its length.
pub const ENV: &str = "/boot/grub/grubenv";
pub const ENV_LEN: usize = 1024;

/// An image in a directory that goes away.
pub struct Ext {
    dir: TempDir,
}

fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    // Debian keeps them where a user's PATH may not lead.
    command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
    command
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("these tests need e2fsprogs");
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

impl Ext {
    /// Made by `mke2fs` with these options, of so many KiB. Besides some files that fill it a little it has [`ENV`], `/boot/grub/default` of 251
    /// bytes, `/four` of 4,096, `/more` of 4,097, `/none`, a link `/link` to [`ENV`], and a second name of it, `/other`.
    pub fn new(kib: u32, options: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        std::fs::create_dir_all(tree.join("boot/grub")).unwrap();
        let put = |path: &str, len: usize, salt: u32| {
            std::fs::write(tree.join(path.trim_start_matches('/')), super::content(len, salt)).unwrap();
        };
        put(ENV, ENV_LEN, 1);
        put("boot/grub/default", 251, 2);
        put("four", 4096, 3);
        put("more", 4097, 4);
        put("none", 0, 0);
        for n in 5..25 {
            put(&format!("file{n}"), 3000 * n as usize, n);
        }
        std::os::unix::fs::symlink(ENV, tree.join("link")).unwrap();
        std::fs::hard_link(tree.join(&ENV[1..]), tree.join("other")).unwrap();
        let made = Self { dir };
        let words = options.split_whitespace();
        run(tool("mke2fs")
            .args(["-q", "-F", "-d"])
            .arg(&tree)
            .args(words)
            .arg(made.path())
            .arg(kib.to_string()));
        // mke2fs counts quotas wrong; e2fsck says 1 when it has set them right.
        if options.contains("quota") {
            tool("e2fsck").arg("-fy").arg(made.path()).output().unwrap();
        }
        made
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    /// Changes it by requests of debugfs.
    pub fn debugfs(&self, requests: &[&str]) -> String {
        let script = self.dir.path().join("script");
        std::fs::write(&script, requests.join("\n")).unwrap();
        let output = run(tool("debugfs").args(["-w", "-f"]).arg(&script).arg(self.path()));
        String::from_utf8(output.stdout).unwrap()
    }

    /// e2fsck finds nothing to mend in these bytes, and debugfs reads this from this file.
    pub fn assert_clean(&self, bytes: &[u8], path: &str, content: &[u8]) {
        std::fs::write(self.path(), bytes).unwrap();
        run(tool("e2fsck").arg("-fn").arg(self.path()));
        let read = run(tool("debugfs").args(["-R", &format!("cat {path}")]).arg(self.path()));
        assert!(read.stdout == content, "{path}");
    }
}
