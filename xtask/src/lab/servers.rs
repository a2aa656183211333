//! Real servers for guests: dnsmasq, nginx and atftpd of Debian, in dom0 or on a machine of its own beside it.
//!
//! ```text
//!   dom0: 10.77.0.1, fd00:77::1, server.lab   apart: 10.77.0.9, fd00:77::9, apart.lab
//!        └───────────────┬────────────────────────────┘ (a network namespace of dom0)
//!                     xenbr0 ── vifN.0: the guest           xenbr1 ── vifN.1: nobody there
//! ```
//!
//! All of them serve one directory, which is in dom0's memory. What was asked of them is in their logs.

mod capture;
mod certificates;
mod dnsmasq;
mod nginx;

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::bundle::Bundle;
use super::clients::IP;
use super::{DiskKind, Lab};
use crate::cpio::Archive;
use crate::{linux, paths};

pub use capture::Capture;
pub use dnsmasq::{Dhcp, Value};
pub use nginx::{LIMITED, PASSWORD, Tls, USER};

const SERVERS: Bundle = Bundle {
    name: "servers",
    what: "nginx, atftpd and tcpdump",
    packages: &[
        "nginx",
        "atftpd",
        "tcpdump",
        "libpcre2-8-0",
        "libwrap0",
        "libnsl2",
        "libtirpc3",
        "libpcap0.8",
    ],
    depends: None,
    programs: &[
        ("usr/sbin/nginx", "usr/sbin/nginx"),
        ("usr/sbin/atftpd", "usr/sbin/atftpd"),
        ("usr/bin/tcpdump", "usr/bin/tcpdump"),
    ],
    modules: &["af_packet"],
};

/// The package of the servers that lie, which a case names among its kernels.
pub const ROGUE: &str = "rogue";

/// Where servers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In dom0.
    #[default]
    Dom0,
    /// On a machine of its own on the same bridge.
    Apart,
}

impl Place {
    /// Its name, which DNS knows with `.lab` behind it.
    fn name(self) -> &'static str {
        match self {
            Place::Dom0 => "server",
            Place::Apart => "apart",
        }
    }

    /// The last number of its addresses.
    fn number(self) -> u32 {
        match self {
            Place::Dom0 => 1,
            Place::Apart => 9,
        }
    }

    fn v4(self) -> String {
        format!("10.77.0.{}", self.number())
    }

    fn v6(self) -> String {
        format!("fd00:77::{}", self.number())
    }

    /// Where what belongs to its servers is in dom0: their settings, logs, and `files`, the directory that they serve.
    fn home(self) -> String {
        format!("/run/net/{}", self.name())
    }

    fn card(self) -> &'static str {
        match self {
            Place::Dom0 => "xenbr0",
            Place::Apart => "eth0",
        }
    }

    /// What a command begins with that is to run there.
    fn prefix(self) -> String {
        match self {
            Place::Dom0 => String::new(),
            Place::Apart => format!("/{IP} netns exec apart"),
        }
    }
}

/// Which protocols there are beneath.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// IPv4 alone.
    #[default]
    V4,
    /// IPv6 alone: no address by DHCPv4, no name has one.
    V6,
    /// Both.
    Both,
}

impl Family {
    fn has_v4(self) -> bool {
        self != Family::V6
    }

    fn has_v6(self) -> bool {
        self != Family::V4
    }
}

/// Who serves files by TFTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tftp {
    /// Nobody.
    #[default]
    None,
    /// dnsmasq, which knows blksize and tsize.
    Dnsmasq,
    /// atftpd, which knows windowsize besides.
    Atftpd,
}

/// What a file has in it.
#[derive(Clone, Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// What a file of the host has; it comes to dom0 once for all cases.
    Host(PathBuf),
}

/// What there is to be served.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// Where the servers are.
    pub place: Place,
    /// Which addresses they have.
    pub family: Family,
    /// Paths beneath the root of all servers, and what is there.
    pub files: Vec<(String, Content)>,
    /// Addresses by DHCP, and what comes with them. Names are served in any case.
    pub dhcp: Option<Dhcp>,
    /// Files by TFTP.
    pub tftp: Tftp,
    /// Files by HTTP at port 80, a proxy at port 3128; [`nginx`] says which paths do what.
    pub http: bool,
    /// The same paths by HTTPS, at the ports of [`Tls`].
    pub https: bool,
}

