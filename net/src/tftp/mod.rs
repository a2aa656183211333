//! TFTP: files by datagrams (RFC 1350), with the options that make it bearable (RFC 2347 to 2349, RFC 7440).
//!
//! [`packet`] has the packets, [`machine`] the transfer as pure code; here are the sockets. The parts are public for tests and
//! fuzzing; programs use [`crate::open`].
//!
//! **Names.** A place's path is sent with its slash, as GRUB 0.97 and GRUB 2 do (with doubled slashes made one, as in GRUB 2). If
//! the server has no such file it is asked once more without the slash, as RFC 3617 and iPXE have it: servers that know only names
//! relative to their root want that.
//!
//! **Blocks** fill an Ethernet frame: 1468 bytes for IPv4 (1500 less 20 for IP, 8 for UDP, 4 for TFTP). For IPv6 it is 1428 (40 for IP,
//! and 20 more that a tunnel through IPv4 takes), for routers cut no packets of IPv6. A window is 32 blocks: 47 KB wait at most for
//! one who reads slowly, and fit into the smallest buffer of sockets here (64 KiB in `platform-xen`); Linux's has 208 KiB. tftp-hpa
//! allows 64.
//!
//! **Time.** Servers are asked to send again after a second. Most ignore an acknowledgement that they know already (as they must, or
//! packets would double), so that a lost block costs that second; a lost acknowledgement costs a round trip or 0.3 s.
//!
//! A server that answers from another address than it was asked at is not heard.

pub mod machine;
pub mod packet;
mod round_trip;
mod socket;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use machine::{Failure, Limits, Machine, Out, State};
use packet::{Asked, code};

use crate::{Error, Fault, Place, Settings, Transfer, resolve};
use socket::Socket;

/// A server that has had to wait for so long before the first byte is read may be gone: it is asked again.
const STALE: Duration = Duration::from_secs(3);

/// As [`crate::open`], of a place whose scheme is TFTP.
///
/// # Errors
/// As there.
pub fn open<'a>(place: &Place, settings: &'a Settings<'a>) -> Result<Box<dyn Transfer + 'a>, Error> {
    let session = Session::begin(place, settings, false).map_err(|what| Error::new(place, what))?;
    Ok(Box::new(Download { place: place.clone(), settings, session, taken: 0, end: None }))
}

/// As [`crate::length`], of a place whose scheme is TFTP: the transfer is ended once its length was told.
///
/// # Errors
/// As there.
pub fn length(place: &Place, settings: &Settings<'_>) -> Result<Option<u64>, Error> {
    let session = Session::begin(place, settings, true).map_err(|what| Error::new(place, what))?;
    Ok(session.machine.size())
}

/// What is asked of a server at this address.
fn options(server: SocketAddr) -> Asked {
    Asked { block: if server.is_ipv4() { 1468 } else { 1428 }, window: 32, timeout: 1 }
}

/// How a file is asked for.
#[derive(Clone, Debug)]
struct Question {
    server: SocketAddr,
    name: String,
    asked: Option<Asked>,
}

/// The names that a path is asked for by, one after the other.
fn names(path: &str) -> Vec<String> {
    let mut name = String::new();
    for c in path.chars() {
        if c != '/' || !name.ends_with('/') {
            name.push(c);
        }
    }
    let bare = name.strip_prefix('/').filter(|bare| !bare.is_empty()).map(str::to_owned);
    [Some(name), bare].into_iter().flatten().collect()
}

/// A transfer and its socket.
struct Session {
    question: Question,
    machine: Machine,
    out: Out,
    socket: Socket,
    begun: Instant,
}

impl Session {
    /// Asks the server until it answers: at each of its addresses, with and without options, by each name.
    fn begin(place: &Place, settings: &Settings<'_>, only_ask: bool) -> Result<Self, Fault> {
        let mut last = Fault::BrokenOff;
        for server in resolve::addresses(&place.server)? {
            match Self::begin_at(server, &place.path, settings, only_ask) {
                Err(fault @ (Fault::NoAnswer(_) | Fault::Unreachable(_))) => last = fault,
                result => return result,
            }
        }
        Err(last)
    }

    fn begin_at(
        server: SocketAddr,
        path: &str,
        settings: &Settings<'_>,
        only_ask: bool,
    ) -> Result<Self, Fault> {
        let mut asked = Some(options(server));
        let mut first = None;
        for name in names(path) {
            loop {
                let question = Question { server, name: name.clone(), asked };
                match Self::ask(question, settings, only_ask) {
                    Ok(session) => return Ok(session),
                    // A server of old may take options for an error of the one who asks.
                    Err(Failure::Refused { code: code::OPTIONS | code::ILLEGAL, .. }) if asked.is_some() => {
                        asked = None
                    }
                    Err(Failure::Refused { code, text }) => {
                        first.get_or_insert(refusal(code, text));
                        let nowhere = matches!(code, code::UNDEFINED | code::NOT_FOUND | code::ACCESS);
                        match first {
                            Some(fault) if !nowhere => return Err(fault),
                            _ => break,
                        }
                    }
                    Err(Failure::Fault(fault)) => return Err(fault),
                }
            }
        }
        Err(first.unwrap_or(Fault::BrokenOff))
    }

