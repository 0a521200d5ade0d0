//! What is declared for one provider: its own config, its routes, and the links that lead to it.

use lattice_protocol::control::{ProviderLink, ProviderRoute, ProviderSettings};
use lattice_protocol::id::{ProviderName, TargetName};

use crate::app::Route;
use crate::declared::Declared;
use crate::revision::Revision;

impl Declared {
    /// The settings of a provider, with the revision that names them; none when no app declares it.
    ///
    /// A provider confirms by that revision what it has taken, so hosts and providers must name equal
    /// settings alike.
    pub fn settings(&self, name: &ProviderName) -> Option<ProviderSettings> {
        let (app, provider) = self.provider(name)?;
        let target = TargetName::from(name);
        let links = self.links_to(&target).map(|(source, link)| ProviderLink {
            source: source.clone(),
            interface: link.interface.clone(),
            name: link.name.clone(),
            config: link.config.clone(),
        });
        let route = |route: &Route| ProviderRoute {
            host: route.host.clone(),
            path: route.path.clone(),
            actor: route.actor.clone(),
        };
        let mut settings = ProviderSettings {
            name: name.clone(),
            app: app.clone(),
            revision: String::new(),
            config: provider.config.clone(),
            routes: provider.routes.iter().map(route).collect(),
            links: links.collect(),
        };
        settings.revision = Revision::of_settings(&settings).to_string();
        Some(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{App, Manifest, Revised};

    fn asked(bucket: &str, backend: &str) -> ProviderSettings {
        let digest = format!("sha256:{}", "0".repeat(64));
        let manifest = format!(
            "name = \"shop\"\n[actor.till]\ncomponent = \"{digest}\"\n\
             [actor.till.link.\"wasi:keyvalue\"]\nto = \"kv\"\nbucket = \"{bucket}\"\n\
             [provider.kv]\nkind = \"keyvalue\"\nconfig = {{ backend = \"{backend}\" }}\n\
             [[provider.kv.route]]\npath = \"/\"\nactor = \"till\"\n"
        );
        let value: App = Manifest::parse(&manifest)
            .unwrap()
            .resolve(&Default::default())
            .unwrap();
        let revised = Revised { revision: 1, value };
        let declared = Declared {
            apps: [("shop".parse().unwrap(), revised)].into(),
            ..Declared::default()
        };
        assert_eq!(declared.settings(&"other".parse().unwrap()), None);
        declared.settings(&"kv".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_provider_is_told_its_config_its_routes_and_the_links_that_lead_to_it() {
        let settings = serde_json::to_value(asked("sales", "memory")).unwrap();
        let wanted = serde_json::json!({
            // Spelled here, as hosts and providers of other versions must name the same alike.
            "name": "kv", "app": "shop", "revision": "28545f36607b",
            "config": {"backend": "memory"},
            "routes": [{"path": "/", "actor": "till"}],
            "links": [{"source": "till", "interface": "wasi:keyvalue", "name": "default",
                "config": {"bucket": "sales"}}],
        });
        assert_eq!(settings, wanted);
    }

    #[test]
    fn the_revision_changes_with_the_settings_and_with_nothing_else() {
        let revision = |bucket, backend| asked(bucket, backend).revision;
        assert_eq!(revision("a", "nats"), revision("a", "nats"));
        assert_ne!(revision("a", "nats"), revision("b", "nats"));
        assert_ne!(revision("a", "nats"), revision("a", "memory"));
    }
}
