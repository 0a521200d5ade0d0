//! Providers that are killed under load, each call counted: what had begun is lost and says so, what
//! comes while nobody is there is refused and was not executed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lattice_tests::{Asked, Endings, Lattice, Load, eventually, free_port};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::task::JoinSet;

use super::hung::{READ, filled, manifest};
use crate::one_host;
use crate::outgoing::site;
use crate::program;

/// Each has one call at a time: so many are on their way when a provider is killed.
const CALLERS: usize = 16;

async fn kill(lattice: &Lattice, provider: &str) {
    let pid = lattice.provider_pid(provider).await;
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

/// Kills the provider in the middle of a load of what is asked; every call after its return is answered.
async fn killed_under(lattice: &Lattice, provider: &str, asked: Asked) -> Endings {
    let load = Load::losing_of(lattice, CALLERS, asked);
    load.answers(200).await;
    kill(lattice, provider).await;
    load.answers(200).await;
    let endings = load.end().await;
    let load = Load::callers_of(lattice, CALLERS, asked);
    load.answers(200).await;
    load.end_without_failures().await;
    endings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_killed_loses_what_it_had_and_the_rest_is_refused_until_it_is_back() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("calls", "yes")]).await;
    lattice.apply(&manifest("kind = \"keyvalue\"")).await;
    filled(&lattice).await;
    let endings = killed_under(&lattice, "kv", READ).await;
    assert_lost_or_absent(&endings, "kv");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_out_that_is_killed_loses_what_it_had_and_the_rest_is_refused_until_it_is_back() {
    let site = site().await;
    let lattice = one_host().await;
    let authority = format!("localhost:{}", site.port());
    lattice
        .apply(&format!(
            "name = \"outward\"\n[actor.fetch]\ncomponent = \"fetch\"\ninstances = 32\n\
             [actor.fetch.link.\"wasi:http/outgoing-handler\"]\nto = \"out\"\n\
             allow = [\"http://{authority}\"]\nprivate = true\n\
             [provider.out]\nkind = \"http\"\n"
        ))
        .await;
    let order = format!(
        r#"[{{"method":"PUT","scheme":"http","authority":"{authority}","path":"/echo","headers":[],"body":""}},64]"#
    );
    let asked = Asked {
        subject: "lattice.default.call.fetch.swing",
        arguments: order.leak(),
        answer: r#"{"ok":64}"#,
    };
    let endings = killed_under(&lattice, "out", asked).await;
    assert_lost_or_absent(&endings, "out");
}

/// Each call has an ending: so many as were on their way may be lost; all others were answered, or refused
/// as there was nobody.
fn assert_lost_or_absent(endings: &Endings, provider: &str) {
    // As an actor sees it that calls by `wasi:keyvalue`, and by `wasi:http`.
    let nobody = [
        format!("nobody answers for {provider}"),
        "DestinationUnavailable".to_owned(),
    ];
    let (absent, lost): (Vec<_>, Vec<_>) = endings
        .by_number
        .values()
        .partition(|ending| nobody.iter().any(|nobody| ending.contains(nobody)));
    eprintln!("{endings}: {} lost, {} refused", lost.len(), absent.len());
    assert!(lost.len() <= CALLERS, "{endings}");
    let is_typed = |ending: &&String| *ending == "deadline" || ending.contains("did not answer");
    assert!(lost.iter().all(is_typed), "{endings}");
}

/// How the requests of clients ended.
#[derive(Debug, Default)]
struct Requests {
    sent: AtomicU64,
    answered: AtomicU64,
    /// Nobody took the connection: it was certainly not executed.
    refused: AtomicU64,
    /// Its connection broke, or it was answered with an error.
    lost: AtomicU64,
}

impl Requests {
    async fn send(&self, client: &Client<HttpConnector, Empty<Bytes>>, address: SocketAddr) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let uri = format!("http://{address}/status?code=200").parse();
        let ending = match client.get(uri.unwrap()).await {
            Ok(response) => {
                let whole = response.status() == 200;
                match response.into_body().collect().await {
                    Ok(_) if whole => &self.answered,
                    _ => &self.lost,
                }
            }
            Err(error) if error.is_connect() => &self.refused,
            Err(_) => &self.lost,
        };
        ending.fetch_add(1, Ordering::Relaxed);
    }

    async fn answers(&self, more: u64) {
        let wanted = self.answered.load(Ordering::Relaxed) + more;
        eventually("requests are answered", async || {
            match self.answered.load(Ordering::Relaxed) {
                answered if answered >= wanted => Ok(()),
                answered => Err(answered),
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_is_killed_loses_what_it_had_and_nobody_is_taken_until_it_is_back() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let lattice = one_host().await;
    lattice
        .apply(&format!(
            "name = \"edge\"\n[actor.page]\ncomponent = \"bad-http\"\ninstances = 32\n\
             [provider.web]\nkind = \"http\"\nconfig = {{ listen = \"{address}\" }}\n\
             [[provider.web.route]]\npath = \"/\"\nactor = \"page\"\n"
        ))
        .await;
    let (requests, stop) = (
        Arc::new(Requests::default()),
        Arc::new(AtomicBool::new(false)),
    );
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (requests, stop) = (requests.clone(), stop.clone());
        // Each with one connection, which is made anew when it broke.
        let client = Client::builder(TokioExecutor::new()).build_http();
        callers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                requests.send(&client, address).await;
            }
        });
    }
    requests.answers(200).await;
    kill(&lattice, "web").await;
    requests.answers(500).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    let Requests {
        sent,
        answered,
        refused,
        lost,
    } = &*requests;
    let [sent, answered, refused, lost] =
        [sent, answered, refused, lost].map(|count| count.load(Ordering::Relaxed));
    eprintln!("{sent} sent: {answered} answered, {refused} not taken, {lost} lost");
    // The system closes the sockets of a dead process one after the other: a caller may lose its request,
    // and then a connection that the dying listener has queued and nobody has read from.
    assert!(lost <= 2 * CALLERS as u64, "{lost} lost of {sent}");
    assert_eq!(sent, answered + refused + lost, "each has one ending");
    // No call of those that were lost holds a slot.
    eventually("nothing runs any more", async || {
        let hosts = lattice.control("host.list", json!({})).await;
        match hosts["value"][0]["actors"]["page"]["busy"].as_u64() {
            Some(0) => Ok(()),
            _ => Err(hosts),
        }
    })
    .await;
}
