//! On how many servers of a NATS cluster a store is kept.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{Config, Info, Stream};

use crate::connect::Client;

/// The most that JetStream takes.
const REPLICAS_MAX: usize = 5;
/// How many there are on a cluster unless it is said: one server may die, and what was acknowledged
/// is there.
const REPLICAS_OF_CLUSTER: usize = 3;
/// How long the servers of a cluster may take to find each other, before fewer replicas are made:
/// they are often started together with the first host.
const PEERS_WAIT: Duration = Duration::from_secs(10);
/// How often is tried meanwhile.
const PEERS_LOOK: Duration = Duration::from_millis(250);
/// The server has too few peers, or none that it can choose. `ErrorCode` has no name for the second.
const NO_SUITABLE_PEERS: u64 = 10005;

/// On how many servers the stores of a lattice are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replicas {
    /// Three on a cluster, if it has as many servers; else one. Stores that are there stay as they are.
    #[default]
    Auto,
    /// As many; stores that are there with fewer get more.
    Exactly(usize),
}

/// Why a text is no number of replicas.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no number of replicas: use auto, or 1 to {REPLICAS_MAX}")]
pub struct ReplicasError(String);

impl FromStr for Replicas {
    type Err = ReplicasError;

    fn from_str(text: &str) -> Result<Self, ReplicasError> {
        match text.parse() {
            Ok(number) if (1..=REPLICAS_MAX).contains(&number) => Ok(Self::Exactly(number)),
            _ if text == "auto" => Ok(Self::Auto),
            _ => Err(ReplicasError(text.chars().take(16).collect())),
        }
    }
}

impl fmt::Display for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Exactly(number) => number.fmt(f),
        }
    }
}

impl Client {
    /// The same connection, whose stores are kept on so many servers.
    pub fn with_replicas(mut self, replicas: Replicas) -> Self {
        self.replicas = replicas;
        self
    }

    /// Makes a store that is not there yet, on as many servers as are wanted.
    pub async fn replicated<T, E, Made>(&self, make: impl Fn(usize) -> Made) -> Result<T, E>
    where
        E: Error + 'static,
        Made: Future<Output = Result<T, E>>,
    {
        match self.replicas {
            Replicas::Exactly(number) => make(number).await,
            Replicas::Auto if self.is_clustered() => with_peers(make).await,
            Replicas::Auto => make(1).await,
        }
    }

    fn is_clustered(&self) -> bool {
        let cluster = self.nats.server_info().cluster;
        cluster.is_some_and(|name| !name.is_empty())
    }

    /// Gives a store that is there more servers, if more were asked for.
    pub(crate) async fn raise_replicas(&self, stream: &Stream<Info>) {
        let config = &stream.cached_info().config;
        let Replicas::Exactly(wanted) = self.replicas else {
            return;
        };
        if config.num_replicas >= wanted {
            return;
        }
        let raised = Config {
            num_replicas: wanted,
            ..config.clone()
        };
        match self.jetstream().update_stream(&raised).await {
            Ok(_) => tracing::info!(store = config.name, replicas = wanted, "more replicas"),
            Err(error) => {
                tracing::warn!(store = config.name, replicas = config.num_replicas, %error,
                    "the store stays as it is");
            }
        }
    }
}

async fn with_peers<T, E, Made>(make: impl Fn(usize) -> Made) -> Result<T, E>
where
    E: Error + 'static,
    Made: Future<Output = Result<T, E>>,
{
    let began = Instant::now();
    loop {
        match make(REPLICAS_OF_CLUSTER).await {
            Err(error) if !lacks_peers(&error) => return Err(error),
            Err(error) if began.elapsed() > PEERS_WAIT => {
                tracing::warn!(%error, "the cluster has too few servers for {REPLICAS_OF_CLUSTER} \
                    replicas: a store is made with one. More later: hosts with --replicas \
                    {REPLICAS_OF_CLUSTER} for what is the lattice's own, `nats stream update --replicas` for a bucket");
                return make(1).await;
            }
            Err(_) => tokio::time::sleep(PEERS_LOOK).await,
            made => return made,
        }
    }
}

/// An error with what caused it: the client library's own message is often just "failed".
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = error.source();
    }
    text
}

fn lacks_peers(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<CreateStreamError>()
            && let CreateStreamErrorKind::JetStream(answer) = error.kind()
        {
            let code = answer.error_code();
            return code == ErrorCode::INSUFFICIENT_RESOURCES || code.0 == NO_SUITABLE_PEERS;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_read_back_and_others_are_refused_with_what_may_stand_there() {
        for text in ["auto", "1", "3", "5"] {
            assert_eq!(text.parse::<Replicas>().unwrap().to_string(), text);
        }
        for text in ["0", "6", "", "three"] {
            let error = text.parse::<Replicas>().unwrap_err().to_string();
            assert!(error.contains("auto, or 1 to 5"), "{error}");
        }
    }
}
