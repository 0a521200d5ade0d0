//! One entry of a link's `allow`: a scheme, a host, which may be a wildcard, and a port.

use std::str::FromStr;

use super::destination::{Destination, Scheme, host};

/// What an actor may send requests to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    scheme: Scheme,
    host: Pattern,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// `*`
    Any,
    /// `*.internal`, kept with its dot: everything under it, and not itself.
    Under(String),
    Exact(String),
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "allow has {0:?}: write scheme, host and port without a path, such as \
     \"https://api.example.com\", \"http://*.internal:8080\", or \"https://*\" for every host"
)]
pub(super) struct NoRule(String);

impl Rule {
    /// Whether requests may go there.
    pub(super) fn covers(&self, to: &Destination) -> bool {
        let host = match &self.host {
            Pattern::Any => true,
            Pattern::Under(end) => to.host.len() > end.len() && to.host.ends_with(end.as_str()),
            Pattern::Exact(host) => to.host == *host,
        };
        host && self.scheme == to.scheme && self.port == to.port
    }
}

impl FromStr for Rule {
    type Err = NoRule;

    fn from_str(text: &str) -> Result<Self, NoRule> {
        read(text).ok_or_else(|| NoRule(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Rule> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = Scheme::named(scheme)?;
    let (name, port) = match rest.rsplit_once(':') {
        // The colons of an IPv6 address are within its brackets.
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()?),
        _ => (rest, scheme.port()),
    };
    if port == 0 {
        return None;
    }
    let host = match name.strip_prefix('*') {
        Some("") => Pattern::Any,
        Some(end) => Pattern::Under(format!(".{}", host(end.strip_prefix('.')?)?)),
        None => Pattern::Exact(host(name)?),
    };
    Some(Rule { scheme, host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(rule: &str, scheme: &str, authority: &str) -> bool {
        let to = Destination::read(scheme, authority).unwrap();
        rule.parse::<Rule>().unwrap().covers(&to)
    }

    #[test]
    fn scheme_host_and_port_must_all_fit() {
        let rule = "https://api.example.com";
        assert!(covers(rule, "https", "api.example.com"));
        assert!(covers(rule, "https", "API.example.com.:443"));
        assert!(!covers(rule, "http", "api.example.com:443"));
        assert!(!covers(rule, "https", "api.example.com:8443"));
        assert!(!covers(rule, "https", "example.com"));
        assert!(!covers(rule, "https", "x.api.example.com"));
        assert!(covers("http://[::1]:8080", "http", "[0:0::1]:8080"));
        assert!(covers("http://[::1]", "http", "[::1]"));
    }

    #[test]
    fn a_wildcard_covers_what_is_under_it_and_not_itself() {
        let rule = "http://*.internal:8080";
        assert!(covers(rule, "http", "a.internal:8080"));
        assert!(covers(rule, "http", "a.b.internal:8080"));
        assert!(!covers(rule, "http", "internal:8080"));
        assert!(!covers(rule, "http", "evilinternal:8080"));
        assert!(!covers(rule, "http", "a.internal.example.com:8080"));
        assert!(!covers(rule, "http", "a.internal"));
        assert!(covers("https://*", "https", "anything.at.all"));
        assert!(!covers("https://*", "http", "anything.at.all"));
    }

    #[test]
    fn what_is_no_rule_says_what_to_write() {
        for text in [
            "",
            "*",
            "api.example.com",
            "ftp://example.com",
            "https://",
            "https://example.com/",
            "https://example.com/v1",
            "https://user@example.com",
            "https://example.com:x",
            "https://example.com:0",
            "https://*example.com",
            "https://a.*.com",
            "https://*.",
            "https://::1",
        ] {
            let error = text.parse::<Rule>().unwrap_err().to_string();
            assert!(error.contains("\"https://api.example.com\""), "{error}");
        }
    }
}
