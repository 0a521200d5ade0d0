//! Several processes of one provider: two that hosts keep running, and one that a person has started.

use std::net::SocketAddr;
use std::time::Duration;

use lattice_tests::process::{Running, command};
use lattice_tests::{Lattice, Load, Nats, eventually, web};
use rustix::process::{Signal, kill_process};

use super::hung::{READ, by_hand, filled, manifest};
use super::{phase, pid_on};
use crate::program;

const CALLERS: usize = 8;
/// How often the server asks: after a few that had no answer a client is cut off.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// A provider with three processes, and where each shows what it counts.
struct Copies {
    lattice: Lattice,
    shown: Vec<SocketAddr>,
    by_hand: Running,
}

/// Where metrics are shown, by what a process says.
fn address(line: &str) -> SocketAddr {
    let (_, address) = line.split_once("metrics at http://").unwrap();
    address.split_once('/').unwrap().0.parse().unwrap()
}

impl Copies {
    async fn start() -> Self {
        let mut lattice = Lattice::start(program()).await;
        lattice.host_with("a", &[("calls", "yes")]).await;
        lattice.host("b").await;
        let logs = lattice.logs().await;
        let kv = "kind = \"keyvalue\"\ncopies = 2\nenv = { LATTICE_METRICS = \"127.0.0.1:0\" }";
        lattice.apply(&manifest(kv)).await;
        filled(&lattice).await;
        let mut shown = eventually("both copies say where they are watched", async || {
            let all = logs.so_far();
            let lines = all.iter().filter_map(|record| record["message"].as_str());
            let found: Vec<_> = lines
                .filter(|line| line.contains("metrics at"))
                .map(address)
                .collect();
            if found.len() == 2 {
                Ok(found)
            } else {
                Err(found)
            }
        })
        .await;
        let url = lattice.nats().url();
        let mut words = vec!["provider", "keyvalue", "--name", "kv", "--nats", &url];
        words.extend(["--metrics", "127.0.0.1:0"]);
        let mut by_hand = Running::start(command(program(), lattice.folder(), &words));
        shown.push(address(&by_hand.prints("metrics at").await));
        by_hand.prints("taking calls").await;
        Self {
            lattice,
            shown,
            by_hand,
        }
    }

    /// How many calls for a value each has served.
    async fn served(&self) -> Vec<u64> {
        let mut all = Vec::new();
        for address in &self.shown {
            let page = web::get(*address, "/metrics").await.unwrap().text();
            let mut lines = page.lines();
            let count = lines.find_map(|line| {
                let rest = line.strip_prefix("lattice_provider_calls_total{provider=\"kv\",")?;
                rest.contains("bucket.get\"")
                    .then_some(rest.rsplit_once(' ')?.1)
            });
            all.push(count.map_or(0, |count| count.parse().unwrap()));
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_of_a_provider_serves_its_share_and_each_call_is_served_once() {
    let copies = Copies::start().await;
    let before = copies.served().await;
    let load = Load::callers_of(&copies.lattice, CALLERS, READ);
    load.answers(600).await;
    let endings = load.end_without_failures().await;
    let after = copies.served().await;
    let served: Vec<_> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
    eprintln!("{endings}: {served:?}");
    assert_eq!(served.iter().sum::<u64>(), endings.sent, "{served:?}");
    // NATS draws: of 600 calls a third is 200, and fewer than 100 would be no draw.
    assert!(served.iter().all(|share| *share >= 100), "{served:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_takes_only_the_calls_that_it_had() {
    let copies = Copies::start().await;
    let lattice = &copies.lattice;
    let load = Load::losing_of(lattice, CALLERS, READ);
    load.answers(200).await;
    kill_process(pid_on(lattice, "b").await, Signal::KILL).unwrap();
    load.answers(200).await;
    copies.by_hand.signal(Signal::KILL);
    load.answers(200).await;
    let endings = load.end().await;
    eprintln!("killed twice: {endings}");
    // Each caller has one call on its way, and there were two deaths.
    let failed: u64 = endings.failed.values().sum();
    assert!(failed <= 2 * CALLERS as u64, "{endings}");
    let is_typed = |ending: &String| ending == "deadline" || ending.contains("did not answer");
    assert!(endings.by_number.values().all(is_typed), "{endings}");
    let load = Load::callers_of(lattice, CALLERS, READ);
    load.answers(200).await;
    load.end_without_failures().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_frozen_process_the_one_that_a_person_has_started_answers_until_it_is_replaced() {
    // Whoever says nothing is cut off, but not a client that waits for its turn on a busy machine.
    let nats = Nats::with(|options| options.ping_interval = PING_INTERVAL).await;
    let mut lattice = Lattice::on(nats, program()).await;
    lattice.host_with("a", &[("calls", "yes")]).await;
    lattice.apply(&manifest("kind = \"keyvalue\"")).await;
    filled(&lattice).await;
    let by_hand = by_hand(&mut lattice).await;
    let load = Load::losing_of(&lattice, CALLERS, READ);
    load.answers(200).await;
    let frozen = pid_on(&lattice, "a").await;
    kill_process(frozen, Signal::STOP).unwrap();
    load.answers(200).await;
    eventually("it is replaced", async || {
        let pid = pid_on(&lattice, "a").await;
        match phase(&lattice, "kv", "a").await.as_str() {
            "running" if pid != frozen => Ok(()),
            other => Err((pid, other.to_owned())),
        }
    })
    .await;
    load.answers(200).await;
    let endings = load.end().await;
    eprintln!("a supervised process frozen beside another: {endings}");
    let refused = |ending: &&String| ending.contains("unavailable: kv hangs");
    let (refused, lost): (Vec<_>, Vec<_>) = endings.by_number.values().partition(refused);
    let is_typed = |ending: &&String| *ending == "deadline" || ending.contains("did not answer");
    assert!(lost.iter().all(is_typed), "{endings}");
    // The server cuts the frozen one off within ten seconds, and for as long a lost call holds its caller up:
    // no caller loses a third one. The question for its health may be lost as well, and then all are refused
    // until the next one.
    assert!(lost.len() <= 2 * CALLERS, "{}: {endings}", refused.len());
    by_hand.signal(Signal::TERM);
    by_hand.ended().await;
    let load = Load::callers_of(&lattice, CALLERS, READ);
    load.answers(200).await;
    load.end_without_failures().await;
}
