//! The table of operations, and the provider's life.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::ProviderName;
use lattice_protocol::interface::Endpoint;
use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::keyvalue::{
    self, ByKey, ByKeys, Increment, ListKeys, Open, Operation, Set, SetMany, Value,
};
use provider_sdk::{Call, Client, Provider, Settings};
use serde::Serialize;
use tokio::sync::watch;
use tracing::warn;

use crate::batch;
use crate::bucket::{Access, Bucket};
use crate::config::Config;
use crate::nats::Nats;
use crate::store::{Error, Store};

/// The provider: the store that its config names, behind the operations.
pub(crate) struct KeyValue {
    client: Client,
    name: ProviderName,
    active: watch::Sender<Option<Active>>,
}

#[derive(Clone)]
struct Active {
    config: Config,
    store: Arc<dyn Store>,
}

impl KeyValue {
    pub(crate) fn new(client: Client, name: ProviderName) -> Self {
        Self {
            client,
            name,
            active: watch::Sender::new(None),
        }
    }

    fn open_store(&self, config: Config) -> Active {
        let store = match &config {
            Config::Nats(nats) => Nats::new(&self.client, &self.name, nats.clone()),
        };
        Active {
            config,
            store: Arc::new(store),
        }
    }

    fn store(&self) -> Result<Arc<dyn Store>, CallError> {
        let active = self.active.borrow();
        let not_yet =
            || CallError::refused(ErrorCode::Unavailable, "the provider has no store yet");
        active
            .as_ref()
            .map(|active| active.store.clone())
            .ok_or_else(not_yet)
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
        let config = Config::read(&settings.config).map_err(provider_sdk::Error::provider)?;
        for link in &settings.links {
            // One actor's mistake must not cost the others their settings: its own calls are refused.
            if let Err(error) = Access::read(&link.config) {
                warn!(source = %link.source, link = %link.name, error, "a link's config is wrong");
            }
        }
        if self
            .active
            .borrow()
            .as_ref()
            .is_some_and(|active| active.config == config)
        {
            return Ok(());
        }
        let before = self.active.send_replace(Some(self.open_store(config)));
        if let Some(before) = before {
            before.store.stop().await;
        }
        Ok(())
    }

    async fn call(&self, call: Call) -> Result<Bytes, CallError> {
        let operation: Operation = call.endpoint.to_string().parse().map_err(|_| {
            let message = format!("a key-value store has no {}", call.endpoint);
            CallError::refused(ErrorCode::NotFound, message)
        })?;
        let store = self.store()?;
        dispatch(operation, &*store, &call).await
    }

    async fn stop(&self) {
        if let Some(active) = self.active.send_replace(None) {
            active.store.stop().await;
        }
    }
}

/// One line for each operation: its arguments, what the store does, its result.
async fn dispatch(
    operation: Operation,
    store: &dyn Store,
    call: &Call,
) -> Result<Bytes, CallError> {
    let bucket = |identifier: &str| Bucket::of(call.link.as_deref(), identifier);
    match operation {
        Operation::Open => {
            let Open { identifier } = call.args()?;
            answer(
                call,
                async { store.open(&bucket(&identifier)?).await }.await,
            )
        }
        Operation::Get => {
            let ByKey { bucket: b, key } = call.args()?;
            answer(
                call,
                async { store.get(&bucket(&b)?, &key).await.map(Value) }.await,
            )
        }
        Operation::Set => {
            let Set {
                bucket: b,
                key,
                value,
            } = call.args()?;
            answer(
                call,
                async { store.set(&bucket(&b)?, &key, value).await }.await,
            )
        }
        Operation::Delete => {
            let ByKey { bucket: b, key } = call.args()?;
            answer(call, async { store.delete(&bucket(&b)?, &key).await }.await)
        }
        Operation::Exists => {
            let ByKey { bucket: b, key } = call.args()?;
            answer(call, async { store.exists(&bucket(&b)?, &key).await }.await)
        }
        Operation::ListKeys => {
            let ListKeys { bucket: b, cursor } = call.args()?;
            answer(
                call,
                async { store.list_keys(&bucket(&b)?, cursor).await }.await,
            )
        }
        Operation::Increment => {
            let Increment {
                bucket: b,
                key,
                delta,
            } = call.args()?;
            answer(
                call,
                async { store.increment(&bucket(&b)?, &key, delta).await }.await,
            )
        }
        Operation::GetMany => {
            let ByKeys { bucket: b, keys } = call.args()?;
            answer(
                call,
                async { batch::get_many(store, &bucket(&b)?, keys).await }.await,
            )
        }
        Operation::SetMany => {
            let SetMany {
                bucket: b,
                key_values,
            } = call.args()?;
            answer(
                call,
                async { batch::set_many(store, &bucket(&b)?, key_values).await }.await,
            )
        }
        Operation::DeleteMany => {
            let ByKeys { bucket: b, keys } = call.args()?;
            answer(
                call,
                async { batch::delete_many(store, &bucket(&b)?, keys).await }.await,
            )
        }
    }
}

/// What the component may hear is a result; what the store suffered is the call's error.
fn answer<T: Serialize>(call: &Call, result: Result<T, Error>) -> Result<Bytes, CallError> {
    match result {
        Ok(value) => call.reply(&WitResult::<T, keyvalue::Error>::Ok(value)),
        Err(Error::Told(error)) => call.reply(&WitResult::<(), _>::Err(error)),
        Err(Error::Failed(error)) => Err(error),
    }
}
