//! The device in xenstore and the dance of states, after Linux's blkback.

use anyhow::{Context, Result, ensure};
use platform_xen_sys::DomId;
use platform_xen_sys::xenbus::XenbusState;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::disk::Disk;
use crate::evtchn::Evtchn;
use crate::gntdev::{Gntdev, Mapping};
use crate::lie::Lie;
use crate::request::SECTOR;
use crate::ring::BackRing;
use crate::serve::Connection;
use crate::xenstore::Xenstore;

/// The ring has at most `1 << RING_ORDER` pages.
const RING_ORDER: u32 = 4;
/// Segments of an indirect request.
const INDIRECT: u32 = 256;

/// The backend of one disk.
pub struct Backend {
    pub(crate) xs: Xenstore,
    pub(crate) evtchn: Evtchn,
    pub(crate) gntdev: Gntdev,
    pub(crate) disk: Disk,
    pub(crate) domain: DomId,
    front: String,
    back: String,
    tool: String,
    lie: Lie,
    armed: bool,
    pub(crate) state: XenbusState,
    /// Its directory is there.
    present: bool,
    pub(crate) connection: Option<Connection>,
    /// Pages that are kept without right.
    pub(crate) hoard: Vec<Mapping>,
    /// Requests since it was armed.
    pub(crate) seen: u64,
    offers: u32,
    random: u64,
}

impl Backend {
    /// Makes the device, for a domain that does not run yet.
    pub fn start(domain: DomId, device: u32, disk: Disk, lie: Lie, armed: &str) -> Result<Backend> {
        let DomId(number) = domain;
        let mut backend = Backend {
            xs: Xenstore::open()?,
            evtchn: Evtchn::open()?,
            gntdev: Gntdev::open()?,
            disk,
            domain,
            front: format!("/local/domain/{number}/device/vbd/{device}"),
            // A kind that no driver of dom0's knows.
            back: format!("/local/domain/0/backend/liar/{number}/{device}"),
            tool: format!("/tool/liar/{number}/{device}"),
            lie,
            armed: false,
            state: XenbusState::Initialising,
            present: false,
            connection: None,
            hoard: Vec::new(),
            seen: 0,
            offers: 0,
            random: 1,
        };
        backend.xs.write(&format!("{}/armed", backend.tool), armed)?;
        backend.look()?;
        backend.make()?;
        let front = backend.front.clone();
        backend.xs.write(&front, "")?;
        backend.xs.permit(&front, &[&format!("n{number}"), "r0"])?;
        let (device, back) = (device.to_string(), backend.back.clone());
        for (key, value) in [
            ("backend", back.as_str()),
            ("backend-id", "0"),
            ("virtual-device", &device),
            ("device-type", "disk"),
            ("state", "1"),
        ] {
            backend.xs.write(&format!("{front}/{key}"), value)?;
        }
        backend.xs.watch(&format!("{front}/state"))?;
        backend.xs.watch(&format!("{}/armed", backend.tool))?;
        Ok(backend)
    }

    /// Makes its own directory.
    fn make(&mut self) -> Result<()> {
        let (back, front) = (self.back.clone(), self.front.clone());
        self.xs.write(&back, "")?;
        self.xs.permit(&back, &["n0", &format!("r{}", self.domain.0)])?;
        let id = self.domain.0.to_string();
        for (key, value) in
            [("frontend", front.as_str()), ("frontend-id", &id), ("online", "1"), ("mode", "w")]
        {
            self.xs.write(&format!("{back}/{key}"), value)?;
        }
        self.present = true;
        self.state = XenbusState::Initialising;
        if self.lie() != &Lie::NoState {
            self.go(XenbusState::Initialising)?;
        }
        Ok(())
    }

    /// What it does wrong at the moment.
    pub(crate) fn lie(&self) -> &Lie {
        if self.armed { &self.lie } else { &Lie::Honest }
    }

    pub(crate) fn random(&mut self) -> u64 {
        // Marsaglia's xorshift.
        for (left, by) in [(true, 13), (false, 7), (true, 17)] {
            self.random ^= if left { self.random << by } else { self.random >> by };
        }
        self.random
    }

    /// Serves until the domain is gone.
    pub fn run(&mut self) -> Result<()> {
        loop {
            while self.xs.take()? {
                if !self.turn()? {
                    return Ok(());
                }
            }
            if self.evtchn.take()? {
                self.serve()?;
            }
            let busy = self.pester()?;
            let mut sources =
                [PollFd::new(&self.xs, PollFlags::IN), PollFd::new(&self.evtchn, PollFlags::IN)];
            let none = Timespec { tv_sec: 0, tv_nsec: 0 };
            poll(&mut sources, busy.then_some(&none))?;
        }
    }

    /// Takes everything back.
    pub fn end(&mut self) -> Result<()> {
        self.connection = None;
        let (back, tool) = (self.back.clone(), self.tool.clone());
        self.xs.remove(&back).and(self.xs.remove(&tool))
    }

    /// Whether it is armed.
    fn look(&mut self) -> Result<()> {
        let armed = self.xs.read(&format!("{}/armed", self.tool))?.is_some_and(|armed| armed == "1");
        if self.armed != armed {
            (self.armed, self.seen) = (armed, 0);
            // Who has become honest keeps nothing.
            self.hoard.clear();
            if !armed && self.lie == Lie::Locked && self.state == XenbusState::Connected {
                self.permit(true)?;
            }
        }
        Ok(())
    }

