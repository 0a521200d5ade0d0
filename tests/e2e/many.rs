//! Many actors on one host.

use std::fmt::Write as _;

use futures_util::stream::{self, StreamExt as _};
use lattice_client::{Call, Client};
use lattice_protocol::call::Context;
use lattice_protocol::control::{ActorSummary, Nothing, Verb};
use lattice_tests::{Lattice, eventually};
use serde_json::json;

use crate::one_host;

const ACTORS: usize = 1_000;
/// How many are called at once.
const CALLERS: usize = 32;

fn manifest(app: &str, actors: usize, more: &str) -> String {
    let mut manifest = format!("name = \"{app}\"\n");
    for number in 0..actors {
        writeln!(
            manifest,
            "[actor.{app}-{number}]\ncomponent = \"greeter\"\n{more}"
        )
        .unwrap();
    }
    manifest
}

/// Calls each of them once, and answers which did not greet.
async fn silent(client: &Client, app: &str) -> Vec<String> {
    let calls = stream::iter(0..ACTORS).map(|number| async move {
        let name = format!("{app}-{number}");
        let call = Call {
            target: name.parse().unwrap(),
            endpoint: "greet".parse().unwrap(),
            context: Context::default(),
            payload: "[\"World\"]".into(),
            streams: Default::default(),
        };
        match client.call(call).await {
            Ok(reply) if &reply.payload[..] == b"\"Hello, World!\"" => None,
            other => Some(format!("{name}: {other:?}")),
        }
    });
    let silent = calls.buffer_unordered(CALLERS);
    silent.filter_map(std::future::ready).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_actors_on_one_host_each_answer_and_again_when_it_was_started_anew() {
    let mut lattice = one_host().await;
    let app = lattice.resolve(&manifest("many", ACTORS, "")).await;
    lattice.apply(&manifest("many", ACTORS, "")).await;
    assert_eq!(silent(lattice.client(), "many").await, Vec::<String>::new());

    lattice.stop_host("a").await;
    assert_eq!(silent(lattice.client(), "many").await.len(), ACTORS);
    lattice.host("a").await;
    lattice.until_running(&app).await;
    assert_eq!(silent(lattice.client(), "many").await, Vec::<String>::new());
}

const APPS: usize = 5;
const EACH: usize = 900;

/// More of them than a list in one message has room for.
async fn with_more_than_fits() -> Lattice {
    let lattice = one_host().await;
    for app in 0..APPS {
        // Long names: few actors fill a message.
        let name = format!("app-{app}-{}", "x".repeat(40));
        let elsewhere = "require = { zone = \"nowhere\" }";
        let manifest = manifest(&name, EACH, elsewhere);
        lattice.try_apply(&manifest).await.unwrap();
    }
    lattice
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_fits_no_message_comes_whole_in_frames_and_else_is_refused_with_why() {
    let lattice = with_more_than_fits().await;
    eventually("all are listed", async || {
        let listed: Result<Vec<ActorSummary>, _> =
            lattice.client().control(Verb::ActorList, &Nothing {}).await;
        match listed {
            Ok(actors) if actors.len() == APPS * EACH => Ok(()),
            Ok(actors) => Err(actors.len().to_string()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
    let refused = lattice.control("actor.list", json!({})).await;
    assert_eq!(refused["error"]["code"], "internal");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("takes no frames"), "{message}");
}
