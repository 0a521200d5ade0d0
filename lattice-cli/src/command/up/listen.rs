//! Where the HTTP providers of a manifest listen.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::path::Path;

use anyhow::bail;
use lattice_config::{App, Provider, Runs};
use lattice_protocol::id::ProviderName;
use provider_http::LISTEN_DEFAULT;

/// Tries every address, so that an occupied one is known before anything starts.
pub(super) fn check(app: &App, manifest: &Path) -> anyhow::Result<()> {
    for (name, provider) in http(app) {
        let listen = address(provider);
        // What is no address is refused by the provider, which knows what it takes.
        if let Err(error) = TcpListener::bind(listen)
            && resolve(listen).is_some()
        {
            bail!(
                "provider {name} can't listen on {listen}: {}; stop what does, or write another \
                 `listen` in {}",
                reason(&error),
                manifest.display()
            );
        }
    }
    Ok(())
}

/// Each HTTP provider with the URL at which this machine reaches it.
pub(super) fn urls(app: &App) -> Vec<(&ProviderName, String)> {
    let url = |provider: &Provider| {
        let mut address = resolve(address(provider)).filter(|address| address.port() != 0)?;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let route = provider.routes.iter().find(|route| route.host.is_none());
        Some(format!(
            "http://{address}{}",
            route.map_or("/", |route| &route.path)
        ))
    };
    http(app)
        .filter_map(|(name, provider)| Some((name, url(provider)?)))
        .collect()
}

fn http(app: &App) -> impl Iterator<Item = (&ProviderName, &Provider)> {
    app.providers
        .iter()
        .filter(|(_, provider)| matches!(&provider.runs, Runs::Kind(kind) if kind == "http"))
        .filter(|(name, provider)| listens(app, name, provider))
}

/// One that only sends requests for actors has neither routes nor `listen`.
fn listens(app: &App, name: &ProviderName, provider: &Provider) -> bool {
    let mut links = app.actors.values().flat_map(|actor| &actor.links);
    provider.config.contains_key("listen")
        || !provider.routes.is_empty()
        || !links.any(|link| link.to.as_str() == name.as_str())
}

fn address(provider: &Provider) -> &str {
    provider
        .config
        .get("listen")
        .and_then(|listen| listen.as_str())
        .unwrap_or(LISTEN_DEFAULT)
}

fn resolve(listen: &str) -> Option<SocketAddr> {
    listen.to_socket_addrs().ok()?.next()
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => "another process listens there".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(listen: &str) -> App {
        let text = format!(
            "name = \"a\"\nversion = \"1.0.0\"\n[actor.a]\ncomponent = \"a.wasm\"\n\
             [provider.web]\nkind = \"http\"\nconfig = {{ listen = \"{listen}\" }}\n\
             [[provider.web.route]]\npath = \"/\"\nactor = \"a\"\n"
        );
        lattice_config::Manifest::parse(&text)
            .unwrap()
            .app()
            .clone()
    }

    #[test]
    fn an_occupied_port_is_known_before_anything_starts() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = taken.local_addr().unwrap().to_string();
        let error = check(&app(&listen), Path::new("lattice.toml"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("provider web can't listen on") && error.contains(&listen),
            "{error}"
        );
        drop(taken);
        assert!(check(&app(&listen), Path::new("lattice.toml")).is_ok());
    }

    #[test]
    fn a_provider_that_only_sends_requests_needs_no_port() {
        let text = "name = \"a\"\n[actor.a]\ncomponent = \"a.wasm\"\n\
             [actor.a.link.\"wasi:http\"]\nto = \"out\"\n[provider.out]\nkind = \"http\"\n";
        let manifest = lattice_config::Manifest::parse(text).unwrap();
        assert!(urls(manifest.app()).is_empty());
        let taken = TcpListener::bind(LISTEN_DEFAULT);
        assert!(check(manifest.app(), Path::new("lattice.toml")).is_ok());
        drop(taken);
    }

    #[test]
    fn the_url_is_one_that_this_machine_can_open() {
        let url = |listen| urls(&app(listen)).into_iter().map(|(_, url)| url).next();
        assert_eq!(url("127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080/");
        assert_eq!(url("0.0.0.0:80").unwrap(), "http://127.0.0.1:80/");
        assert_eq!(url("127.0.0.1:0"), None);
    }
}
