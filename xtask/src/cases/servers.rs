//! The lab's own servers, by clients that are known to be right: if these fail, the lab is broken, not the loader.

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::{Case, LINUX, QUIET, Stage, Tier};
use crate::kernels::Kernel;
use crate::lab::{
    Bridge, Capture, Config, Dhcp, End, Family, Guest, LIMITED, PASSWORD, Place, ROGUE, Served, Servers,
    Tftp, Tls, USER, Value,
};
use crate::material::{self, noise};

/// The cases.
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("servers/dhcp-tftp-http", Tier::Quick, dhcp_tftp_http),
        Case::new("servers/https", Tier::Full, https),
        Case::new("servers/ipv6", Tier::Full, ipv6),
        Case::new("servers/two-cards", Tier::Full, two_cards),
        Case::new("servers/late-link", Tier::Full, late_link),
        Case::new("servers/bad-net", Tier::Full, bad_net),
        Case { kernels: &[ROGUE], ..Case::new("servers/rogue", Tier::Full, rogue) },
    ]
}

/// What the servers have at `file`: more than a few packets, and no multiple of any block.
fn file() -> Vec<u8> {
    noise(300_001, 5)
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What curl, on the machine apart, makes of a URL: status and final URL, or its own words.
fn curl(stage: &mut Stage, arguments: &str) -> Result<String> {
    let script = format!(
        "curl -sS --max-time 30 -o /tmp/came -w '%{{http_code}} %{{url_effective}} %{{num_redirects}}' {arguments} 2>&1"
    );
    Ok(stage.lab.sh_apart(&script, 60)?.1)
}

/// curl gets the whole file so.
fn gets(stage: &mut Stage, arguments: &str) -> Result<()> {
    let said = curl(stage, arguments)?;
    ensure!(said.starts_with("200 "), "{arguments}: {said}");
    let came = stage.lab.sh("sha256sum < /tmp/came", 20)?;
    ensure!(came.starts_with(&sum(&file())), "{arguments}: other bytes came: {came}");
    Ok(())
}

/// curl does not get it, and says this.
fn fails(stage: &mut Stage, arguments: &str, reason: &str) -> Result<()> {
    let said = curl(stage, arguments)?;
    ensure!(said.contains(reason), "{arguments}: {said:?}, without {reason:?}");
    Ok(())
}

fn has(text: &str, wanted: &str) -> Result<()> {
    ensure!(text.contains(wanted), "no {wanted:?} in {text}");
    Ok(())
}

/// Servers in dom0, and the machine apart with their names, from where they are asked.
fn serve(stage: &mut Stage, served: Served) -> Result<Servers> {
    let served = served.bytes("file", file());
    let servers = stage.lab.serve(&served)?;
    // It has its own server, so that what leads there can be followed.
    let apart = Served {
        place: Place::Apart,
        family: served.family,
        http: true,
        https: served.https,
        ..Served::default()
    };
    stage.lab.serve(&apart.bytes("file", file()))?;
    let dns = if served.family == Family::V6 { "fd00:77::1" } else { "10.77.0.1" };
    stage.lab.sh(&format!("echo nameserver {dns} > /etc/resolv.conf"), 10)?;
    Ok(servers)
}

/// A lease with what comes with it, both TFTP servers, and what nginx can do.
fn dhcp_tftp_http(stage: &mut Stage) -> Result<()> {
    let options = vec![(150, Value::Text("(nd)/net.lst".into())), (26, Value::Bytes(vec![5, 0xdc]))];
    let dhcp = Dhcp { file: Some("pxe/menu.lst".into()), options, ..Dhcp::default() };
    let served = Served { dhcp: Some(dhcp), tftp: Tftp::Dnsmasq, http: true, ..Served::default() };
    let served = Served { family: Family::Both, ..served };
    let servers = serve(stage, served.clone())?;
    let capture = Capture::begin(stage.lab, "udp")?;

    // udhcpc gives what it got to a script.
    let script = "printf '#!/bin/sh\\nenv\\n' > /tmp/env; chmod +x /tmp/env; \
                  udhcpc -i eth0 -n -q -f -t 10 -O 150 -O mtu -s /tmp/env 2>&1";
    let lease = stage.lab.sh_apart(script, 60)?.1;
    for wanted in [
        "ip=10.77.0.1",
        "boot_file=pxe/menu.lst",
        "opt150=286e64292f6e65742e6c7374",
        "dns=10.77.0.1",
        "mtu=1500",
    ] {
        has(&lease, wanted)?;
    }
    has(&servers.said(stage.lab)?, "DHCPACK")?;

    let tftp = |stage: &mut Stage, blksize: u32| -> Result<()> {
        let script = format!(
            "rm -f /tmp/came; tftp -g -b {blksize} -l /tmp/came -r file 10.77.0.1 && sha256sum < /tmp/came"
        );
        let came = stage.lab.sh_apart(&script, 60)?.1;
        ensure!(came.starts_with(&sum(&file())), "tftp with blocks of {blksize}: {came}");
        Ok(())
    };
    tftp(stage, 512)?;
    tftp(stage, 1400)?;
    has(&servers.said(stage.lab)?, "sent")?;
    let (packets, file) = capture.end(stage.lab)?;
    has(&packets, "blksize 1400")?;
    ensure!(file.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]), "the capture is no pcap file");

    gets(stage, "http://server.lab/file")?;
    gets(stage, "-L http://10.77.0.1/moved/file")?;
    gets(stage, "-L http://server.lab/to-apart/file")?;
    gets(stage, &format!("-u '{USER}:{PASSWORD}' http://server.lab/private/file"))?;
    gets(stage, "http://server.lab/chunked/file")?;
    gets(stage, "-6 http://server.lab/file")?;
    gets(stage, "-x http://10.77.0.1:3128 http://apart.lab/file")?;
    fails(stage, "http://server.lab/private/file", "401 ")?;
    fails(stage, "http://server.lab/nothing", "404 ")?;
    fails(stage, "http://server.lab/error/503", "503 ")?;
    fails(stage, "-L --max-redirs 10 http://server.lab/loop/file", "Maximum (10) redirects")?;
    fails(stage, "-r 100-199 http://server.lab/file", "206 ")?;
    ensure!(stage.lab.sh("wc -c < /tmp/came", 10)?.trim() == "100", "a range has another length");
    fails(stage, "-r 100-199 http://server.lab/whole/file", "200 ")?;
    let script = "curl -s -o /dev/null -w '%{speed_download}' http://server.lab/slow/file";
    let (_, speed) = stage.lab.sh_apart(script, 30)?;
    ensure!(speed.parse::<u32>()? < 2 * LIMITED, "what is to be slow came at {speed} bytes/s");
    let asked = servers.asked(stage.lab)?;
    has(&asked, "\"GET /file HTTP/1.1\" 206 100 \"bytes=100-199\" \"curl/")?;

    // Gone, back, and with the other TFTP server.
    servers.stop(stage.lab)?;
    fails(stage, "http://10.77.0.1/file", "connect to server")?;
    servers.start(stage.lab)?;
    gets(stage, "http://server.lab/file")?;
    let servers = stage.lab.serve(&Served { tftp: Tftp::Atftpd, ..served }.bytes("file", self::file()))?;
    tftp(stage, 1400)?;
    let said = servers.said(stage.lab)?;
    has(&said, "blksize option -> 1400")
}