    fn ask(question: Question, settings: &Settings<'_>, only_ask: bool) -> Result<Self, Failure> {
        let request = packet::request(&question.name, question.asked.as_ref()).ok_or_else(|| {
            let why = "the file's name is too long for TFTP, or has a zero in it";
            Failure::Fault(Fault::Other(why.into()))
        })?;
        let limits = Limits {
            connect: settings.connect,
            silence: settings.silence,
            tries: settings.tries,
            most: settings.most,
            only_ask,
        };
        let mut out = Out::default();
        let socket = Socket::new(question.server).map_err(Failure::Fault)?;
        let machine =
            Machine::new(question.server, request, question.asked, limits, Duration::ZERO, &mut out);
        let mut session = Self { question, machine, out, socket, begun: Instant::now() };
        while *session.machine.state() == State::Asking {
            session.step(settings)?;
        }
        session.send()?;
        match session.machine.state() {
            State::Failed(failure) => Err(failure.clone()),
            _ => Ok(session),
        }
    }

    /// Sends what is to be sent, waits for one packet, or until there is something to do.
    fn step(&mut self, settings: &Settings<'_>) -> Result<(), Failure> {
        self.send()?;
        if (settings.broken_off)() {
            self.machine.abandon(&mut self.out);
            return self.send();
        }
        let deadline = self.machine.deadline().saturating_sub(self.begun.elapsed());
        match self.socket.receive(deadline, self.machine.packet_len()).map_err(Failure::Fault)? {
            Some((from, bytes)) => self.machine.packet(from, bytes, self.begun.elapsed(), &mut self.out),
            None => self.machine.tick(self.begun.elapsed(), &mut self.out),
        }
        Ok(())
    }

    /// What can't be sent counts as lost; if that is how it begins, the server can't be reached.
    fn send(&mut self) -> Result<(), Failure> {
        for (to, packet) in self.out.packets.drain(..) {
            let sent = self.socket.send(to, &packet);
            if let (Err(why), State::Asking) = (sent, self.machine.state()) {
                return Err(Failure::Fault(Fault::Unreachable(why)));
            }
        }
        Ok(())
    }
}

/// The server's words, or if it has none what its code means.
fn refusal(code: u16, text: String) -> Fault {
    let meaning = match code {
        code::NOT_FOUND => "file not found",
        code::ACCESS => "access violation",
        _ => "",
    };
    Fault::Refused(match (text.is_empty(), meaning) {
        (false, _) => text,
        (true, "") => format!("TFTP error {code}"),
        (true, meaning) => meaning.into(),
    })
}

/// A file that is arriving.
struct Download<'a> {
    place: Place,
    settings: &'a Settings<'a>,
    session: Session,
    /// How many of the session's bytes were read.
    taken: usize,
    end: Option<Result<(), Error>>,
}

impl Download<'_> {
    fn fill(&mut self) -> Result<(), Failure> {
        self.session.out.bytes.clear();
        self.taken = 0;
        let now = self.session.begun.elapsed();
        if self.session.machine.arrived() == 0 && now > STALE {
            self.renew()?;
        }
        self.session.machine.wait_from(self.session.begun.elapsed());
        while self.session.out.bytes.is_empty() && *self.session.machine.state() == State::Receiving {
            self.session.step(self.settings)?;
        }
        self.session.send()?;
        match self.session.machine.state() {
            State::Failed(failure) => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    fn renew(&mut self) -> Result<(), Failure> {
        let announced = self.session.machine.size();
        self.session.machine.abandon(&mut self.session.out);
        self.session.send()?;
        self.session = Session::ask(self.session.question.clone(), self.settings, false)?;
        let now = self.session.machine.size();
        if announced != now {
            return Err(Failure::Fault(Fault::Other("the file has another length than a moment ago".into())));
        }
        Ok(())
    }
}

impl Transfer for Download<'_> {
    fn len(&self) -> Option<u64> {
        self.session.machine.size()
    }

    fn place(&self) -> &Place {
        &self.place
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if let (Some(end), true) = (&self.end, self.taken == self.session.out.bytes.len()) {
            return end.clone().map(|()| 0);
        }
        if buf.is_empty() {
            return Ok(0);
        }
        while self.taken == self.session.out.bytes.len() {
            if *self.session.machine.state() == State::Done {
                self.end = Some(Ok(()));
                return Ok(0);
            }
            if let Err(failure) = self.fill() {
                let fault = match failure {
                    Failure::Refused { code, text } => refusal(code, text),
                    Failure::Fault(fault) => fault,
                };
                let error = Error::new(&self.place, fault);
                self.session.out.bytes.clear();
                self.end = Some(Err(error.clone()));
                return Err(error);
            }
        }
        let rest = &self.session.out.bytes[self.taken..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        self.taken += n;
        Ok(n)
    }
}

/// A server that is no longer listened to is told.
impl Drop for Download<'_> {
    fn drop(&mut self) {
        self.session.machine.abandon(&mut self.session.out);
        let _ = self.session.send();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_path() {
        assert_eq!(names("/a//b/c"), ["/a/b/c", "a/b/c"]);
        assert_eq!(names("/"), ["/"]);
    }
}
