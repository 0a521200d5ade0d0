//! The same counting by a store's own client, as its users would write it.

use anyhow::{Context as _, bail};
use async_nats::jetstream::kv::{self, UpdateErrorKind};
use redis::aio::MultiplexedConnection;

use super::{AT_A_TIME, Keys, start};
use crate::load::Work;
use crate::world::World;

/// Adds one, key after key.
pub(super) struct Own {
    store: Store,
    keys: Keys,
    next: usize,
}

#[derive(Clone)]
enum Store {
    /// Which reads and writes back until nobody came between.
    JetStream(Box<kv::Store>),
    /// Which adds by itself.
    Redis(MultiplexedConnection),
}

impl Own {
    pub(super) async fn jetstream(world: &World, keys: &Keys) -> anyhow::Result<Vec<Self>> {
        let config = kv::Config {
            bucket: format!("limit-{}", keys.len()),
            ..kv::Config::default()
        };
        let store = world.jetstream().await?.create_key_value(config).await?;
        for key in keys.iter() {
            store.put(key, "0".into()).await?;
        }
        Ok(Self::many(&Store::JetStream(Box::new(store)), keys))
    }

    /// On one connection, as the provider has one.
    pub(super) async fn redis(url: &str, keys: &Keys) -> anyhow::Result<Vec<Self>> {
        let client = redis::Client::open(url)?;
        let connection = client.get_multiplexed_async_connection().await?;
        Ok(Self::many(&Store::Redis(connection), keys))
    }

    fn many(store: &Store, keys: &Keys) -> Vec<Self> {
        let one = |caller| Self {
            store: store.clone(),
            keys: keys.clone(),
            next: start(caller, keys),
        };
        (0..AT_A_TIME).map(one).collect()
    }
}

impl Work for Own {
    async fn once(&mut self) -> anyhow::Result<()> {
        let key = &self.keys[self.next % self.keys.len()];
        self.next += 1;
        match &mut self.store {
            Store::JetStream(store) => swap(store, key).await,
            Store::Redis(redis) => {
                let add = redis::Cmd::incr(format!("limit-{key}"), 1);
                let _: u64 = add.query_async(redis).await?;
                Ok(())
            }
        }
    }
}

async fn swap(store: &kv::Store, key: &str) -> anyhow::Result<()> {
    loop {
        let entry = store.entry(key).await?.context("the key is gone")?;
        let count: u64 = std::str::from_utf8(&entry.value)?.parse()?;
        let next = (count + 1).to_string().into();
        match store.update(key, next, entry.revision).await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => {}
            Err(error) => bail!(error),
        }
    }
}