/// Each certificate is good, or bad for the reason that it is there for.
fn https(stage: &mut Stage) -> Result<()> {
    let servers = serve(stage, Served { http: true, https: true, ..Served::default() })?;
    let root = servers.root_certificate();
    for tls in Tls::ALL {
        let arguments = format!("--cacert {root} https://server.lab:{}/file", tls.port());
        match tls {
            Tls::Good | Tls::Rsa => gets(stage, &arguments)?,
            Tls::Expired => fails(stage, &arguments, "certificate has expired")?,
            Tls::Early => fails(stage, &arguments, "certificate is not yet valid")?,
            Tls::SelfSigned => fails(stage, &arguments, "self-signed certificate")?,
            Tls::Other => fails(stage, &arguments, "no alternative certificate subject name matches")?,
        }
    }
    gets(stage, &format!("--cacert {root} https://10.77.0.1/file"))?;
    gets(stage, &format!("--cacert {root} -L http://server.lab/to-https/file"))?;
    // Its root is another one.
    let other = root.replace("server", "apart");
    fails(stage, &format!("--cacert {other} https://server.lab/file"), "SSL certificate problem")
}

/// No IPv4: an address by what the router announces, names, HTTP, TFTP.
fn ipv6(stage: &mut Stage) -> Result<()> {
    let url = "tftp://[fd00:77::1]/menu.lst";
    let dhcp = Dhcp { url: Some(url.into()), ..Dhcp::default() };
    let served = Served { family: Family::V6, dhcp: Some(dhcp), tftp: Tftp::Dnsmasq, ..Served::default() };
    let servers = serve(stage, Served { http: true, https: true, ..served })?;
    let script = "for i in $(seq 40); do ip -6 addr show dev eth0 | grep 'fd00:77::[^9].*dynamic\\|fd00:77:0:0:.*:fe' && exit 0; \
                  sleep 1; done; ip -6 addr show dev eth0; exit 1";
    let (status, said) = stage.lab.sh_apart(script, 60)?;
    ensure!(status == 0, "no address was announced: {said}; {}", servers.said(stage.lab)?);
    gets(stage, "http://server.lab/file")?;
    gets(stage, "-L http://server.lab/to-apart/file")?;
    gets(stage, &format!("--cacert {} 'https://[fd00:77::1]/file'", servers.root_certificate()))?;
    let script = "rm -f /tmp/came; tftp -g -l /tmp/came -r file fd00:77::1; sha256sum < /tmp/came";
    let came = stage.lab.sh_apart(script, 60)?.1;
    ensure!(came.starts_with(&sum(&file())), "tftp: {came}");
    fails(stage, "-4 http://server.lab/file", "resolve").context("there is an IPv4 address")
}

