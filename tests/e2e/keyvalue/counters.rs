//! Counters are exact: with many clients, over two copies, and through a restart of the server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use lattice_tests::eventually;
use serde_json::Value;

use super::STORE;
use crate::one_host;

const INCREMENT: &str = "lattice.default.call.kv.wasi:keyvalue/atomics.increment";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_add_to_one_key_for_64_clients_and_each_sum_is_answered_once() {
    const CLIENTS: u64 = 64;
    const EACH: u64 = 4;
    let mut lattice = one_host().await;
    lattice.host("b").await;
    lattice.apply(&format!("{STORE}copies = 2\n")).await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(lattice.nats().plain_client().await);
    }
    let adding = clients.into_iter().map(async |client| {
        let mut sums = Vec::new();
        for _ in 0..EACH {
            let reply = client.request(INCREMENT, r#"["numbers","n",1]"#.into());
            let reply = reply.await.unwrap();
            let sum: Value = serde_json::from_slice(&reply.payload)
                .unwrap_or_else(|_| panic!("no sum: {reply:?}"));
            sums.push(sum["ok"].as_u64().unwrap());
        }
        sums
    });
    let mut sums = join_all(adding).await.concat();
    sums.sort_unstable();
    assert_eq!(sums, (1..=CLIENTS * EACH).collect::<Vec<_>>());
}

/// What became of increments by one.
#[derive(Debug, Default)]
struct Tally {
    answered: AtomicU64,
    /// Failed, and nobody knows whether they were done.
    open: AtomicU64,
    stop: AtomicBool,
}

impl Tally {
    async fn keep_adding(&self, client: &async_nats::Client) {
        while !self.stop.load(Ordering::Relaxed) {
            let request = async_nats::Request::new()
                .payload(r#"["numbers","n",1]"#.into())
                .timeout(Some(Duration::from_millis(500)));
            let counted = match client.send_request(INCREMENT, request).await {
                Ok(reply) => match reply
                    .headers
                    .and_then(|h| h.get("Lattice-Executed").cloned())
                {
                    None => {
                        assert!(
                            reply.payload.starts_with(b"{\"ok\":"),
                            "{:?}",
                            reply.payload
                        );
                        &self.answered
                    }
                    Some(executed) if executed.as_str() == "no" => continue,
                    Some(_) => &self.open,
                },
                Err(error) if error.kind() == async_nats::RequestErrorKind::NoResponders => {
                    // The next is sent at once: others have their turn first.
                    tokio::task::yield_now().await;
                    continue;
                }
                Err(_) => &self.open,
            };
            counted.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn until_answered(&self, more: u64) {
        let goal = self.answered.load(Ordering::Relaxed) + more;
        eventually("increments are answered", async || {
            match self.answered.load(Ordering::Relaxed) >= goal {
                true => Ok(()),
                false => Err(format!("{self:?}")),
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_increment_is_counted_though_the_nats_server_restarts() {
    const ADDERS: usize = 8;
    let mut lattice = one_host().await;
    lattice.apply(STORE).await;
    let client = lattice.plain().clone();
    let tally = Tally::default();
    let adders = join_all((0..ADDERS).map(|_| tally.keep_adding(&client)));
    let restart = async {
        tally.until_answered(50).await;
        lattice.nats().restart().await;
        tally.until_answered(50).await;
        tally.stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(adders, restart);
    let last = lattice.request(INCREMENT, r#"["numbers","n",0]"#).await;
    let sum = last.json()["ok"].as_u64().unwrap();
    let answered = tally.answered.load(Ordering::Relaxed);
    let open = tally.open.load(Ordering::Relaxed);
    assert!(
        (answered..=answered + open).contains(&sum),
        "{sum}: {tally:?}"
    );
}