    /// Lets the frontend read the disk's size, or not.
    fn permit(&mut self, readable: bool) -> Result<()> {
        let (node, reader) = (format!("{}/sectors", self.back), format!("r{}", self.domain.0));
        let rights = if readable { &["n0", reader.as_str()][..] } else { &["n0"] };
        self.xs.permit(&node, rights)
    }

    /// One look at the frontend's state; `false`: the domain is gone.
    fn turn(&mut self) -> Result<bool> {
        use XenbusState::{Closed, Closing, Connected, InitWait, Initialised, Initialising};
        self.look()?;
        let Some(front) = self.xs.read(&format!("{}/state", self.front))? else { return Ok(false) };
        let front = front.parse().map_or(XenbusState::Unknown, XenbusState::from_number);
        if !self.present && !matches!(self.lie(), Lie::Vanishes(_)) {
            self.disconnect();
            self.make()?;
        }
        match (self.state, front) {
            (Initialising | Closed, Initialising) => match self.lie() {
                Lie::NeverReady | Lie::NoState => {}
                _ => self.offer()?,
            },
            (InitWait, Initialised | Connected)
                if !matches!(self.lie(), Lie::NeverConnects | Lie::Offers(_)) =>
            {
                if let Err(error) = self.connect() {
                    eprintln!("cannot connect: {error:#}");
                    self.go(Closing)?;
                }
            }
            _ if *self.lie() == Lie::NeverCloses => {}
            (Closing | Closed, Closing) | (Closed, Closed) => {}
            (_, Closing) => self.go(Closing)?,
            (_, Closed) => {
                self.disconnect();
                self.go(Closed)?;
            }
            _ => {}
        }
        Ok(true)
    }

    pub(crate) fn go(&mut self, state: XenbusState) -> Result<()> {
        self.state = state;
        self.say(&(state as u32).to_string())
    }

    /// Writes a state without being in it.
    pub(crate) fn say(&mut self, state: &str) -> Result<()> {
        if self.present { self.xs.write(&format!("{}/state", self.back), state) } else { Ok(()) }
    }

    fn key(&mut self, key: &str, truth: impl ToString) -> Result<()> {
        let value = match self.lie() {
            Lie::Key(name, value) if name == key => value.clone(),
            _ => truth.to_string(),
        };
        self.xs.write(&format!("{}/{key}", self.back), &value)
    }

    fn offer(&mut self) -> Result<()> {
        self.offers += 1;
        let other = *self.lie() == Lie::Fickle && self.offers.is_multiple_of(2);
        self.key("feature-max-indirect-segments", if other { 0 } else { INDIRECT })?;
        self.key("max-ring-page-order", if other { 0 } else { RING_ORDER })?;
        self.key("feature-persistent", 0)?;
        self.key("feature-flush-cache", u8::from(!other))?;
        self.go(XenbusState::InitWait)?;
        match self.lie().clone() {
            Lie::Offers(state) => self.say(&state),
            _ => Ok(()),
        }
    }

    fn connect(&mut self) -> Result<()> {
        self.connection = if *self.lie() == Lie::Deaf { None } else { Some(self.join()?) };
        self.key("sectors", self.disk.size() / SECTOR as u64)?;
        self.key("sector-size", SECTOR)?;
        self.key("info", 0)?;
        self.state = XenbusState::Connected;
        if *self.lie() == Lie::Locked {
            self.permit(false)?;
        }
        let states = match self.lie().clone() {
            Lie::Connects(states) => states,
            _ => vec![(XenbusState::Connected as u32).to_string()],
        };
        states.iter().try_for_each(|state| self.say(state))?;
        if *self.lie() == Lie::Fickle {
            self.key("feature-max-indirect-segments", 1)?;
            self.key("max-ring-page-order", "all")?;
            self.key("feature-persistent", 1)?;
        }
        // Requests may be there already.
        self.serve()
    }

    /// Maps the ring and binds the port that the frontend names.
    fn join(&mut self) -> Result<Connection> {
        let pages = match self.front_number("ring-page-order")? {
            None => vec![self.front_number("ring-ref")?.context("no ring-ref")?],
            Some(order) => {
                ensure!(order <= RING_ORDER, "a ring of order {order}");
                let pages: Result<Vec<u32>> = (0..1 << order)
                    .map(|i| {
                        let key = format!("ring-ref{i}");
                        self.front_number(&key)?.with_context(|| format!("no {key}"))
                    })
                    .collect();
                pages?
            }
        };
        let protocol = self.xs.read(&format!("{}/protocol", self.front))?;
        ensure!(protocol.as_deref() == Some("x86_64-abi"), "protocol {protocol:?}");
        let port = self.front_number("event-channel")?.context("no event-channel")?;
        let ring = BackRing::new(self.gntdev.map(self.domain, &pages, true)?);
        let port = self.evtchn.bind(self.domain, port)?;
        Ok(Connection { ring, port, last: None })
    }

    fn front_number(&mut self, key: &str) -> Result<Option<u32>> {
        let value = self.xs.read(&format!("{}/{key}", self.front))?;
        value.map(|value| value.parse().with_context(|| format!("{key} is {value:?}"))).transpose()
    }

    pub(crate) fn disconnect(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        self.evtchn.unbind(connection.port);
        if *self.lie() == Lie::KeepsRing {
            self.hoard.push(connection.ring.into_pages());
        }
    }

    /// Removes its directory, as if it had never been.
    pub(crate) fn vanish(&mut self) -> Result<()> {
        self.present = false;
        let back = self.back.clone();
        self.xs.remove(&back)
    }
}