impl Served {
    /// With a file of these bytes.
    pub fn bytes(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Served {
        self.files.push((path.to_owned(), Content::Bytes(bytes.into())));
        self
    }

    /// With a file of the host.
    pub fn file(mut self, path: &str, file: impl Into<PathBuf>) -> Served {
        self.files.push((path.to_owned(), Content::Host(file.into())));
        self
    }

    /// The commands that start the servers.
    fn start(&self) -> String {
        let (home, prefix) = (self.place.home(), self.place.prefix());
        let mut script = format!("set -e\n{prefix} dnsmasq --conf-file={home}/dnsmasq.conf\n");
        if self.tftp == Tftp::Atftpd {
            let address = if self.family.has_v4() { self.place.v4() } else { self.place.v6() };
            // It writes what it was asked to its output only, whatever log file it is told.
            script += &format!(
                "setsid {prefix} atftpd --daemon --no-fork --port 69 --bind-address {address} --user root --group root \
                 --no-multicast --verbose=7 --logfile - {home}/files >> {home}/atftpd.log 2>&1 & echo $! > {home}/atftpd.pid\n\
                 until grep -q 'running in daemon mode' {home}/atftpd.log; do usleep 20000; done\n"
            );
        }
        if self.http || self.https {
            script += &format!("{prefix} nginx -c {home}/nginx.conf\n");
        }
        script
    }
}

/// Servers that were started. They end with the case.
#[derive(Clone, Copy, Debug)]
pub struct Servers {
    place: Place,
}

impl Servers {
    /// Ends them as a power cut does: connections break off.
    pub fn stop(self, lab: &mut Lab) -> Result<()> {
        lab.sh(&format!("sh {}/stop", self.place.home()), 30).map(drop).context("stopping servers")
    }

    /// Starts them again.
    pub fn start(self, lab: &mut Lab) -> Result<()> {
        lab.sh(&format!("sh {}/start", self.place.home()), 30).map(drop).context("starting servers")
    }

    /// What nginx was asked, a line each: client, port, request line, status, bytes of the body, the range asked for, the
    /// agent.
    pub fn asked(self, lab: &mut Lab) -> Result<String> {
        lab.sh(&format!("cat {}/nginx.log", self.place.home()), 20)
    }

    /// What dnsmasq, atftpd, nginx and rogue said.
    pub fn said(self, lab: &mut Lab) -> Result<String> {
        let home = self.place.home();
        lab.sh(&format!("cd {home}; for f in *.log; do case $f in nginx.log) ;; *) cat $f ;; esac; done"), 20)
    }

    /// A file of dom0 that certificates are checked against.
    pub fn root_certificate(self) -> String {
        format!("{}/tls/ca.pem", self.place.home())
    }
}

impl Lab {
    /// Starts servers; those that were at this place are no more.
    pub fn serve(&mut self, served: &Served) -> Result<Servers> {
        self.bring_clients()?;
        self.bring(&SERVERS)?;
        let place = served.place;
        let home = place.home();
        self.make_place(place, served.family)?;
        let mut archive = Archive::default();
        // The archive's names are relative.
        let at = |name: &str| format!("{}/{name}", home.trim_start_matches('/'));
        archive.dir(&at("files"))?;
        archive.dir(&at("tmp"))?;
        archive.file(&at("dnsmasq.conf"), 0o644, dnsmasq::settings(served)?.as_bytes())?;
        archive.file(&at("start"), 0o644, served.start().as_bytes())?;
        if served.http || served.https {
            archive.file(&at("nginx.conf"), 0o644, nginx::settings(served).as_bytes())?;
            archive.file(&at("passwords"), 0o644, nginx::passwords().as_bytes())?;
        }
        if served.https {
            for (name, content) in certificates::make(place)? {
                archive.file(&at(&format!("tls/{name}")), 0o644, &content)?;
            }
        }
        let mut links = String::new();
        for (path, content) in &served.files {
            match content {
                Content::Bytes(bytes) => archive.file(&at(&format!("files/{path}")), 0o644, bytes)?,
                Content::Host(file) => {
                    let there = self.push(file)?;
                    links +=
                        &format!("mkdir -p $(dirname {home}/files/{path})\nln {there} {home}/files/{path}\n");
                }
            }
        }
        self.unpack(&archive.finish()?)?;
        self.sh(&format!("set -e\n{links}sh {home}/start"), 60)
            .with_context(|| format!("starting servers; what they said: {:?}", self.said_so_far(place)))?;
        Ok(Servers { place })
    }

    fn said_so_far(&mut self, place: Place) -> Result<String> {
        Servers { place }.said(self)
    }

