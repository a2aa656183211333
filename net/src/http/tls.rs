//! TLS, over a stream. Nothing here turns a check off.

use std::boxed::Box;
use std::io::{self, ErrorKind, Read, Write};
use std::string::{String, ToString};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};
use std::vec::Vec;

use rustls::client::Resumption;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig, ClientConnection, Error};

use super::{Cut, Stream, nonsense};
use crate::words::clean;
use crate::{Fault, Settings};

/// No clock that is earlier than this program is right: 28 November 2026, or when it was built (SOURCE_DATE_EPOCH), in
/// seconds since 1970.
const MADE: u64 = made(match option_env!("SOURCE_DATE_EPOCH") {
    Some(digits) => digits.as_bytes(),
    None => b"",
});

const fn made(digits: &[u8]) -> u64 {
    let (mut at, mut seconds) = (0, 0_u64);
    while at < digits.len() && digits[at].is_ascii_digit() && at < 12 {
        seconds = seconds * 10 + (digits[at] - b'0') as u64;
        at += 1;
    }
    if seconds > 1_795_824_000 { seconds } else { 1_795_824_000 }
}

/// The time at which the connection was begun.
#[derive(Debug)]
struct Now(UnixTime);

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// How a server is to prove who it is.
pub struct Config {
    client: Arc<ClientConfig>,
    now: Duration,
}

/// What is needed before anything is sent.
pub fn config(settings: &Settings<'_>) -> Result<Config, Cut> {
    let Some(trust) = settings.trust else {
        return Err(other("no certificates were given to check the server's by"));
    };
    if !pvgrub_crypto::has_entropy() {
        return Err(other(
            "this machine has no source of random numbers (rdrand), so nothing can be kept secret",
        ));
    }
    let now = (settings.now)().duration_since(UNIX_EPOCH).unwrap_or_default();
    if now.as_secs() < MADE {
        return Err(other(&std::format!(
            "the clock says {}, but this program is of {}: certificates can't be checked",
            date(now.as_secs()),
            date(MADE)
        )));
    }
    let time = Arc::new(Now(UnixTime::since_unix_epoch(now)));
    let mut client = ClientConfig::builder_with_details(Arc::new(pvgrub_crypto::provider()), time)
        .with_safe_default_protocol_versions()
        .map_err(|why| other(&why.to_string()))?
        .with_root_certificates(Arc::clone(&trust.roots))
        .with_no_client_auth();
    client.resumption = Resumption::disabled();
    client.alpn_protocols = std::vec![b"http/1.1".to_vec()];
    Ok(Config { client: Arc::new(client), now })
}

fn other(what: &str) -> Cut {
    Cut::Final(Fault::Other(what.into()))
}

/// Shakes hands with the server.
pub fn wrap<'a>(
    inner: Box<dyn Stream + 'a>,
    config: Config,
    host: &str,
    settings: &Settings<'_>,
) -> Result<Box<dyn Stream + 'a>, Cut> {
    let name =
        ServerName::try_from(host.to_string()).map_err(|_| other("certificates have no such names"))?;
    let conn = ClientConnection::new(config.client, name).map_err(|why| fault(&why, config.now))?;
    let mut tls = Tls { conn, inner, now: config.now };
    let until = Instant::now() + settings.silence;
    while tls.conn.is_handshaking() {
        tls.flush(until)?;
        if tls.conn.is_handshaking() && !tls.fill(until)? {
            return Err(Cut::Lost(Fault::Other(
                "the server closed the connection during the handshake".into(),
            )));
        }
        if Instant::now() > until {
            return Err(Cut::Late);
        }
    }
    tls.flush(until)?;
    Ok(Box::new(tls))
}

struct Tls<'a> {
    conn: ClientConnection,
    inner: Box<dyn Stream + 'a>,
    now: Duration,
}

/// The stream as std has them, and why it failed.
struct Io<'a, 'b> {
    inner: &'a mut (dyn Stream + 'b),
    until: Instant,
    cut: Option<Cut>,
}

impl Io<'_, '_> {
    fn keep<T>(&mut self, result: Result<T, Cut>) -> io::Result<T> {
        result.map_err(|cut| {
            self.cut = Some(cut);
            ErrorKind::Other.into()
        })
    }

