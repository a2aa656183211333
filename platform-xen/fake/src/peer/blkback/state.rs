//! Its states: connecting and disconnecting, as the frontend's state changes.

use std::collections::HashMap;

use platform_xen_sys::block as sys;

use super::connection::Connection;
use super::{Blkback, Lie};
use crate::peer::machine::{Machine, Mapping};

impl Blkback {
    /// One turn of the state machine.
    pub(super) fn change_state(&mut self, machine: &Machine) -> bool {
        let Some(state) = self.state() else {
            let connected = self.connection.is_some();
            self.disconnect(machine);
            return connected;
        };
        let front = self.front_number("state").unwrap_or(0);
        match (state, front) {
            (1, _) => {
                match self.lie {
                    Lie::NeverReady => return false,
                    Lie::ReadyAt(at) if self.now < at => return false,
                    _ => {}
                }
                self.key("feature-max-indirect-segments", self.offer.indirect);
                self.key("max-ring-page-order", self.offer.ring_order);
                self.go(2);
            }
            (6, 1) => self.go(2),
            (2, 3 | 4) if self.lie != Lie::NeverConnects => {
                match self.connect(machine) {
                    Some(connection) => self.connection = Some(connection),
                    None => {
                        self.seen().bad_requests.push("the frontend's keys make no sense".into());
                        self.go(5);
                        return true;
                    }
                }
                self.key("feature-persistent", u8::from(self.offer.persistent));
                self.key("feature-flush-cache", u8::from(self.offer.flush));
                self.key("sectors", self.offer.sectors);
                self.key("sector-size", self.offer.sector_size);
                self.key("info", if self.offer.read_only { 4 } else { 0 });
                self.go(4);
            }
            (_, _) if self.lie == Lie::NeverCloses => return false,
            (2..=4, 5) => self.go(5),
            (2..=5, 6) => {
                self.disconnect(machine);
                self.go(6);
            }
            _ => return false,
        }
        true
    }

    fn connect(&mut self, machine: &Machine) -> Option<Connection> {
        let grants = match self.front_number("ring-page-order") {
            None => vec![self.front_number("ring-ref")?],
            Some(order) if order <= self.offer.ring_order => {
                (0..1 << order).map(|i| self.front_number(&format!("ring-ref{i}"))).collect::<Option<_>>()?
            }
            Some(_) => return None,
        };
        let port = self.front_number("event-channel").filter(|port| machine.is_open(*port))?;
        if self.store.read(&format!("{}/protocol", self.front))? != "x86_64-abi" {
            return None;
        }
        let ring: Vec<Mapping> = grants.iter().filter_map(|grant| machine.map(*grant, true)).collect();
        let persistent = self.offer.persistent && self.front_number("feature-persistent") == Some(1);
        let fit = (ring.len() * 4096 - 64) / sys::BLKIF_SLOT_SIZE;
        let mut seen = self.seen();
        seen.ring_pages = ring.len();
        seen.persistent = persistent;
        seen.connections += 1;
        drop(seen);
        (ring.len() == grants.len()).then(|| Connection {
            ring,
            port,
            persistent,
            req_cons: 0,
            rsp_prod: 0,
            size: 1 << fit.ilog2(),
            kept: HashMap::new(),
            jobs: Vec::new(),
        })
    }

    pub(super) fn disconnect(&mut self, machine: &Machine) {
        let Some(connection) = self.connection.take() else { return };
        let Connection { ring, kept, jobs, .. } = connection;
        if self.lie == Lie::KeepsRing {
            self.hoard.extend(ring);
        } else {
            ring.into_iter().for_each(|mapping| machine.unmap(mapping));
        }
        kept.into_values().for_each(|mapping| machine.unmap(mapping));
        jobs.into_iter().flat_map(|job| job.pages).for_each(|mapping| machine.unmap(mapping));
    }
}
