//! mio's sockets, as hyper wants them. tokio has this too (its feature `net`), but for fewer systems than mio.
//!
//! A thread waits for all sockets at once and wakes the tasks that wait for theirs.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use hyper::rt::ReadBufCursor;
use mio::event::{Event, Source};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Registry, Token};

/// Bytes read at once.
const PIECE: usize = 4096;

/// Which of a socket's directions a task waits for.
#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}

/// What is known of one direction of a socket.
#[derive(Default)]
struct Half {
    /// Whether there was an event since the last try.
    ready: bool,
    /// The task that waits.
    waiting: Option<Waker>,
}

/// Each socket's two directions.
type Halves = HashMap<Token, [Half; 2]>;

/// Wakes tasks whose sockets are ready.
pub struct Reactor {
    registry: Registry,
    next: AtomicUsize,
    halves: Mutex<Halves>,
}

impl Reactor {
    /// Starts the thread that waits.
    pub fn start() -> io::Result<Arc<Reactor>> {
        let mut poll = mio::Poll::new()?;
        let reactor = Arc::new(Reactor {
            registry: poll.registry().try_clone()?,
            next: AtomicUsize::new(0),
            halves: Mutex::default(),
        });
        let it = reactor.clone();
        thread::Builder::new().name("sockets".to_owned()).spawn(move || {
            let mut events = Events::with_capacity(256);
            loop {
                match poll.poll(&mut events, None) {
                    Ok(()) => events.iter().for_each(|event| it.wake(event)),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => println!("waiting for sockets: {error}"),
                }
            }
        })?;
        Ok(reactor)
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, event: &Event) {
        let over = event.is_error();
        let ready = [
            over || event.is_readable() || event.is_read_closed(),
            over || event.is_writable() || event.is_write_closed(),
        ];
        let mut woken = [None, None];
        if let Some(halves) = self.halves().get_mut(&event.token()) {
            for i in (0..2).filter(|i| ready[*i]) {
                halves[i].ready = true;
                woken[i] = halves[i].waiting.take();
            }
        }
        woken.into_iter().flatten().for_each(Waker::wake);
    }
}

/// A socket that the reactor knows, until it is dropped.
struct Known<S: Source> {
    socket: S,
    token: Token,
    /// Whether events are asked for when there is room to write.
    asks_for_room: bool,
    reactor: Arc<Reactor>,
}

impl<S: Source> Known<S> {
    fn new(reactor: &Arc<Reactor>, mut socket: S) -> io::Result<Known<S>> {
        let token = Token(reactor.next.fetch_add(1, Ordering::Relaxed));
        reactor.registry.register(&mut socket, token, Interest::READABLE)?;
        reactor.halves().insert(token, Default::default());
        Ok(Known { socket, token, asks_for_room: false, reactor: reactor.clone() })
    }

    /// Does something with its own half of what the reactor knows.
    fn half<R>(&self, way: Way, f: impl FnOnce(&mut Half) -> R) -> R {
        f(&mut self.reactor.halves().entry(self.token).or_default()[way as usize])
    }

    /// Does it, or has the task woken when it may be possible.
    fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        way: Way,
        mut f: impl FnMut(&mut S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            self.half(way, |half| half.ready = false);
            match f(&mut self.socket) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                done => return Poll::Ready(done),
            }
            if matches!(way, Way::Out) && !self.asks_for_room {
                let both = Interest::READABLE | Interest::WRITABLE;
                self.reactor.registry.reregister(&mut self.socket, self.token, both)?;
                self.asks_for_room = true;
            }
            // An event since then had nobody to wake.
            let missed = self.half(way, |half| {
                if !half.ready {
                    half.waiting = Some(cx.waker().clone());
                }
                half.ready
            });
            if !missed {
                return Poll::Pending;
            }
        }
    }
}

impl<S: Source> Drop for Known<S> {
    fn drop(&mut self) {
        self.reactor.halves().remove(&self.token);
        // It fails for one that mio has let go of by itself, its connection being over.
        let _ = self.reactor.registry.deregister(&mut self.socket);
    }
}

/// A socket that takes connections.
pub struct Listener(Known<TcpListener>);

impl Listener {
    /// Listens at the address.
    pub fn bind(reactor: &Arc<Reactor>, address: SocketAddr) -> io::Result<Listener> {
        Known::new(reactor, TcpListener::bind(address)?).map(Listener)
    }

    /// The next connection, and who it is with.
    pub async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        let accepted =
            std::future::poll_fn(|cx| self.0.poll(cx, Way::In, |listener| listener.accept())).await;
        let (stream, peer) = accepted?;
        stream.set_nodelay(true)?;
        Ok((Stream(Known::new(&self.0.reactor, stream)?), peer))
    }
}

/// A connection.
pub struct Stream(Known<TcpStream>);

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // By way of an array of ours: hyper's room is not initialized.
        let mut piece = [0; PIECE];
        let room = buf.remaining().min(PIECE);
        self.0
            .poll(cx, Way::In, |stream| stream.read(&mut piece[..room]))
            .map_ok(|n| buf.put_slice(&piece[..n]))
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll(cx, Way::Out, |stream| stream.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.socket.shutdown(Shutdown::Write))
    }
}