    /// Why it failed, if the stream was to blame.
    fn why(self, error: &io::Error) -> Cut {
        self.cut.unwrap_or_else(|| nonsense(clean(&error.to_string())))
    }
}

impl Read for Io<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(buf, self.until);
        self.keep(result)
    }
}

impl Write for Io<'_, '_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(buf, self.until).map(|()| buf.len());
        self.keep(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tls<'_> {
    /// Sends what is to be sent.
    fn flush(&mut self, until: Instant) -> Result<(), Cut> {
        while self.conn.wants_write() {
            let mut io = Io { inner: &mut *self.inner, until, cut: None };
            if let Err(error) = self.conn.write_tls(&mut io) {
                return Err(io.why(&error));
            }
        }
        Ok(())
    }

    /// Takes some bytes; whether there were any.
    fn fill(&mut self, until: Instant) -> Result<bool, Cut> {
        let mut io = Io { inner: &mut *self.inner, until, cut: None };
        let n = match self.conn.read_tls(&mut io) {
            Ok(n) => n,
            Err(error) => return Err(io.why(&error)),
        };
        if let Err(why) = self.conn.process_new_packets() {
            // The server may like to know; if not, so be it.
            let _ = self.flush(until);
            return Err(fault(&why, self.now));
        }
        Ok(n > 0)
    }
}

impl Stream for Tls<'_> {
    fn read(&mut self, buf: &mut [u8], until: Instant) -> Result<usize, Cut> {
        loop {
            match self.conn.reader().read(buf) {
                Ok(n) => return Ok(n),
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                // Anyone on the way can close a connection: only the server's own word counts as the end.
                Err(_) => return Err(Cut::Lost(Fault::Other("the connection was cut".into()))),
            }
            self.flush(until)?;
            self.fill(until)?;
            if Instant::now() > until {
                return Err(Cut::Late);
            }
        }
    }

    fn write(&mut self, bytes: &[u8], until: Instant) -> Result<(), Cut> {
        self.conn.writer().write_all(bytes).map_err(|why| nonsense(clean(&why.to_string())))?;
        self.flush(until)
    }
}

/// In words.
fn fault(why: &Error, now: Duration) -> Cut {
    Cut::Final(match why {
        Error::InvalidCertificate(why) => Fault::Untrusted(certificate(why, now)),
        Error::NoCertificatesPresented => Fault::Untrusted("it shows none".into()),
        Error::PeerIncompatible(_) => {
            Fault::Other("the server speaks no TLS 1.2 or 1.3 that can be spoken here".into())
        }
        Error::AlertReceived(alert) => Fault::Refused(clean(&std::format!("TLS alert {alert:?}"))),
        why => Fault::Nonsense(clean(&why.to_string())),
    })
}

fn certificate(why: &CertificateError, now: Duration) -> String {
    use CertificateError as E;
    let today = date(now.as_secs());
    match why {
        E::ExpiredContext { not_after, .. } => {
            std::format!("it ended on {}, and the clock says {today}", date(not_after.as_secs()))
        }
        E::NotValidYetContext { not_before, .. } => {
            std::format!("it begins on {}, and the clock says {today}", date(not_before.as_secs()))
        }
        E::UnknownIssuer => "it is signed by nobody who is trusted here, or by itself".into(),
        E::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            std::format!("it is for {}", clean(&names.join(", ")))
        }
        E::BadSignature => "its signature is wrong".into(),
        E::Revoked => "it was revoked".into(),
        why => clean(&why.to_string()),
    }
}

/// A name without what kind of name it is: rustls gives `DnsName("boot.example")`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.map_or(name, |inner| inner.trim_matches('"'))
}

/// Year, month and day of so many seconds since 1970 (civil_from_days, Howard Hinnant).
fn date(seconds: u64) -> String {
    let days = seconds.min(253_402_300_799) / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    std::format!("{:04}-{month:02}-{day:02}", era * 400 + year + u64::from(month <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_824_000, "2026-11-28"),
            (4_102_444_799, "2099-12-31"),
            (u64::MAX, "9999-12-31"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn the_program_is_as_old_as_it_was_built() {
        assert_eq!(made(b""), 1_795_824_000);
        assert_eq!(made(b"1"), 1_795_824_000);
        assert_eq!(made(b"1800000000"), 1_800_000_000);
        assert_eq!(made(b"18000000000000000000000"), 180_000_000_000);
    }
}
