//! An interface of smoltcp's on the first network card.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use core::time::Duration;
use embedded_io::Write;
use platform_xen::tcpip::{Autoconf4, EthernetDevice, Setup};
use platform_xen::{boot, devices, entropy, thread, time};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr, Ipv4Cidr};

/// Where the line is served.
const PORT: u16 = 7;
/// Bytes of a connection's buffer, each way.
const BUFFER: usize = 4096;
/// How long a visitor may be silent.
const PATIENCE: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(10);
/// The longest wait: a backend that goes away need not send an event.
const LOOK: Duration = Duration::from_secs(1);

/// Serves for good; an error if there is no card or no address.
pub fn serve<W: Write>(out: &mut W) -> Result<(), String> {
    let devices = devices::get().ok_or("there is no xenstore")?;
    let nics = devices.nics().map_err(|why| why.to_string())?;
    let mut device = EthernetDevice::new(nics.iter().next().ok_or("there is no card")?.clone());
    let (address, prefix) = address()?;

    let mut config = Config::new(HardwareAddress::Ethernet(device.address()));
    config.random_seed = random();
    let mut iface = Interface::new(config, &mut device, now());
    iface.update_ip_addrs(|list| {
        // The list has room for one.
        let _ = list.push(IpCidr::Ipv4(Ipv4Cidr::new(address, prefix)));
    });
    let mut sockets = SocketSet::new(vec![]);
    let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
    let mut only = tcp::Socket::new(buffer(), buffer());
    // A visitor who vanishes would keep it for ever.
    only.set_timeout(Some(PATIENCE));
    let handle = sockets.add(only);
    let _ = write!(out, "{address} answers pings, and TCP port {PORT}\r\n");

    let mut served = 0;
    loop {
        iface.poll(now(), &mut device, &mut sockets);
        let socket = sockets.get_mut::<tcp::Socket>(handle);
        if !socket.is_open() {
            socket.listen(PORT).map_err(|why| format!("{why:?}"))?;
        }
        if socket.can_send() {
            served += 1;
            let line = format!("visitor {served}, {} ms after the start\n", time::since_start().as_millis());
            // It fits into an empty buffer.
            let _ = socket.send_slice(line.as_bytes());
            socket.close();
            let _ = write!(out, "served {served}\r\n");
        }
        let delay = iface.poll_delay(now(), &sockets).map_or(LOOK, Duration::from);
        if !delay.is_zero() && !device.ask_for_events() {
            let ports = device.port();
            thread::wait_ports(ports.as_slice(), Some(time::now() + delay.min(LOOK)));
        }
    }
}

fn now() -> Instant {
    Instant::from_micros(i64::try_from(time::now().0 / 1000).unwrap_or(i64::MAX))
}

/// What the command line says.
fn address() -> Result<(core::net::Ipv4Addr, u8), String> {
    let start = boot::start();
    let line = String::from_utf8_lossy(start.cmd_line());
    let word = line.split_whitespace().find_map(|word| word.strip_prefix("ip="));
    match Setup::parse(word.ok_or("the command line has no ip=")?).map_err(|why| why.to_string())?.v4 {
        Autoconf4::Static { address, prefix, .. } => Ok((address, prefix)),
        _ => Err("ip= names no address".into()),
    }
}

/// Where sequence numbers begin.
fn random() -> u64 {
    let mut bytes = [0; 8];
    if entropy::fill(&mut bytes).is_err() {
        entropy::fill_weakly(&mut bytes);
    }
    u64::from_ne_bytes(bytes)
}
