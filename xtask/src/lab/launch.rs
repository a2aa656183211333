//! Guests with a stopwatch, for measurements: dom0 marks on the console's own line when what happens, so all times are
//! read on one clock, and the ways to the host are the same for all.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::{Config, Guest, Lab};

/// A guest that was created, and when it said what.
#[derive(Debug)]
pub struct Launch {
    /// The guest; it still runs.
    pub guest: Guest,
    /// How long `xl create` took.
    pub create: Duration,
    /// For each text that was waited for: when its end came, counted from when the guest was let run, and all that was
    /// printed since the text before.
    pub marks: Vec<(Duration, String)>,
}

impl Launch {
    /// From `xl create` to the n-th text. (Attaching the console in between is left out: only we want it.)
    pub fn since_create(&self, n: usize) -> Duration {
        self.create + self.marks.get(n).map_or(Duration::ZERO, |(time, _)| *time)
    }

    /// All that was printed.
    pub fn said(&self) -> String {
        self.marks.iter().map(|(_, text)| text.as_str()).collect()
    }
}

impl Lab {
    /// Creates a guest and waits for each of `texts`, one after the other, at most `limit` seconds for each.
    pub fn launch(&mut self, config: &Config, texts: &[&str], limit: u64) -> Result<Launch> {
        let (name, epoch) = self.configure(config)?;
        let con = self.machine.con.clone();
        con.drain();
        let mut expected =
            vec![format!("@create {epoch}\n"), format!("@created {epoch}\n"), format!("@go {epoch}\n")];
        expected.extend(texts.iter().map(|text| (*text).to_owned()));
        let watch = thread::spawn(move || -> Result<Vec<(Instant, String)>> {
            let stamp = |text: &String| {
                let (_, said) = con.expect(&[text], Duration::from_secs(limit))?;
                Ok((Instant::now(), said))
            };
            expected.iter().map(stamp).collect()
        });
        let out = self.sh(
            &format!(
                "printf '\\n@create {epoch}\\n' >&4; xl create -p /tmp/{name}.cfg || exit 1\n\
                 printf '\\n@created {epoch}\\n' >&4; id=$(xl domid {name}); attach $id {epoch}\n\
                 printf '\\n@go {epoch}\\n' >&4; xl unpause $id; echo; echo $id"
            ),
            180,
        )?;
        let domid = out.lines().last().unwrap_or_default().trim().parse();
        let domid = domid.with_context(|| format!("xl said: {out}"))?;
        let stamps = watch.join().map_err(|_| anyhow!("the watching thread ended"))??;
        let [(begun, _), (created, _), (go, _), said @ ..] = stamps.as_slice() else {
            return Err(anyhow!("marks of a launch are missing"));
        };
        let marks = said.iter().map(|(when, text)| (*when - *go, text.clone())).collect();
        Ok(Launch { guest: Guest { name, domid }, create: *created - *begun, marks })
    }

    /// Ends the guest, if it has not ended by itself, and waits until dom0 has cleaned up after it: the next one must not
    /// share its time with that.
    pub fn finish(&mut self, launch: &Launch) -> Result<()> {
        let Guest { name, domid, .. } = &launch.guest;
        let script = format!(
            "xl destroy {domid} 2>/dev/null; while xl domid {name} 2>/dev/null; do usleep 50000; done; true"
        );
        self.sh(&script, 120).map(|_| ())
    }
}
