//! Opening the connection, and leaving it as it was found.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use platform_xen_sys::xenstore as sys;
use spin::Mutex;

use crate::hal::HalRef;
use crate::xenstore::client::{ANSWER, Channel, Inner, Xenstore};
use crate::xenstore::error::XsError;
use crate::xenstore::link::{Health, Link};
use crate::xenstore::message::Assembler;
use crate::xenstore::table::Table;
use crate::xenstore::watch::Watches;
use crate::xenstore::wire::Wire;

/// How long a reset of the rings may take.
const RESET: Duration = Duration::from_secs(5);

impl Xenstore {
    /// Takes over the connection that the domain was started with. Leftovers of a former kernel in the rings are
    /// cleared: by a reset if xenstored knows how, else by reading past them.
    ///
    /// # Errors
    /// If the rings make no sense and can't be reset.
    pub fn open(hal: HalRef, channel: Channel) -> Result<Xenstore, XsError> {
        let xs = Xenstore::unopened(hal, channel);
        xs.reconnect(channel)?;
        Ok(xs)
    }

    /// The connection before anything was done with it: [`reconnect`](Xenstore::reconnect) opens it, also after a failure.
    pub fn unopened(hal: HalRef, channel: Channel) -> Xenstore {
        // Ids unlike those of whoever used the ring before, so that a late answer to it is not taken for ours.
        let next_id = (hal.now().0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        let link = Link {
            wire: Wire::new(channel.page),
            channel,
            assembler: Assembler::default(),
            queue: VecDeque::new(),
            waiting: Table::new(),
            next_id,
            watches: Watches::default(),
            health: Health::Quiesced,
            silent: false,
        };
        Xenstore { inner: Arc::new(Inner { hal, link: Mutex::new(link) }) }
    }

    /// Brings rings found in any state to a clean one.
    fn clean_up(&self) -> Result<(), XsError> {
        let (port, resetting) = {
            let link = self.inner.link.lock();
            let dirty = !link.wire.is_idle() || !link.wire.is_sane();
            if dirty && link.wire.can_reset() {
                link.wire.ask_reset();
            }
            (link.channel.port, link.wire.is_resetting())
        };
        if resetting {
            self.hal().notify(port);
            let deadline = self.hal().now() + RESET;
            while self.inner.link.lock().wire.is_resetting() {
                if self.hal().now() >= deadline {
                    self.with_link(|link| link.broken("it does not reset its ring"));
                    return Err(XsError::Timeout);
                }
                self.hal().wait(&[port], Some(deadline));
            }
        }
        {
            let mut link = self.inner.link.lock();
            link.wire.load();
            if !link.wire.is_sane() {
                return Err(link.broken("its ring was left in disorder"));
            }
        }
        // Nothing is awaited yet, so answers that lie there fall away.
        self.pump()
    }

    /// Ends all use of xenstore before a handover: drops every watch, waits for the answers still due, and leaves
    /// both rings empty. Every call fails from then on, until [`reconnect`](Xenstore::reconnect).
    ///
    /// A watch that xenstored refuses to drop is noted in the log: its events mean nothing to the next kernel.
    ///
    /// # Errors
    /// If xenstored doesn't answer, or answers nonsense; the client is quiesced all the same.
    pub fn quiesce(&self) -> Result<(), XsError> {
        let result = self.drop_watches().and_then(|()| self.drain());
        self.with_link(|link| {
            if let Health::Good = link.health {
                link.health = Health::Quiesced;
            }
            link.waiting.clear();
        });
        result
    }

    fn drop_watches(&self) -> Result<(), XsError> {
        let mut refused = None;
        for (token, path) in self.with_link(|link| link.watches.all()) {
            match self.unwatch(token, &path) {
                // It is not there, which is all we want.
                Err(error) if error.is_not_found() => {}
                Err(XsError::Server(error)) => refused = Some((path, error)),
                other => other?,
            }
        }
        // Reaches those as well whose end was refused when nobody waited for the answer.
        let reset = match self.reset_watches() {
            Err(XsError::Server(_) | XsError::BadValue) => false,
            other => other?,
        };
        if let (false, Some((path, error))) = (reset, refused) {
            log::warn!("xenstore keeps a watch for the next kernel: {path} ({})", error.name());
        }
        Ok(())
    }

    /// Waits until nothing is under way in either direction.
    fn drain(&self) -> Result<(), XsError> {
        // Requests are answered in their order, so with this answer all earlier ones have come, those too that nobody
        // waits for (the end of a watch that was dropped). One that has not come by then never will.
        let before: Vec<u32> = self.with_link(|link| link.waiting.iter().map(|(id, _)| *id).collect());
        match self.ask(sys::XS_DIRECTORY, 0, &[b"device\0"]) {
            Ok(_) | Err(XsError::Server(_)) => {}
            Err(error) => return Err(error),
        }
        self.with_link(|link| {
            link.waiting.retain(|(id, (_, answer))| answer.is_some() || !before.contains(id))
        });
        let deadline = self.hal().now() + ANSWER;
        let port = self.port();
        loop {
            self.pump()?;
            let (idle, due) = self.with_link(|link| {
                let idle = link.queue.is_empty() && link.wire.is_idle() && !link.assembler.is_partial();
                (idle, link.waiting.iter().any(|(_, (_, answer))| answer.is_none()))
            });
            if idle && !due {
                return Ok(());
            }
            if self.hal().now() >= deadline {
                return Err(XsError::Timeout);
            }
            self.hal().wait(&[port], Some(deadline));
        }
    }

    /// Begins anew: after [`quiesce`](Xenstore::quiesce), or on another ring after a restore. Watches are gone.
    ///
    /// # Errors
    /// As [`open`](Xenstore::open).
    pub fn reconnect(&self, channel: Channel) -> Result<(), XsError> {
        self.with_link(|link| {
            link.channel = channel;
            link.wire = Wire::new(channel.page);
            link.assembler = Assembler::default();
            link.queue.clear();
            link.waiting.clear();
            link.watches.clear();
            link.health = Health::Good;
            link.silent = false;
        });
        self.clean_up()
    }
}
