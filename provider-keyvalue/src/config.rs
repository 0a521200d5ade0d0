//! The provider's `config`: which backend, and its settings.

use serde_json::{Map, Value};

use crate::nats;

/// The backends there are, for the message that refuses others.
const BACKENDS: &str = "nats";

/// A backend with its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Config {
    /// JetStream key-value buckets on the lattice's own NATS: nothing to install.
    Nats(nats::Config),
}

impl Config {
    /// Reads the provider's `config`; `backend` is `nats` unless it says otherwise.
    pub(crate) fn read(config: &Map<String, Value>) -> Result<Self, String> {
        let mut fields = config.clone();
        match fields.remove("backend") {
            None => {}
            Some(Value::String(name)) if name == "nats" => {}
            Some(other) => {
                return Err(format!(
                    "config: there is no backend {other}: use one of {BACKENDS}"
                ));
            }
        }
        let nats: nats::Config = serde_json::from_value(Value::Object(fields))
            .map_err(|error| format!("config of backend nats: {error}"))?;
        Ok(Self::Nats(nats))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::nats::Storage;

    fn read(config: Value) -> Result<Config, String> {
        Config::read(config.as_object().unwrap())
    }

    #[test]
    fn nothing_written_is_files_on_one_server() {
        let nats = nats::Config {
            replicas: 1,
            storage: Storage::File,
        };
        assert_eq!(read(json!({})), Ok(Config::Nats(nats.clone())));
        assert_eq!(read(json!({"backend": "nats"})), Ok(Config::Nats(nats)));
    }

    #[test]
    fn replicas_and_storage_are_read() {
        let nats = nats::Config {
            replicas: 3,
            storage: Storage::Memory,
        };
        assert_eq!(
            read(json!({"replicas": 3, "storage": "memory"})),
            Ok(Config::Nats(nats))
        );
    }

    #[test]
    fn what_does_not_exist_is_refused_by_name_with_what_does() {
        let refusal = |config: Value| read(config).unwrap_err();
        assert!(refusal(json!({"backend": "redis"})).contains("\"redis\": use one of nats"));
        assert!(refusal(json!({"backend": 1})).contains("no backend 1"));
        let unknown = refusal(json!({"url": "x"}));
        assert!(
            unknown.contains("unknown field `url`, expected `replicas` or `storage`"),
            "{unknown}"
        );
        assert!(refusal(json!({"storage": "tape"})).contains("expected `file` or `memory`"));
        assert!(
            refusal(json!({"replicas": 2_000}))
                .contains("replicas is 2000, use a number from 1 to 5")
        );
        assert!(refusal(json!({"replicas": 0})).contains("replicas is 0"));
        assert!(refusal(json!({"replicas": "3"})).contains("replicas is \"3\""));
    }
}
