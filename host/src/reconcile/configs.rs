//! Named configs: held in memory while an actor reads them, and followed in the state.
//!
//! What was told last counts, also when the state can't be reached: a config that is not told of any
//! more stays as it was.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lattice_client::{Client, StateEntry, StateError};
use lattice_config::state::key::{self, Key};
use lattice_config::state::{self, Config};
use lattice_protocol::id::AppName;
use tokio_util::sync::CancellationToken;

use super::Backoff;

/// The named configs that actors of this host read; clones share them.
#[derive(Clone)]
pub struct Configs {
    client: Client,
    read: Arc<Mutex<HashMap<AppName, Weak<NamedConfig>>>>,
}

/// One of them, as it stands.
#[derive(Debug, Default)]
pub struct NamedConfig(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    revision: u64,
    values: Arc<Config>,
}

impl NamedConfig {
    /// Its values by now; none if it is not set.
    pub fn values(&self) -> Arc<Config> {
        lock(&self.0).values.clone()
    }

    /// One that holds these, as a test has it.
    #[cfg(test)]
    pub fn of(values: Config) -> Self {
        let named = Self::default();
        named.told(1, values);
        named
    }

    /// What the watch tells counts, be its revision smaller: the state may have been made anew.
    fn told(&self, revision: u64, values: Config) {
        let values = Arc::new(values);
        *lock(&self.0) = Known { revision, values };
    }

    /// What was asked for counts unless the watch has told something newer meanwhile.
    fn found(&self, revision: u64, values: Config) {
        let values = Arc::new(values);
        let mut known = lock(&self.0);
        if revision > known.revision {
            *known = Known { revision, values };
        }
    }
}

impl Configs {
    /// None is read yet.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            read: Arc::default(),
        }
    }

    /// The configs of these names, which are followed for as long as they are held.
    pub async fn open(&self, names: &[AppName]) -> Result<Vec<Arc<NamedConfig>>, StateError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let state = self.client.state().await?;
        let mut opened = Vec::with_capacity(names.len());
        for name in names {
            // First, so that no change is missed; what is asked for may be older than one of these.
            let named = self.register(name);
            if let Some(entry) = state.get(&key::config(name)).await?
                && let Some((revision, values)) = read(name, entry)
            {
                named.found(revision, values);
            }
            opened.push(named);
        }
        Ok(opened)
    }

    fn register(&self, name: &AppName) -> Arc<NamedConfig> {
        let mut read = lock(&self.read);
        if let Some(named) = read.get(name).and_then(Weak::upgrade) {
            return named;
        }
        read.retain(|_, named| named.strong_count() > 0);
        let named = Arc::new(NamedConfig::default());
        read.insert(name.clone(), Arc::downgrade(&named));
        named
    }

    /// Follows until `stop`.
    pub async fn follow(self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                followed = self.watch(&mut backoff) => if let Err(error) = followed {
                    tracing::warn!(%error, "named configs stay as they were");
                },
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    /// Follows until the watch breaks.
    async fn watch(&self, backoff: &mut Backoff) -> Result<(), StateError> {
        let mut watch = self.client.state().await?.watch(key::CONFIGS).await?;
        while let Some(entry) = watch.next().await {
            backoff.reset();
            let Some(Key::Config(name)) = Key::read(&entry.key) else {
                continue;
            };
            let named = lock(&self.read).get(&name).and_then(Weak::upgrade);
            if let Some(named) = named
                && let Some((revision, values)) = read(&name, entry)
            {
                named.told(revision, values);
            }
        }
        Ok(())
    }
}

fn read(name: &AppName, entry: StateEntry) -> Option<(u64, Config)> {
    let values = match entry.value {
        Some(value) => state::decode::<Config>(&value),
        None => Ok(BTreeMap::new()),
    };
    match values {
        Ok(values) => Some((entry.revision, values)),
        Err(error) => {
            tracing::warn!(config = %name, %error, "a config stays as it was");
            None
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(sky: &str) -> Config {
        [("sky".to_owned(), sky.to_owned())].into()
    }

    #[test]
    fn what_was_asked_for_is_never_put_over_what_was_told_meanwhile() {
        let named = NamedConfig::default();
        named.found(4, values("grey"));
        // Asked for at revision 5, and told of the next before the answer is taken.
        named.told(6, values("blue"));
        named.found(5, values("red"));
        assert_eq!(*named.values(), values("blue"));
    }

    #[test]
    fn what_is_told_counts_whatever_its_revision_as_the_state_may_be_another() {
        let named = NamedConfig::default();
        named.told(6, values("blue"));
        named.told(1, values("red"));
        assert_eq!(*named.values(), values("red"));
    }
}
