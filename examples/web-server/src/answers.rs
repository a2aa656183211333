//! What is answered.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Either;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

const PAGE: &str = "<!doctype html>\n<title>web-server</title>\n<p>A machine of its own answers here.\n\
                    <p>See <a href=/stats>/stats</a>, and <a href=/bytes/1000000>/bytes/1000000</a>.\n";

/// What is sent of `/bytes/N` at once: the alphabet, again and again.
static PIECE: [u8; 26 * 2520] = {
    let mut piece = [0; 26 * 2520];
    let mut i = 0;
    while i < piece.len() {
        piece[i] = b'a' + (i % 26) as u8;
        i += 1;
    }
    piece
};

type Answer = Response<Either<Full<Bytes>, Letters>>;

/// What `/stats` tells.
pub struct Numbers {
    begun: Instant,
    requests: AtomicU64,
    open: AtomicU64,
    failed: AtomicU64,
}

/// A connection, counted while it is open.
pub struct Open<'a>(&'a AtomicU64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Numbers {
    pub fn new() -> Numbers {
        Numbers {
            begun: Instant::now(),
            requests: AtomicU64::new(0),
            open: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Counts a connection.
    pub fn open(&self) -> Open<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(&self.open)
    }

    /// Counts a connection that broke.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request<Incoming>) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/" => html(PAGE),
            "/stats" => text(StatusCode::OK, self.stats()),
            path => match path.strip_prefix("/bytes/").map(str::parse) {
                Some(Ok(left)) => Response::new(Either::Right(Letters { left })),
                Some(Err(_)) => text(StatusCode::BAD_REQUEST, "how many bytes?\n"),
                None => text(StatusCode::NOT_FOUND, "there is no such page\n"),
            },
        }
    }

    fn stats(&self) -> String {
        let number = |n: &AtomicU64| n.load(Ordering::Relaxed);
        format!(
            "seconds {}\nrequests {}\nconnections {}\nbroken {}\nheap {}\nheap-peak {}\n",
            self.begun.elapsed().as_secs(),
            number(&self.requests),
            number(&self.open),
            number(&self.failed),
            crate::HEAP.current_usage(),
            crate::HEAP.peak_usage(),
        )
    }
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(text.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

fn html(page: &'static str) -> Answer {
    let mut answer = text(StatusCode::OK, page);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    answer
}

/// A body of so many bytes, none of which is kept.
pub struct Letters {
    left: u64,
}

impl Body for Letters {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let n = self.left.min(PIECE.len() as u64);
        self.left -= n;
        Poll::Ready((n > 0).then(|| Ok(Frame::data(Bytes::from_static(&PIECE[..n as usize])))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
