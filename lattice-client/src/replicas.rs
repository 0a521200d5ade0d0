//! On how many servers of a NATS cluster a store is kept.

mod raising;

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{Config, Info, Stream};
use tracing::{info, warn};

pub(crate) use self::raising::Raising;
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
    /// Three on a cluster, if it has as many servers; else one, and three once it has. Other stores that
    /// are there stay as they are.
    #[default]
    Auto,
    /// As many; stores that are there with fewer get more.
    Exactly(usize),
}

/// How a store is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copies {
    /// On so many servers.
    pub number: usize,
    /// Whether there may be more of them later: now the cluster lacks servers.
    pub may_grow: bool,
}

impl Copies {
    const fn of(number: usize) -> Self {
        Self {
            number,
            may_grow: false,
        }
    }
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

    /// Makes a store that is not there yet, on as many servers as are wanted: the stream of that name. Where
    /// there are too few it gets the others later, as long as this connection is there.
    pub async fn replicated<T, E, Made>(
        &self,
        stream: &str,
        make: impl Fn(Copies) -> Made,
    ) -> Result<T, E>
    where
        E: Error + 'static,
        Made: Future<Output = Result<T, E>>,
    {
        match self.replicas {
            Replicas::Exactly(number) => return make(Copies::of(number)).await,
            Replicas::Auto if !self.is_clustered() => return make(Copies::of(1)).await,
            Replicas::Auto => {}
        }
        if let Some(made) = with_peers(&make).await {
            return made;
        }
        let made = make(Copies {
            number: 1,
            may_grow: true,
        });
        let made = made.await?;
        match self.mark(stream).await {
            Ok(()) => self.raising.later(self.jetstream(), stream.to_owned()),
            Err(error) => {
                warn!(
                    stream,
                    error, "it keeps one replica: `nats stream update --replicas`"
                );
            }
        }
        Ok(made)
    }

    /// Says in a store that more replicas were wanted.
    async fn mark(&self, stream: &str) -> Result<(), String> {
        let jetstream = self.jetstream();
        let made = jetstream.get_stream(stream).await;
        let made = made.map_err(|error| chain(&error))?;
        let mut config = made.cached_info().config.clone();
        config.metadata.extend(raising::mark(REPLICAS_OF_CLUSTER));
        let updated = jetstream.update_stream(&config).await;
        updated.map(drop).map_err(|error| chain(&error))
    }

    /// Gives a store that was found the replicas that it lacks, once the servers are there, if it was made
    /// so for want of them.
    pub fn raise_later(&self, stream: &Stream<Info>) {
        let config = &stream.cached_info().config;
        if self.replicas == Replicas::Auto && raising::raised(config).is_some() {
            self.raising.later(self.jetstream(), config.name.clone());
        }
    }

    fn is_clustered(&self) -> bool {
        let cluster = self.nats.server_info().cluster;
        cluster.is_some_and(|name| !name.is_empty())
    }

    /// Gives a store that is there more servers, if more were asked for.
    pub(crate) async fn raise_replicas(&self, stream: &Stream<Info>) {
        self.raise_later(stream);
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
            Ok(_) => info!(store = config.name, replicas = wanted, "more replicas"),
            Err(error) => {
                warn!(store = config.name, replicas = config.num_replicas, %error,
                    "the store stays as it is");
            }
        }
    }
}

/// Makes a store on three servers; `None` if the cluster does not have them in time.
async fn with_peers<T, E, Made>(make: impl Fn(Copies) -> Made) -> Option<Result<T, E>>
where
    E: Error + 'static,
    Made: Future<Output = Result<T, E>>,
{
    let began = Instant::now();
    loop {
        match make(Copies::of(REPLICAS_OF_CLUSTER)).await {
            Err(error) if !lacks_peers(&error) => return Some(Err(error)),
            Err(error) if began.elapsed() > PEERS_WAIT => {
                warn!(%error, "the cluster has too few servers for {REPLICAS_OF_CLUSTER} replicas: a \
                    store is made with one, and gets the others once they are there");
                return None;
            }
            Err(_) => tokio::time::sleep(PEERS_LOOK).await,
            made => return Some(made),
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
