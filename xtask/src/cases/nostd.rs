//! A program without std, on stable Rust: `nostd-net`, used from dom0.

use anyhow::{Result, ensure};

use super::{Case, Stage, Tier};
use crate::kernels::Kernel;
use crate::lab::Config;
use crate::material::{Image, Layout};

const PROGRAM: &str = "nostd-net";
const WORDS: &str = "ip=10.77.0.2::10.77.0.1:255.255.255.0";

/// The cases.
pub fn cases() -> Vec<Case> {
    vec![Case { kernels: &[PROGRAM], ..Case::new("nostd/net", Tier::Quick, net) }]
}

/// A disk's directory on the console, pings, and a line over TCP, twice.
fn net(stage: &mut Stage) -> Result<()> {
    let mut image = Image::new(Kernel::Cloud).layout(Layout::Bare);
    image.kernels.clear();
    image.files = vec![("greeting".into(), b"hello\n".into())];
    let disk = stage.image(&image)?;
    let config = Config::new(stage.kernel(PROGRAM)).memory(32).extra(WORDS).disk("xvda", &disk);
    let guest = stage.lab.create(&config)?;
    let (_, said) = stage.lab.expect(&guest, &["TCP port 7"], 60)?;
    let listing = said.lines().find(|line| line.starts_with("xvda has ")).unwrap_or_default();
    ensure!(listing.split_whitespace().any(|name| name == "greeting"), "no directory in {said:?}");
    stage.lab.sh("ping -c 3 -W 10 10.77.0.2", 60)?;
    for n in 1..=2 {
        let line = stage.lab.sh("nc -w 20 10.77.0.2 7", 60)?;
        ensure!(line.starts_with(&format!("visitor {n}, ")) && line.ends_with(" start\n"), "{line:?}");
        stage.lab.expect(&guest, &[&format!("served {n}")], 30)?;
    }
    stage.ends_when_asked(&guest)
}
