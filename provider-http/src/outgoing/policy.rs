//! What a link grants: where its actor's requests may go.
//!
//! ```toml
//! [actor.mailer.link."wasi:http/outgoing-handler"]
//! to = "web"
//! allow = ["https://api.example.com", "http://*.internal:8080"]
//! allow_addresses = ["10.0.0.0/8"]
//! ```
//!
//! | field | default | what it is |
//! |---|---|---|
//! | `allow` | nothing | schemes, hosts and ports; `*.` stands for every name under a domain |
//! | `allow_addresses` | none | networks that are no part of the internet, and granted |
//! | `private` | false | grants all of them: private, loopback, link-local, metadata |

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use provider_sdk::Link;
use serde::Deserialize;
use serde_json::Value;

use super::destination::Destination;
use super::reach::{Reach, reach};
use super::rule::{NoRule, Rule};
use crate::network::{self, Network};

/// More entries than an operator can keep in mind; each request is compared with all.
const ENTRIES_MAX: usize = 256;

/// What a link grants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Policy {
    allow: Vec<Rule>,
    networks: Vec<Network>,
    private: bool,
}

/// Why a link's config grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("{0}: a link for outgoing requests has allow, allow_addresses and private")]
    Shape(String),
    #[error(transparent)]
    Rule(#[from] NoRule),
    #[error("allow_addresses has {text:?}: {reason}")]
    Network { text: String, reason: String },
    #[error("{field} has {count} entries, and at most {ENTRIES_MAX} are taken: use wildcards")]
    TooMany { field: &'static str, count: usize },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Written {
    allow: Vec<String>,
    allow_addresses: Vec<String>,
    private: bool,
}

impl Policy {
    /// Reads a link's config.
    pub(super) fn read(config: &BTreeMap<String, Value>) -> Result<Self, Error> {
        let object = config.clone().into_iter().collect();
        let written: Written = serde_json::from_value(Value::Object(object))
            .map_err(|error| Error::Shape(error.to_string()))?;
        few("allow", &written.allow)?;
        few("allow_addresses", &written.allow_addresses)?;
        let allow = written.allow.iter().map(|text| text.parse());
        let networks = written.allow_addresses.iter().map(|text| {
            text.parse()
                .map_err(|reason: network::Error| Error::Network {
                    text: text.clone(),
                    reason: reason.to_string(),
                })
        });
        Ok(Self {
            allow: allow.collect::<Result<_, _>>()?,
            networks: networks.collect::<Result<_, _>>()?,
            private: written.private,
        })
    }

    /// Whether requests may go there, as far as its name tells.
    pub(super) fn allows(&self, to: &Destination) -> bool {
        self.allow.iter().any(|rule| rule.covers(to))
    }

    /// Whether a connection to that address may be used.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        match reach(address) {
            Reach::Public => true,
            Reach::Private => {
                self.private
                    || self
                        .networks
                        .iter()
                        .any(|granted| granted.contains(address))
            }
            Reach::Nobody => false,
        }
    }

    /// Those of a host's addresses that may be connected to.
    pub(super) fn permitted(&self, addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let permitted = addresses.into_iter();
        permitted.filter(|at| self.permits(at.ip())).collect()
    }
}

fn few(field: &'static str, entries: &[String]) -> Result<(), Error> {
    match entries.len() {
        count if count > ENTRIES_MAX => Err(Error::TooMany { field, count }),
        _ => Ok(()),
    }
}

/// The table of a link in a manifest.
pub(super) fn table(link: &Link) -> String {
    let (source, interface) = (&link.source, &link.interface);
    match link.name.as_str() {
        "default" => format!("[actor.{source}.link.\"{interface}\"]"),
        name => format!("[actor.{source}.link.\"{interface}\".{name}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(json: Value) -> Result<Policy, Error> {
        Policy::read(&serde_json::from_value(json).unwrap())
    }

    #[test]
    fn a_link_that_says_nothing_allows_nothing() {
        let to = Destination::read("https", "example.com").unwrap();
        for json in [serde_json::json!({}), serde_json::json!({"allow": []})] {
            assert!(!policy(json).unwrap().allows(&to));
        }
        let all = policy(serde_json::json!({"allow": ["https://*"]})).unwrap();
        assert!(all.allows(&to));
    }

    #[test]
    fn only_addresses_of_the_internet_are_permitted_unless_others_are_granted() {
        let permits = |json: &Value, address: &str| {
            policy(json.clone())
                .unwrap()
                .permits(address.parse().unwrap())
        };
        let (plain, private, granted) = (
            serde_json::json!({}),
            serde_json::json!({"private": true}),
            serde_json::json!({"allow_addresses": ["10.0.0.0/8", "fd00::/8"]}),
        );
        for (address, by_plain, by_private, by_granted) in [
            ("1.1.1.1", true, true, true),
            ("10.1.2.3", false, true, true),
            ("::ffff:10.1.2.3", false, true, true),
            ("fd00::7", false, true, true),
            ("169.254.169.254", false, true, false),
            ("127.0.0.1", false, true, false),
            ("0.0.0.0", false, true, false),
            ("224.0.0.1", false, false, false),
        ] {
            assert_eq!(permits(&plain, address), by_plain, "{address}");
            assert_eq!(permits(&private, address), by_private, "{address}");
            assert_eq!(permits(&granted, address), by_granted, "{address}");
        }
    }

    #[test]
    fn of_a_hosts_addresses_only_the_permitted_ones_are_left() {
        let addresses: Vec<SocketAddr> = ["1.1.1.1:80", "127.0.0.1:80", "[::1]:80"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let left = Policy::default().permitted(addresses.clone());
        assert_eq!(left, addresses[..1]);
    }

    #[test]
    fn a_config_that_means_nothing_says_what_to_write() {
        for (json, wanted) in [
            (
                serde_json::json!({"alow": []}),
                "allow_addresses and private",
            ),
            (serde_json::json!({"allow": "https://a.b"}), "allow"),
            (
                serde_json::json!({"allow": ["a.b"]}),
                "https://api.example.com",
            ),
            (
                serde_json::json!({"allow_addresses": ["10.0.0.5/8"]}),
                "10.0.0.0/8",
            ),
            (
                serde_json::json!({"allow": vec!["https://*"; 257]}),
                "at most 256",
            ),
        ] {
            let error = policy(json).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
