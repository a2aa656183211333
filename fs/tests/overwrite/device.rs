//! A disk that can be written, and can fail at it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use pvgrub_fs::{BlockDevice, DeviceError, Writer};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It can't be written.
    ReadOnly,
    /// A write stores its first half and fails.
    Torn,
    /// A write does nothing, and says that all is well.
    Lost,
    /// A flush fails.
    NoFlush,
    /// What was written is there when it is read for the first time, and not afterwards.
    Forgets,
}

/// The disk.
pub struct Device {
    pub bytes: RefCell<Vec<u8>>,
    pub sector: usize,
    pub fault: Cell<Fault>,
    /// Place and length of each write.
    pub writes: RefCell<Vec<(u64, usize)>>,
    /// All that was written is safe.
    pub flushed: Cell<bool>,
    /// What will be there again once it was read.
    forgotten: RefCell<Option<Vec<u8>>>,
}

impl Device {
    pub fn new(bytes: Vec<u8>, sector: usize) -> Rc<Self> {
        Rc::new(Self {
            bytes: bytes.into(),
            sector,
            fault: Fault::None.into(),
            writes: RefCell::default(),
            flushed: Cell::new(true),
            forgotten: RefCell::default(),
        })
    }

    fn range(&self, offset: u64, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(offset).unwrap();
        assert_eq!((start % self.sector, len % self.sector), (0, 0), "whole sectors only");
        start..start + len
    }
}

impl BlockDevice for Device {
    fn size(&self) -> u64 {
        self.bytes.borrow().len() as u64
    }

    fn sector_size(&self) -> u32 {
        self.sector as u32
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), DeviceError> {
        buf.copy_from_slice(&self.bytes.borrow()[self.range(offset, buf.len())]);
        if let Some(old) = self.forgotten.take() {
            *self.bytes.borrow_mut() = old;
        }
        Ok(())
    }

    fn writer(&self) -> Result<&dyn Writer, DeviceError> {
        match self.fault.get() {
            Fault::ReadOnly => Err(DeviceError::new("xvda", "it is read-only")),
            _ => Ok(self),
        }
    }
}

impl Writer for Device {
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), DeviceError> {
        self.writes.borrow_mut().push((offset, data.len()));
        self.flushed.set(false);
        let fault = self.fault.get();
        if fault == Fault::Forgets {
            *self.forgotten.borrow_mut() = Some(self.bytes.borrow().clone());
        }
        let stored = match fault {
            Fault::Torn => data.len() / 2 / self.sector * self.sector,
            Fault::Lost => 0,
            _ => data.len(),
        };
        let range = self.range(offset, data.len());
        self.bytes.borrow_mut()[range][..stored].copy_from_slice(&data[..stored]);
        if fault == Fault::Torn { Err(DeviceError::new("xvda", "I/O error")) } else { Ok(()) }
    }

    fn flush(&self) -> Result<(), DeviceError> {
        if self.fault.get() == Fault::NoFlush {
            return Err(DeviceError::new("xvda", "I/O error"));
        }
        self.flushed.set(true);
        Ok(())
    }
}
