//! TFTP.

use crate::{Error, Fault, Place, Settings, Transfer};

pub fn open<'a>(place: &Place, _settings: &'a Settings<'a>) -> Result<Box<dyn Transfer + 'a>, Error> {
    Err(Error::new(place, Fault::Unsupported))
}

pub fn length(place: &Place, _settings: &Settings<'_>) -> Result<Option<u64>, Error> {
    Err(Error::new(place, Fault::Unsupported))
}
