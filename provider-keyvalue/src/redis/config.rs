//! Where the server is, and how long it is waited for.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::{bounded, settings};

/// The longest time that may be set for either wait: past it the calls' own deadlines are over.
const TIME_MS_MAX: u64 = 60_000;
/// The longest prefix: leaves what a key is called there short.
const PREFIX_LEN_MAX: usize = 128;

/// What `url` looks like.
const FORM: &str = "use redis://[user[:password]@]host[:port][/database], rediss:// the same over TLS, or \
                    unix:///path";

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    url: Url,
    /// A file with the password, which then stands in no manifest.
    pub(super) password_file: Option<PathBuf>,
    /// A file of the authorities that are trusted, in place of the system's.
    pub(super) ca: Option<PathBuf>,
    /// A file of the certificate that this process shows to a server that asks for one.
    pub(super) cert: Option<PathBuf>,
    /// The file of its key.
    pub(super) key: Option<PathBuf>,
    /// How long a connection may take to be made.
    #[serde(default = "default_ms")]
    connect_timeout_ms: u64,
    /// How long the server may take for one answer.
    #[serde(default = "default_ms")]
    timeout_ms: u64,
    /// What stands before a bucket's name.
    pub(crate) prefix: Option<String>,
}

/// A URL with a password in it, which no log shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
struct Url(String);

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(…)")
    }
}

/// A hundred times what a loaded server needs.
fn default_ms() -> u64 {
    2_000
}

impl Config {
    /// Reads the settings, and refuses what no server can be reached with.
    pub(crate) fn read(fields: Map<String, Value>) -> Result<Self, String> {
        let config: Self = settings(fields)?;
        bounded(
            "connect_timeout_ms",
            config.connect_timeout_ms,
            1..=TIME_MS_MAX,
        )?;
        bounded("timeout_ms", config.timeout_ms, 1..=TIME_MS_MAX)?;
        let prefix = config.prefix.as_deref().unwrap_or_default();
        if prefix.len() > PREFIX_LEN_MAX {
            let len = prefix.len();
            return Err(format!(
                "prefix has {len} bytes: at most {PREFIX_LEN_MAX} are taken"
            ));
        }
        config.server()?;
        Ok(config)
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// The server that the URL names.
    pub(super) fn server(&self) -> Result<ConnectionInfo, String> {
        let Url(url) = &self.url;
        // The library's reason may quote the URL, and with it a password.
        let server = url
            .as_str()
            .into_connection_info()
            .map_err(|_| format!("url names no server: {FORM}"))?;
        match server.addr() {
            ConnectionAddr::TcpTls { insecure: true, .. } => {
                return Err(format!(
                    "url asks to trust whoever answers, which is not done: name the authority in ca, and {FORM}"
                ));
            }
            ConnectionAddr::TcpTls { .. } => self.has_a_pair()?,
            _ => self.has_no_tls()?,
        }
        if self.password_file.is_some() && server.redis_settings().password().is_some() {
            return Err(
                "both url and password_file give a password: keep password_file".to_owned(),
            );
        }
        if url.contains("protocol=") {
            return Ok(server);
        }
        // By this protocol the loss of a connection is heard of before it is used again.
        let redis = server.redis_settings().clone();
        Ok(server.set_redis_settings(redis.set_protocol(ProtocolVersion::RESP3)))
    }

    fn has_a_pair(&self) -> Result<(), String> {
        let (given, missing) = match (&self.cert, &self.key) {
            (Some(_), None) => ("cert", "key"),
            (None, Some(_)) => ("key", "cert"),
            _ => return Ok(()),
        };
        Err(format!(
            "{given} is given and {missing} is not: name the PEM files of a certificate and of its key"
        ))
    }

    fn has_no_tls(&self) -> Result<(), String> {
        let files = [("ca", &self.ca), ("cert", &self.cert), ("key", &self.key)];
        match files.iter().find(|(_, file)| file.is_some()) {
            None => Ok(()),
            Some((name, _)) => Err(format!(
                "{name} is for TLS, and url asks for none: write rediss://…"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(config: Value) -> Result<Config, String> {
        Config::read(config.as_object().unwrap().clone())
    }

    #[test]
    fn a_url_is_enough() {
        let config = read(json!({"url": "redis://:secret@localhost:6380/2"})).unwrap();
        assert_eq!(config.timeout(), Duration::from_secs(2));
        assert_eq!(
            config.server().unwrap().addr().to_string(),
            "localhost:6380"
        );
        assert!(!format!("{config:?}").contains("secret"));
        assert!(read(json!({"url": "unix:///run/redis.sock"})).is_ok());
        let tls = json!({"url": "rediss://user@host", "ca": "/ca.pem", "password_file": "/p"});
        let server = read(tls).unwrap().server().unwrap();
        assert!(matches!(
            server.addr(),
            ConnectionAddr::TcpTls {
                insecure: false,
                ..
            }
        ));
    }

    #[test]
    fn what_is_wrong_is_told_by_the_fields_name_and_without_the_password() {
        let refusal = |config: Value| read(config).unwrap_err();
        let all = refusal(json!({"url": "rediss://:secret@host/#insecure"}));
        assert!(all.contains("ca") && !all.contains("secret"), "{all}");
        let plain = refusal(json!({"url": "redis://host", "ca": "/ca.pem"}));
        assert!(plain.contains("rediss://"), "{plain}");
        let pair = json!({"url": "redis://host", "cert": "/c.pem", "key": "/k.pem"});
        let plain = refusal(pair);
        assert!(plain.starts_with("cert is for TLS"), "{plain}");
        let half = refusal(json!({"url": "rediss://host", "cert": "/c.pem"}));
        assert!(half.starts_with("cert is given and key is not"), "{half}");
        let half = refusal(json!({"url": "rediss://host", "key": "/k.pem"}));
        assert!(half.starts_with("key is given and cert is not"), "{half}");
        let both = refusal(json!({"url": "redis://:secret@host", "password_file": "/p"}));
        assert!(
            both.contains("keep password_file") && !both.contains("secret"),
            "{both}"
        );
        let none = refusal(json!({"url": "http://:secret@host"}));
        assert!(
            none.starts_with("url") && !none.contains("secret"),
            "{none}"
        );
        let url = "redis://localhost";
        let time = refusal(json!({"url": url, "timeout_ms": 0}));
        assert!(time.contains("timeout_ms is 0: use a number from 1 to 60000"));
        let long = refusal(json!({"url": url, "prefix": "p".repeat(129)}));
        assert!(long.contains("prefix has 129 bytes"));
        assert!(refusal(json!({"url": url, "tls": true})).contains("unknown field `tls`"));
    }
}
