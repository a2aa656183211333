//! Booting from the network: menu, kernel and initrd from real servers, up to a guest that has the same lease and fetches a file
//! by its own driver.

mod bad;
mod installer;
mod lies;

use anyhow::{Result, ensure};

use super::{Case, LINUX, MENU, QUIET, Stage, Tier};
use crate::build;
use crate::kernels::Kernel;
use crate::lab::{Bridge, Capture, Config, Dhcp, End, Family, Guest, Served, Servers, Tftp, Tls, Value};
use crate::material::{self, Image};

/// Seconds from the start of pvgrub to the guest's first own line.
const BOOT: u64 = LINUX + 120;

/// The cases.
pub fn cases() -> Vec<Case> {
    let case = |name: &str, tier, run: fn(&mut Stage) -> Result<()>| Case {
        dom0: 1024,
        ..Case::pvgrub(format!("netboot/{name}"), tier, run)
    };
    let good = vec![
        case("nd", Tier::Quick, nd),
        case("nd-named", Tier::Full, nd_named),
        case("pxelinux", Tier::Full, pxelinux),
        case("localboot", Tier::Full, localboot),
        case("tftp-url", Tier::Full, tftp_url),
        case("http", Tier::Quick, http),
        case("https", Tier::Full, https),
        case("proxy", Tier::Full, proxy),
        case("ipv6", Tier::Full, ipv6),
        case("ipv6-offer", Tier::Full, ipv6_offer),
        case("disk-then-net", Tier::Full, disk_then_net),
        case("net-then-disk", Tier::Full, net_then_disk),
        case("two-cards", Tier::Full, two_cards),
        case("ifconfig", Tier::Full, ifconfig),
    ];
    good.into_iter().chain(bad::cases()).chain(lies::cases()).chain(installer::cases()).collect()
}

/// What the guest does at its end: fetches a file by HTTP.
const FETCH: &str = "wget=http://10.77.0.1/file";

/// Servers with a kernel, an initrd and this menu in `/pv`.
fn serve(stage: &mut Stage, served: Served, menu: &str) -> Result<Servers> {
    let files = served
        .file("pv/vmlinuz", Kernel::Cloud.image()?)
        .file("pv/initrd", material::fetch_ramdisk(Kernel::Cloud)?)
        .bytes("pv/menu.lst", menu)
        .bytes("file", "a file of the server's");
    stage.lab.serve(&files)
}

/// A menu with one entry that is booted after a second: lines before `title`, and those of the entry.
fn menu(before: &str, kernel: &str, initrd: &str) -> String {
    format!(
        "timeout 1\n{before}title Linux from the network\nkernel {kernel} {QUIET} {FETCH}\ninitrd {initrd}\n"
    )
}

fn dhcp(option_150: Option<&str>) -> Dhcp {
    let options = option_150.map(|text| (150, Value::Bytes(padded(text)))).into_iter().collect();
    Dhcp { options, ..Dhcp::default() }
}

/// dnsmasq takes this option in fours of bytes only: a path bears more slashes.
fn padded(text: &str) -> Vec<u8> {
    let missing = text.len().next_multiple_of(4) - text.len();
    text.replacen('/', &"/".repeat(missing + 1), 1).into_bytes()
}

/// A domain without a disk.
fn diskless(stage: &Stage, extra: &str) -> Config {
    Config::new(stage.kernel("pvgrub")).memory(256).extra(extra)
}

/// The guest has its card, its lease, and the whole file.
fn runs(stage: &mut Stage, guest: &Guest, card: &str) -> Result<String> {
    let (_, said) = stage.lab.expect(guest, &["GUEST done"], BOOT)?;
    stage.ends(guest, End::Off)?;
    ensure!(said.contains(&format!("GUEST lease={card} 10.77.0.")), "no lease: {said}");
    ensure!(said.contains("status 0, "), "nothing was fetched: {said}");
    Ok(said)
}

fn boots(stage: &mut Stage, extra: &str) -> Result<String> {
    let config = diskless(stage, extra);
    let guest = stage.lab.create(&config)?;
    runs(stage, &guest, "eth0")
}

