//! The provider's life: settings, calls, the end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::ProviderName;
use lattice_protocol::interface::Endpoint;
use lattice_protocol::standard::keyvalue::Operation;
use provider_sdk::{Call, Caller, Client, Link, Out, Provider, Reply, Settings};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::warn;

use crate::bucket::{Access, Bucket};
use crate::config::{Backend, Config, NO_TIME};
use crate::file::File;
use crate::limits::Limited;
use crate::memory::Memory;
use crate::nats::Nats;
use crate::operation;
use crate::redis::Redis;
use crate::store::Error;
use crate::watch::{Observable, OwnWrites, Watch, Watches};

/// How long the calls that run in a store may take to finish in it once another takes over: the
/// default deadline of a call.
const FINISH_TIME: Duration = Duration::from_secs(10);

/// The provider: the store that its config names, behind the operations.
pub(crate) struct KeyValue {
    client: Client,
    name: ProviderName,
    active: watch::Sender<Option<Active>>,
    watches: Watches,
}

/// The store that answers, and what its settings say of the calls.
#[derive(Clone)]
pub(crate) struct Active {
    backend: Backend,
    ttl: Option<Duration>,
    pub(crate) store: Arc<dyn Observable>,
    /// The calls that run in it.
    calls: TaskTracker,
}

impl Active {
    /// The bucket behind `identifier` for a call that came through `link`.
    pub(crate) fn bucket(&self, link: Option<&Link>, identifier: &str) -> Result<Bucket, Error> {
        let mut bucket = Bucket::of(link, identifier)?;
        if bucket.ttl.is_some() && !self.backend.keeps_time() {
            return Err(Error::denied(format!("the link's config: {NO_TIME}")));
        }
        bucket.ttl = bucket.ttl.or(self.ttl);
        Ok(bucket)
    }

    /// Ends it once the calls that run in it are done.
    async fn retire(self) {
        self.calls.close();
        let finished = tokio::time::timeout(FINISH_TIME, self.calls.wait()).await;
        if finished.is_err() {
            warn!("calls still run in a store that another has replaced: they are given up");
        }
        self.store.stop().await;
    }
}

impl KeyValue {
    /// A provider that tells actors of changes by `out`, or over `client`.
    pub(crate) fn new(client: Client, out: Option<Out>, name: ProviderName) -> Self {
        Self {
            watches: Watches::new(Caller::new(client.clone(), out)),
            client,
            name,
            active: watch::Sender::new(None),
        }
    }

    async fn open_store(&self, backend: &Backend) -> Result<Arc<dyn Observable>, String> {
        Ok(match backend {
            Backend::Nats(config) => {
                self.limited(Nats::new(&self.client, &self.name, config.clone()))
            }
            Backend::Redis(config) => {
                let lattice = self.client.lattice();
                let redis = Redis::new(config, lattice, &self.name).await?;
                self.limited(OwnWrites::new(redis))
            }
            Backend::File(config) => self.limited(OwnWrites::new(File::open(config).await?)),
            Backend::Memory(config) => self.limited(OwnWrites::new(Memory::new(config))),
        })
    }

    fn limited(&self, store: impl Observable + 'static) -> Arc<dyn Observable> {
        Arc::new(Limited::new(store, self.client.max_payload()))
    }

    /// Begins a call in the store that answers. It is counted before another can take that one's place,
    /// which waits for it: so no call goes on in a store that has ended.
    fn enter(&self) -> Result<(Active, TaskTrackerToken), CallError> {
        let active = self.active.borrow();
        let active = active.as_ref().ok_or_else(|| {
            CallError::refused(ErrorCode::Unavailable, "the provider has no store yet")
        })?;
        Ok((active.clone(), active.calls.token()))
    }
}

#[async_trait]
impl Provider for KeyValue {
    fn endpoints(&self) -> Vec<Endpoint> {
        Operation::ALL
            .iter()
            .filter_map(|operation| operation.as_str().parse().ok())
            .collect()
    }

    /// Another backend takes over for the calls that come from now on; those that run finish in
    /// the one they began in.
    async fn configure(&self, settings: &Settings) -> Result<(), provider_sdk::Error> {
        let Config { backend, ttl } =
            Config::read(&settings.config).map_err(provider_sdk::Error::provider)?;
        for link in &settings.links {
            // One actor's mistake must not cost the others their settings: its own calls are refused.
            let access = Access::read(&link.config);
            let timed = access.as_ref().is_ok_and(|access| access.ttl.is_some());
            let error = match access {
                Err(error) => error,
                Ok(_) if timed && !backend.keeps_time() => NO_TIME.to_owned(),
                Ok(_) => continue,
            };
            warn!(source = %link.source, link = %link.name, error, "a link's config is wrong");
        }
        let watches = Watch::all(&settings.links);
        let now = self.active.borrow().clone();
        let same = now.filter(|now| now.backend == backend);
        let active = match same {
            Some(now) => Active { ttl, ..now },
            None => Active {
                store: self
                    .open_store(&backend)
                    .await
                    .map_err(provider_sdk::Error::provider)?,
                calls: TaskTracker::new(),
                backend,
                ttl,
            },
        };
        let store = active.store.clone();
        let before = self.active.send_replace(Some(active));
        self.watches.set(watches, &store).await;
        if let Some(before) = before.filter(|before| !Arc::ptr_eq(&before.store, &store)) {
            before.retire().await;
        }
        Ok(())
    }

    async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let operation: Operation = call.endpoint.to_string().parse().map_err(|_| {
            let message = format!("a key-value store has no {}", call.endpoint);
            CallError::refused(ErrorCode::NotFound, message)
        })?;
        let (active, _running) = self.enter()?;
        operation::run(operation, &active, &call).await
    }

    async fn stop(&self) {
        self.watches.stop().await;
        if let Some(active) = self.active.send_replace(None) {
            active.store.stop().await;
        }
    }
}
