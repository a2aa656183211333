//! Requests and their answers, true and false.

use anyhow::{Error, Result, bail};
use platform_xen::shared::PAGE;
use platform_xen_sys::block::{
    BLKIF_OP_FLUSH_DISKCACHE, BLKIF_OP_READ, BLKIF_OP_WRITE, BLKIF_RSP_EOPNOTSUPP, BLKIF_RSP_ERROR,
    BLKIF_RSP_OKAY, BLKIF_SLOT_SIZE,
};
use platform_xen_sys::event::Port;
use platform_xen_sys::xenbus::XenbusState;

use crate::backend::Backend;
use crate::gntdev::Mapping;
use crate::lie::Lie;
use crate::request::Request;
use crate::ring::{BackRing, RESPONSE};

/// A frontend that is connected.
pub struct Connection {
    pub(crate) ring: BackRing,
    pub(crate) port: Port,
    /// The id that was answered last.
    pub(crate) last: Option<u64>,
}

/// What a backend does with the requests that it has taken.
enum Next {
    /// The next one.
    Go,
    /// Nothing more.
    Stop,
}

impl Backend {
    /// Takes and answers all requests that there are.
    pub(crate) fn serve(&mut self) -> Result<()> {
        loop {
            let Some(connection) = &mut self.connection else { return Ok(()) };
            match connection.ring.take() {
                Ok(Some(slot)) => match self.one(&slot) {
                    Ok(Next::Go) => {}
                    Ok(Next::Stop) => return Ok(()),
                    Err(error) => return self.refuse(&error),
                },
                Ok(None) if connection.ring.ask_for_event() => {}
                Ok(None) => return Ok(()),
                // Whoever scribbles on the ring reads there what he has written.
                Err(_) if *self.lie() == Lie::Scribbles => return Ok(()),
                Err(error) => return self.refuse(&error),
            }
        }
    }

    /// A frontend that makes no sense is let go.
    fn refuse(&mut self, error: &Error) -> Result<()> {
        eprintln!("{error:#}");
        self.go(XenbusState::Closing)
    }

    fn one(&mut self, slot: &[u8; BLKIF_SLOT_SIZE]) -> Result<Next> {
        self.seen += 1;
        match *self.lie() {
            Lie::Storm => return Ok(Next::Go),
            Lie::Silent(after) if self.seen > after => return Ok(Next::Go),
            Lie::Vanishes(after) if self.seen > after => {
                self.vanish()?;
                return Ok(Next::Stop);
            }
            Lie::Closes(after) if self.seen > after => {
                self.go(XenbusState::Closing)?;
                return Ok(Next::Stop);
            }
            Lie::Dies(after) if self.seen > after => std::process::exit(0),
            _ => {}
        }
        let (gntdev, domain) = (&self.gntdev, self.domain);
        let request = Request::read(slot, |grants| {
            let pages = gntdev.map(domain, grants, false)?;
            let mut bytes = vec![0; pages.pages() * PAGE];
            pages.read(0, &mut bytes);
            Ok(bytes)
        })?;
        let status = match self.lie() {
            Lie::Status(status) => *status,
            Lie::NoData => BLKIF_RSP_OKAY,
            Lie::RefusesIndirect if request.indirect => BLKIF_RSP_EOPNOTSUPP,
            _ => self.transfer(&request).map_or_else(
                |error| {
                    eprintln!("{request:?}: {error:#}");
                    BLKIF_RSP_ERROR
                },
                |()| BLKIF_RSP_OKAY,
            ),
        };
        self.answer(&request, status);
        Ok(Next::Go)
    }

    fn transfer(&mut self, request: &Request) -> Result<()> {
        match request.operation {
            BLKIF_OP_FLUSH_DISKCACHE => return self.disk.flush(),
            BLKIF_OP_READ | BLKIF_OP_WRITE => {}
            other => bail!("operation {other}"),
        }
        let read = request.operation == BLKIF_OP_READ;
        let grants: Vec<u32> = request.segments.iter().map(|segment| segment.grant).collect();
        let pages = self.gntdev.map(self.domain, &grants, read)?;
        if read {
            self.fill(request, &pages)?;
        } else {
            let mut bytes = vec![0; request.len()];
            let mut rest = bytes.as_mut_slice();
            for (page, segment) in request.segments.iter().enumerate() {
                let (part, after) = rest.split_at_mut(segment.len);
                pages.read(page * PAGE + segment.offset, part);
                rest = after;
            }
            self.disk.write(request.offset, &bytes)?;
        }
        if read && matches!(self.lie(), Lie::KeepsPages | Lie::WritesLate) {
            self.hoard.push(pages);
        }
        Ok(())
    }

    fn fill(&mut self, request: &Request, pages: &Mapping) -> Result<()> {
        let mut bytes = self.disk.read(request.offset, request.len())?;
        if *self.lie() == Lie::Garbage {
            bytes.chunks_mut(8).for_each(|word| {
                let random = self.random().to_le_bytes();
                word.copy_from_slice(&random[..word.len()]);
            });
        }
        let mut rest = bytes.as_slice();
        for (page, segment) in request.segments.iter().enumerate() {
            let (part, after) = rest.split_at(segment.len);
            if *self.lie() == Lie::Overruns {
                pages.write(page * PAGE, &[0xa5; PAGE]);
            }
            pages.write(page * PAGE + segment.offset, part);
            rest = after;
        }
        Ok(())
    }

    fn answer(&mut self, request: &Request, status: i16) {
        let lie = self.lie().clone();
        let Some(connection) = &mut self.connection else { return };
        let last = connection.last.replace(request.id);
        let id = match lie {
            Lie::Id(id) => id,
            Lie::Stale => last.unwrap_or(request.id),
            _ => request.id,
        };
        let operation = if let Lie::Operation(lie) = lie { lie } else { request.operation };
        let mut response = [0; RESPONSE];
        response[..8].copy_from_slice(&id.to_le_bytes());
        response[8] = operation;
        response[10..12].copy_from_slice(&status.to_le_bytes());
        connection.ring.put(&response);
        if lie == Lie::Twice {
            connection.ring.put(&response);
        }
        let wanted = match lie {
            Lie::Jump(by) => {
                connection.ring.jump(by);
                true
            }
            _ => connection.ring.publish(),
        };
        if wanted {
            self.evtchn.notify(connection.port);
        }
    }

    /// What it does without being asked; `true`: again at once.
    pub(crate) fn pester(&mut self) -> Result<bool> {
        match self.lie() {
            Lie::Storm => {
                let Some(connection) = &self.connection else { return Ok(false) };
                (0..64).for_each(|_| self.evtchn.notify(connection.port));
            }
            Lie::Scribbles => {
                let random = self.random();
                let Some(connection) = &self.connection else { return Ok(false) };
                connection.ring.scribble(random);
                self.evtchn.notify(connection.port);
            }
            Lie::WritesLate if !self.hoard.is_empty() => {
                let random = self.random().to_le_bytes();
                for pages in &self.hoard {
                    (0..pages.pages()).for_each(|page| pages.write(page * PAGE, &random));
                }
            }
            Lie::Restless => {
                self.say("7")?;
                self.say(&(self.state as u32).to_string())?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
