//! Counters are exact: with many clients, over two copies, and through a restart of the server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use lattice_tests::{Lattice, eventually};
use serde_json::Value;

use super::STORE;
use super::bucket::{BACKENDS, Stores};
use crate::one_host;

/// Where numbers of a provider are added to.
fn increment(provider: &str) -> String {
    format!("lattice.default.call.{provider}.wasi:keyvalue/atomics.increment")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_copies_add_to_one_key_for_64_clients_and_each_sum_is_answered_once() {
    const CLIENTS: u64 = 64;
    const EACH: u64 = 4;
    let mut stores = Stores::none().await;
    stores.spread().await;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(stores.lattice.nats().plain_client().await);
    }
    for backend in BACKENDS {
        let increment = &increment(backend);
        let adding = clients.iter().map(async |client| {
            let mut sums = Vec::new();
            for _ in 0..EACH {
                let reply = client.request(increment.clone(), r#"["numbers","n",1]"#.into());
                let reply = reply.await.unwrap();
                let sum: Value = serde_json::from_slice(&reply.payload)
                    .unwrap_or_else(|_| panic!("no sum: {reply:?}"));
                sums.push(sum["ok"].as_u64().unwrap());
            }
            sums
        });
        let mut sums = join_all(adding).await.concat();
        sums.sort_unstable();
        assert_eq!(sums, (1..=CLIENTS * EACH).collect::<Vec<_>>(), "{backend}");
    }
}

/// What became of increments by one.
#[derive(Debug, Default)]
pub(super) struct Tally {
    subject: String,
    answered: AtomicU64,
    /// Failed, and nobody knows whether they were done.
    open: AtomicU64,
    stop: AtomicBool,
}

impl Tally {
    /// Of the numbers of one provider.
    pub(super) fn of(provider: &str) -> Self {
        Self {
            subject: increment(provider),
            ..Self::default()
        }
    }

    /// Adds without a pause until it is told to stop.
    pub(super) async fn keep_adding(&self, client: &async_nats::Client) {
        while !self.stop.load(Ordering::Relaxed) {
            let request = async_nats::Request::new()
                .payload(r#"["numbers","n",1]"#.into())
                .timeout(Some(Duration::from_millis(500)));
            let counted = match client.send_request(self.subject.clone(), request).await {
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

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// What was answered is counted, and nothing more than what may have been done.
    pub(super) async fn agrees(&self, lattice: &Lattice) {
        let last = lattice.request(&self.subject, r#"["numbers","n",0]"#).await;
        let sum = last.json()["ok"].as_u64().unwrap();
        let answered = self.answered.load(Ordering::Relaxed);
        let open = self.open.load(Ordering::Relaxed);
        let possible = answered..=answered + open;
        assert!(possible.contains(&sum), "{sum}: {self:?}");
    }

    /// Waits until so many more are answered.
    pub(super) async fn until_answered(&self, more: u64) {
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
    let tally = Tally::of("kv");
    let adders = join_all((0..ADDERS).map(|_| tally.keep_adding(&client)));
    let restart = async {
        tally.until_answered(50).await;
        lattice.nats().restart().await;
        tally.until_answered(50).await;
        tally.stop();
    };
    tokio::join!(adders, restart);
    tally.agrees(&lattice).await;
}
