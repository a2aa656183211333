//! A web server: hyper, on tokio's scheduler and clock, with mio's sockets. It knows nothing of Xen.
//!
//! `web-server [PORT]` serves a page at `/`, numbers about itself at `/stats`, and N bytes at `/bytes/N`, which are made
//! while they are sent. Each connection is a task on the one thread of the program.
#![forbid(unsafe_code)]

mod answers;
mod sockets;

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use peak_alloc::PeakAlloc;
use tokio::sync::Semaphore;

use answers::Numbers;
use sockets::{Listener, Reactor, Stream};

// The one trace of where it may run: a kernel to be linked in.
#[cfg(target_os = "hermit")]
use platform_xen as _;

/// Counts what is allocated, for `/stats`.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Connections at once. More wait until one ends: what each takes is memory.
const CONNECTIONS: usize = 128;
/// How long a client may take for the head of a request, and be idle between two.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(80);
    let reactor = Reactor::start()?;
    let mut listener = Listener::bind(&reactor, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))?;
    println!("web-server: ready on port {port}");
    let numbers = Arc::new(Numbers::new());
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // The semaphore is never closed, so there is always a permit in the end.
        let permit = room.clone().acquire_owned().await.ok();
        match listener.accept().await {
            Ok((stream, peer)) => {
                let numbers = numbers.clone();
                tokio::spawn(async move {
                    serve(stream, peer, &numbers).await;
                    drop(permit);
                });
            }
            Err(error) => {
                println!("web-server: accepting: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: Stream, peer: SocketAddr, numbers: &Numbers) {
    let _open = numbers.open();
    let answer =
        service_fn(|request| async move { Ok::<_, std::convert::Infallible>(numbers.answer(&request)) });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(stream, answer)
        .await;
    if let Err(error) = served {
        numbers.failed();
        println!("web-server: {peer}: {error}");
    }
}
