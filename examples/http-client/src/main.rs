//! Fetches an archive over HTTP, and lists it while it comes: `http-client http://NAME/FILE.tar.zst`.
//!
//! A line for each file: the SHA-256 of its bytes, their number, its name. Nothing of the archive is kept, so its size
//! doesn't matter. An ordinary program that knows nothing of Xen.
#![forbid(unsafe_code)]

mod archive;

use std::error::Error;
use std::io::Read;
use std::time::{Duration, Instant};
use std::{env, process};

use ruzstd::decoding::StreamingDecoder;
use ureq::Agent;

// The one trace of where it may run: a kernel to be linked in.
#[cfg(target_os = "hermit")]
use platform_xen as _;

/// How long a server may take until it begins to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most that decoding looks back, in bytes (RFC 8878 3.1.1.1.2 advises decoders to support 8 MiB).
const WINDOW: u64 = 8 << 20;

fn main() {
    let Some(url) = env::args().nth(1) else {
        println!("usage: http-client http://NAME/FILE.tar.zst");
        process::exit(2);
    };
    let begun = Instant::now();
    match list(&url) {
        Ok((files, bytes)) => {
            let seconds = begun.elapsed().as_secs_f64();
            println!("{files} files, {bytes} bytes, {:.2} MB/s", bytes as f64 / 1e6 / seconds);
        }
        Err(error) => {
            println!("http-client: {url}: {error}");
            process::exit(1);
        }
    }
}

/// Lists the archive; how many files it has, and bytes in them.
fn list(url: &str) -> Result<(u64, u64), Box<dyn Error>> {
    let config = Agent::config_builder()
        .timeout_resolve(Some(PATIENCE))
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .build();
    let body = Agent::new_with_config(config).get(url).call()?.into_body().into_reader();
    let mut unpacked = StreamingDecoder::new_with_max_window_size(body, WINDOW)?;
    let total = archive::list(&mut unpacked, |file| {
        println!("{}  {:>10}  {}", file.sum, file.size, file.name.escape_debug());
    })?;
    // What follows the archive is padding; at its end stands the checksum.
    std::io::copy(&mut unpacked, &mut std::io::sink())?;
    let (told, found) =
        (unpacked.decoder.get_checksum_from_data(), unpacked.decoder.get_calculated_checksum());
    if told.is_some() && told != found {
        return Err("the checksum of the unpacked bytes is wrong".into());
    }
    // One frame is all there should be.
    match unpacked.into_inner().read(&mut [0])? {
        0 => Ok(total),
        _ => Err("something follows the compressed archive".into()),
    }
}
