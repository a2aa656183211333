//! Menus and kernels from a server, by Linux's own network.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::boots::has;
use crate::guest::{Guest, kernel};

/// A server of these files at a port of its own; it ends with the test's process. A path that begins with `/cut` is answered with half
/// of the file, each time from its beginning.
fn serve(files: Vec<(&'static str, Vec<u8>)>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let mut words = head.split(' ');
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            // A proxy is asked for whole URLs; this one is the server itself.
            let path = path.strip_prefix("http://far.invalid").unwrap_or(path);
            let name = path.strip_prefix("/cut").unwrap_or(path);
            let answer = match files.iter().find(|(known, _)| *known == name) {
                None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
                Some((_, bytes)) => {
                    let mut answer = format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        bytes.len()
                    )
                    .into_bytes();
                    let end = if path == name { bytes.len() } else { bytes.len() / 2 };
                    if method == "GET" {
                        answer.extend(&bytes[..end]);
                    }
                    answer
                }
            };
            // A client that has enough may hang up.
            let _ = stream.write_all(&answer);
        }
    });
    port
}

/// The digest, in the words of a menu.
fn sha256(bytes: &[u8]) -> String {
    pvgrub_net::Digest::of(bytes).to_string()
}

/// A server with a kernel, an initrd, a list of their digests, and a menu with this entry.
fn server(entry: &str) -> u16 {
    let initrd = vec![7; 1_500_000];
    let sums = format!("{}  ./vmlinuz\n{}  initrd.img\n", sha256(&kernel()), sha256(&initrd));
    serve(vec![
        ("/pv/menu.lst", format!("timeout 0\ntitle Net\n{entry}\n").into_bytes()),
        ("/pv/vmlinuz", kernel()),
        ("/pv/initrd.img", initrd),
        ("/pv/SHA256SUMS", sums.into_bytes()),
        ("/pv/other/SHA256SUMS", format!("{}  vmlinuz\n", sha256(b"")).into_bytes()),
    ])
}

fn run(entry: &str) -> (String, bool) {
    boot(Guest::new(), &format!("http://127.0.0.1:{}/pv/menu.lst", server(entry)))
}

/// What the program says, whose lines are broken at blanks, on one line.
fn boot(mut guest: Guest, extra: &str) -> (String, bool) {
    if !extra.is_empty() {
        guest.arg(extra);
    }
    let (text, ok) = guest.run("");
    (text.split_whitespace().collect::<Vec<_>>().join(" "), ok)
}

#[test]
fn files_beside_a_menu_on_a_server() {
    let (text, ok) = run("kernel vmlinuz quiet\ninitrd ../pv/initrd.img");
    assert!(ok, "{text}");
    has(
        &text,
        &[
            "Booting entry 0 by itself: Net",
            "/pv/vmlinuz",
            "testkernel 1.5",
            "/pv/initrd.img (1.4 MiB)",
            "quiet",
        ],
    );
}

#[test]
fn all_comes_by_the_proxy_that_extra_names() {
    let port = server("kernel vmlinuz\ninitrd http://far.invalid/pv/initrd.img");
    // Nobody else can resolve this name.
    let url = "http://far.invalid/pv/menu.lst";
    let (text, ok) = boot(Guest::new(), &format!("{url} proxy=http://127.0.0.1:{port}"));
    assert!(ok, "{text}");
    has(
        &text,
        &["http://far.invalid/pv/vmlinuz", "testkernel 1.5", "http://far.invalid/pv/initrd.img (1.4 MiB)"],
    );
    let (text, ok) = boot(Guest::new(), &format!("{url} proxy=http://127.0.0.1:1"));
    assert!(!ok, "{text}");
    has(
        &text,
        &["http://far.invalid/pv/menu.lst: the proxy http://127.0.0.1:1: the server can't be reached"],
    );
}

#[test]
fn digests_decide() {
    let good = format!("kernel --sha256={} vmlinuz\ninitrd initrd.img", sha256(&kernel()));
    let (text, ok) = run(&good);
    assert!(ok, "{text}");
    let (text, ok) = run("sha256sums SHA256SUMS\nkernel vmlinuz\ninitrd initrd.img");
    assert!(ok, "{text}");
    let (text, ok) = run(&format!("kernel --sha256={} vmlinuz", "0".repeat(64)));
    assert!(!ok, "{text}");
    has(&text, &["was not booted", "/pv/vmlinuz: this is not the file that the menu asks for"]);
    // The initrd's is checked as well, and a file that is in no list is not booted.
    let (text, ok) = run(&format!("kernel vmlinuz\ninitrd --sha256={} initrd.img", "0".repeat(64)));
    assert!(!ok, "{text}");
    has(&text, &["/pv/initrd.img: this is not the file"]);
    let (text, ok) = run("sha256sums other/SHA256SUMS\nkernel vmlinuz");
    assert!(!ok, "{text}");
    has(&text, &["/pv/vmlinuz: this is not the file"]);
    let (text, ok) = run("sha256sums other/SHA256SUMS\nkernel vmlinuz\ninitrd initrd.img");
    assert!(!ok, "{text}");
    has(&text, &["/pv/initrd.img: the list of digests does not have this file"]);
}

#[test]
fn digests_of_files_on_disks() {
    let menu =
        |digest: &str| format!("timeout 0\ntitle Disk\nkernel --sha256={digest} /vmlinuz\ninitrd /i\n");
    let guest = |digest: &str| {
        let menu = menu(digest);
        Guest::with(&[
            ("/boot/grub/menu.lst", menu.as_bytes()),
            ("/vmlinuz", &kernel()),
            ("/i", &vec![7; 5000]),
        ])
    };
    let (text, ok) = boot(guest(&sha256(&kernel())), "");
    assert!(ok, "{text}");
    let (text, ok) = boot(guest(&sha256(b"other")), "");
    assert!(!ok, "{text}");
    has(&text, &["xvda:/vmlinuz: this is not the file that the menu asks for"]);
}

