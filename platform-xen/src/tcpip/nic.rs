//! A Xen network card as a link.

use super::link::{Link, Offloads, RxInfo, TxInfo};
use crate::hal::Port;
use crate::net::{self, GsoType, Nic, NicInfo};
use crate::xenbus::DeviceError;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A card that carries frames for as long as its backend does.
pub struct NicLink {
    nic: Arc<Nic>,
    info: NicInfo,
    /// What went wrong was said.
    failed: bool,
}

impl NicLink {
    /// On a connected card.
    #[must_use]
    pub fn new(nic: Arc<Nic>) -> NicLink {
        let info = nic.info();
        NicLink { nic, info, failed: false }
    }

    fn note<T>(&mut self, done: Result<T, DeviceError>) -> Option<T> {
        let failed = core::mem::replace(&mut self.failed, done.is_err());
        done.inspect_err(|error| {
            if !failed {
                log::error!("{error}");
            }
        })
        .ok()
    }
}

impl Link for NicLink {
    fn name(&self) -> &str {
        let name: &String = &self.info.name;
        name
    }

    fn mac(&self) -> [u8; 6] {
        self.info.mac
    }

    fn mtu(&self) -> usize {
        self.info.mtu
    }

    fn offloads(&self) -> Offloads {
        let net::Offloads { tx_gso_v4, tx_csum_v4, tx_csum_v6, max_gso, .. } = self.nic.offers();
        // smoltcp wants the checksum done by whoever cuts.
        let segment_v4 = if tx_gso_v4 && tx_csum_v4 { max_gso } else { 0 };
        Offloads { checksum_v4: tx_csum_v4, checksum_v6: tx_csum_v6, segment_v4 }
    }

    fn receive(&mut self, into: &mut Vec<u8>) -> Option<RxInfo> {
        let received = self.nic.receive(into);
        let info = self.note(received)??;
        Some(RxInfo { trusted: info.csum_blank || info.data_validated })
    }

    fn can_send(&self) -> bool {
        // What is sent by a card without a backend is lost: if it had to wait for room, it would be due for ever.
        self.nic.can_send() || !self.nic.is_connected()
    }

    fn send(&mut self, frame: &[u8], info: TxInfo) {
        let gso = info.segment.map(|size| (GsoType::TcpV4, size));
        let sent = self.nic.send(frame, net::TxInfo { csum_blank: info.checksum, gso });
        // One for which there was no room is lost, as on any wire.
        let _ = self.note(sent);
    }

    fn flush(&mut self) {
        self.nic.flush();
    }

    fn port(&self) -> Option<Port> {
        self.nic.port()
    }

    fn ask_for_events(&mut self) -> bool {
        let asked = self.nic.ask_for_events();
        self.note(asked).unwrap_or(false)
    }
}
