//! Through which link a call came.

use std::collections::HashMap;
use std::sync::Arc;

use lattice_protocol::call::Origin;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::{ActorName, LinkName, ProviderName};
use lattice_protocol::interface::{Endpoint, Interface};

use crate::Link;

/// The provider's links by the actor that they come from: looked up at every call.
#[derive(Debug, Default)]
pub(crate) struct Links(HashMap<ActorName, Vec<Arc<Link>>>);

impl Links {
    pub(crate) fn new(links: &[Link]) -> Self {
        let mut by_source: HashMap<ActorName, Vec<Arc<Link>>> = HashMap::new();
        for link in links {
            by_source
                .entry(link.source.clone())
                .or_default()
                .push(Arc::new(link.clone()));
        }
        Self(by_source)
    }

    /// The link of that origin which covers the interface: one that names it wins over one that
    /// names its package.
    pub(crate) fn find(&self, origin: &Origin, interface: &Interface) -> Option<Arc<Link>> {
        self.0
            .get(&origin.source)?
            .iter()
            .filter(|link| link.name == origin.link && link.interface.covers(interface))
            .max_by_key(|link| link.interface.is_exact())
            .cloned()
    }
}

/// The refusal of a call through a link that is not declared: it names the lines to write.
pub(crate) fn denied(provider: &ProviderName, origin: &Origin, endpoint: &Endpoint) -> CallError {
    let Origin { source, link } = origin;
    let Some(interface) = &endpoint.interface else {
        let message =
            format!("{endpoint} of provider {provider} belongs to no interface: no link covers it");
        return CallError::refused(ErrorCode::Denied, message);
    };
    let package = interface.package();
    let table = match *link == LinkName::default() {
        true => format!("[actor.{source}.link.\"{package}\"]"),
        false => format!("[actor.{source}.link.\"{package}\".{link}]"),
    };
    let message = format!(
        "no link {link} of actor {source} to provider {provider} covers {interface}: write {table} \
         with to = \"{provider}\""
    );
    CallError::refused(ErrorCode::Denied, message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn link(interface: &str, name: &str) -> Link {
        Link {
            source: "counter".parse().unwrap(),
            interface: interface.parse().unwrap(),
            name: name.parse().unwrap(),
            config: BTreeMap::new(),
        }
    }

    fn find(source: &str, name: &str, interface: &str) -> Option<String> {
        let links = [
            link("wasi:keyvalue", "default"),
            link("wasi:keyvalue/store", "default"),
            link("wasi:keyvalue/batch", "cache"),
        ];
        let origin = Origin {
            source: source.parse().unwrap(),
            link: name.parse().unwrap(),
        };
        Links::new(&links)
            .find(&origin, &interface.parse().unwrap())
            .map(|link| link.interface.to_string())
    }

    #[test]
    fn a_link_is_found_by_source_name_and_interface_and_the_exact_one_wins() {
        assert_eq!(
            find("counter", "default", "wasi:keyvalue/store").unwrap(),
            "wasi:keyvalue/store"
        );
        assert_eq!(
            find("counter", "default", "wasi:keyvalue/batch").unwrap(),
            "wasi:keyvalue"
        );
        assert_eq!(
            find("counter", "cache", "wasi:keyvalue/batch").unwrap(),
            "wasi:keyvalue/batch"
        );
        assert_eq!(find("counter", "cache", "wasi:keyvalue/store"), None);
        assert_eq!(find("other", "default", "wasi:keyvalue/store"), None);
        assert_eq!(find("counter", "default", "wasi:http/handler"), None);
    }

    #[test]
    fn a_refusal_names_the_lines_to_write() {
        let refusal = |name: &str| {
            let origin = Origin {
                source: "counter".parse().unwrap(),
                link: name.parse().unwrap(),
            };
            let endpoint = "wasi:keyvalue/store.open".parse().unwrap();
            denied(&"kv".parse().unwrap(), &origin, &endpoint)
        };
        assert_eq!(refusal("default").code, ErrorCode::Denied);
        assert!(
            refusal("default")
                .message
                .ends_with("write [actor.counter.link.\"wasi:keyvalue\"] with to = \"kv\"")
        );
        assert!(
            refusal("cache")
                .message
                .contains("[actor.counter.link.\"wasi:keyvalue\".cache]")
        );
    }
}
