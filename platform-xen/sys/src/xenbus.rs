//! States of a device's two ends (`io/xenbus.h`).

/// `enum xenbus_state`, in xenstore as a decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u32)]
pub enum XenbusState {
    /// No state, or an unreadable one.
    #[default]
    Unknown = 0,
    /// Starting.
    Initialising = 1,
    /// Waits for the other side's details, its own are there.
    InitWait = 2,
    /// Its details are there, waits for the other side to connect.
    Initialised = 3,
    /// At work.
    Connected = 4,
    /// About to close.
    Closing = 5,
    /// Closed.
    Closed = 6,
    /// Changing.
    Reconfiguring = 7,
    /// Changed.
    Reconfigured = 8,
}

impl XenbusState {
    /// The state of a number; numbers that mean nothing are [`XenbusState::Unknown`].
    #[must_use]
    pub const fn from_number(n: u32) -> XenbusState {
        use XenbusState::*;
        match n {
            1 => Initialising,
            2 => InitWait,
            3 => Initialised,
            4 => Connected,
            5 => Closing,
            6 => Closed,
            7 => Reconfiguring,
            8 => Reconfigured,
            _ => Unknown,
        }
    }
}
