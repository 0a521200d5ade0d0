//! `instances`: how many calls are busy at once over the whole lattice, whatever happens to the actor.

use async_nats::{HeaderMap, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use lattice_tests::{Lattice, eventually};
use serde_json::json;

use crate::program;

const SLEEP: &str = "lattice.default.call.errand.lattice:errand/work.sleep-ms";

/// Starts a call that runs until its caller goes away; its answer comes here.
async fn sleep(lattice: &Lattice, id: &str) -> Subscriber {
    let plain = lattice.plain();
    let mut headers = HeaderMap::new();
    headers.insert("Lattice-Id", id);
    headers.insert("Lattice-Deadline-Ms", "3600000");
    let inbox = plain.new_inbox();
    let answer = plain.subscribe(inbox.clone()).await.unwrap();
    let sent = plain.publish_with_reply_and_headers(SLEEP, inbox, headers, "[3600000]".into());
    sent.await.unwrap();
    answer
}

/// Has a call run on each host, one after the other; answers their ids. A host that is busy and has not
/// heard lately of one with room refuses a call: then another is sent.
async fn sleep_on_each(lattice: &Lattice, hosts: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    let mut sent = 0;
    for busy in 1..=hosts.len() as u64 {
        let id = eventually(&format!("{busy} calls are taken on"), async || {
            let id = format!("01890a5dac96774bbcceb30209a8{sent:04}");
            sent += 1;
            let answer = sleep(lattice, &id).await;
            match is_taken_on(lattice, hosts, busy, answer).await {
                true => Ok(id),
                false => Err(id),
            }
        })
        .await;
        ids.push(id);
    }
    ids
}

/// Whether a call is the last of so many that run; else it was refused.
async fn is_taken_on(lattice: &Lattice, hosts: &[&str], busy: u64, mut answer: Subscriber) -> bool {
    eventually("a call runs or is refused", async || {
        if let Some(answer) = answer.next().now_or_never() {
            let headers = answer.unwrap().headers.unwrap_or_default();
            let code = headers.get("Lattice-Error").map(ToString::to_string);
            assert_eq!(code.as_deref(), Some("overloaded"));
            return Ok(false);
        }
        match busy_of(lattice, hosts).await {
            same if same == busy => Ok(true),
            other => Err(other),
        }
    })
    .await
}

/// How many calls run, by what the hosts say of themselves.
async fn busy_of(lattice: &Lattice, hosts: &[&str]) -> u64 {
    let mut sum = 0;
    for host in hosts {
        let subject = format!("lattice.default.host.{host}.ctl.inventory");
        let report = lattice.request(&subject, "{}").await.json();
        let busy = report["value"]["actors"]["errand"]["busy"].as_u64();
        sum += busy.unwrap_or(0);
    }
    sum
}

/// Waits until so many calls run.
async fn until_busy(lattice: &Lattice, hosts: &[&str], busy: u64) {
    eventually(&format!("{busy} calls run"), async || {
        let sum = busy_of(lattice, hosts).await;
        if sum == busy { Ok(()) } else { Err(sum) }
    })
    .await;
}

/// One instance on each host; each of them runs a call through two updates.
async fn busiest_during_updates(hosts: &[&str]) {
    let mut lattice = Lattice::start(program()).await;
    for host in hosts {
        lattice.host(host).await;
    }
    let events = lattice.events().await;
    let settings = format!(
        "instances = {}\nlimits = {{ time_ms = 3_600_000, waiting = 0 }}\n\
         [actor.errand.link.\"lattice:errand\"]\nto = \"errand\"",
        hosts.len()
    );
    lattice.run_with("errand", &settings).await;
    let each: Vec<_> = hosts.iter().map(|host| (*host, 1)).collect();
    lattice.until_placed("errand", &each).await;
    let ids = sleep_on_each(&lattice, hosts).await;
    for number in 1..=2 {
        let update = json!({ "name": "errand", "config": { "number": number.to_string() } });
        assert_eq!(lattice.control("actor.update", update).await["ok"], true);
        eventually("every host runs it", async || {
            let all = events.so_far();
            let updated = all
                .iter()
                .filter(|event| event["type"] == "lattice.actor.updated");
            let updated = updated.count();
            match updated == number * hosts.len() {
                true => Ok(()),
                false => Err(updated),
            }
        })
        .await;
        let say = lattice
            .call("errand.lattice:errand/work.say", json!(["a"]))
            .await;
        let failure = say.failure();
        assert!(failure.is("overloaded", 503), "{failure:?}");
    }
    for id in &ids {
        lattice.cancel("errand", id).await;
    }
    until_busy(&lattice, hosts, 0).await;
    let say = lattice
        .call("errand.lattice:errand/work.say", json!(["a"]))
        .await;
    assert_eq!(say.json(), "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_an_old_revision_still_runs_take_the_place_of_new_ones() {
    busiest_during_updates(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_old_revisions_of_two_hosts_still_run_take_the_place_of_new_ones() {
    busiest_during_updates(&["a", "b"]).await;
}
