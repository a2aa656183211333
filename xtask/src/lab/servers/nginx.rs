//! nginx's settings. Each path of the files can be had in several ways:
//!
//! | path | what it is |
//! |---|---|
//! | `/FILE` | the file; ranges and HEAD too |
//! | `/moved/FILE` | a redirect to `/FILE`, by its path alone |
//! | `/to-https/FILE`, `/to-apart/FILE` | a redirect to the server's own https, to the machine apart |
//! | `/loop/FILE` | a redirect to itself |
//! | `/private/FILE` | the file, for those who say [`USER`] and [`PASSWORD`] |
//! | `/slow/FILE` | the file, at [`LIMITED`] bytes a second for each connection |
//! | `/chunked/FILE` | the file in chunks, without a length |
//! | `/whole/FILE` | the file, whatever range is asked for |
//! | `/error/N` | the status N: 403, 410, 500, 503 |

use super::{Place, Served};

/// Who may have what is under `/private/`.
pub const USER: &str = "guest";
/// What they have to say; a URL can't hold it as it is.
pub const PASSWORD: &str = "p%ss/w@rd";

/// Bytes a second.
pub const LIMITED: u32 = 256 << 10;

/// Certificates, each at a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// For the server's names and addresses, by the root of the lab; P-256.
    Good,
    /// The same with RSA (2048), by way of an intermediate authority.
    Rsa,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    Early,
    /// By itself.
    SelfSigned,
    /// For another name.
    Other,
}

impl Tls {
    /// All of them.
    pub const ALL: [Tls; 6] = [Tls::Good, Tls::Rsa, Tls::Expired, Tls::Early, Tls::SelfSigned, Tls::Other];

    /// The port.
    pub fn port(self) -> u16 {
        match self {
            Tls::Good => 443,
            Tls::Rsa => 8441,
            Tls::Expired => 8442,
            Tls::Early => 8443,
            Tls::SelfSigned => 8444,
            Tls::Other => 8445,
        }
    }

    /// A word for file names.
    pub(super) fn name(self) -> &'static str {
        match self {
            Tls::Good => "good",
            Tls::Rsa => "rsa",
            Tls::Expired => "expired",
            Tls::Early => "early",
            Tls::SelfSigned => "self",
            Tls::Other => "other",
        }
    }
}

pub(super) fn passwords() -> String {
    format!("{USER}:{{PLAIN}}{PASSWORD}\n")
}

pub(super) fn settings(served: &Served) -> String {
    let Served { place, family, .. } = served;
    let addresses =
        [family.has_v4().then(|| place.v4()), family.has_v6().then(|| format!("[{}]", place.v6()))];
    let addresses: Vec<String> = addresses.into_iter().flatten().collect();
    let listen = |port: u16, more: &str| -> String {
        addresses.iter().map(|address| format!("listen {address}:{port}{more};\n")).collect()
    };
    let (home, name) = (place.home(), place.name());
    let common = COMMON.replace("HOME", &home).replace("NAME", name).replace("LIMITED", &LIMITED.to_string());
    let common = common.replace("APART", Place::Apart.name());
    let mut text = HEAD.replace("HOME", &home);
    text += &format!("server {{\n{}{common}}}\n", listen(80, ""));
    for tls in Tls::ALL.into_iter().filter(|_| served.https) {
        let certificate = tls.name();
        text += &format!(
            "server {{\n{}ssl_certificate {home}/tls/{certificate}.pem;\nssl_certificate_key {home}/tls/{certificate}.key;\n\
             {common}}}\n",
            listen(tls.port(), " ssl")
        );
    }
    // What is asked of a proxy names the server. A name is looked up as the lab's clients do.
    let dns = &addresses[0];
    text += &format!(
        "server {{\n{}resolver {dns};\nlocation / {{ proxy_pass http://$host:$proxy_port$request_uri; }}\n\
         set $proxy_port 80;\n}}\n}}\n",
        listen(3128, "")
    );
    text
}

const HEAD: &str = "user root root;
worker_processes 1;
pid HOME/nginx.pid;
error_log HOME/nginx-error.log;
events { worker_connections 64; }
http {
default_type application/octet-stream;
log_format asked '$remote_addr $server_port \"$request\" $status $body_bytes_sent \"$http_range\" \"$http_user_agent\"';
access_log HOME/nginx.log asked;
client_body_temp_path HOME/tmp/body;
proxy_temp_path HOME/tmp/proxy;
fastcgi_temp_path HOME/tmp/fastcgi;
uwsgi_temp_path HOME/tmp/uwsgi;
scgi_temp_path HOME/tmp/scgi;
sendfile on;
absolute_redirect off;
";

const COMMON: &str = "root HOME/files;
location /moved/ { rewrite ^/moved(/.*)$ $1 redirect; }
location /to-https/ { rewrite ^/to-https(/.*)$ https://NAME.lab$1 redirect; }
location /to-apart/ { rewrite ^/to-apart(/.*)$ http://APART.lab$1 redirect; }
location /loop/ { return 302 $uri; }
location /private/ { alias HOME/files/; auth_basic 'lab'; auth_basic_user_file HOME/passwords; }
location /slow/ { alias HOME/files/; limit_rate LIMITED; }
location /chunked/ { alias HOME/files/; sub_filter_types *; sub_filter 'what no file has in it' ''; }
location /whole/ { alias HOME/files/; max_ranges 0; }
location = /error/403 { return 403; }
location = /error/410 { return 410; }
location = /error/500 { return 500; }
location = /error/503 { return 503; }
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::servers::Family;

    #[test]
    fn every_address_and_certificate() {
        let text = settings(&Served { family: Family::Both, https: true, ..Served::default() });
        for tls in Tls::ALL {
            for address in ["10.77.0.1", "[fd00:77::1]"] {
                assert!(text.contains(&format!("listen {address}:{} ssl;\n", tls.port())), "{text}");
            }
        }
        assert_eq!(text.matches('{').count(), text.matches('}').count(), "{text}");
        for word in ["HOME", "NAME", "APART", "LIMITED"] {
            assert!(!text.contains(word), "{word} is left in {text}");
        }
    }
}
