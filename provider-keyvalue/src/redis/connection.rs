//! One connection for all calls, made anew when it is lost.
//!
//! Whoever comes while there is none makes it, and the others wait for that. A connection that
//! broke, or a server that fell silent, is let go of at once: so no call waits for what is gone.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, cmd};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use super::config::Config;
use super::fault::{fault, unreachable};
use super::names::Names;
use super::server;
use crate::attempt::{Fault, Source};
use crate::bucket::{Bucket, BucketName};
use crate::store::Error;

/// How long a call asks again for a server that is away, before it is told so.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most buckets that a connection knows to be there: another costs one question.
const KNOWN_MAX: usize = 1024;

/// The way to one server.
pub(super) struct Connections {
    config: Config,
    connect_timeout: Duration,
    timeout: Duration,
    state: AsyncMutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// The last attempt that failed, when, and why: told to all who waited for it.
    failed: Option<(Instant, Fault)>,
}

/// A connection, shared by all calls.
#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

struct Shared {
    server: MultiplexedConnection,
    is_lost: Arc<AtomicBool>,
    known: Mutex<HashSet<BucketName>>,
}

impl Connections {
    pub(super) async fn new(config: &Config) -> Result<Self, String> {
        // What is wrong with the settings is told when they are given.
        server::client(config).await?;
        Ok(Self {
            config: config.clone(),
            connect_timeout: config.connect_timeout(),
            timeout: config.timeout(),
            state: AsyncMutex::default(),
        })
    }

    async fn get(&self) -> Result<Connection, Fault> {
        let came = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection
            && !connection.is_lost()
        {
            return Ok(connection.clone());
        }
        if let Some((at, fault)) = &state.failed
            && *at >= came
        {
            return Err(fault.clone());
        }
        state.connection = None;
        match self.connect().await {
            Ok(connection) => {
                state.connection = Some(connection.clone());
                Ok(connection)
            }
            Err(fault) => {
                state.failed = Some((Instant::now(), fault.clone()));
                Err(fault)
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Fault> {
        let client = server::client(&self.config).await;
        let client = client.map_err(|reason| Fault::Final(Error::unavailable(reason)))?;
        let is_lost = Arc::new(AtomicBool::new(false));
        // Every wait is bounded here, where it is known what the end of it means.
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let protocol = client.get_connection_info().redis_settings().protocol();
        if protocol != ProtocolVersion::RESP2 {
            let is_lost = is_lost.clone();
            config = config.set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    is_lost.store(true, Ordering::Release);
                }
                Ok::<(), ()>(())
            });
        }
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        match tokio::time::timeout(self.connect_timeout, connecting).await {
            Ok(Ok(server)) => Ok(Connection(Arc::new(Shared {
                server,
                is_lost,
                known: Mutex::default(),
            }))),
            Ok(Err(error)) => Err(unreachable(&error)),
            Err(_) => Err(Fault::absent(format!(
                "redis can't be reached: no connection within {:?}",
                self.connect_timeout
            ))),
        }
    }
}

impl Connection {
    /// What commands are sent to.
    pub(super) fn server(&self) -> MultiplexedConnection {
        self.0.server.clone()
    }

    fn is_lost(&self) -> bool {
        self.0.is_lost.load(Ordering::Acquire)
    }

    /// Makes sure that there is such a bucket.
    async fn open(&self, names: &Names, bucket: &Bucket) -> Result<(), Fault> {
        if self.knows(&bucket.name) {
            return Ok(());
        }
        let word = if bucket.create { "SADD" } else { "SISMEMBER" };
        let mut ask = cmd(word);
        ask.arg(names.buckets()).arg(bucket.name.to_string());
        let answer: u64 = ask.query_async(&mut self.server()).await.map_err(fault)?;
        if !bucket.create && answer == 0 {
            return Err(Fault::Final(Error::no_such_store()));
        }
        self.learn(&bucket.name);
        Ok(())
    }

    fn knows(&self, bucket: &BucketName) -> bool {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(bucket)
    }

    fn learn(&self, bucket: &BucketName) {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(bucket.clone());
    }
}

/// The way to one bucket.
pub(super) struct ToBucket<'a> {
    pub(super) connections: &'a Connections,
    pub(super) names: &'a Names,
    pub(super) bucket: &'a Bucket,
}

impl Source for ToBucket<'_> {
    type Place = Connection;

    fn answer_time(&self) -> Duration {
        self.connections.timeout
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    async fn get(&self) -> Result<Connection, Fault> {
        let connection = self.connections.get().await?;
        if let Err(fault) = connection.open(self.names, self.bucket).await {
            self.failed(&connection, &fault);
            return Err(fault);
        }
        Ok(connection)
    }

    /// Also a server that is silent, or not the one that takes writes any more, is left.
    fn failed(&self, connection: &Connection, fault: &Fault) {
        if !matches!(fault, Fault::Final(_)) {
            connection.0.is_lost.store(true, Ordering::Release);
        }
    }
}
