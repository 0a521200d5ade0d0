//! `provider.settings`: what is declared for a provider, for processes that don't follow it by
//! themselves: those that are written without the kit.

use lattice_config::{Declared, Provider};
use lattice_protocol::control::{ProviderLink, ProviderNamed, ProviderRoute, ProviderSettings};
use lattice_protocol::digest::Digest;
use lattice_protocol::id::{AppName, ProviderName, TargetName};

use crate::control::desk::Desk;
use crate::control::edit::provider_of;
use crate::control::request::Answer;

pub(in crate::control) async fn handle(
    desk: &Desk,
    request: ProviderNamed,
) -> Answer<ProviderSettings> {
    let declared = desk.declared().await?;
    let (app, provider) = provider_of(&declared, &request.name)?;
    Ok(settings(&declared, app, request.name.clone(), provider))
}

fn settings(
    declared: &Declared,
    app: &AppName,
    name: ProviderName,
    provider: &Provider,
) -> ProviderSettings {
    let target = TargetName::from(&name);
    let links: Vec<_> = declared
        .links_to(&target)
        .map(|(source, link)| ProviderLink {
            source: source.clone(),
            interface: link.interface.clone(),
            name: link.name.clone(),
            config: link.config.clone(),
        })
        .collect();
    let route = |route: &lattice_config::Route| ProviderRoute {
        host: route.host.clone(),
        path: route.path.clone(),
        actor: route.actor.clone(),
    };
    let mut settings = ProviderSettings {
        name,
        app: app.clone(),
        revision: String::new(),
        config: provider.config.clone(),
        routes: provider.routes.iter().map(route).collect(),
        links,
    };
    // The order of everything in it is fixed, so equal settings have equal text.
    let text = serde_json::to_vec(&settings).unwrap_or_default();
    settings.revision = Digest::of(&text).short().to_owned();
    settings
}

#[cfg(test)]
mod tests {
    use lattice_config::{App, Manifest, Revised};

    use super::*;

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
        };
        let name: ProviderName = "kv".parse().unwrap();
        let (app, provider) = provider_of(&declared, &name).unwrap();
        settings(&declared, app, name.clone(), provider)
    }

    #[test]
    fn a_provider_is_told_its_config_its_routes_and_the_links_that_lead_to_it() {
        let settings = serde_json::to_value(asked("sales", "memory")).unwrap();
        let revision = settings["revision"].as_str().unwrap().to_owned();
        let wanted = serde_json::json!({
            "name": "kv", "app": "shop", "revision": revision,
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
