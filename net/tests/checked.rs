//! Transfers whose digest is checked.

use pvgrub_net::{Checked, Digest, Error, Fault, Place, Transfer};

/// Gives three bytes at a time.
struct Bytes {
    place: Place,
    rest: &'static [u8],
    len: Option<u64>,
}

impl Transfer for Bytes {
    fn len(&self) -> Option<u64> {
        self.len
    }

    fn place(&self) -> &Place {
        &self.place
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let n = self.rest.len().min(buf.len()).min(3);
        let (now, rest) = self.rest.split_at(n);
        buf[..n].copy_from_slice(now);
        self.rest = rest;
        Ok(n)
    }
}

fn checked(len: Option<u64>, wanted: &[u8]) -> Checked<Bytes> {
    let place = Place::parse("http://me:secret@a/kernel").unwrap();
    Checked::new(Bytes { place, rest: b"a kernel", len }, Digest::of(wanted))
}

/// Reads until it ends: how many bytes came, and how it ended.
fn read(transfer: &mut impl Transfer) -> (usize, Result<(), Error>) {
    let (mut buf, mut count) = ([0; 8], 0);
    loop {
        match transfer.read(&mut buf) {
            Ok(0) => return (count, Ok(())),
            Ok(n) => count += n,
            Err(error) => return (count, Err(error)),
        }
    }
}

#[test]
fn the_right_file_arrives() {
    for len in [None, Some(8)] {
        let mut transfer = checked(len, b"a kernel");
        assert_eq!(read(&mut transfer), (8, Ok(())));
        assert!(transfer.is_right());
        assert_eq!(read(&mut transfer), (0, Ok(())));
    }
}

#[test]
fn another_file_does_not() {
    for (len, came) in [(None, 8), (Some(8), 6)] {
        let mut transfer = checked(len, b"A kernel");
        assert_eq!(transfer.read(&mut []), Ok(0));
        let (count, end) = read(&mut transfer);
        let error = end.unwrap_err();
        assert_eq!(count, came, "one who knows the length never gets the last bytes");
        let (wanted, arrived) = (Digest::of(b"A kernel").short(), Digest::of(b"a kernel").short());
        assert_eq!(error.what, Fault::Digest { wanted: wanted.clone(), arrived: arrived.clone() });
        assert_eq!(
            error.to_string(),
            format!(
                "http://me@a/kernel: this is not the file that was asked for: its SHA-256 is {arrived}, not {wanted}"
            )
        );
        assert_eq!(read(&mut transfer), (0, Err(error)));
        assert!(!transfer.is_right());
    }
}

#[test]
fn more_than_was_announced_is_not_hidden_behind_the_digest() {
    let mut transfer = checked(Some(6), b"a kern");
    let (count, end) = read(&mut transfer);
    assert_eq!((count, end.unwrap_err().what), (6, Fault::Length { announced: 6, arrived: 8 }));
    assert!(!transfer.is_right());
}

/// An empty file whose length is known has no last bytes: it is judged at its end.
#[test]
fn an_empty_file() {
    let place = Place::parse("http://a/kernel").unwrap();
    for (wanted, right) in [(Digest::of(b""), true), (Digest::of(b"x"), false)] {
        let mut transfer = Checked::new(Bytes { place: place.clone(), rest: b"", len: Some(0) }, wanted);
        assert_eq!(read(&mut transfer).1.is_ok(), right);
    }
}
