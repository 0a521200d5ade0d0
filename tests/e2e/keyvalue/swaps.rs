//! Swaps are exact: with many clients, over all copies.

use futures_util::future::join_all;
use lattice_protocol::standard::WitResult;
use lattice_protocol::standard::keyvalue::{Error, SwapError, Versioned};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::bucket::{BACKENDS, Stores};

/// What one client asks of one provider.
async fn ask<T: DeserializeOwned>(
    client: &async_nats::Client,
    provider: &str,
    function: &str,
    arguments: Value,
) -> T {
    let subject = format!("lattice.default.call.{provider}.wasi:keyvalue/atomics.{function}");
    let reply = client.request(subject, arguments.to_string().into()).await;
    let reply = reply.unwrap();
    serde_json::from_slice(&reply.payload).unwrap_or_else(|_| panic!("no answer: {reply:?}"))
}

async fn read(client: &async_nats::Client, provider: &str) -> Versioned {
    let key = json!(["swaps", "k"]);
    let found: WitResult<Versioned, Error> = ask(client, provider, "cas.new", key).await;
    Result::from(found).unwrap()
}

/// Appends a byte by swaps, as often as it takes; answers how many failed.
async fn append(client: &async_nats::Client, provider: &str) -> usize {
    let mut now = read(client, provider).await;
    for failed in 0.. {
        let mut value = now.value.unwrap_or_default().to_vec();
        value.push(7);
        let swap = json!(["swaps", "k", now.version, value]);
        let done: WitResult<(), SwapError> = ask(client, provider, "swap", swap).await;
        match Result::from(done) {
            Ok(()) => return failed,
            Err(SwapError::CasFailed(newer)) => now = newer,
            Err(SwapError::StoreError(error)) => panic!("{error}"),
        }
    }
    unreachable!("a client that always loses")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_copies_swap_one_key_for_64_clients_and_none_overwrites_another() {
    const CLIENTS: usize = 64;
    let mut stores = Stores::none().await;
    stores.spread().await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(stores.lattice.nats().plain_client().await);
    }
    for backend in BACKENDS {
        let failed = join_all(clients.iter().map(|client| append(client, backend))).await;
        let value = read(&clients[0], backend).await.value.unwrap();
        assert_eq!(value.len(), CLIENTS, "{backend}");
        // Else nobody met anybody, and nothing was tried.
        assert!(failed.iter().sum::<usize>() > 0, "{backend}");
    }
}
