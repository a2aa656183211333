//! Event channels, by /dev/xen/evtchn (Linux's include/uapi/xen/evtchn.h).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result};
use platform_xen_sys::DomId;
use platform_xen_sys::event::Port;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::ioctl::{call, order};

#[repr(C)]
struct BindInterdomain {
    remote_domain: u32,
    remote_port: u32,
}

/// The device: it owns the ports that were bound through it.
pub struct Evtchn {
    device: OwnedFd,
}

impl Evtchn {
    /// Opens it.
    pub fn open() -> Result<Evtchn> {
        let device = rustix::fs::open("/dev/xen/evtchn", OFlags::RDWR | OFlags::NONBLOCK, Mode::empty())
            .context("/dev/xen/evtchn")?;
        Ok(Evtchn { device })
    }

    /// Joins the port that another domain offers; returns our own.
    pub fn bind(&self, domain: DomId, port: Port) -> Result<Port> {
        let mut bind = BindInterdomain { remote_domain: u32::from(domain.0), remote_port: port };
        // SAFETY: `IOCTL_EVTCHN_BIND_INTERDOMAIN` reads this structure of 8 bytes.
        let local = unsafe { call(self.device.as_fd(), order(b'E', 1, 8), &mut bind) }
            .with_context(|| format!("binding port {port} of domain {}", domain.0))?;
        Ok(local as Port)
    }

    /// Closes a port.
    pub fn unbind(&self, mut port: Port) {
        // SAFETY: `IOCTL_EVTCHN_UNBIND` reads one `unsigned int`. A port that is closed already is no matter.
        let _ = unsafe { call(self.device.as_fd(), order(b'E', 3, 4), &mut port) };
    }

    /// Sends an event. To a port that the other side has closed, that does nothing.
    pub fn notify(&self, mut port: Port) {
        // SAFETY: `IOCTL_EVTCHN_NOTIFY` reads one `unsigned int`.
        let _ = unsafe { call(self.device.as_fd(), order(b'E', 4, 4), &mut port) };
    }

    /// Whether events have come since the last time; each port gives more only after this.
    pub fn take(&self) -> Result<bool> {
        let mut ports = [0; 64];
        match rustix::io::read(&self.device, &mut ports) {
            Ok(0) | Err(Errno::AGAIN) => Ok(false),
            Ok(len) => {
                // What is written back is unmasked.
                rustix::io::write(&self.device, ports.get(..len).unwrap_or_default())?;
                Ok(true)
            }
            Err(error) => Err(error).context("/dev/xen/evtchn"),
        }
    }
}

impl AsFd for Evtchn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}
