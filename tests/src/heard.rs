//! What a lattice said since somebody listened: log records and events.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use serde_json::Value;

use crate::eventually;

/// Log records, as their JSON.
pub struct Logs(Heard);

/// Events, as their JSON.
pub struct Events(Heard);

/// Everything on a subject since the subscription.
#[derive(Clone)]
struct Heard(Arc<Mutex<Vec<Value>>>);

impl Heard {
    async fn listen(client: &async_nats::Client, subject: &str) -> Self {
        let mut messages = client.subscribe(subject.to_owned()).await.unwrap();
        // An answer from the server means that it has the subscription.
        let inbox = client.new_inbox();
        let mut answer = client.subscribe(inbox.clone()).await.unwrap();
        client.publish(inbox, "".into()).await.unwrap();
        answer.next().await.unwrap();
        let heard = Self(Arc::default());
        let all = heard.0.clone();
        tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                let value = serde_json::from_slice(&message.payload).expect("the message is JSON");
                all.lock().unwrap().push(value);
            }
        });
        heard
    }

    async fn first(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || {
            let all = self.0.lock().unwrap();
            all.iter()
                .find(|value| fits(value))
                .cloned()
                .ok_or_else(|| all.clone())
        })
        .await
    }
}

impl Logs {
    pub(crate) async fn listen(client: &async_nats::Client, lattice: &str) -> Self {
        Self(Heard::listen(client, &format!("lattice.{lattice}.log.>")).await)
    }

    /// The first record of `target` whose message has these words.
    pub async fn with(&self, target: &str, words: &str) -> Value {
        let fits = |record: &Value| {
            record["target"] == target
                && record["message"]
                    .as_str()
                    .is_some_and(|m| m.contains(words))
        };
        self.0
            .first(&format!("a log record of {target} with {words:?}"), fits)
            .await
    }

    /// All records so far.
    pub fn so_far(&self) -> Vec<Value> {
        self.0.0.lock().unwrap().clone()
    }
}

impl Events {
    pub(crate) async fn listen(client: &async_nats::Client, lattice: &str) -> Self {
        Self(Heard::listen(client, &format!("lattice.{lattice}.evt.>")).await)
    }

    /// All events so far.
    pub fn so_far(&self) -> Vec<Value> {
        self.0.0.lock().unwrap().clone()
    }

    /// The first event of this kind about this subject: `actor.started`, `actor/greeter`.
    pub async fn of(&self, kind: &str, subject: &str) -> Value {
        let kind = format!("lattice.{kind}");
        let fits = |event: &Value| event["type"] == kind.as_str() && event["subject"] == subject;
        let all_but_heartbeats = format!("the event {kind} about {subject}");
        self.0.first(&all_but_heartbeats, fits).await
    }
}
