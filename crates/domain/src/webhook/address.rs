//! The address of an endpoint, checked as far as it can be without asking for its name. What the
//! name resolves to is judged by [`AddressRules::may_reach`], at save and again at each connection.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::is_public;
use crate::invalid::Invalid;

/// Longest address, in bytes.
pub const MAX_URL_BYTES: usize = 2048;

/// Names that never leave a machine or a network, whatever they resolve to.
const PRIVATE_NAMES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];

/// What an installation lets endpoints be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRules {
    /// Hosts that may be reached wherever they are, and without TLS: for tests and laboratories. In
    /// small letters, as they stand in an address, without brackets.
    pub allowed_private_hosts: Vec<String>,
    /// Ports of all other hosts.
    pub allowed_ports: Vec<u16>,
}

impl Default for AddressRules {
    fn default() -> Self {
        AddressRules {
            allowed_private_hosts: Vec::new(),
            allowed_ports: vec![443, 8443],
        }
    }
}

impl AddressRules {
    /// Whether this host may be reached wherever it is.
    pub fn trusts(&self, host: &str) -> bool {
        self.allowed_private_hosts.iter().any(|one| one == host)
    }

    /// Whether a host may be reached at all of these addresses. One bad one spoils them all: a name
    /// that is here and there is somebody's trick.
    pub fn may_reach(&self, host: &str, addresses: &[IpAddr]) -> bool {
        self.trusts(host) || addresses.iter().all(|address| is_public(*address))
    }
}

/// The address of an endpoint: https, a public host or a name, a port that is allowed, no
/// credentials. Its `Debug` text names the host alone, because a path may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

impl EndpointUrl {
    /// Reads an address as the browsers' standard does, so that no spelling of a number, such as
    /// `0x7f.1` or `2130706433`, is taken for a name.
    pub fn parse(text: &str, rules: &AddressRules) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::required());
        }
        if text.len() > MAX_URL_BYTES {
            return Err(Invalid::new(
                "too-long",
                "Lunghezza non ammessa",
                "the length is not allowed",
            ));
        }
        // The parser would drop some of these in silence.
        let is_plain = |c: char| c.is_ascii_graphic() && c != '\\';
        let url = Url::parse(text).ok().filter(|_| text.chars().all(is_plain));
        let url = EndpointUrl(url.ok_or_else(malformed)?);
        url.check(rules).map(|()| url)
    }

    fn check(&self, rules: &AddressRules) -> Result<(), Invalid> {
        let url = &self.0;
        let trusted = rules.trusts(self.host());
        match url.scheme() {
            "https" => {}
            "http" if trusted => {}
            "http" | "ws" | "wss" | "ftp" => return Err(not_https()),
            _ => return Err(malformed()),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid::new(
                "url-with-credentials",
                "Un indirizzo non porta credenziali",
                "an address carries no credentials",
            ));
        }
        if url.fragment().is_some() {
            return Err(malformed());
        }
        if trusted {
            return Ok(());
        }
        let is_public_host = match url.host() {
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            Some(Host::Domain(name)) => is_public_name(name),
            None => false,
        };
        if !is_public_host {
            return Err(not_public());
        }
        if !rules.allowed_ports.contains(&self.port()) {
            return Err(Invalid::new(
                "url-port-not-allowed",
                "Porta non ammessa",
                "the port is not allowed",
            ));
        }
        Ok(())
    }

    /// The whole address, as it is kept and asked.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        let host = self.0.host_str().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The address, where the host is one.
    pub fn literal(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// The port, also where it is not written.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointUrl({}, …)", self.host())
    }
}

