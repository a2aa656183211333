//! What carries frames: a network card, or what a test puts in its place.

use crate::hal::Port;
use alloc::vec::Vec;

/// What a card does for us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// It fills in the checksums of TCP and UDP over IPv4.
    pub checksum_v4: bool,
    /// The same over IPv6.
    pub checksum_v6: bool,
    /// Longest frame of TCP over IPv4 that it cuts into segments, in bytes; 0: it can't.
    pub segment_v4: usize,
}

/// What is known of a frame that came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxInfo {
    /// The checksum of TCP or UDP needs no look: it was checked, or the frame never left the machine.
    pub trusted: bool,
}

/// What is to be done with a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxInfo {
    /// The checksum of TCP or UDP is to be filled in; that of the pseudo header is there.
    pub checksum: bool,
    /// It is to be cut into segments with this many bytes of payload.
    pub segment: Option<u16>,
}

/// A way to send and receive Ethernet frames. None of these waits.
pub trait Link: Send {
    /// Its name, `eth0`.
    fn name(&self) -> &str;
    /// Its address.
    fn mac(&self) -> [u8; 6];
    /// Largest IP packet, in bytes.
    fn mtu(&self) -> usize;
    /// What it does for us.
    fn offloads(&self) -> Offloads;
    /// The next frame, which replaces what is in `into`.
    fn receive(&mut self, into: &mut Vec<u8>) -> Option<RxInfo>;
    /// Whether there is room for a frame.
    fn can_send(&self) -> bool;
    /// Sends a frame; without room it is lost.
    fn send(&mut self, frame: &[u8], info: TxInfo);
    /// Lets the other side see what was sent.
    fn flush(&mut self);
    /// The event channel to wait on, if there is one.
    fn port(&self) -> Option<Port> {
        None
    }
    /// To be called before waiting. `true`: something has come meanwhile.
    fn ask_for_events(&mut self) -> bool {
        false
    }
}
