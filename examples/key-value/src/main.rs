//! A key-value server: lines of text over TCP, data in a database on a disk, which may be a file.
//!
//! `key-value PLACE [PORT]`, PLACE such as /dev/xvda. What was answered with OK is on the disk, whatever happens to the
//! machine afterwards. A disk without data must begin with zeros. An ordinary program that knows nothing of Xen.
//!
//! | request | answer |
//! |---|---|
//! | `GET key` | `VALUE …`, or `NONE` |
//! | `PUT key value…` | `OK` |
//! | `DELETE key` | `OK`, or `NONE` |
//! | `LIST [prefix]` | `KEY …` for each, `END` |
//! | `COUNT` | `VALUE n` |
//! | `QUIT` | the connection ends |
//!
//! Anything that fails is answered with `ERROR why`.
#![forbid(unsafe_code)]

mod disk;
mod lines;
mod store;

use std::io;
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, process, thread};

use store::Store;

// The one trace of where it may run: a kernel to be linked in.
#[cfg(target_os = "hermit")]
use platform_xen as _;

/// The port if none is named.
const PORT: u16 = 7379;
/// Connections at once.
const CONNECTIONS: usize = 64;
/// How long a client may be silent.
const PATIENCE: Duration = Duration::from_secs(300);
/// Stack of a connection's thread, in bytes.
const STACK: usize = 256 << 10;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let port = args.get(1).map_or(Ok(PORT), |arg| arg.parse());
    let (Some(place), Ok(port)) = (args.first(), port) else {
        println!("usage: key-value PLACE [PORT]");
        process::exit(2);
    };
    let store = match Store::open(place) {
        Ok(store) => Arc::new(store),
        Err(error) => {
            println!("key-value: {place}: {error}");
            process::exit(1);
        }
    };
    if let Err(error) = serve(&store, port) {
        println!("key-value: {error}");
        process::exit(1);
    }
}

fn serve(store: &Arc<Store>, port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))?;
    println!("key-value: ready on port {port} with {} keys", store.count().map_err(io::Error::other)?);
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let (stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                println!("key-value: accepting: {error}");
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            println!("key-value: {peer}: too many connections");
            continue;
        }
        let (store, count) = (store.clone(), open.clone());
        let started = thread::Builder::new().stack_size(STACK).spawn(move || {
            if let Err(error) = one(&store, &stream) {
                println!("key-value: {peer}: {error}");
            }
            count.fetch_sub(1, Ordering::Relaxed);
        });
        if let Err(error) = started {
            open.fetch_sub(1, Ordering::Relaxed);
            println!("key-value: {peer}: {error}");
        }
    }
}

fn one(store: &Store, stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    lines::serve(store, &mut io::BufReader::new(stream), &mut io::BufWriter::new(stream))
}
