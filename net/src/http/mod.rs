//! HTTP: not there yet.

use std::boxed::Box;

use crate::{Error, Fault, Place, Settings, Transfer};

/// As [`crate::open`].
pub fn open<'a>(place: &Place, _settings: &'a Settings<'a>) -> Result<Box<dyn Transfer + 'a>, Error> {
    Err(Error::new(place, Fault::Unsupported))
}

/// As [`crate::length`].
pub fn length(place: &Place, _settings: &Settings<'_>) -> Result<Option<u64>, Error> {
    Err(Error::new(place, Fault::Unsupported))
}
