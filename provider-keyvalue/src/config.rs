//! The provider's `config`: which backend, and its settings.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{bucket, file, memory, nats, redis};

/// The backends there are, for the message that refuses others.
const BACKENDS: &str = "nats, redis, file, memory";

/// A backend with its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Which backend.
    pub(crate) backend: Backend,
    /// For how long values are kept through links that don't say it.
    pub(crate) ttl: Option<Duration>,
}

/// Where values are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Backend {
    /// JetStream key-value buckets on the lattice's own NATS: nothing to install.
    Nats(nats::Config),
    /// A Redis or Valkey server.
    Redis(redis::Config),
    /// A file of this process's own.
    File(file::Config),
    /// This process's memory.
    Memory(memory::Config),
}

impl Config {
    /// Reads the provider's `config`; `backend` is `nats` unless it says otherwise.
    pub(crate) fn read(config: &Map<String, Value>) -> Result<Self, String> {
        let mut fields = config.clone();
        let name = match fields.remove("backend") {
            None => "nats".to_owned(),
            Some(Value::String(name)) => name,
            Some(other) => return Err(no_backend(&other)),
        };
        let ttl = fields.remove("ttl_s");
        let of = |reason| format!("config of backend {name}: {reason}");
        let ttl = ttl.as_ref().map(bucket::ttl).transpose().map_err(of)?;
        let backend = match name.as_str() {
            "nats" => Backend::Nats(settings(fields).map_err(of)?),
            "redis" => Backend::Redis(redis::Config::read(fields).map_err(of)?),
            "file" => Backend::File(
                settings(fields)
                    .and_then(file::Config::checked)
                    .map_err(of)?,
            ),
            "memory" => {
                let memory: memory::Config = settings(fields).map_err(of)?;
                memory.check().map_err(of)?;
                Backend::Memory(memory)
            }
            other => return Err(no_backend(&other.into())),
        };
        let config = Self { backend, ttl };
        match config.ttl {
            Some(_) if !config.backend.keeps_time() => Err(of(NO_TIME.to_owned())),
            _ => Ok(config),
        }
    }
}

impl Backend {
    /// Whether it can remove what has had its time.
    pub(crate) fn keeps_time(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

/// Why a time to live is refused.
pub(crate) const NO_TIME: &str = "the backend file removes nothing by itself: leave ttl_s out";

/// The settings of one backend.
pub(crate) fn settings<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())
}

/// Refuses a number that is out of bounds.
pub(crate) fn bounded<N: PartialOrd + Display>(
    field: &str,
    value: N,
    bounds: RangeInclusive<N>,
) -> Result<(), String> {
    match bounds.contains(&value) {
        true => Ok(()),
        false => Err(format!(
            "{field} is {value}: use a number from {} to {}",
            bounds.start(),
            bounds.end()
        )),
    }
}

fn no_backend(name: &Value) -> String {
    format!("config: there is no backend {name}: use one of {BACKENDS}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::nats::Storage;

    fn read(config: Value) -> Result<Backend, String> {
        Config::read(config.as_object().unwrap()).map(|config| config.backend)
    }

    fn refusal(config: Value) -> String {
        read(config).unwrap_err()
    }

    #[test]
    fn nothing_written_is_files_on_as_many_servers_as_the_state() {
        let nats = nats::Config {
            replicas: None,
            storage: Storage::File,
        };
        assert_eq!(read(json!({})), Ok(Backend::Nats(nats.clone())));
        assert_eq!(read(json!({"backend": "nats"})), Ok(Backend::Nats(nats)));
    }

    #[test]
    fn replicas_and_storage_are_read() {
        let nats = nats::Config {
            replicas: Some(3),
            storage: Storage::Memory,
        };
        assert_eq!(
            read(json!({"replicas": 3, "storage": "memory"})),
            Ok(Backend::Nats(nats))
        );
    }

    #[test]
    fn what_does_not_exist_is_refused_by_name_with_what_does() {
        let none = refusal(json!({"backend": "tape"}));
        assert!(none.contains("\"tape\": use one of nats, redis, file, memory"));
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

    #[test]
    fn a_mistake_is_told_with_its_backend_and_field() {
        for (config, told) in [
            (
                json!({"backend": "file"}),
                "config of backend file: missing field `path`",
            ),
            (
                json!({"backend": "file", "path": ""}),
                "backend file: path is empty",
            ),
            (
                json!({"backend": "file", "path": "x", "ttl_s": 9}),
                "leave ttl_s out",
            ),
            (
                json!({"backend": "memory", "memory_mib": 0}),
                "memory_mib is 0",
            ),
            (json!({"backend": "memory", "ttl_s": 0}), "ttl_s is 0"),
            (
                json!({"backend": "memory", "path": "x"}),
                "unknown field `path`",
            ),
            (
                json!({"backend": "redis"}),
                "backend redis: missing field `url`",
            ),
            (
                json!({"backend": "redis", "url": "nonsense"}),
                "backend redis: url",
            ),
        ] {
            let refused = refusal(config);
            assert!(refused.contains(told), "{refused}");
        }
    }
}
