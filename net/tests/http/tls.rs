//! HTTPS, against a server by ring, with certificates of each kind.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pvgrub_net::{Fault, Settings, Trust, TrustError};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, date_time_ymd,
};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedCipherSuite};

use super::server::{Server, ok, read_head};
use super::{fetch_by, file, settings, without_ports};

/// 15 January 2027.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// An authority that the client trusts.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The one for all tests.
    fn get() -> &'static Self {
        static ONE: OnceLock<Authority> = OnceLock::new();
        ONE.get_or_init(|| Self::new("trusted"))
    }

    fn trust(&self) -> Trust {
        Trust::from_pem(self.pem.as_bytes()).unwrap()
    }

    /// A certificate for this server, valid from year to year, with its key.
    fn sign(&self, name: &str, years: (i32, i32), key: KeyPair) -> Identity {
        let certificate = params(name, years).signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.der().clone(), key: key.serialize_der() }
    }
}

fn params(name: &str, years: (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params
}

#[derive(Clone)]
struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

/// Runs this with a trusted authority.
pub fn with_trust(run: impl FnOnce(&Trust)) {
    run(&Authority::get().trust());
}

fn provider() -> CryptoProvider {
    ring::default_provider()
}

fn config(identity: &Identity, provider: CryptoProvider) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.clone()], key)
        .unwrap();
    Arc::new(config)
}

type Answer =
    dyn Fn(&str, &mut StreamOwned<ServerConnection, &mut TcpStream>) -> io::Result<()> + Send + Sync;

/// What a server does that speaks TLS from the first byte: it gives its answer, or fails in the handshake.
fn speak(stream: &mut TcpStream, config: &Arc<ServerConfig>, answer: &Answer) -> io::Result<()> {
    let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream);
    let Some(head) = read_head(&mut tls) else { return Ok(()) };
    answer(&head, &mut tls)
}

/// A server on a port of its own; where it is.
struct Secure {
    port: u16,
}

impl Secure {
    fn new(
        identity: &Identity,
        provider: CryptoProvider,
        answer: impl Fn(&str, &mut StreamOwned<ServerConnection, &mut TcpStream>) -> io::Result<()>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let config = config(identity, provider);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, answer) = (Arc::clone(&config), Arc::clone(&answer));
                std::thread::spawn(move || speak(&mut stream.unwrap(), &config, &*answer));
            }
        });
        Self { port }
    }

    fn file(identity: &Identity, provider: CryptoProvider, body: Vec<u8>) -> Self {
        Self::new(identity, provider, move |_, tls| {
            tls.write_all(&ok("", &body))?;
            tls.conn.send_close_notify();
            tls.flush()
        })
    }

    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }
}

fn trusting(trust: &Trust) -> Settings<'_> {
    Settings { trust: Some(trust), now, ..settings() }
}

fn p256() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn rsa() -> KeyPair {
    KeyPair::from_pkcs8_pem_and_sign_algo(include_str!("rsa.pem"), &PKCS_RSA_SHA256).unwrap()
}

fn why(identity: &Identity, settings: &Settings<'_>) -> String {
    let server = Secure::file(identity, provider(), b"secret".to_vec());
    let why = fetch_by(&server.url("/x"), settings, 100).expect_err("an error").to_string();
    without_ports(&why).strip_prefix("https://127.0.0.1/x: ").expect("the place").to_owned()
}

#[test]
fn every_suite_with_every_key() {
    let authority = Authority::get();
    let trust = authority.trust();
    let whole = file(100_000);
    let keys = [
        p256(),
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
        KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        rsa(),
    ];
    let mut done = 0;
    for key in keys {
        let of_rsa = key.algorithm() == &PKCS_RSA_SHA256;
        let identity = authority.sign("127.0.0.1", (2026, 2028), key);
        for suite in provider().cipher_suites {
            let name = format!("{:?}", suite.suite());
            // Of TLS 1.2 the suite names the key; ring's servers show Ed25519 in 1.2 as well.
            if matches!(suite, SupportedCipherSuite::Tls12(_))
                && name.contains("RSA_WITH") != of_rsa
                && name.contains("ECDHE_RSA") != of_rsa
            {
                continue;
            }
            let provider = CryptoProvider { cipher_suites: vec![suite], ..provider() };
            let server = Secure::file(&identity, provider, whole.clone());
            let got = fetch_by(&server.url("/x"), &trusting(&trust), 5000);
            assert_eq!(got.unwrap_or_else(|why| panic!("{name}: {why}")), whole, "{name}");
            done += 1;
        }
    }
    assert!(done >= 4 * 6, "{done}");
}