/// PV-GRUB's way, with nothing said: DHCP's option 150 names the menu, all of it comes by TFTP.
fn nd(stage: &mut Stage) -> Result<()> {
    let dhcp = Some(dhcp(Some("(nd)/pv/menu.lst")));
    let served = Served { dhcp, tftp: Tftp::Dnsmasq, http: true, ..Served::default() };
    let menu = menu("", "(nd)/pv/vmlinuz", "(nd)/pv/initrd");
    let servers = serve(stage, served, &menu.replace("kernel (nd)", "root (nd)\nkernel "))?;
    boots(stage, "")?;
    let said = servers.said(stage.lab)?;
    // The guest was given the address that pvgrub had.
    let leases: Vec<&str> = said.lines().filter(|line| line.contains("DHCPACK")).collect();
    let address =
        |line: &str| line.split_once("10.77.0.").map(|(_, rest)| rest.split(' ').next().map(str::to_owned));
    ensure!(leases.len() == 2 && address(leases[0]) == address(leases[1]), "{leases:?}");
    Ok(())
}

/// PV-GRUB's `extra`, the boot file's server for `(nd)`, and the lines that old menus have.
fn nd_named(stage: &mut Stage) -> Result<()> {
    let served = Served { dhcp: Some(dhcp(None)), tftp: Tftp::Atftpd, http: true, ..Served::default() };
    let entry = "dhcp\nroot (nd)\nkernel /pv/vmlinuz";
    serve(stage, served, &menu("tftpserver 10.77.0.1\n", "K", "/pv/initrd").replace("kernel K", entry))?;
    let capture = Capture::begin(stage.lab, "udp")?;
    boots(stage, "(nd)/pv/menu.lst")?;
    let (packets, _) = capture.end(stage.lab)?;
    ensure!(packets.contains("windowsize"), "TFTP without windows");
    Ok(())
}

/// A network that boots by PXELINUX: DHCP names its program, and the configuration for this card is beside it; names in it are
/// relative to the program's directory.
fn pxelinux(stage: &mut Stage) -> Result<()> {
    let dhcp = Some(Dhcp { file: Some("pv/pxelinux.0".into()), ..Dhcp::default() });
    let served = Served { dhcp, tftp: Tftp::Dnsmasq, http: true, ..Served::default() };
    let name = format!("pv/pxelinux.cfg/01-{}", crate::lab::MAC.replace(':', "-"));
    let text = format!(
        "DEFAULT net\nPROMPT 0\nLABEL net\n  KERNEL vmlinuz\n  INITRD initrd\n  IPAPPEND 2\n  APPEND {QUIET} {FETCH}\n"
    );
    serve(stage, served.bytes(&name, text), "")?;
    let said = boots(stage, "")?;
    ensure!(said.contains("pxelinux.cfg/01-"), "it was not looked for by the card's address: {said}");
    Ok(())
}

/// "Boot from the local disk", the default of many a PXE server: the disk has a menu of its own, and there is nobody to choose.
fn localboot(stage: &mut Stage) -> Result<()> {
    let dhcp = Some(Dhcp { file: Some("pv/pxelinux.0".into()), ..Dhcp::default() });
    let served = Served { dhcp, tftp: Tftp::Dnsmasq, http: true, ..Served::default() };
    let text = "UI menu.c32\nMENU HIDDEN\nMENU AUTOBOOT The disk in # second{,s}\nTIMEOUT 30\nDEFAULT local\n\
                LABEL local\n  MENU LABEL Boot from the local disk\n  LOCALBOOT 0\n\
                LABEL net\n  KERNEL vmlinuz\n  INITRD initrd\n";
    serve(stage, served.bytes("pv/pxelinux.cfg/default", text), "")?;
    let config =
        stage.pvgrub_on(&Image::new(Kernel::Cloud).usual_menu())?.extra("(nd)/pv/pxelinux.cfg/default");
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["The disk in ", "Esc shows the menu."], MENU)?;
    stage.lab.expect(&guest, &["Booting entry 0 by itself: The usual"], BOOT)?;
    stage.reports(&guest)?.has("release", Kernel::Cloud.release())
}

/// A URL of TFTP, and files beside the menu.
fn tftp_url(stage: &mut Stage) -> Result<()> {
    let served = Served { dhcp: Some(dhcp(None)), tftp: Tftp::Atftpd, http: true, ..Served::default() };
    serve(stage, served, &menu("", "vmlinuz", "../pv/initrd"))?;
    boots(stage, "tftp://server.lab/pv/menu.lst").map(drop)
}

