//! Processes that are killed: each is noticed, said, and back at work. In the folder, what faults cost a
//! lattice under load, counted: [`hosts`], [`frozen`], [`state`], [`corrupt`], [`orders`], [`revisions`], [`nats_away`].

mod corrupt;
mod frozen;
pub(crate) mod hosts;
mod nats_away;
mod orders;
mod revisions;
mod state;

use lattice_tests::eventually;
use lattice_tests::process::all_gone;
use rustix::process::Signal;

use crate::one_host;
use crate::project::Project;

/// Kills the process of `up` that has these words, and waits until it says so.
async fn killed_and_reported(words: &str, says: &str) {
    let demo = Project::demo();
    let mut up = demo.up().await;
    let before = demo.count().await;
    let victim = up.relative(words).await;
    victim.signal(Signal::KILL);
    up.prints(says).await;
    assert_eq!(demo.count().await, before + 1, "it counts on where it was");
    assert!(!victim.runs());
    let family = up.family();
    up.signal(Signal::INT);
    let ended = up.ended().await;
    assert!(ended.status.success(), "{}: {}", ended.status, ended.text());
    all_gone(&family).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_provider_is_reported_and_started_again() {
    killed_and_reported("provider keyvalue", "provider kv crashed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_http_provider_is_reported_and_started_again() {
    killed_and_reported("provider http", "provider web crashed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_is_reported_and_started_again() {
    killed_and_reported(" host ", "the host ended by itself").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_nats_server_is_reported_and_started_again() {
    killed_and_reported("nats-server", "nats-server ended by itself").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_death_of_a_provider_is_an_event_with_its_reason_and_its_successor_serves() {
    let lattice = one_host().await;
    lattice
        .apply("name = \"store\"\n[provider.kv]\nkind = \"keyvalue\"\n")
        .await;
    let events = lattice.events().await;
    let pid = lattice.provider_pid("kv").await;
    let raw = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(raw, Signal::KILL).unwrap();
    let event = events.of("provider.crashed", "provider/kv").await;
    assert!(
        event["data"]["exit"]
            .as_str()
            .is_some_and(|exit| exit.contains("9")),
        "{event}"
    );
    eventually("another process serves", async || {
        let subject = "lattice.default.call.kv.wasi:keyvalue/store.open";
        let reply = lattice.try_request(subject, &[], r#"["numbers"]"#).await;
        let next = lattice.provider_pid("kv").await;
        match reply {
            Ok(reply) if !reply.failed() && next != pid => Ok(()),
            other => Err(format!("{next}: {other:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_go_on_when_nats_comes_back_without_anybody_doing_anything() {
    let mut lattice = one_host().await;
    lattice.run("greeter").await;
    lattice.nats().restart().await;
    eventually("the actor answers", async || {
        let subject = "lattice.default.call.greeter.greet";
        match lattice.try_request(subject, &[], r#"["World"]"#).await {
            Ok(reply) if !reply.failed() && reply.text() == r#""Hello, World!""# => Ok(()),
            other => Err(other),
        }
    })
    .await;
}