/// A Linux guest that fetches the file by these words of material/fetch-init, with these cards, not running yet.
fn fetcher(stage: &mut Stage, cards: &[Bridge], words: &str) -> Result<Guest> {
    let mut config = Config::new(Kernel::Cloud.image()?)
        .ramdisk(material::fetch_ramdisk(Kernel::Cloud)?)
        .extra(format!("{QUIET} {words}"));
    config.cards = cards.to_vec();
    stage.lab.create_paused(&config)
}

/// It has got its address at this card, and the whole file by each of so many ways.
fn fetched(stage: &mut Stage, guest: &Guest, card: &str, ways: usize) -> Result<()> {
    let (_, said) = stage.lab.expect(guest, &["GUEST done"], LINUX)?;
    stage.ends(guest, End::Off)?;
    has(&said, &format!("GUEST lease={card} 10.77.0.1"))?;
    let whole = said.matches(&format!("bytes, {}", sum(&file()))).count();
    ensure!(whole == ways, "it has got {whole} files, not {ways}: {said}");
    Ok(())
}

fn with_dhcp() -> Served {
    let dhcp = Some(Dhcp::default());
    Served { dhcp, tftp: Tftp::Dnsmasq, http: true, ..Served::default() }.bytes("file", file())
}

/// The servers are on the second card's bridge; on the first one's is nobody.
fn two_cards(stage: &mut Stage) -> Result<()> {
    stage.lab.serve(&with_dhcp())?;
    let words = "wget=http://10.77.0.1/file tftp=1400,10.77.0.1,file";
    let guest = fetcher(stage, &[Bridge::Empty, Bridge::Dom0], words)?;
    stage.lab.unpause(&guest)?;
    fetched(stage, &guest, "eth1", 2)
}

/// The cable is put in 10 s after the guest has begun to ask for an address.
fn late_link(stage: &mut Stage) -> Result<()> {
    let servers = stage.lab.serve(&with_dhcp())?;
    let guest = fetcher(stage, &[Bridge::Dom0], "wget=http://10.77.0.1/file")?;
    stage.lab.link(&guest, 0, false)?;
    stage.lab.unpause(&guest)?;
    stage.lab.expect(&guest, &["GUEST asks"], LINUX)?;
    stage.lab.sh("sleep 10", 20)?;
    let said = servers.said(stage.lab)?;
    ensure!(!said.contains("DHCPDISCOVER"), "a packet came through a cable that was not there: {said}");
    stage.lab.link(&guest, 0, true)?;
    fetched(stage, &guest, "eth0", 1)
}