    /// Starts a server that lies, on the machine apart, with the files that `served` has. `lies` is what net/rogue is told,
    /// in the shell's words.
    pub fn serve_lies(&mut self, lies: &str, files: &[(String, Vec<u8>)]) -> Result<Servers> {
        self.bring_clients()?;
        let place = Place::Apart;
        let home = place.home();
        self.make_place(place, Family::V4)?;
        let program = self.push(&linux::program(ROGUE))?;
        let mut archive = Archive::default();
        for (path, bytes) in files {
            archive.file(&format!("{}/files/{path}", home.trim_start_matches('/')), 0o644, bytes)?;
        }
        let prefix = place.prefix();
        let start = format!(
            "cd {home}; setsid {prefix} {program} {lies} > rogue.log 2>&1 & pid=$!; echo $pid > {home}/rogue.pid\n\
             until grep -q ready {home}/rogue.log; do kill -0 $pid || {{ cat {home}/rogue.log; exit 1; }}; usleep 20000; done\n"
        );
        archive.file(&format!("{}/start", home.trim_start_matches('/')), 0o644, start.as_bytes())?;
        archive.dir(&format!("{}/files", home.trim_start_matches('/')))?;
        self.unpack(&archive.finish()?)?;
        self.sh(&format!("chmod +x {program}; sh {home}/start"), 30)
            .context("starting a server that lies")?;
        Ok(Servers { place })
    }

    /// Runs a script on the machine apart, which servers there have made; its status, and what it printed.
    pub fn sh_apart(&mut self, script: &str, limit: u32) -> Result<(i32, String)> {
        let whole =
            format!("cat > /tmp/apart <<'EOF'\n{script}\nEOF\n{} sh /tmp/apart", Place::Apart.prefix());
        self.sh_status(&whole, limit)
    }

    /// Gives a place its addresses, and an empty home with the script that ends its servers.
    fn make_place(&mut self, place: Place, family: Family) -> Result<()> {
        let (home, card) = (place.home(), place.card());
        let mut script = format!(
            "mkdir -p /run/net /var/lib/nginx /var/log/nginx /var/run/netns\n[ -e {home}/stop ] && sh {home}/stop\n\
             rm -rf {home}; mkdir -p {home}\n\
             cat > {home}/stop <<'EOF'\n\
             for file in {home}/*.pid; do [ -e $file ] || continue; pid=$(cat $file); rm $file\n\
             kill -9 $pid $(cat /proc/$pid/task/*/children) 2>/dev/null\n\
             while kill -0 $pid 2>/dev/null; do usleep 10000; done; done; true\nEOF\n\
             set -e\n"
        );
        let ip = format!("/{IP}");
        if place == Place::Apart {
            script += &format!(
                "if ! [ -e /var/run/netns/apart ]; then\n\
                 {ip} netns add apart; {ip} link add apart0 type veth peer name eth0 netns apart\n\
                 brctl addif xenbr0 apart0; ip link set apart0 up\n\
                 {ip} -n apart link set lo up; {ip} -n apart link set eth0 up\n\
                 {ip} -n apart route replace default dev eth0; fi\n"
            );
        }
        let (in_ip, prefix) = match place {
            Place::Dom0 => (ip, String::new()),
            Place::Apart => (format!("{ip} -n apart"), place.prefix()),
        };
        script += &format!("{in_ip} addr replace {}/24 dev {card}\n", place.v4());
        script += &if family.has_v6() {
            // Nobody else has this address, and servers can't wait until the kernel is sure of that.
            format!("{in_ip} addr replace {}/64 dev {card} nodad\n", place.v6())
        } else {
            format!("{in_ip} -6 addr flush dev {card} scope global\n")
        };
        if place == Place::Apart {
            script += &format!("{prefix} {ip} route replace default dev eth0\n", ip = format_args!("/{IP}"));
        }
        self.sh(&script, 30).map(drop).context("making a place for servers")
    }

    /// Unpacks an archive in dom0.
    fn unpack(&mut self, archive: &[u8]) -> Result<()> {
        let file = tempfile::NamedTempFile::new_in(paths::ensure(paths::lab())?)?;
        std::fs::write(file.path(), archive)?;
        let (target, device) = self.plug(file.path(), DiskKind::read_only())?;
        self.sh(&format!("cd / && dd if={device} bs=1M 2>/dev/null | cpio -idu 2>&1"), 120)?;
        self.unplug(target)
    }

    /// Ends all servers, and what they had is gone.
    pub(super) fn end_servers(&mut self) -> Result<()> {
        let script = format!(
            "[ -d /run/net ] || exit 0\nfor stop in /run/net/*/stop; do [ -e $stop ] && sh $stop; done; rm -rf /run/net\n\
             if [ -e /var/run/netns/apart ]; then ip link del apart0; /{IP} netns del apart; fi\n\
             /{IP} -6 addr flush dev xenbr0 scope global; true"
        );
        self.sh(&script, 60).map(drop).context("ending servers")
    }
}
