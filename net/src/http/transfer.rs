//! The way of a file: requests, redirects, and going on after a loss.

use std::boxed::Box;
use std::string::String;
use std::time::{Duration, Instant};
use std::vec::Vec;

use super::body::Body;
use super::conn::Conn;
use super::head::{Framing, Head};
use super::request::{Method, Rest, request};
use super::{Cut, Dial, nonsense};
use crate::{Error, Fault, Place, Scheme, Settings, Transfer};

/// The most redirects that are followed.
const MOST_REDIRECTS: usize = 8;
/// Bytes that must arrive within the time of silence, unless the file ends: drips are silence too.
const TRICKLE: u64 = 4 << 10;
/// Bytes after which a loss is a new one, and tries are counted anew.
const HEADWAY: u64 = 1 << 20;
/// The longest pause between tries, in pauses of the settings.
const LONGEST_PAUSE: u32 = 8;

/// An answer that is no redirect.
struct Answer<'a> {
    head: Head,
    conn: Conn<'a>,
}

/// Asks for a file, wherever that leads; `place` goes along.
fn ask<'a>(
    dial: &dyn Dial<'a>,
    settings: &Settings<'_>,
    method: Method<'_>,
    place: &mut Place,
) -> Result<Answer<'a>, Cut> {
    let mut seen: Vec<Place> = Vec::new();
    loop {
        let mut conn = Conn::new(dial.dial(&place.server)?);
        let head = conn.ask(&request(method, place, settings.proxy), Instant::now() + settings.silence)?;
        let Some(mut next) = head.redirect(place)? else {
            return Ok(Answer { head, conn });
        };
        check_redirect(place, &next)?;
        if next.is_beside(place) && next.server.credentials.is_none() {
            next.server.credentials.clone_from(&place.server.credentials);
        }
        seen.push(std::mem::replace(place, next));
        if seen.contains(place) {
            return Err(Fault::Other("redirects lead around in a loop".into()).into());
        }
        if seen.len() > MOST_REDIRECTS {
            return Err(Fault::Other(std::format!("more than {MOST_REDIRECTS} redirects")).into());
        }
    }
}

/// Whether one may go there.
fn check_redirect(from: &Place, to: &Place) -> Result<(), Cut> {
    match (from.server.scheme, to.server.scheme) {
        (Scheme::Https, Scheme::Http) => {
            Err(Fault::Other(std::format!("the server sends to {to}, away from https")).into())
        }
        (_, Scheme::Tftp) => {
            Err(Fault::Other(std::format!("the server sends to {to}, away from http")).into())
        }
        _ => Ok(()),
    }
}

/// As [`crate::length`].
pub fn length<'a>(place: &Place, settings: &Settings<'_>, dial: &dyn Dial<'a>) -> Result<Option<u64>, Error> {
    let mut now = place.clone();
    let answer = ask(dial, settings, Method::Head, &mut now).and_then(|answer| match answer.head.status {
        200 => answer.head.length(),
        // It has no HEAD.
        405 | 501 => Ok(None),
        _ => Err(answer.head.refusal().into()),
    });
    answer.map_err(|cut| error(cut, place, &now, settings))
}

/// A file that is arriving.
pub struct Fetch<'a> {
    dial: Box<dyn Dial<'a> + 'a>,
    settings: &'a Settings<'a>,
    /// What was asked for, and where that led.
    asked: Place,
    place: Place,
    body: Option<Body<'a>>,
    length: Option<u64>,
    validator: Option<String>,
    /// Bytes that were handed out.
    at: u64,
    /// Tries since `tried_at` bytes.
    tries: u32,
    tried_at: u64,
    /// Time that was waited since `waited_at` bytes.
    waited: Duration,
    waited_at: u64,
    end: Option<Result<(), Error>>,
}

