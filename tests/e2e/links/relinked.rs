//! A link that changes while the actor runs: to another actor's place comes anybody on NATS.

use std::sync::{Arc, Mutex};

use async_nats::Message;
use futures_util::StreamExt as _;
use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};

use crate::one_host;

/// No result, in MessagePack.
const NIL: &[u8] = b"\xc0";

/// Bytes as JSON writes them, and what they are in upper case.
const THREE: (&str, &str) = ("YWJj", "ABC");
const FOUR: (&str, &str) = ("YWJjZA==", "ABCD");

const MANIFEST: &str = r#"
    name = "pair"
    [actor.processor]
    component = "processor"
    [actor.processor.link."cyber:system/logging"]
    to = "logger"
    [actor.logger]
    component = "logger"
    [provider.console]
    external = true
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_goes_from_an_actor_to_a_plain_nats_client_and_back_and_the_component_stays() {
    let lattice = one_host().await;
    lattice.apply(MANIFEST).await;
    let (logs, console) = (lattice.logs().await, Console::start(&lattice).await);
    let component = component(&lattice).await;
    process(&lattice, THREE).await;
    logs.with("logger", "[info] processing 3 bytes").await;
    assert_eq!(console.heard(), Vec::<Value>::new());

    link(&lattice, "console").await;
    eventually("the console hears", async || {
        process(&lattice, THREE).await;
        match console.heard() {
            none if none.is_empty() => Err(logs.so_far()),
            _ => Ok(()),
        }
    })
    .await;
    assert_eq!(console.heard()[0], json!(["processing 3 bytes", "info"]));

    link(&lattice, "logger").await;
    // Of another length: a record of before that comes late is none of these.
    let is_of_four = |record: &Value| {
        let message = record["message"].as_str().unwrap_or_default();
        record["target"] == "logger" && message.contains("[info] processing 4 bytes")
    };
    eventually("the logger hears again", async || {
        process(&lattice, FOUR).await;
        match logs.so_far() {
            all if all.iter().any(is_of_four) => Ok(()),
            others => Err(others),
        }
    })
    .await;
    assert_eq!(self::component(&lattice).await, component);
}

/// Whoever logs, the answer is the same, and no call fails while the link changes.
async fn process(lattice: &Lattice, (data, upper): (&str, &str)) {
    let answer = lattice.call("processor.process", json!([data])).await;
    assert_eq!(answer.json(), json!({"ok": upper}));
}

async fn link(lattice: &Lattice, target: &str) {
    let link = json!({
        "source": "processor",
        "interface": "cyber:system/logging",
        "target": target,
    });
    let put = lattice.control("link.put", link).await;
    assert_eq!(put["ok"], true, "{put}");
}

async fn component(lattice: &Lattice) -> Value {
    let list = lattice.control("actor.list", json!({})).await;
    let actors = list["value"].as_array().unwrap();
    let found = actors.iter().find(|actor| actor["name"] == "processor");
    found.unwrap()["component"].clone()
}

/// A provider in a few lines: a plain NATS client that answers nothing to every call.
struct Console {
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Console {
    async fn start(lattice: &Lattice) -> Self {
        let client = lattice.plain().clone();
        let calls = "lattice.default.call.console.>";
        let mut calls = client.subscribe(calls).await.unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = heard.clone();
        tokio::spawn(async move {
            while let Some(call) = calls.next().await {
                all.lock().unwrap().push(arguments(&call));
                let reply = call.reply.unwrap();
                client.publish(reply, NIL.into()).await.unwrap();
            }
        });
        Self { heard }
    }

    fn heard(&self) -> Vec<Value> {
        self.heard.lock().unwrap().clone()
    }
}

fn arguments(call: &Message) -> Value {
    let header = |name| {
        let headers = call.headers.as_ref().unwrap();
        headers.get(name).unwrap().as_str().to_owned()
    };
    assert_eq!(header("Lattice-Source"), "processor");
    assert_eq!(header("Lattice-Link"), "default");
    let subject = call.subject.as_str();
    assert!(subject.ends_with(".cyber:system/logging.log"), "{subject}");
    rmp_serde::from_slice(&call.payload).unwrap()
}
