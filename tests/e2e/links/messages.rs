//! A small call is one message each way: of everything that the server passes on, nothing else is of it.

use std::collections::BTreeMap;

use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::pair::{Pair, Parts};
use crate::one_host;
use crate::way::{Way, every_way};

/// How often each call is made: a message that only some calls have is seen too.
const CALLS: usize = 20;

every_way! {
    a_small_call_between_actors_is_one_message_each_way_or_none,
}

/// Everything that goes through the server.
struct Ear {
    client: async_nats::Client,
    all: Subscriber,
    /// What was asked, by where its reply goes.
    asked: BTreeMap<String, String>,
}

impl Ear {
    /// Listens from here on, over a connection of its own.
    async fn listen(client: async_nats::Client) -> Self {
        let all = client.subscribe(">").await.unwrap();
        let mut ear = Self {
            client,
            all,
            asked: BTreeMap::new(),
        };
        ear.heard().await;
        ear
    }

    /// All of calls since the last time. What others sent before this began is heard before its end.
    async fn heard(&mut self) -> Vec<String> {
        let end = self.client.new_inbox();
        self.client.publish(end.clone(), "".into()).await.unwrap();
        let mut heard = Vec::new();
        loop {
            match self.all.next().await.unwrap() {
                last if last.subject.as_str() == end => return heard,
                message => heard.extend(self.of_call(&message)),
            }
        }
    }

    /// The subject of a message, or what it replies to, unless it is upkeep of the lattice's own.
    fn of_call(&mut self, message: &Message) -> Option<String> {
        let what = match self.asked.get(message.subject.as_str()) {
            Some(request) => format!("reply to {request}"),
            // It was asked before this began: a lease that is renewed, a look at what is declared.
            None if is_of_jetstream(message) => return None,
            None => message.subject.to_string(),
        };
        if let Some(reply) = &message.reply {
            self.asked.insert(reply.to_string(), what.clone());
        }
        (!is_upkeep(&what, message)).then_some(what)
    }
}

/// Heartbeats, leases and what JetStream sends and is sent: they come whether or not anybody calls.
fn is_upkeep(what: &str, message: &Message) -> bool {
    let what = what.trim_start_matches("reply to ");
    let of_jetstream = |reply: &async_nats::Subject| reply.starts_with("$JS.");
    ["$JS.", "$KV.", "lattice.default.evt."]
        .iter()
        .any(|prefix| what.starts_with(prefix))
        // For what a host missed of another's heartbeats.
        || what.ends_with(".ctl.report")
        || message.reply.as_ref().is_some_and(of_jetstream)
        // Its word that it is still there.
        || message.status.is_some_and(|status| status.as_u16() == 100)
}

/// Whether JetStream answers: that it stored something for a lease, what it has stored, that it has nothing.
fn is_of_jetstream(message: &Message) -> bool {
    let said: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
    let begins = |field: &str, with: &str| {
        let text = said[field].as_str();
        text.is_some_and(|text| text.starts_with(with))
    };
    let headers = message.headers.as_ref();
    begins("stream", "KV_")
        || begins("type", "io.nats.jetstream.")
        || headers.is_some_and(|headers| headers.get("Nats-Stream").is_some())
        || message.status.is_some_and(|status| status.as_u16() == 404)
}

/// So many times one after the other.
fn times(calls: &[&str]) -> Vec<String> {
    let each = calls.iter().map(ToString::to_string).collect::<Vec<_>>();
    (0..CALLS).flat_map(|_| each.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_call_of_a_nats_client_is_one_message_each_way() {
    let mut lattice = one_host().await;
    lattice.run("types").await;
    let client = lattice.nats().plain_client().await;
    let mut ear = Ear::listen(client).await;
    for number in 0..CALLS {
        let said = lattice.call("types.echo-u32", json!([number])).await;
        assert_eq!(said.json(), json!(number));
    }
    let call = "lattice.default.call.types.echo-u32";
    let wanted = times(&[call, &format!("reply to {call}")]);
    assert_eq!(ear.heard().await, wanted);
}

async fn a_small_call_between_actors_is_one_message_each_way_or_none(way: Way) {
    let mut pair = Pair::start(way, Parts::RELAY).await;
    let client = pair.lattice.nats().plain_client().await;
    let mut ear = Ear::listen(client).await;
    for number in 0..CALLS {
        let said = pair.call("echo-u32", json!([number])).await;
        assert_eq!(said.json(), json!(number));
    }
    pair.assert_went(CALLS);
    let call = "lattice.default.call.caller.echo-u32";
    let hop = "lattice.default.host.b.call.callee.lattice:test/types.echo-u32";
    let wanted = match way {
        Way::Here => times(&[call, &format!("reply to {call}")]),
        Way::Away => times(&[
            call,
            hop,
            &format!("reply to {hop}"),
            &format!("reply to {call}"),
        ]),
    };
    assert_eq!(ear.heard().await, wanted);
}
