//! `instances`: how many calls are busy at once over the whole lattice, whatever happens to the actor.

use async_nats::HeaderMap;
use lattice_tests::{Lattice, eventually};
use serde_json::json;

use crate::program;

const SLEEP: &str = "lattice.default.call.errand.lattice:errand/work.sleep-ms";

/// Starts a call that runs until its caller goes away.
async fn sleep(lattice: &Lattice, id: &str) {
    let plain = lattice.plain();
    let mut headers = HeaderMap::new();
    headers.insert("Lattice-Id", id);
    headers.insert("Lattice-Deadline-Ms", "3600000");
    let inbox = plain.new_inbox();
    let sent = plain.publish_with_reply_and_headers(SLEEP, inbox, headers, "[3600000]".into());
    sent.await.unwrap();
}

/// Waits until so many calls run, by what the hosts say of themselves.
async fn until_busy(lattice: &Lattice, hosts: &[&str], busy: u64) {
    eventually(&format!("{busy} calls run"), async || {
        let mut sum = 0;
        for host in hosts {
            let subject = format!("lattice.default.host.{host}.ctl.inventory");
            let report = lattice.request(&subject, "{}").await.json();
            sum += report["value"]["actors"]["errand"]["busy"]
                .as_u64()
                .unwrap_or(0);
        }
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
    let ids: Vec<_> = (0..hosts.len())
        .map(|at| format!("01890a5dac96774bbcceb30209a8000{at}"))
        .collect();
    for (at, id) in ids.iter().enumerate() {
        sleep(&lattice, id).await;
        until_busy(&lattice, hosts, at as u64 + 1).await;
    }
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
