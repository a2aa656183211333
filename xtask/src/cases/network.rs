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
    let script = "head -c 500000 /dev/urandom > /tmp/sent; nc 10.77.0.2 7 < /tmp/sent > /tmp/came & \
                  for i in $(seq 300); do [ $(stat -c %s /tmp/came) = 500000 ] && break; usleep 100000; done; \
                  cmp /tmp/sent /tmp/came; status=$?; kill %1; exit $status";
    stage.lab.sh(script, 60)?;
    stage.lab.sh("head -c 1000000 /dev/zero | nc 10.77.0.2 9", 90)?;
    stage.lab.expect(&guest, &["discard: 1000000 bytes"], 30)?;
    let came = stage.lab.sh("nc 10.77.0.2 19 | head -c 7104", 90)?;
    let line = |n: usize| (0..72).map(move |i| char::from(b' ' + ((n + i) % 95) as u8)).chain("\r\n".chars());
    ensure!(came == (0..96).flat_map(line).collect::<String>(), "chargen says {came:?}");
    stage.ends_when_asked(&guest)
}
