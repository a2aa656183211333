//! How servers are reached: straight, or through a proxy; with TLS or without.

use std::boxed::Box;
use std::thread;
use std::time::{Duration, Instant};

use super::conn::Conn;
use super::tcp::Tcp;
use super::{Cut, Stream, nonsense, request};
use crate::settings::STEP;
use crate::{Fault, Scheme, Server, Settings};

/// Makes connections, and waits between them.
pub trait Dial<'a> {
    /// A connection on which requests for this server's files are understood.
    ///
    /// # Errors
    /// Why there is none.
    fn dial(&self, server: &Server) -> Result<Box<dyn Stream + 'a>, Cut>;

    /// Waits.
    ///
    /// # Errors
    /// It was broken off.
    fn pause(&self, time: Duration) -> Result<(), Cut>;
}

/// The network.
#[derive(Clone, Copy)]
pub struct Network<'a>(pub &'a Settings<'a>);

impl<'a> Dial<'a> for Network<'a> {
    fn dial(&self, server: &Server) -> Result<Box<dyn Stream + 'a>, Cut> {
        // Nothing is sent anywhere that can't end well.
        #[cfg(feature = "tls")]
        let config = match server.scheme {
            Scheme::Https => Some(super::tls::config(self.0)?),
            _ => None,
        };
        #[cfg(not(feature = "tls"))]
        if server.scheme == Scheme::Https {
            return Err(Fault::Unsupported.into());
        }
        let stream: Box<dyn Stream + 'a> = match self.0.proxy {
            Some(proxy) => self.through(proxy, server).map_err(|cut| about(cut, proxy))?,
            None => Box::new(Tcp::connect(server, self.0)?),
        };
        #[cfg(feature = "tls")]
        if let Some(config) = config {
            return super::tls::wrap(stream, config, &server.host, self.0);
        }
        Ok(stream)
    }

    fn pause(&self, time: Duration) -> Result<(), Cut> {
        let until = Instant::now() + time;
        loop {
            if (self.0.broken_off)() {
                return Err(Fault::BrokenOff.into());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(STEP));
        }
    }
}

impl<'a> Network<'a> {
    /// A connection to the proxy, for HTTPS with a tunnel through it.
    fn through(&self, proxy: &Server, server: &Server) -> Result<Box<dyn Stream + 'a>, Cut> {
        if proxy.scheme != Scheme::Http {
            return Err(Fault::Other("a proxy is spoken to by http://".into()).into());
        }
        let stream = Tcp::connect(proxy, self.0)?;
        if server.scheme == Scheme::Http {
            return Ok(Box::new(stream));
        }
        let mut conn = Conn::new(Box::new(stream));
        let head = conn.ask(&request::tunnel(server, proxy), Instant::now() + self.0.silence)?;
        if !(200..300).contains(&head.status) {
            return Err(head.refusal().into());
        }
        conn.into_stream().ok_or_else(|| nonsense("something came before the tunnel was used"))
    }
}

/// It is the proxy's fault.
fn about(cut: Cut, proxy: &Server) -> Cut {
    let about = |fault| match fault {
        Fault::BrokenOff => fault,
        fault => Fault::Other(std::format!("the proxy {proxy}: {fault}")),
    };
    match cut {
        Cut::Final(fault) => Cut::Final(about(fault)),
        Cut::Unreached(fault) => Cut::Unreached(about(fault)),
        Cut::Lost(fault) => Cut::Lost(about(fault)),
        Cut::Late => Cut::Late,
    }
}