impl<'a> Fetch<'a> {
    /// Asks for the file; the server has it.
    pub fn open(
        place: &Place,
        settings: &'a Settings<'a>,
        dial: Box<dyn Dial<'a> + 'a>,
    ) -> Result<Self, Error> {
        let mut fetch = Self {
            dial,
            settings,
            asked: place.clone(),
            place: place.clone(),
            body: None,
            length: None,
            validator: None,
            at: 0,
            tries: 0,
            tried_at: 0,
            waited: Duration::ZERO,
            waited_at: 0,
            end: None,
        };
        loop {
            match fetch.begin() {
                Ok(()) => return Ok(fetch),
                Err(Cut::Lost(why)) => fetch.next_try(why)?,
                Err(cut) => return Err(fetch.error(cut)),
            }
        }
    }

    fn error(&self, cut: Cut) -> Error {
        error(cut, &self.asked, &self.place, self.settings)
    }

    /// Asks for the file from its first byte on.
    fn begin(&mut self) -> Result<(), Cut> {
        let mut place = self.asked.clone();
        let answer = ask(&*self.dial, self.settings, Method::Get(None), &mut place);
        self.place = place;
        let Answer { head, conn } = answer?;
        if head.status != 200 {
            return Err(head.refusal().into());
        }
        let framing = head.framing()?;
        let length = if let Framing::Length(n) = framing { Some(n) } else { None };
        // It was said how long the file is, so that must stay true.
        if self.length.is_some() && self.length != length {
            return Err(changed());
        }
        if length.is_some_and(|n| n > self.settings.most) {
            return Err(Fault::TooLarge { most: self.settings.most }.into());
        }
        (self.length, self.validator) = (length, head.validator());
        self.body = Some(Body::new(conn, framing));
        Ok(())
    }

    /// Asks for what is missing, if it is still the same file.
    fn go_on(&mut self, validator: &str) -> Result<(), Cut> {
        let method = Method::Get(Some(Rest { from: self.at, validator }));
        let Answer { head, conn } = ask(&*self.dial, self.settings, method, &mut self.place)?;
        match head.status {
            206 => {}
            // All was there but the end of the last chunk.
            416 if self.is_total(head.range()?.and_then(|range| range.total)) => {
                self.end = Some(Ok(()));
                return Ok(());
            }
            200 if head.validator().as_deref() == Some(validator) => {
                return Err(Fault::Other(std::format!(
                    "the connection was lost after {} bytes, and the server sends only whole files",
                    self.at
                ))
                .into());
            }
            200 | 412 | 416 => return Err(changed()),
            429 | 500 | 502..=504 => return Err(Cut::Lost(head.refusal())),
            _ => return Err(head.refusal().into()),
        }
        let range = head.range()?.ok_or_else(|| nonsense("a part of the file, but not which"))?;
        let Some((first, last)) = range.bytes.filter(|&(first, _)| first == self.at) else {
            return Err(nonsense("another part of the file than it was asked for"));
        };
        let total = range.total.or(self.length);
        if self.length.is_some() && total != self.length || head.validator().is_some_and(|v| v != validator) {
            return Err(changed());
        }
        if total.is_some_and(|total| last.checked_add(1) != Some(total)) {
            return Err(nonsense("a part of the file that ends before the file"));
        }
        let part = (last - first).saturating_add(1);
        let framing = match head.framing()? {
            Framing::Length(n) if n != part => return Err(nonsense("a part of another length than it says")),
            Framing::Close => Framing::Length(part),
            framing => framing,
        };
        if total.is_some_and(|n| n > self.settings.most) {
            return Err(Fault::TooLarge { most: self.settings.most }.into());
        }
        self.length = total;
        self.body = Some(Body::new(conn, framing));
        Ok(())
    }

    /// Whether the file has as many bytes as were handed out.
    fn is_total(&self, total: Option<u64>) -> bool {
        total == Some(self.at) && self.length.is_none_or(|length| length == self.at)
    }

    /// Waits before the next try, if there is one.
    fn next_try(&mut self, why: Fault) -> Result<(), Error> {
        if self.at - self.tried_at >= HEADWAY {
            (self.tries, self.tried_at) = (0, self.at);
        }
        self.tries += 1;
        if self.tries >= self.settings.tries {
            let what = match self.tries {
                1 => why,
                n => Fault::Other(std::format!("{why}; {n} tries, {} bytes arrived", self.at)),
            };
            return Err(self.error(what.into()));
        }
        let pause = self.settings.pause * (1 << (self.tries - 1).min(3)).min(LONGEST_PAUSE);
        self.dial.pause(pause).map_err(|cut| self.error(cut))
    }

