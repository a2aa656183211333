//! What goes over the bridge, as tcpdump sees it: to check what was asked of a server, and to have real packets for tests.

use anyhow::{Context, Result};

use crate::lab::Lab;

/// A capture that was begun.
#[derive(Clone, Copy, Debug)]
pub struct Capture;

const FILE: &str = "/run/net/capture";

impl Capture {
    /// Begins: all packets that match, in tcpdump's words (`port 69 or udp`); all if there are none.
    pub fn begin(lab: &mut Lab, filter: &str) -> Result<Capture> {
        let script = format!(
            "rm -f {FILE}.*; setsid tcpdump -i xenbr0 -Z root -U -n -s 0 -w {FILE}.pcap {filter} 2> {FILE}.log & echo $! > {FILE}.pid\n\
             for i in $(seq 200); do grep -q listening {FILE}.log && exit 0; usleep 50000; done; cat {FILE}.log; exit 1"
        );
        lab.sh(&script, 30).context("capturing packets; are there servers?")?;
        Ok(Capture)
    }

    /// Ends it: the packets as text, a line or more each, and the file.
    pub fn end(self, lab: &mut Lab) -> Result<(String, Vec<u8>)> {
        let script = format!(
            "usleep 300000; kill $(cat {FILE}.pid); usleep 200000; tcpdump -Z root -r {FILE}.pcap -n -v 2>/dev/null"
        );
        let text = lab.sh(&script, 60)?;
        let (status, bytes) = lab.sh_bytes(&format!("cat {FILE}.pcap"), 60)?;
        anyhow::ensure!(status == 0, "no packets were captured");
        Ok((text, bytes))
    }
}