#[test]
fn every_group() {
    let identity = Authority::get().sign("127.0.0.1", (2026, 2028), p256());
    let trust = Authority::get().trust();
    let groups: Vec<&'static dyn SupportedKxGroup> = provider().kx_groups;
    assert_eq!(groups.len(), 3);
    for group in groups {
        let provider = CryptoProvider { kx_groups: vec![group], ..provider() };
        let server = Secure::file(&identity, provider, b"agreed".to_vec());
        assert_eq!(fetch_by(&server.url("/x"), &trusting(&trust), 100).unwrap(), b"agreed", "{group:?}");
    }
}

#[test]
fn certificates_that_do_not_count() {
    let authority = Authority::get();
    let trust = authority.trust();
    let settings = trusting(&trust);
    let refused = "the server's certificate is not accepted: ";
    for (identity, what) in [
        (
            authority.sign("127.0.0.1", (2020, 2026), p256()),
            "it ended on 2026-01-01, and the clock says 2027-01-15",
        ),
        (
            authority.sign("127.0.0.1", (2028, 2030), p256()),
            "it begins on 2028-01-01, and the clock says 2027-01-15",
        ),
        (authority.sign("127.0.0.2", (2026, 2028), p256()), "it is for 127.0.0.2"),
        (authority.sign("boot.example", (2026, 2028), rsa()), "it is for boot.example"),
        (
            Authority::new("unknown").sign("127.0.0.1", (2026, 2028), p256()),
            "it is signed by nobody who is trusted here, or by itself",
        ),
    ] {
        let why = why(&identity, &settings);
        assert!(why.starts_with(&format!("{refused}{what}")), "{why}");
    }
    // One that calls itself by the trusted one's name.
    let why_forged = why(&Authority::new("trusted").sign("127.0.0.1", (2026, 2028), p256()), &settings);
    assert_eq!(why_forged, format!("{refused}its signature is wrong"));
    let key = p256();
    let certificate = params("127.0.0.1", (2026, 2028)).self_signed(&key).unwrap();
    let identity = Identity { certificate: certificate.der().clone(), key: key.serialize_der() };
    let why = why(&identity, &settings);
    assert_eq!(why, format!("{refused}it is signed by nobody who is trusted here, or by itself"));
}

#[test]
fn a_forged_signature() {
    // A certificate of the right authority's name, signed by another key.
    let mut identity = Authority::get().sign("127.0.0.1", (2026, 2028), p256());
    let mut der = identity.certificate.to_vec();
    let last = der.len() - 1;
    der[last] ^= 1;
    identity.certificate = der.into();
    let why = why(&identity, &trusting(&Authority::get().trust()));
    assert!(why.starts_with("the server's certificate is not accepted: "), "{why}");
}

#[test]
fn nothing_is_believed_without_a_clock_and_certificates() {
    let identity = Authority::get().sign("127.0.0.1", (1990, 2040), p256());
    let trust = Authority::get().trust();
    let settings = Settings { now: || UNIX_EPOCH, ..trusting(&trust) };
    let text = why(&identity, &settings);
    assert!(text.starts_with("the clock says 1970-01-01, but this program is of 20"), "{text}");
    let text = why(&identity, &Settings { trust: None, ..settings });
    assert_eq!(text, "no certificates were given to check the server's by");
    assert!(matches!(Trust::from_pem(b""), Err(TrustError::Empty)));
    assert!(matches!(Trust::from_pem(b"no PEM"), Err(TrustError::Empty)));
    let garbled = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(Trust::from_pem(garbled), Err(TrustError::Garbled)));
    let cut = &Authority::get().pem.as_bytes()[..100];
    assert!(Trust::from_pem(cut).is_err());
    // One that can't be understood spoils no list.
    let list = [garbled, Authority::get().pem.as_bytes()].concat();
    assert_eq!(Trust::from_pem(&list).unwrap().len(), 1);
}

