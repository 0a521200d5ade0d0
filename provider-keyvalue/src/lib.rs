//! The key-value provider: `wasi:keyvalue` over a real store.
//!
//! It answers `store`, `atomics` and `batch` (see `lattice_protocol::standard::keyvalue`) for actors
//! through their links and for any NATS client. Which store keeps the data is its config; no actor
//! is rebuilt for another. Settings, links, deadlines and shutdown are `provider-sdk`'s.
//!
//! In reading order:
//! - `provider`: the provider's life;
//! - `operation`: the table of operations;
//! - `bucket`: which bucket a call means, as its link says;
//! - `config`: which backend, and its settings;
//! - `batch`: many keys in one call;
//! - `store`: what a backend must do; `limits`: what keys and values may be;
//! - `number`: numbers as they are stored, and adding to them;
//! - `watch`: telling actors what changes;
//! - `attempt`: asking again a store that is reached over the network;
//! - `nats`, `redis`, `file`, `memory`: the backends.

mod attempt;
mod batch;
mod bucket;
mod config;
mod file;
mod limits;
mod memory;
#[cfg(test)]
mod model_test;
mod nats;
mod number;
mod operation;
mod provider;
mod redis;
mod store;
mod watch;

use provider_sdk::{Error, Options};
use tokio_util::sync::CancellationToken;

use crate::provider::KeyValue;

/// Runs the provider until `shutdown`.
pub async fn run(mut options: Options, shutdown: CancellationToken) -> Result<(), Error> {
    let (name, out) = (options.name.clone(), options.out.take());
    let build = async |client| Ok(KeyValue::new(client, out, name));
    provider_sdk::run(options, build, shutdown).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_run_as_a_task_of_a_larger_process() {
        fn can_be_spawned(_: impl Future<Output = Result<(), Error>> + Send + 'static) {}
        let client = lattice_client::Options {
            nats: "nats://127.0.0.1:4222".into(),
            creds: None,
            lattice: Default::default(),
            name: "test".into(),
        };
        let options = Options::new(client, "kv".parse().unwrap());
        can_be_spawned(run(options, CancellationToken::new()));
    }
}
