//! The link table of an actor: who answers which import.

use lattice_config::Link;
use lattice_protocol::id::{ActorName, LinkName};
use lattice_protocol::interface::Interface;

/// The links of one revision of an actor.
#[derive(Debug, Clone)]
pub struct LinkTable {
    source: ActorName,
    links: Vec<Link>,
}

impl LinkTable {
    /// The table of `source`.
    pub fn new(source: ActorName, links: Vec<Link>) -> Self {
        Self { source, links }
    }

    /// Whose links these are.
    pub fn source(&self) -> &ActorName {
        &self.source
    }

    /// The link of that name for `interface`; one for the interface wins over one for its package.
    pub fn find(&self, interface: &Interface, name: &LinkName) -> Option<&Link> {
        let mut fitting = self
            .links
            .iter()
            .filter(|link| link.name == *name && link.interface.covers(interface));
        let first = fitting.next()?;
        if first.interface.is_exact() {
            return Some(first);
        }
        Some(
            fitting
                .find(|link| link.interface.is_exact())
                .unwrap_or(first),
        )
    }

    /// The link that an import without a name goes through.
    pub fn default_for(&self, interface: &Interface) -> Option<&Link> {
        self.find(interface, &LinkName::default())
    }

    /// The link that a component picks by a name of its own, such as a bucket's: the one so called
    /// if there is one, else the default.
    pub fn picked(&self, interface: &Interface, name: &str) -> Option<&Link> {
        name.parse()
            .ok()
            .and_then(|name: LinkName| self.find(interface, &name))
            .or_else(|| self.default_for(interface))
    }

    /// What to write to have `interface` answered.
    pub fn line_for(&self, interface: &Interface) -> String {
        format!(
            "[actor.{}.link.\"{}\"] with to = \"…\", an actor or a provider that answers it",
            self.source,
            interface.package()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(interface: &str, name: &str, to: &str) -> Link {
        let mut link = Link::new(interface.parse().unwrap(), to.parse().unwrap());
        link.name = name.parse().unwrap();
        link
    }

    fn table() -> LinkTable {
        LinkTable::new(
            "counter".parse().unwrap(),
            vec![
                link("wasi:keyvalue", "default", "kv"),
                link("wasi:keyvalue/atomics", "default", "fast"),
                link("wasi:keyvalue", "cache", "memory"),
            ],
        )
    }

    fn to(link: Option<&Link>) -> Option<&str> {
        link.map(|link| link.to.as_str())
    }

    #[test]
    fn a_link_for_the_interface_wins_over_one_for_its_package() {
        let table = table();
        let find =
            |interface: &str| to(table.default_for(&interface.parse().unwrap())).map(str::to_owned);
        assert_eq!(find("wasi:keyvalue/store").as_deref(), Some("kv"));
        assert_eq!(find("wasi:keyvalue/atomics").as_deref(), Some("fast"));
        assert_eq!(find("wasi:blobstore/blobstore"), None);
    }

    #[test]
    fn a_component_picks_a_named_link_or_gets_the_default() {
        let table = table();
        let store = "wasi:keyvalue/store".parse().unwrap();
        assert_eq!(to(table.picked(&store, "cache")), Some("memory"));
        assert_eq!(to(table.picked(&store, "anything else")), Some("kv"));
    }

    #[test]
    fn a_missing_link_says_what_to_write() {
        let line = table().line_for(&"wasi:blobstore/container".parse().unwrap());
        assert!(
            line.contains("[actor.counter.link.\"wasi:blobstore\"]"),
            "{line}"
        );
    }
}