#[test]
fn what_is_not_there_or_not_whole() {
    let (text, ok) = run("kernel none");
    assert!(!ok, "{text}");
    has(&text, &["was not booted: http://127.0.0.1:", "/pv/none: ", "404 Not Found"]);
    let (text, ok) = run("kernel ../cut/pv/vmlinuz");
    assert!(!ok, "{text}");
    has(&text, &["/cut/pv/vmlinuz: the server closed the connection after 6144 of 12288 bytes"]);
    // No menu there.
    let (text, ok) = boot(Guest::new(), &format!("http://127.0.0.1:{}/pv/vmlinuz", server("")));
    assert!(!ok, "{text}");
    has(&text, &["/pv/vmlinuz: it is a program, not a menu"]);
}

/// A guest with a menu on its disk.
fn with_a_disk() -> Guest {
    let menu = b"timeout 0\ntitle Own\nkernel /vmlinuz own\n";
    Guest::with(&[("/boot/grub/menu.lst", menu), ("/vmlinuz", &kernel())])
}

#[test]
fn from_the_network_to_the_disk() {
    let pxe = |rest: &str| format!("DEFAULT local\n{rest}LABEL local\nLOCALBOOT 0\n").into_bytes();
    let by_key = "UI menu.c32\nTIMEOUT 600\n";
    let port = serve(vec![
        ("/pxelinux.cfg/default", pxe("")),
        ("/pxelinux.cfg/menu", pxe(by_key)),
        ("/entry.cfg", b"set timeout=0\nmenuentry Local { exit }\n".to_vec()),
        ("/script.cfg", b"set a=b\nexit 1\n".to_vec()),
        ("/pxelinux.cfg/chain", b"DEFAULT local\nLABEL local\nCOM32 chain.c32\nAPPEND hd0 0\n".to_vec()),
        (
            "/chain.cfg",
            b"set timeout=0\nmenuentry Local {\nset root=(hd0)\nchainloader --force +1\nboot\n}\n".to_vec(),
        ),
        (
            "/fallback.cfg",
            b"set timeout=0\nset fallback=1\nmenuentry L { exit; }\nmenuentry N { linux $root/vmlinuz; }\n"
                .to_vec(),
        ),
    ]);
    let url = |name: &str| format!("http://127.0.0.1:{port}/{name}");
    for name in ["pxelinux.cfg/default", "pxelinux.cfg/chain", "entry.cfg", "script.cfg", "chain.cfg"] {
        let (text, ok) = boot(with_a_disk(), &url(name));
        assert!(ok, "{text}");
        has(
            &text,
            &["Booting entry 0 by itself: Own", "(of xvda:/boot/grub/menu.lst)", "testkernel 1.5", "own"],
        );
    }
    // What the host forces holds there, too.
    let mut guest = with_a_disk();
    guest.arg(&url("pxelinux.cfg/menu"));
    guest.arg("pvgrub.append=forced");
    let (text, ok) = boot(guest, "pvgrub.timeout=0");
    assert!(ok, "{text}");
    has(&text, &["own forced"]);
    // No disk, no menu there.
    let (text, ok) = boot(Guest::new(), &url("pxelinux.cfg/default"));
    assert!(!ok, "{text}");
    has(&text, &["Entry 0 (local) was not booted: No menu: there is no disk to look on."]);
    let (text, _) = boot(Guest::new(), &url("fallback.cfg"));
    has(&text, &["No menu: there is no disk to look on.", "Booting entry 1 by itself: N"]);
}

#[test]
fn from_one_disk_to_the_other() {
    let files: [(&str, &[u8]); 1] =
        [("/isolinux/isolinux.cfg", b"DEFAULT local\nLABEL local\nLOCALBOOT 0x80\n")];
    let mut guest = with_a_disk();
    let image = guest.file_system("xvdb", &files);
    guest.disk(&image);
    let (text, ok) = boot(guest, "(xvdb)/isolinux/isolinux.cfg");
    assert!(ok, "{text}");
    has(&text, &["(of xvdb:/isolinux/isolinux.cfg)", "(of xvda:/boot/grub/menu.lst)"]);
    // What a medium calls the first hard disk.
    let cfg = b"set timeout=0\nmenuentry 'First hard disk' { chainloader (hd0)+1; }\n";
    let mut guest = with_a_disk();
    let image = guest.file_system("xvdb", &[("/boot/grub/grub.cfg", cfg)]);
    guest.disk(&image);
    let (text, ok) = boot(guest, "(xvdb)/boot/grub/grub.cfg");
    assert!(ok, "{text}");
    has(&text, &["(of xvdb:/boot/grub/grub.cfg)", "(of xvda:/boot/grub/menu.lst)"]);
    // A disk's own boot sector is none to go on with.
    let (text, ok) = boot(Guest::with(&[("/boot/grub/grub.cfg", cfg)]), "");
    assert!(!ok, "{text}");
    has(&text, &["`chainloader`: a Xen PV domain has no boot sector to run"]);
    // Its own disk is not looked at again.
    let (text, ok) = boot(Guest::with(&files), "");
    assert!(!ok, "{text}");
    has(&text, &["was not booted: there is no other disk to go on with"]);
}

#[test]
fn a_network_that_is_linuxs() {
    let (text, ok) = boot(Guest::new(), "(nd)/menu.lst");
    assert!(!ok, "{text}");
    has(&text, &["On Linux pvgrub uses Linux's own network"]);
}
