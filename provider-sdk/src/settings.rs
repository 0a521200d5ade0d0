//! What the lattice's state says of one provider.

use std::collections::BTreeMap;

use lattice_config::{Declared, Route};
use lattice_protocol::id::{ActorName, LinkName, ProviderName};
use lattice_protocol::interface::InterfacePattern;
use serde_json::{Map, Value};

/// A provider's settings: its own, and the links of every actor that calls it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Names all that follows, as `provider.settings` does.
    pub revision: String,
    /// `config` of the provider.
    pub config: Map<String, Value>,
    /// What it passes on to which actor.
    pub routes: Vec<Route>,
    /// The links that lead to it.
    pub links: Vec<Link>,
}

/// A link as its provider sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The actor that calls through it.
    pub source: ActorName,
    /// An interface, or every interface of a package.
    pub interface: InterfacePattern,
    /// Which of the actor's links for that interface.
    pub name: LinkName,
    /// What is declared for this pair of actor and provider.
    pub config: BTreeMap<String, Value>,
}

impl Settings {
    /// The settings of `provider`; none when no app declares it.
    pub fn of(declared: &Declared, provider: &ProviderName) -> Option<Self> {
        let settings = declared.settings(provider)?;
        let (_, own) = declared.provider(provider)?;
        let links = settings.links.into_iter().map(|link| Link {
            source: link.source,
            interface: link.interface,
            name: link.name,
            config: link.config,
        });
        Some(Self {
            revision: settings.revision,
            config: settings.config,
            routes: own.routes.clone(),
            links: links.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use lattice_config::{Actor, App, ComponentRef, Provider, Revised, Runs};

    use super::*;

    fn app(name: &str, actor: &str, links: &[(&str, &str)]) -> App {
        let mut app = App::new(name.parse().unwrap(), "1");
        let mut declared = Actor::new(ComponentRef::File("a.wasm".into()));
        declared.links = links
            .iter()
            .map(|(to, bucket)| {
                let mut link = lattice_config::Link::new(
                    "wasi:keyvalue".parse().unwrap(),
                    to.parse().unwrap(),
                );
                link.config.insert("bucket".into(), (*bucket).into());
                link
            })
            .collect();
        app.actors.insert(actor.parse().unwrap(), declared);
        app
    }

    fn declared(apps: impl IntoIterator<Item = App>) -> Declared {
        let revised = |value: App| (value.name.clone(), Revised { revision: 1, value });
        Declared {
            apps: apps.into_iter().map(revised).collect(),
            ..Declared::default()
        }
    }

    #[test]
    fn a_provider_sees_its_config_and_the_links_of_every_app_to_it_and_no_others() {
        let mut first = app("first", "one", &[("kv", "a"), ("other", "b")]);
        let mut provider = Provider::new(Runs::Kind("keyvalue".into()));
        provider.config.insert("backend".into(), "nats".into());
        first.providers.insert("kv".parse().unwrap(), provider);
        let second = app("second", "two", &[("kv", "c")]);

        let settings = Settings::of(&declared([first, second]), &"kv".parse().unwrap()).unwrap();
        assert_eq!(settings.config["backend"], "nats");
        let links: Vec<_> = settings
            .links
            .iter()
            .map(|link| {
                (
                    link.source.as_str(),
                    link.config["bucket"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(links, [("one", "a"), ("two", "c")]);
    }

    #[test]
    fn a_provider_that_no_app_declares_has_no_settings() {
        let apps = declared([app("first", "one", &[("kv", "a")])]);
        assert_eq!(Settings::of(&apps, &"kv".parse().unwrap()), None);
    }
}
