//! `liar`: a block backend in a program of dom0's, on gntdev, evtchn and xenstored's socket. Honest until it is armed;
//! then it tells the one lie that it was started with. For the lab alone.
//!
//! `liar DOMAIN DEVICE FILE LIE 0|1` makes the device of that number (51712: xvda) in xenstore, where toolstack and dom0's own
//! backends know nothing of it, and serves it until the domain is gone. The last word is what the node `armed` below
//! `/tool/liar/DOMAIN/DEVICE` holds at first; whoever writes 0 or 1 there later disarms and arms it.

mod backend;
mod disk;
mod evtchn;
mod gntdev;
mod ioctl;
mod lie;
mod request;
mod ring;
mod serve;
mod xenstore;

use anyhow::{Context, Result, bail};
use platform_xen_sys::DomId;

use backend::Backend;
use disk::Disk;
use lie::Lie;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [domain, device, file, lie, armed] = words.as_slice() else {
        bail!("usage: liar DOMAIN DEVICE FILE LIE 0|1");
    };
    let domain = DomId(domain.parse().context("DOMAIN")?);
    let device: u32 = device.parse().context("DEVICE")?;
    let mut backend = Backend::start(domain, device, Disk::open(file)?, Lie::parse(lie)?, armed)?;
    println!("ready");
    let served = backend.run();
    backend.end().and(served)
}