/// HTTP: names, redirects, a list of digests, a password, an answer without a length.
fn http(stage: &mut Stage) -> Result<()> {
    let served = Served { dhcp: Some(dhcp(None)), http: true, ..Served::default() };
    let kernel = "(http,guest:p%25ss%2Fw%40rd@server.lab)/private/pv/vmlinuz";
    let initrd = "http://server.lab/moved/pv/initrd";
    let sums = format!(
        "{}  vmlinuz\n{}  initrd\n",
        build::hash(&Kernel::Cloud.image()?)?,
        build::hash(&material::fetch_ramdisk(Kernel::Cloud)?)?
    );
    let text = menu("", kernel, initrd).replace("kernel ", "sha256sums SHA256SUMS\nkernel ");
    let servers = serve(stage, served.bytes("pv/SHA256SUMS", sums), &text)?;
    boots(stage, "http://server.lab/chunked/pv/menu.lst")?;
    let asked = servers.asked(stage.lab)?;
    ensure!(asked.contains("\"GET /private/pv/vmlinuz HTTP/1.1\" 200"), "{asked}");
    Ok(())
}

/// HTTPS, with the certificate's authority in the domain's ramdisk.
fn https(stage: &mut Stage) -> Result<()> {
    let served = Served { dhcp: Some(dhcp(None)), http: true, https: true, ..Served::default() };
    let servers = serve(stage, served, &menu("", "vmlinuz", "https://server.lab:8441/pv/initrd"))?;
    let roots = stage.dir.join("roots.pem");
    std::fs::write(&roots, stage.lab.sh(&format!("cat {}", servers.root_certificate()), 10)?)?;
    let config = diskless(stage, "https://server.lab/pv/menu.lst").ramdisk(&roots);
    let guest = stage.lab.create(&config)?;
    runs(stage, &guest, "eth0")?;
    // Whoever is not vouched for is not believed.
    for (tls, reason) in [
        (Tls::Expired, "it ended on "),
        (Tls::Early, "it begins on "),
        (Tls::SelfSigned, "signed by nobody"),
        (Tls::Other, "it is for "),
    ] {
        let extra = format!("plain https://server.lab:{}/pv/menu.lst", tls.port());
        let config = diskless(stage, &extra).ramdisk(&roots);
        let guest = stage.lab.create(&config)?;
        let (_, said) = stage.lab.expect(&guest, &["Enter looks again"], BOOT)?;
        ensure!(said.contains(reason), "{tls:?}: {said}");
        stage.lab.destroy(&guest)?;
    }
    Ok(())
}

/// No IPv4 anywhere: an address by what the router announces.
fn ipv6(stage: &mut Stage) -> Result<()> {
    let served =
        Served { family: Family::V6, dhcp: Some(Dhcp::default()), tftp: Tftp::Dnsmasq, ..Served::default() };
    let served = Served { http: true, ..served };
    let menu = menu("", "vmlinuz", "tftp://[fd00:77::1]/pv/initrd").replace(FETCH, "");
    let servers = serve(stage, served, &menu)?;
    let config = diskless(stage, "http://[fd00:77::1]/pv/menu.lst");
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["GUEST asks"], BOOT)?;
    stage.lab.destroy(&guest)?;
    let asked = servers.asked(stage.lab)?;
    ensure!(asked.contains("GET /pv/vmlinuz HTTP/1.1\" 200"), "{asked}");
    Ok(())
}

/// DHCPv6 names the menu, by the name of a server that only its own name servers know: without IPv4, and where IPv4's has none to
/// name.
fn ipv6_offer(stage: &mut Stage) -> Result<()> {
    for family in [Family::V6, Family::Both] {
        let dhcp = Dhcp { url: Some("http://server.lab/pv/menu.lst".into()), ..Dhcp::default() };
        let served = Served { family, dhcp: Some(dhcp), http: true, ..Served::default() };
        let servers = serve(stage, served, &menu("", "vmlinuz", "initrd").replace(FETCH, ""))?;
        let config = diskless(stage, "");
        let guest = stage.lab.create(&config)?;
        stage.lab.expect(&guest, &["Fetching http://server.lab/pv/menu.lst"], BOOT)?;
        stage.lab.expect(&guest, &["GUEST asks"], BOOT)?;
        stage.lab.destroy(&guest)?;
        let asked = servers.asked(stage.lab)?;
        ensure!(asked.contains("GET /pv/vmlinuz HTTP/1.1\" 200"), "{family:?}: {asked}");
    }
    Ok(())
}

