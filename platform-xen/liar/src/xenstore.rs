//! xenstored, by its socket in dom0: the same messages as on a domain's ring.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result, bail};
use platform_xen_sys::xenstore::{
    XENSTORE_PAYLOAD_MAX, XS_ERROR, XS_READ, XS_RM, XS_SET_PERMS, XS_WATCH, XS_WATCH_EVENT, XS_WRITE,
};

const SOCKET: &str = "/run/xenstored/socket";

/// The connection. One request at a time.
pub struct Xenstore {
    socket: UnixStream,
    /// A watch has fired and nobody was told yet.
    fired: bool,
}

impl Xenstore {
    /// Connects.
    pub fn open() -> Result<Xenstore> {
        let socket = UnixStream::connect(SOCKET).context(SOCKET)?;
        Ok(Xenstore { socket, fired: false })
    }

    /// A node's value; `None` if there is no such node.
    pub fn read(&mut self, path: &str) -> Result<Option<String>> {
        let value = self.ask(XS_READ, &[path, "\0"])?;
        Ok(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Sets a node's value; its parents are made as needed.
    pub fn write(&mut self, path: &str, value: &str) -> Result<()> {
        self.ask(XS_WRITE, &[path, "\0", value])?
            .with_context(|| format!("{path} can't be written"))
            .map(drop)
    }

    /// Removes a node with all below it; none is no error.
    pub fn remove(&mut self, path: &str) -> Result<()> {
        self.ask(XS_RM, &[path, "\0"]).map(drop)
    }

    /// Who may do what, as `n0` (owner, nothing for others) and `r5`. New nodes below get the same.
    pub fn permit(&mut self, path: &str, rights: &[&str]) -> Result<()> {
        let mut parts = vec![path, "\0"];
        for right in rights {
            parts.extend([*right, "\0"]);
        }
        self.ask(XS_SET_PERMS, &parts)?.with_context(|| format!("{path} is not there")).map(drop)
    }

    /// Watches a node and what is below it.
    pub fn watch(&mut self, path: &str) -> Result<()> {
        self.ask(XS_WATCH, &[path, "\0", path, "\0"]).map(drop)
    }

    /// Whether a watch has fired since the last time.
    pub fn take(&mut self) -> Result<bool> {
        loop {
            self.socket.set_nonblocking(true)?;
            let mut first = [0];
            let some = self.socket.read(&mut first);
            self.socket.set_nonblocking(false)?;
            match some {
                Ok(0) => bail!("xenstored is gone"),
                Ok(_) => _ = self.message(&first)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(std::mem::take(&mut self.fired))
    }

    /// Asks, and waits for the answer; `None`: there is no such node.
    fn ask(&mut self, kind: u32, parts: &[&str]) -> Result<Option<Vec<u8>>> {
        let body = parts.concat();
        // Numbers of request and transaction: one request at a time needs none.
        let header = [kind, 0, 0, body.len() as u32].map(u32::to_le_bytes).concat();
        self.socket.write_all(&[&header, body.as_bytes()].concat())?;
        loop {
            let (answer, body) = self.message(&[])?;
            match answer {
                XS_WATCH_EVENT => {}
                XS_ERROR if body == b"ENOENT\0" => return Ok(None),
                XS_ERROR => bail!("xenstored refuses {parts:?}: {}", String::from_utf8_lossy(&body)),
                answer if answer == kind => return Ok(Some(body)),
                other => bail!("xenstored answers {other} to {kind}"),
            }
        }
    }

    /// The next message, of which some bytes are here already.
    fn message(&mut self, begun: &[u8]) -> Result<(u32, Vec<u8>)> {
        let mut header = [0; 16];
        let (start, rest) = header.split_at_mut(begun.len());
        start.copy_from_slice(begun);
        self.socket.read_exact(rest)?;
        let (words, _) = header.as_chunks();
        let [kind, _, _, len] = [0, 1, 2, 3].map(|i| u32::from_le_bytes(words[i]));
        if len as usize > XENSTORE_PAYLOAD_MAX {
            bail!("xenstored sends {len} bytes");
        }
        let mut body = vec![0; len as usize];
        self.socket.read_exact(&mut body)?;
        self.fired |= kind == XS_WATCH_EVENT;
        Ok((kind, body))
    }
}

impl AsFd for Xenstore {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
