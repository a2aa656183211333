//! Requests and answers, a line each.

use std::io::{self, BufRead, Read, Write};

use crate::store::Store;

/// Longest request, in bytes.
const LONGEST: u64 = 64 << 10;

/// Answers requests until there are no more.
pub fn serve(store: &Store, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let n = from.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        if n == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') {
            // One that was cut off, perhaps: PUT must not store half a value.
            writeln!(to, "ERROR the line does not end")?;
            return to.flush();
        }
        match std::str::from_utf8(&line) {
            Ok(text) => match text.trim_end_matches(['\n', '\r']) {
                "QUIT" => return to.flush(),
                text => answer(store, text, to)?,
            },
            Err(_) => writeln!(to, "ERROR not UTF-8")?,
        }
        to.flush()?;
    }
}

fn answer(store: &Store, line: &str, to: &mut impl Write) -> io::Result<()> {
    let mut words = line.splitn(3, ' ');
    let request = (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next());
    let answer = match request {
        ("GET", key, None) if !key.is_empty() => {
            store.get(key).map(|value| value.map_or("NONE".to_owned(), |value| format!("VALUE {value}")))
        }
        ("PUT", key, Some(value)) if !key.is_empty() => store.put(key, value).map(|()| "OK".to_owned()),
        ("DELETE", key, None) if !key.is_empty() => {
            store.delete(key).map(|was| if was { "OK" } else { "NONE" }.to_owned())
        }
        ("LIST", prefix, None) => return list(store, prefix, to),
        ("COUNT", "", None) => store.count().map(|n| format!("VALUE {n}")),
        _ => Err("GET key, PUT key value, DELETE key, LIST [prefix] or COUNT".into()),
    };
    match answer {
        Ok(text) => writeln!(to, "{text}"),
        Err(error) => writeln!(to, "ERROR {error}"),
    }
}

fn list(store: &Store, prefix: &str, to: &mut impl Write) -> io::Result<()> {
    match store.list(prefix, |key| writeln!(to, "KEY {key}")) {
        Ok(Ok(())) => writeln!(to, "END"),
        Ok(Err(error)) => Err(error),
        Err(error) => writeln!(to, "ERROR {error}"),
    }
}
