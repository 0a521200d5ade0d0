//! `lattice apply` ends when the providers work by what it declared: the first call through a link is
//! as good as any later one.

use std::fs;
use std::pin::pin;

use futures_util::FutureExt as _;
use lattice_tests::{Lattice, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli::{begin, run};
use crate::one_host;

const STORES: &str = "name = \"stores\"\n[provider.kv]\nkind = \"keyvalue\"\n\
    config = { backend = \"memory\" }\n";

/// The actor `swaps`, whose link leads to this bucket of another app's provider.
fn manifest(component: &str, link: &str) -> String {
    format!(
        "name = \"app\"\n[actor.swaps]\ncomponent = \"{component}\"\n\
         [actor.swaps.link.\"wasi:keyvalue\"]\nto = \"kv\"\n{link}\n"
    )
}

async fn with_store() -> (Lattice, String) {
    let lattice = one_host().await;
    lattice.apply(STORES).await;
    let component = lattice.push("swaps").await;
    (lattice, component)
}

fn write(lattice: &Lattice, manifest: &str) {
    fs::write(lattice.folder().join("lattice.toml"), manifest).unwrap();
}

/// What the actor's one key holds once one was added: 1 in a bucket that nobody used before.
async fn add(lattice: &Lattice) -> Value {
    executed(lattice, "swaps.add", json!(["b", "k", 1])).await
}

/// What a call of a store comes to. One that is refused, since a check of the store's health had no answer
/// in time, was not executed: it is made again.
pub(super) async fn executed(lattice: &Lattice, function: &str, arguments: Value) -> Value {
    eventually("the store is not held for one that hangs", async || {
        let answer = lattice.call(function, arguments.clone()).await.json();
        let refusal = " hangs: it has not answered since ";
        let error = answer["err"].as_str();
        match error.is_some_and(|error| error.contains(refusal)) {
            true => Err(answer),
            false => Ok(answer),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_call_after_apply_goes_through_the_link_that_it_declared() {
    let (mut lattice, component) = with_store().await;
    for n in 0..10 {
        write(
            &lattice,
            &manifest(&component, &format!("bucket = \"b-{n}\"")),
        );
        let applied = run(&mut lattice, &["apply"]).await;
        assert!(applied.status.success(), "{}", applied.text());
        assert_eq!(add(&lattice).await, json!({"ok": 1}), "the bucket before");
    }
    let listed = run(&mut lattice, &["ps", "--json"]).await.text();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let kv = &listed["providers"][0];
    assert!(kv["settings"].is_string(), "{kv}");
    assert_eq!(kv["hosts"]["a"]["settings"], kv["settings"], "{kv}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apply_waits_for_a_provider_that_has_not_taken_the_link_yet() {
    let (mut lattice, component) = with_store().await;
    write(&lattice, &manifest(&component, "bucket = \"before\""));
    run(&mut lattice, &["apply"]).await;
    let pid = lattice.provider_pid("kv").await;
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();

    let revision = revision(&lattice).await;
    write(&lattice, &manifest(&component, "bucket = \"after\""));
    let mut apply = pin!(begin(&mut lattice, &["apply"]).ended());
    eventually(
        "the actor runs with its new link",
        async || match self::revision(&lattice).await {
            same if same == revision => Err(same),
            _ => Ok(()),
        },
    )
    .await;
    // Long after the actor: a check of its health has come to nothing.
    eventually("the provider is found to be silent", async || {
        let hosts = lattice.control("host.list", json!({})).await["value"].clone();
        match hosts[0]["providers"]["kv"]["silent_ms"].is_u64() {
            true => Ok(()),
            false => Err(hosts),
        }
    })
    .await;
    let early = apply.as_mut().now_or_never();
    assert!(early.is_none(), "it can't be: {}", early.unwrap().text());
    kill_process(pid, Signal::CONT).unwrap();
    let applied = apply.await;
    assert!(applied.status.success(), "{}", applied.text());
    assert_eq!(add(&lattice).await, json!({"ok": 1}));
}

async fn revision(lattice: &Lattice) -> Value {
    let list = lattice.control("actor.list", json!({})).await;
    list["value"][0]["hosts"]["a"]["revision"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apply_says_why_a_provider_refuses_what_is_declared_for_it_and_ends() {
    let (mut lattice, _) = with_store().await;
    write(
        &lattice,
        &STORES.replace("memory\"", "memory\", shelves = 7"),
    );
    let applied = run(&mut lattice, &["apply"]).await;
    let text = applied.text();
    assert_ne!(applied.status.code(), Some(0), "{text}");
    let says = "provider kv refuses what is declared for it: ";
    assert!(text.contains(says) && text.contains("shelves"), "{text}");
    let kv = lattice.control("provider.list", json!({})).await["value"][0].clone();
    let placed = &kv["hosts"]["a"];
    assert_eq!(placed["refused"]["revision"], kv["settings"], "{kv}");
    assert_ne!(
        placed["settings"], kv["settings"],
        "those before stay: {kv}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_are_mended_are_no_longer_told_as_refused() {
    let mut lattice = one_host().await;
    let settings = |config: &str| {
        format!("name = \"stores\"\n[provider.kv]\nkind = \"keyvalue\"\nconfig = {{ {config} }}\n")
    };
    lattice.apply(&settings("backend = \"memory\"")).await;
    for wrong in [
        "backend = \"memory\", memory_mib = \"8\"",
        "backend = \"file\"",
    ] {
        write(&lattice, &settings(wrong));
        let refused = run(&mut lattice, &["apply"]).await;
        assert_eq!(refused.status.code(), Some(1), "{}", refused.text());
        assert!(refused.text().contains("refuse"), "{}", refused.text());
    }
    write(&lattice, &settings("backend = \"memory\""));
    let mended = run(&mut lattice, &["apply"]).await;
    assert!(mended.status.success(), "{}", mended.text());
}
