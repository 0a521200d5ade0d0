//! Where a request goes.

use std::fmt;
use std::net::IpAddr;

use http::uri::Authority;

/// The longest name that DNS knows.
pub(super) const HOST_LEN_MAX: usize = 253;

/// How the other side is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// A scheme, a host and a port: what a link allows, and what connections are kept for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Destination {
    pub(super) scheme: Scheme,
    /// In lower case, without the brackets of an IPv6 address or the dot at a name's end.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Scheme {
    /// The scheme of that name.
    pub(super) fn named(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub(super) fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Destination {
    /// What a request's scheme and authority name; none if they name nothing that can be reached.
    pub(super) fn read(scheme: &str, authority: &str) -> Option<Self> {
        let scheme = Scheme::named(scheme)?;
        let authority: Authority = authority.parse().ok()?;
        // A name and password before the host are for people's address bars.
        if authority.as_str().contains('@') {
            return None;
        }
        // A port that is no number must not become the scheme's own.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => scheme.port(),
            port => port
                .strip_prefix(':')?
                .parse()
                .ok()
                .filter(|port| *port != 0)?,
        };
        let host = host(authority.host())?;
        Some(Self { scheme, host, port })
    }

    /// The address, if the host is one.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The host, and the port unless it is the scheme's own.
    pub(super) fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port == self.scheme.port() {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

/// A host as it is compared: `API.example.com.` is `api.example.com`.
pub(super) fn host(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[') {
        let address: std::net::Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(address.to_string());
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_name = (1..=HOST_LEN_MAX).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    is_name.then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(scheme: &str, authority: &str) -> Option<String> {
        Destination::read(scheme, authority).map(|to| format!("{to} {}", to.port))
    }

    #[test]
    fn one_destination_has_one_spelling() {
        for (scheme, authority, wanted) in [
            ("https", "API.Example.com", "https://api.example.com 443"),
            ("HTTP", "example.com.:80", "http://example.com 80"),
            ("http", "example.com:8080", "http://example.com:8080 8080"),
            ("https", "[0::1]:8443", "https://[::1]:8443 8443"),
            ("http", "10.0.0.1", "http://10.0.0.1 80"),
        ] {
            assert_eq!(read(scheme, authority).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn what_names_no_host_is_no_destination() {
        for (scheme, authority) in [
            ("ftp", "example.com"),
            ("http", ""),
            ("http", "user@example.com"),
            ("http", "user:word@example.com"),
            ("http", "example.com:0"),
            ("http", "example.com:99999"),
            ("http", "example.com:"),
            ("http", "[::1"),
            ("http", "[10.0.0.1]"),
            ("http", "a b"),
            ("http", "*.example.com"),
            ("http", "."),
        ] {
            assert_eq!(read(scheme, authority), None, "{scheme} {authority}");
        }
    }
}