    /// Gets a body again.
    fn recover(&mut self, cut: Cut) -> Result<(), Error> {
        self.body = None;
        let mut cut = cut;
        loop {
            let why = match cut {
                Cut::Final(_) => return Err(self.error(cut)),
                Cut::Late => Fault::Silent(self.settings.silence),
                Cut::Lost(why) | Cut::Unreached(why) => why,
            };
            let validator = self.validator.clone();
            let again = match (self.at, validator) {
                (0, _) => {
                    self.next_try(why)?;
                    self.begin()
                }
                (_, Some(validator)) => {
                    self.next_try(why)?;
                    self.go_on(&validator)
                }
                (at, None) => {
                    // Bytes of two files would be mixed without a word.
                    let of = self.length.map(|length| std::format!(" of {length}")).unwrap_or_default();
                    let what = std::format!(
                        "{why} after {at}{of} bytes, and has not told how to know the same file again"
                    );
                    return Err(self.error(Fault::Other(what).into()));
                }
            };
            match again {
                Ok(()) => {
                    (self.waited, self.waited_at) = (Duration::ZERO, self.at);
                    return Ok(());
                }
                Err(next) => cut = next,
            }
        }
    }

    /// Some of the next bytes; 0 at the end.
    fn piece(&mut self, buf: &mut [u8]) -> Result<usize, Cut> {
        let Some(body) = &mut self.body else { return Ok(0) };
        let begun = Instant::now();
        let left = self.settings.silence.saturating_sub(self.waited);
        // A stream gives what it has, however late it is.
        if left.is_zero() {
            return Err(Cut::Late);
        }
        let n = body.read(buf, begun + left)?;
        if n == 0 {
            return self.finish().map(|()| 0);
        }
        self.at = self.at.saturating_add(n as u64);
        if self.at > self.settings.most {
            return Err(Fault::TooLarge { most: self.settings.most }.into());
        }
        // The reader's own time doesn't count.
        self.waited += begun.elapsed();
        if self.at - self.waited_at >= TRICKLE {
            (self.waited, self.waited_at) = (Duration::ZERO, self.at);
        }
        Ok(n)
    }

    /// Nothing may be missing, and nothing may follow.
    fn finish(&mut self) -> Result<(), Cut> {
        let more = match &mut self.body {
            Some(body) => body.has_more()?,
            None => false,
        };
        let announced = self.length.unwrap_or(self.at);
        if more || self.at != announced {
            let arrived = self.at.saturating_add(more.into());
            return Err(Fault::Length { announced, arrived }.into());
        }
        Ok(())
    }
}

impl Transfer for Fetch<'_> {
    fn len(&self) -> Option<u64> {
        self.length
    }

    fn place(&self) -> &Place {
        &self.place
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(end) = &self.end {
                return end.clone().map(|()| 0);
            }
            match self.piece(buf) {
                Ok(0) => self.end = Some(Ok(())),
                Ok(n) => return Ok(n),
                Err(cut) => {
                    if let Err(error) = self.recover(cut) {
                        self.end = Some(Err(error));
                    }
                }
            }
            if self.end.is_some() {
                self.body = None;
            }
        }
    }
}

fn changed() -> Cut {
    Cut::Final(Fault::Other("the file was changed on the server while it was fetched".into()))
}

/// In words for the user, who may not know where redirects led.
fn error(cut: Cut, asked: &Place, place: &Place, settings: &Settings<'_>) -> Error {
    let what = match cut {
        Cut::Final(what) | Cut::Unreached(what) | Cut::Lost(what) => what,
        Cut::Late => Fault::NoAnswer(settings.silence),
    };
    let mut error = Error::new(place, what);
    if asked != place {
        error.place = std::format!("{place} (redirected from {asked})");
    }
    error
}