/// Packets are lost, late, doubled and out of order, and the file is the same; then the net is good again.
fn bad_net(stage: &mut Stage) -> Result<()> {
    stage.lab.serve(&with_dhcp())?;
    let guest = fetcher(stage, &[Bridge::Dom0], "wget=http://10.77.0.1/file tftp=1400,10.77.0.1,file")?;
    stage.lab.impair(&guest, "delay 100ms")?;
    stage.lab.impair(&guest, "loss 2% delay 10ms reorder 25% 50% duplicate 5%")?;
    stage.lab.unpause(&guest)?;
    fetched(stage, &guest, "eth0", 2)?;
    let guest = fetcher(stage, &[Bridge::Dom0], "wget=http://10.77.0.1/file")?;
    stage.lab.impair(&guest, "loss 100%")?;
    stage.lab.unpause(&guest)?;
    stage.lab.expect(&guest, &["GUEST asks"], LINUX)?;
    stage.lab.sh("sleep 3", 20)?;
    stage.lab.mend(&guest)?;
    fetched(stage, &guest, "eth0", 1)
}

/// The servers that lie are honest where they are to be, and tell a client that is known to be right the lies it knows of.
fn rogue(stage: &mut Stage) -> Result<()> {
    let files = [("file".to_owned(), file())];
    stage.lab.sh("rm -f /etc/resolv.conf", 10)?;
    let http = stage.lab.serve_lies("http 10.77.0.9:80 files", &files)?;
    let url = "http://10.77.0.9";
    gets(stage, &format!("{url}/honest/0/file"))?;
    fails(stage, &format!("{url}/cut/1000/file"), "transfer closed with")?;
    // What was cut off is got by ranges.
    let script = format!(
        "rm -f /tmp/came; for i in $(seq 8); do curl -s -C - -o /tmp/came {url}/cut/100000/file && break; done; \
         sha256sum < /tmp/came"
    );
    let came = stage.lab.sh_apart(&script, 60)?.1;
    ensure!(came.starts_with(&sum(&file())), "by ranges came {came}");
    fails(stage, &format!("--max-time 2 {url}/stall/1000/file"), "timed out")?;
    fails(stage, &format!("--max-filesize 1000000 --max-time 2 {url}/endless"), "timed out")?;
    fails(stage, &format!("--http1.1 {url}/garbage"), "HTTP/0.9")?;
    has(&http.said(stage.lab)?, "from: Some(200000)")?;

    stage.lab.serve_lies("tftp 10.77.0.9:69 files honest", &files)?;
    let tftp = "rm -f /tmp/came; tftp -g -b 1400 -l /tmp/came -r file 10.77.0.9 2>&1; sha256sum < /tmp/came";
    let (_, came) = stage.lab.sh_apart(tftp, 60)?;
    has(&came, &sum(&file()))?;
    stage.lab.serve_lies("tftp 10.77.0.9:69 files cut 3", &files)?;
    let (_, came) = stage.lab.sh_apart(&format!("{tftp}; wc -c < /tmp/came"), 60)?;
    has(&came, "4900")?;

    // Its answers go to everyone on the bridge, so a client in dom0 hears them.
    let udhcpc = "printf '#!/bin/sh\nenv\n' > /tmp/env; chmod +x /tmp/env; \
                  udhcpc -i xenbr0 -n -q -f -t 3 -T 1 -A 1 -O 150 -s /tmp/env 2>&1; true";
    stage.lab.serve_lies("dhcp 0.0.0.0:67 honest '150=(nd)/menu.lst'", &[])?;
    let said = stage.lab.sh(udhcpc, 60)?;
    has(&said, "ip=10.77.0.99")?;
    has(&said, "opt150=286e64292f6d656e752e6c7374")?;
    let nak = stage.lab.serve_lies("dhcp 0.0.0.0:67 nak", &[])?;
    // It asks again and again.
    let said = stage.lab.sh(&udhcpc.replace("udhcpc -i", "timeout 5 udhcpc -i"), 60)?;
    has(&said, "received DHCP NAK")?;
    ensure!(!said.contains("ip=10.77.0.99"), "a lease that was refused: {said}");
    has(&nak.said(stage.lab)?, "a question of kind 3")
}