#[test]
fn a_cut_is_not_the_end() {
    // Whoever is on the way can close a connection: without its length the file counts only when the server says that
    // this was all.
    let identity = Authority::get().sign("127.0.0.1", (2026, 2028), p256());
    let server = Secure::new(&identity, provider(), |_, tls| {
        tls.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")?;
        tls.flush()
    });
    let trust = Authority::get().trust();
    let why = fetch_by(&server.url("/x"), &trusting(&trust), 100).unwrap_err().to_string();
    assert!(why.contains("the connection was cut after 10 bytes"), "{why}");
    let server = Secure::new(&identity, provider(), |_, tls| {
        tls.write_all(b"HTTP/1.1 200 OK\r\n\r\nall of it")?;
        tls.conn.send_close_notify();
        tls.flush()
    });
    assert_eq!(fetch_by(&server.url("/x"), &trusting(&trust), 100).unwrap(), b"all of it");
}

#[test]
fn redirects_go_to_https_and_not_away_from_it() {
    let identity = Authority::get().sign("127.0.0.1", (2026, 2028), p256());
    let trust = Authority::get().trust();
    let secure = Secure::file(&identity, provider(), b"secret".to_vec());
    let to = secure.url("/y");
    let open = Server::new(move |_, _, stream| {
        stream.write_all(&super::server::answer("301 Moved", &format!("Location: {to}\r\n"), b""))
    });
    assert_eq!(fetch_by(&open.url("/x"), &trusting(&trust), 100).unwrap(), b"secret");
    let back = open.url("/z");
    let secure = Secure::new(&identity, provider(), move |_, tls| {
        tls.write_all(&super::server::answer("301 Moved", &format!("Location: {back}\r\n"), b""))
    });
    let error = fetch_by(&secure.url("/x"), &trusting(&trust), 100).unwrap_err();
    assert_eq!(
        without_ports(&error.to_string()),
        "https://127.0.0.1/x: the server sends to http://127.0.0.1/z, away from https"
    );
    assert!(matches!(error.what, Fault::Other(_)));
    assert_eq!(open.requests().len(), 1);
}

#[test]
fn servers_that_speak_no_tls() {
    let trust = Authority::get().trust();
    let plain = Server::saying(ok("", b"hello"));
    let url = plain.url("/x").replace("http:", "https:");
    // It waits for the end of a head that is a handshake, so it is the silence that ends it, or the garbage.
    let settings = Settings { silence: Duration::from_secs(1), ..trusting(&trust) };
    let why = fetch_by(&url, &settings, 100).unwrap_err().to_string();
    assert!(why.contains("did not answer") || why.contains("makes no sense"), "{why}");
}

#[test]
fn https_through_a_proxy() {
    let identity = Authority::get().sign("boot.invalid", (2026, 2028), p256());
    let config = config(&identity, provider());
    let proxy = Server::new(move |_, head, stream| {
        assert!(head.starts_with("CONNECT boot.invalid:443 HTTP/1.1\r\n"), "{head}");
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        speak(stream, &config, &|head, tls| {
            assert!(head.starts_with("GET /x HTTP/1.1\r\nHost: boot.invalid\r\n"), "{head}");
            tls.write_all(&ok("", b"through the tunnel"))?;
            tls.conn.send_close_notify();
            tls.flush()
        })
    });
    let at = pvgrub_net::Place::parse(&proxy.url("/")).unwrap().server;
    let trust = Authority::get().trust();
    let settings = Settings { proxy: Some(&at), ..trusting(&trust) };
    assert_eq!(fetch_by("https://boot.invalid/x", &settings, 100).unwrap(), b"through the tunnel");
    assert_eq!(proxy.requests().len(), 1);
}