/// A name of the public tree: more than one label, none empty, no private ending.
fn is_public_name(name: &str) -> bool {
    let is_private = |ending: &str| {
        name.strip_suffix(ending)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    name.contains('.')
        && name.split('.').all(|label| !label.is_empty())
        && !PRIVATE_NAMES.iter().any(|ending| is_private(ending))
}

fn malformed() -> Invalid {
    Invalid::new(
        "invalid-format",
        "Indirizzo non valido",
        "this is no address",
    )
}

fn not_https() -> Invalid {
    Invalid::new(
        "url-not-https",
        "L'indirizzo deve essere https",
        "the address must be https",
    )
}

/// The refusal of an address inside a network, and of a name that leads there or nowhere: nobody
/// learns here which names a network has.
pub const fn not_public() -> Invalid {
    Invalid::new(
        "url-not-public",
        "L'indirizzo non porta a internet",
        "the address does not lead to the public internet",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> AddressRules {
        AddressRules {
            allowed_private_hosts: vec!["lab.test".to_owned(), "127.0.0.1".to_owned()],
            ..AddressRules::default()
        }
    }

    #[test]
    fn addresses_of_the_internet_are_taken() {
        for text in [
            "https://hooks.example.org/in",
            "https://hooks.example.org:8443/in?tenant=7",
            "https://93.184.216.34/",
            "https://[2a00:1450:4001::1]/in",
            "HTTPS://Hooks.Example.org/in",
            "http://lab.test:9000/in",
            "https://lab.test:9000/in",
            "http://127.0.0.1:9000/in",
            "http://0x7f.1/in",
        ] {
            assert!(EndpointUrl::parse(text, &rules()).is_ok(), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        for (text, code) in [
            ("", "required"),
            ("hooks.example.org", "invalid-format"),
            ("/in", "invalid-format"),
            ("https://", "invalid-format"),
            ("https:///", "invalid-format"),
            ("https://exa mple.org/", "invalid-format"),
            ("https://example.org/a\tb", "invalid-format"),
            ("https://example.org\\@10.0.0.1/", "invalid-format"),
            ("https://example.org/#part", "invalid-format"),
            ("https://città.example.org/", "invalid-format"),
            ("file:///etc/passwd", "invalid-format"),
            ("gopher://example.org/", "invalid-format"),
            ("http://hooks.example.org/in", "url-not-https"),
            ("http://10.0.0.1/", "url-not-https"),
            ("https://user@example.org/", "url-with-credentials"),
            ("https://user:word@example.org/", "url-with-credentials"),
            ("https://:word@example.org/", "url-with-credentials"),
            ("https://example.org:22/", "url-port-not-allowed"),
            ("https://example.org:80/", "url-port-not-allowed"),
            ("https://localhost/", "url-not-public"),
            ("https://localhost./", "url-not-public"),
            ("https://LOCALHOST/", "url-not-public"),
            ("https://a.localhost/", "url-not-public"),
            ("https://intranet/", "url-not-public"),
            ("https://example.org./", "url-not-public"),
            ("https://printer.local/", "url-not-public"),
            ("https://metadata.google.internal/", "url-not-public"),
            ("https://router.home.arpa/", "url-not-public"),
            ("https://127.0.0.2/", "url-not-public"),
            ("https://127.1.1/", "url-not-public"),
            ("https://2130706434/", "url-not-public"),
            ("https://0x7f000002/", "url-not-public"),
            ("https://0177.0.0.2/", "url-not-public"),
            ("https://%31%30.0.0.1/", "url-not-public"),
            ("https://0/", "url-not-public"),
            ("https://169.254.169.254/latest/", "url-not-public"),
            ("https://100.64.0.1/", "url-not-public"),
            ("https://224.0.0.1/", "url-not-public"),
            ("https://192.0.2.1/", "url-not-public"),
            ("https://[::1]/", "url-not-public"),
            ("https://[::]/", "url-not-public"),
            ("https://[::ffff:10.0.0.1]/", "url-not-public"),
            ("https://[fd00::1]/", "url-not-public"),
            ("https://[fe80::1]/", "url-not-public"),
        ] {
            let error = EndpointUrl::parse(text, &rules()).unwrap_err();
            assert_eq!(error.code, code, "{text}");
        }
        let long = format!("https://example.org/{}", "a".repeat(MAX_URL_BYTES));
        assert_eq!(
            EndpointUrl::parse(&long, &rules()).unwrap_err().code,
            "too-long"
        );
    }

    #[test]
    fn one_private_address_spoils_a_name() {
        let rules = rules();
        let public: IpAddr = "93.184.216.34".parse().unwrap();
        let private: IpAddr = "10.0.0.1".parse().unwrap();
        assert!(rules.may_reach("hooks.example.org", &[public]));
        assert!(!rules.may_reach("hooks.example.org", &[public, private]));
        assert!(rules.may_reach("lab.test", &[private]));
        assert!(!rules.may_reach("a.lab.test", &[private]));
    }

    #[test]
    fn a_path_is_not_printed() {
        let url = EndpointUrl::parse("https://example.org/secret", &rules()).unwrap();
        assert_eq!(format!("{url:?}"), "EndpointUrl(example.org, …)");
    }
}
