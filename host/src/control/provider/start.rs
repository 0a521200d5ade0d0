//! `provider.start`: one provider without a manifest; it becomes an app of its name.

use lattice_config::validate::PROVIDER_KINDS;
use lattice_config::{App, Declared, Provider, Runs};
use lattice_protocol::control::{Applied, ProviderStart};
use lattice_protocol::event::Kind;
use serde_json::Value;

use crate::control::commit::commit;
use crate::control::desk::Desk;
use crate::control::edit::{Draft, app_named};
use crate::control::request::{Answer, bad};

pub(in crate::control) async fn handle(desk: &Desk, request: ProviderStart) -> Answer<Applied> {
    let if_revision = request.if_revision;
    let app = app(request)?;
    let edit = |declared: &Declared| Draft::alone(declared, app.clone());
    let applied = commit(desk, if_revision, edit).await?;
    desk.record_applied("provider.start", Kind::AppApplied, &applied)
        .await;
    Ok(applied)
}

fn app(request: ProviderStart) -> Answer<App> {
    let name = request.name;
    let runs = match (request.kind, request.exec) {
        (Some(kind), None) => Runs::Kind(kind),
        (None, Some(exec)) => Runs::Exec(exec),
        _ => {
            return Err(bad(format!(
                "provider {name}: say either `kind` ({}) or `exec` (a command with its arguments)",
                PROVIDER_KINDS.join(", ")
            )));
        }
    };
    let mut provider = Provider::new(runs);
    match request.config {
        None | Some(Value::Null) => {}
        Some(Value::Object(config)) => provider.config = config,
        Some(_) => return Err(bad(format!("provider {name}: `config` must be an object"))),
    }
    let mut app = App::new(app_named(name.as_str())?, "");
    app.providers.insert(name, provider);
    Ok(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &str) -> Answer<App> {
        app(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_provider_is_a_kind_or_a_command() {
        let kv = start(r#"{"name":"kv","kind":"keyvalue","config":{"backend":"nats"}}"#).unwrap();
        let (name, provider) = kv.providers.first_key_value().unwrap();
        assert_eq!((kv.name.as_str(), name.as_str()), ("kv", "kv"));
        assert_eq!(provider.runs, Runs::Kind("keyvalue".into()));
        assert_eq!(provider.config["backend"], "nats");
        for text in [
            r#"{"name":"kv"}"#,
            r#"{"name":"kv","kind":"http","exec":["x"]}"#,
            r#"{"name":"kv","kind":"http","config":3}"#,
        ] {
            assert!(start(text).is_err(), "{text}");
        }
    }
}
