//! The console for programs that speak embedded-io.

use super::device;
use core::convert::Infallible;
use embedded_io::{ErrorType, Read, ReadReady, Write};

/// The domain's console, as [`embedded_io`] has it. Any number of these are the same console.
///
/// It is a raw terminal: Enter comes as a carriage return, nothing is echoed, and a line that is written ends with `\r\n`.
/// No call fails. A reader in dom0 that does not keep up is waited for and then given up, as in [`reader`](super::reader).
///
/// ```no_run
/// use embedded_io::{Read, Write};
/// use platform_xen::console::Console;
///
/// let mut console = Console;
/// write!(console, "your name? ").unwrap();
/// let mut bytes = [0; 16];
/// let n = console.read(&mut bytes).unwrap();
/// console.write_all(&bytes[..n]).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Console;

impl ErrorType for Console {
    type Error = Infallible;
}

impl Read for Console {
    /// Takes what was typed. Waits for the first byte, and other threads run meanwhile.
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        Ok(device::read(buf, None))
    }
}

impl ReadReady for Console {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(device::has_input())
    }
}

impl Write for Console {
    /// Writes all bytes, as they are.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        device::write(bytes);
        Ok(bytes.len())
    }

    /// Nothing: what was written is with the reader already.
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
