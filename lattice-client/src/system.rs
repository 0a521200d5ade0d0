//! The system account of NATS: what cuts the connection of a process that hangs.
//!
//! A frozen process keeps its place in its queue groups, and what reaches it is lost, until its server
//! misses enough pings. Whoever has the system account need not wait for that.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::ConnectOptions;
use lattice_protocol::report::Connection;
use lattice_protocol::subject;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::debug;

use crate::connect::{ConnectError, Options, addresses, reconnect_delay};

/// How long a server may take to answer: it looks into its own memory, and a host that hangs costs
/// calls meanwhile.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// How long the first connection may take, as for any other.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What the file of NATS credentials has in it.
const CREDS_MARK: &str = "-----BEGIN NATS USER JWT-----";

/// Why a connection was not cut.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The server did not answer.
    #[error("the NATS server {server} did not answer: {reason}")]
    Silent {
        /// The server.
        server: String,
        /// What the client library says.
        reason: String,
    },
    /// The connection is not one of ours.
    #[error("client {client} is no host of this lattice's account: it is left alone")]
    Foreign {
        /// The client's number.
        client: u64,
    },
    /// The server said no.
    #[error("the NATS server refused: {0}")]
    Refused(String),
}

/// A connection to the system account; clones share it.
#[derive(Clone)]
pub struct System {
    nats: async_nats::Client,
}

#[derive(Serialize)]
struct Which {
    cid: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    auth: bool,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Answer<T> {
    #[serde(default = "none")]
    data: Option<T>,
    error: Option<Refusal>,
}

fn none<T>() -> Option<T> {
    None
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    connections: Vec<Known>,
}

/// What a server knows of a client: both are said by the server, not by the client's messages.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Known {
    #[serde(default)]
    name: String,
    #[serde(default)]
    account: String,
}

impl System {
    /// Connects to where `options` lead, as whom `creds` says: a NATS credentials file, or a file with
    /// one line `user:password`.
    pub async fn connect(options: &Options, creds: &Path) -> Result<Self, ConnectError> {
        let text = std::fs::read_to_string(creds).map_err(unreadable(creds))?;
        let connect = ConnectOptions::new()
            .name(format!("{} system", options.name))
            .connection_timeout(CONNECT_TIMEOUT)
            .request_timeout(Some(ANSWER_TIME))
            .reconnect_delay_callback(reconnect_delay);
        let connect = if text.contains(CREDS_MARK) {
            connect.credentials(&text).map_err(unreadable(creds))?
        } else {
            let (user, password) = user_and_password(&text)
                .ok_or_else(|| unreadable(creds)(std::io::Error::other(NO_CREDS)))?;
            connect.user_and_password(user, password)
        };
        let nats = connect.connect(addresses(&options.nats)?).await;
        nats.map(|nats| Self { nats })
            .map_err(|error| ConnectError::Unreachable {
                url: Options::shown(&options.nats),
                reason: format!("{error} (with the system credentials)"),
            })
    }

    /// Cuts a connection; its process connects anew as soon as it runs again. Only a client that the
    /// servers know under the same name and in the same account as `own` is cut: hosts say themselves
    /// which connection they have, and a wrong word must not reach others.
    pub async fn kick(&self, own: &Connection, other: &Connection) -> Result<(), SystemError> {
        let (own, known) = (self.known(own).await?, self.known(other).await?);
        if own.is_none() || own != known {
            return Err(SystemError::Foreign {
                client: other.client,
            });
        }
        let which = Which {
            cid: other.client,
            auth: false,
        };
        let subject = subject::server_kick(&other.server);
        self.ask::<serde::de::IgnoredAny>(subject, other, &which)
            .await
            .map(drop)
    }

    async fn known(&self, connection: &Connection) -> Result<Option<Known>, SystemError> {
        let which = Which {
            cid: connection.client,
            auth: true,
        };
        let subject = subject::server_connections(&connection.server);
        let listed: Option<Listed> = self.ask(subject, connection, &which).await?;
        Ok(listed.and_then(|listed| listed.connections.into_iter().next()))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        subject: String,
        about: &Connection,
        which: &Which,
    ) -> Result<Option<T>, SystemError> {
        let silent = |reason: String| SystemError::Silent {
            server: about.server.to_string(),
            reason,
        };
        let payload = serde_json::to_vec(which).map_err(|e| silent(e.to_string()))?;
        let reply = self.nats.request(subject, payload.into()).await;
        let reply = reply.map_err(|e| silent(e.to_string()))?;
        let answer: Answer<T> =
            serde_json::from_slice(&reply.payload).map_err(|e| silent(e.to_string()))?;
        match answer.error {
            Some(refusal) => Err(SystemError::Refused(refusal.description)),
            None => Ok(answer.data),
        }
    }
}

const NO_CREDS: &str = "it is neither NATS credentials nor one line user:password";

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> ConnectError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| {
        debug!(path = %path.display(), "no system credentials");
        ConnectError::Credentials { path, source }
    }
}

fn user_and_password(text: &str) -> Option<(String, String)> {
    let line = text.trim();
    let (user, password) = line.split_once(':')?;
    let is_one = !user.is_empty() && !line.contains('\n');
    is_one.then(|| (user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_a_password_are_one_line() {
        let read = |text| user_and_password(text).map(|(user, password)| user + "|" + &password);
        assert_eq!(read("sys:a:b\n").as_deref(), Some("sys|a:b"));
        for text in ["", "sys", ":x", "a:b\nc:d"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_server_that_refuses_or_knows_nobody_is_read_as_that() {
        let refused = r#"{"server":{},"error":{"code":500,"description":"no such client"}}"#;
        let refused: Answer<Listed> = serde_json::from_str(refused).unwrap();
        assert_eq!(refused.error.unwrap().description, "no such client");
        let nobody = r#"{"server":{},"data":{"num_connections":0,"connections":[]}}"#;
        let nobody: Answer<Listed> = serde_json::from_str(nobody).unwrap();
        assert!(nobody.data.unwrap().connections.is_empty());
    }
}
