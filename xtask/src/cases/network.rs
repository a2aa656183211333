//! Programs on the network: what they serve is used from dom0.

use anyhow::{Result, ensure};

use super::{Case, Stage, Tier};
use crate::lab::{Config, Guest};

/// How the guest gets its address where the case isn't about that.
const STATIC: &str = "ip=10.77.0.2::10.77.0.1:255.255.255.0";

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |name: &str, tier, run: fn(&mut Stage) -> Result<()>| Case {
        kernels: &["inetd"],
        ..Case::new(format!("network/{name}"), tier, run)
    };
    vec![case("services", Tier::Quick, services)]
}

fn inetd(stage: &mut Stage, words: &str) -> Result<Guest> {
    let guest = stage.lab.create(&Config::new(stage.kernel("inetd")).memory(64).extra(words))?;
    stage.lab.expect(&guest, &["ready"], 60)?;
    Ok(guest)
}

/// Each of the small services, over TCP and UDP, with bytes compared.
fn services(stage: &mut Stage) -> Result<()> {
    let guest = inetd(stage, STATIC)?;
    let said = stage.lab.sh("nc -w 20 10.77.0.2 13", 60)?;
    ensure!(said.ends_with(" seconds after 1970\r\n"), "daytime says {said:?}");
    let script = "head -c 3000000 /dev/urandom > /tmp/sent; \
                  nc 10.77.0.2 7 < /tmp/sent > /tmp/came & sleep 1; \
                  for i in $(seq 100); do [ $(stat -c %s /tmp/came) = 3000000 ] && break; sleep 0.2; done; \
                  cmp /tmp/sent /tmp/came; kill %1";
    stage.lab.sh(script, 60)?;
    stage.lab.sh("head -c 20000000 /dev/zero | nc 10.77.0.2 9", 90)?;
    let (_, said) = stage.lab.expect(&guest, &["discard: 20000000 bytes"], 30)?;
    println!("{said}");
    let (_, rate) = stage.lab.expect(&guest, &["\n"], 30)?;
    println!("{rate}");
    let came = stage.lab.sh("time nc 10.77.0.2 19 | head -c 20000000 | md5sum", 90)?;
    println!("{came}");
    stage.ends_when_asked(&guest)
}