/// All comes by a proxy, for which the domain resolves no name.
fn proxy(stage: &mut Stage) -> Result<()> {
    let served = Served { dhcp: Some(dhcp(None)), http: true, ..Served::default() };
    let servers = serve(stage, served, &menu("", "vmlinuz", "http://server.lab/pv/initrd"))?;
    boots(stage, "http://server.lab/pv/menu.lst proxy=http://10.77.0.1:3128")?;
    let asked = servers.asked(stage.lab)?;
    for file in ["menu.lst", "vmlinuz"] {
        let line = format!(" 3128 \"GET http://server.lab/pv/{file} HTTP/1.1\" 200");
        ensure!(asked.contains(&line), "no {line} in {asked}");
    }
    Ok(())
}

/// The menu is on the disk, the kernel is not.
fn disk_then_net(stage: &mut Stage) -> Result<()> {
    let served = Served { dhcp: Some(dhcp(None)), http: true, ..Served::default() };
    serve(stage, served, "title nobody\nkernel /none\n")?;
    let text = menu("", "http://10.77.0.1/pv/vmlinuz", "(http,10.77.0.1)/pv/initrd");
    let image = Image::new(Kernel::Cloud).menu(text);
    let config = stage.pvgrub_on(&image)?;
    let guest = stage.lab.create(&config)?;
    runs(stage, &guest, "eth0").map(drop)
}

/// The menu is on a server, the kernel is on the disk.
fn net_then_disk(stage: &mut Stage) -> Result<()> {
    let image = Image::new(Kernel::Cloud).usual_menu();
    let text = image.entry("From the disk", Kernel::Cloud, "");
    let served = Served { dhcp: Some(dhcp(None)), http: true, ..Served::default() };
    serve(stage, served, &format!("timeout 1\n{text}"))?;
    let mut config = stage.pvgrub_on(&image)?;
    config = config.extra("http://10.77.0.1/pv/menu.lst");
    stage.boots(&config)?.has("release", Kernel::Cloud.release())
}

/// The servers are on the second card's bridge; on the first one's is nobody.
fn two_cards(stage: &mut Stage) -> Result<()> {
    let served =
        Served { dhcp: Some(dhcp(Some("(nd)/pv/menu.lst"))), tftp: Tftp::Dnsmasq, ..Served::default() };
    serve(stage, Served { http: true, ..served }, &menu("", "(nd)/pv/vmlinuz", "(nd)/pv/initrd"))?;
    for extra in ["", "bootdev=eth1"] {
        let mut config = diskless(stage, extra);
        config.cards = vec![Bridge::Empty, Bridge::Dom0];
        let guest = stage.lab.create(&config)?;
        runs(stage, &guest, "eth1")?;
    }
    let mut config = diskless(stage, "plain bootdev=eth0");
    config.cards = vec![Bridge::Empty, Bridge::Dom0];
    let guest = stage.lab.create(&config)?;
    stage.lab.expect(&guest, &["eth0: no DHCP server gave an address within 30 s"], 90)?;
    stage.lab.destroy(&guest)
}

/// No DHCP: the menu on the disk gives the address.
fn ifconfig(stage: &mut Stage) -> Result<()> {
    let served = Served { tftp: Tftp::Dnsmasq, http: true, ..Served::default() };
    serve(stage, served, "title nobody\nkernel /none\n")?;
    let line = "ifconfig --address=10.77.0.7 --mask=255.255.255.0 --server=10.77.0.1\n";
    let text = menu("", "(nd)/pv/vmlinuz", "http://10.77.0.1/pv/initrd")
        .replace("kernel ", &format!("{line}kernel "))
        .replace(FETCH, &format!("ip=static {FETCH}"));
    let image = Image::new(Kernel::Cloud).menu(text);
    let config = stage.pvgrub_on(&image)?;
    let guest = stage.lab.create(&config)?;
    let (_, said) = stage.lab.expect(&guest, &["GUEST done"], BOOT)?;
    ensure!(said.contains("status 0, "), "{said}");
    stage.ends(&guest, End::Off).map(drop)
}
