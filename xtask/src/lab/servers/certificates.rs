//! Certificates for nginx, made anew each time by Debian's openssl: their dates are seen from now.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::Place;
use super::nginx::Tls;
use crate::{paths, sh, tools};

const DAY: u64 = 86_400;

/// Makes all; their names and contents. `ca.pem` is the root that clients may trust.
pub(super) fn make(place: Place) -> Result<Vec<(String, Vec<u8>)>> {
    let dir = tempfile::Builder::new().prefix("tls-").tempdir_in(paths::ensure(paths::lab())?)?;
    let dir = dir.path();
    let year = 365 * DAY;
    let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
    let leaf = |names: &str| {
        format!(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n\
             subjectAltName={names}\n"
        )
    };
    let name = place.name();
    let own = format!("DNS:{name}.lab,IP:{},IP:{}", place.v4(), place.v6());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let usual = (now - DAY, now + 10 * year);
    certify(dir, "ca", "EC", "The lab's root", ca, usual, None)?;
    certify(dir, "between", "RSA", "The lab's intermediate", ca, usual, Some("ca"))?;
    let (server, by_root) = (format!("{name}.lab"), Some("ca"));
    for tls in Tls::ALL {
        let file = tls.name();
        match tls {
            Tls::Good => certify(dir, file, "EC", &server, &leaf(&own), usual, by_root)?,
            Tls::Rsa => {
                certify(dir, file, "RSA", &server, &leaf(&own), usual, Some("between"))?;
                // A server sends its own and what is between that and the root.
                let chain =
                    [std::fs::read(dir.join("rsa.pem"))?, std::fs::read(dir.join("between.pem"))?].concat();
                std::fs::write(dir.join("rsa.pem"), chain)?;
            }
            Tls::Expired => {
                certify(dir, file, "EC", &server, &leaf(&own), (now - year, now - DAY), by_root)?;
            }
            Tls::Early => {
                certify(dir, file, "EC", &server, &leaf(&own), (now + 2 * DAY, now + year), by_root)?;
            }
            Tls::SelfSigned => certify(dir, file, "EC", &server, &leaf(&own), usual, None)?,
            Tls::Other => {
                certify(dir, file, "EC", "other.lab", &leaf("DNS:other.lab,IP:10.77.0.77"), usual, by_root)?;
            }
        }
    }
    let mut files = vec![("ca.pem".to_owned(), std::fs::read(dir.join("ca.pem"))?)];
    for tls in Tls::ALL {
        for kind in ["pem", "key"] {
            let file = format!("{}.{kind}", tls.name());
            let content = std::fs::read(dir.join(&file))?;
            files.push((file, content));
        }
    }
    Ok(files)
}

/// Makes NAME.key and NAME.pem, signed by `issuer`, or by itself.
fn certify(
    dir: &Path,
    name: &str,
    kind: &str,
    subject: &str,
    extensions: &str,
    (from, to): (u64, u64),
    issuer: Option<&str>,
) -> Result<()> {
    let [key, cert, settings] = ["key", "pem", "cnf"].map(|kind| format!("{name}.{kind}"));
    let text = format!(
        "[req]\nprompt=no\ndistinguished_name=who\nx509_extensions=what\n[who]\nCN={subject}\n[what]\n{extensions}"
    );
    std::fs::write(dir.join(&settings), text)?;
    let mut cmd = tools::openssl()?;
    cmd.current_dir(dir).args(["req", "-x509", "-sha256", "-noenc", "-config", &settings]);
    match kind {
        "RSA" => cmd.args(["-newkey", "rsa:2048"]),
        _ => cmd.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    };
    cmd.args(["-keyout", &key, "-out", &cert, "-not_before", &asn1(from)?, "-not_after", &asn1(to)?]);
    if let Some(issuer) = issuer {
        cmd.args(["-CA", &format!("{issuer}.pem"), "-CAkey", &format!("{issuer}.key")]);
    }
    sh::output(&mut cmd).with_context(|| format!("making the certificate {name}"))?;
    Ok(())
}

/// Seconds since 1970 as a certificate has them: 20261128120000Z.
fn asn1(seconds: u64) -> Result<String> {
    let date = sh::output(Command::new("date").args(["-u", "+%Y%m%d%H%M%SZ", "-d", &format!("@{seconds}")]))?;
    Ok(date.trim().to_owned())
}
