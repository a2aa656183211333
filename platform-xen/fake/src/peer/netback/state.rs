//! Its states: connecting and disconnecting, as the frontend's state changes.

use super::frames::Lie;
use super::ring::Ring;
use super::{Connection, Netback};
use crate::peer::machine::Machine;

impl Netback {
    pub(super) fn state(&self) -> Option<u32> {
        self.store.read(&format!("{}/state", self.back))?.parse().ok()
    }

    fn go(&self, state: u32) {
        self.store.write(&format!("{}/state", self.back), state);
    }

    fn key(&self, lie: &Lie, key: &str, value: impl ToString) {
        match lie {
            Lie::Key(name, lie) if *name == key => self.store.write(&format!("{}/{key}", self.back), lie),
            _ => self.store.write(&format!("{}/{key}", self.back), value),
        }
    }

    fn front_number(&self, key: &str) -> Option<u32> {
        self.store.read(&format!("{}/{key}", self.front))?.parse().ok()
    }

    /// One turn of the state machine.
    pub(super) fn change_state(&mut self, machine: &Machine) -> bool {
        let Some(state) = self.state() else {
            let connected = self.connection.is_some();
            self.disconnect(machine);
            return connected;
        };
        let lie = self.lie();
        match lie {
            Lie::Vanishes => {
                self.store.remove(&self.back);
                return true;
            }
            Lie::Closes if state == 4 => {
                // Once: it can be opened again.
                self.wire.lie(Lie::None);
                self.go(5);
                return true;
            }
            _ => {}
        }
        let front = self.front_number("state").unwrap_or(0);
        match (state, front) {
            (1, _) if lie == Lie::NeverReady => return false,
            (1, _) => {
                self.offer_all(&lie);
                self.go(2);
            }
            (6, 1) => self.go(2),
            // It passes over Initialised.
            (2, 4) if lie != Lie::NeverConnects => {
                match self.connect(machine) {
                    Some(connection) => self.connection = Some(connection),
                    None => {
                        self.bad("the frontend's keys make no sense");
                        self.go(5);
                        return true;
                    }
                }
                self.go(4);
            }
            (_, _) if lie == Lie::NeverCloses => return false,
            (2..=4, 5) => self.go(5),
            (2..=5, 6) => {
                self.disconnect(machine);
                self.go(6);
            }
            _ => return false,
        }
        true
    }

    fn offer_all(&self, lie: &Lie) {
        let offer = &self.offer;
        for (key, value) in [
            ("feature-rx-copy", offer.rx_copy),
            ("feature-sg", offer.sg),
            ("feature-gso-tcpv4", offer.gso_v4),
            ("feature-gso-tcpv6", offer.gso_v6),
            ("feature-no-csum-offload", offer.no_csum),
            ("feature-ipv6-csum-offload", offer.csum_v6),
        ] {
            self.key(lie, key, u8::from(value));
        }
        if let Some(mtu) = offer.back_mtu {
            self.key(lie, "mtu", mtu);
        }
    }

    fn connect(&mut self, machine: &Machine) -> Option<Connection> {
        let port = self.front_number("event-channel").filter(|port| machine.is_open(*port))?;
        for (key, value) in [("request-rx-copy", 1), ("feature-rx-notify", 1), ("feature-sg", 1)] {
            if self.front_number(key)? != value {
                return None;
            }
        }
        let (tx, rx) = (self.front_number("tx-ring-ref")?, self.front_number("rx-ring-ref")?);
        let (tx, rx) = (machine.map(tx, true)?, machine.map(rx, true)?);
        self.wire.inner().seen.connections += 1;
        Some(Connection {
            tx: Ring::new(tx, 12),
            rx: Ring::new(rx, 8),
            port,
            jobs: Vec::new(),
            starved: false,
        })
    }

    pub(super) fn disconnect(&mut self, machine: &Machine) {
        let Some(Connection { tx, rx, .. }) = self.connection.take() else { return };
        let rings = [tx.page, rx.page];
        if self.lie() == Lie::KeepsRing {
            self.hoard.extend(rings);
        } else {
            rings.into_iter().for_each(|mapping| machine.unmap(mapping));
        }
    }
}
