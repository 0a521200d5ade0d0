//! Two actors with a link between them, and what their calls leave on NATS.

use std::time::Duration;

use async_nats::{HeaderMap, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use lattice_client::Call;
use lattice_client::stream::Streams;
use lattice_protocol::call::Context;
use lattice_protocol::standard::HEALTH_CHECK;
use lattice_tests::process::Running;
use lattice_tests::{Lattice, Reply, eventually};
use serde_json::Value;

use super::faults::process_of;
use crate::program;
use crate::way::Way;

/// More than a test may last.
const HOUR: Duration = Duration::from_secs(3600);

/// What a pair is made of: guests, the link's interface, and further lines of the manifest.
pub(super) struct Parts<'a> {
    /// The guest that calls.
    pub(super) caller: &'a str,
    /// The guest that is called.
    pub(super) callee: &'a str,
    /// What the link answers.
    pub(super) interface: &'a str,
    /// Further lines of the link.
    pub(super) link: &'a str,
    /// Further lines of both actors.
    pub(super) both: &'a str,
    /// Further lines of the callee.
    pub(super) settings: &'a str,
    /// Whether the callee is linked to the caller.
    pub(super) back: bool,
    /// What of the caller has the callee do one call and changes nothing: a function, and its
    /// arguments as JSON.
    pub(super) harmless: (&'a str, &'a str),
}

impl Parts<'_> {
    /// A guest that has its work done by another of its kind.
    pub(super) const ERRAND: Self = Parts {
        caller: "errand",
        callee: "errand",
        interface: "lattice:errand",
        link: "",
        both: "limits = { time_ms = 3_600_000 }",
        settings: "",
        back: true,
        harmless: ("lattice:errand/orders.say", r#"["a"]"#),
    };

    /// A guest that has its streams made and read by another of its kind.
    pub(super) const FLOWS: Self = Parts {
        caller: "flows",
        callee: "flows",
        interface: "lattice:flows",
        harmless: ("lattice:flows/orders.now", r#"["a"]"#),
        ..Self::ERRAND
    };

    /// One value after another, through a relay.
    pub(super) const RELAY: Self = Parts {
        caller: "relay",
        callee: "types",
        interface: "lattice:test",
        back: false,
        both: "",
        harmless: ("nothing", "[]"),
        ..Self::ERRAND
    };

    fn manifest(&self, callee_requires: &str) -> String {
        let Self {
            caller,
            callee,
            interface,
            link,
            both,
            settings,
            back,
            harmless: _,
        } = self;
        let back = match back {
            true => format!("[actor.callee.link.\"{interface}\"]\nto = \"caller\"\n"),
            false => String::new(),
        };
        format!(
            "name = \"pair\"\n\
             [actor.caller]\ncomponent = \"{caller}\"\ninstances = 16\n\
             require = {{ side = \"a\" }}\n{both}\n\
             [actor.caller.link.\"{interface}\"]\nto = \"callee\"\n{link}\n\
             [actor.callee]\ncomponent = \"{callee}\"\n{callee_requires}\n{both}\n{settings}\n\
             {back}"
        )
    }
}

/// Two actors that run.
pub(super) struct Pair {
    /// Where they run.
    pub(super) lattice: Lattice,
    way: Way,
    wire: Wire,
}

impl Pair {
    /// Starts both actors so that calls go this way.
    pub(super) async fn start(way: Way, parts: Parts<'_>) -> Self {
        Self::start_on(Lattice::start(program()).await, way, parts).await
    }

    /// The same on a lattice that has no hosts yet.
    pub(super) async fn start_on(mut lattice: Lattice, way: Way, parts: Parts<'_>) -> Self {
        lattice.host_with("a", &[("side", "a")]).await;
        let side = match way {
            Way::Here => "a",
            Way::Away => {
                lattice.host_with("b", &[("side", "b")]).await;
                "b"
            }
        };
        let requires = format!("require = {{ side = \"{side}\" }}");
        lattice.apply(&parts.manifest(&requires)).await;
        let mut pair = Self::over(lattice, way).await;
        pair.until_routed(parts.harmless).await;
        pair
    }

    /// The same with hosts that are processes, each in the folder of its name.
    pub(super) async fn start_processes(way: Way, parts: Parts<'_>) -> (Self, Vec<Running>) {
        let mut lattice = Lattice::start(program()).await;
        let mut hosts = vec![process_of(&mut lattice, "a").await];
        if way == Way::Away {
            hosts.push(process_of(&mut lattice, "b").await);
        }
        let side = match way {
            Way::Here => "a",
            Way::Away => "b",
        };
        let requires = format!("require = {{ side = \"{side}\" }}");
        lattice.apply(&parts.manifest(&requires)).await;
        let mut pair = Self::over(lattice, way).await;
        pair.until_routed(parts.harmless).await;
        (pair, hosts)
    }

    /// Starts the callee on both hosts and the caller on one.
    pub(super) async fn split(parts: Parts<'_>) -> Self {
        let mut lattice = Lattice::start(program()).await;
        lattice.host_with("a", &[("side", "a")]).await;
        lattice.host_with("b", &[("side", "b")]).await;
        lattice.apply(&parts.manifest("instances = 2")).await;
        lattice.until_placed("callee", &[("a", 1), ("b", 1)]).await;
        Self::over(lattice, Way::Away).await
    }

    async fn over(lattice: Lattice, way: Way) -> Self {
        let wire = Wire::listen(lattice.plain()).await;
        Self { lattice, way, wire }
    }

    /// Waits until the caller's host has heard where the callee runs: before, it sends calls to
    /// whoever serves it. Nothing of the calls that showed it is left.
    async fn until_routed(&mut self, (function, arguments): (&str, &str)) {
        if self.way == Way::Here {
            return;
        }
        let subject = format!("lattice.default.call.caller.{function}");
        eventually("a call is sent to the callee's host", async || {
            let reply = self.lattice.request(&subject, arguments.to_owned()).await;
            let seen = self.wire.calls_to("callee");
            let is_routed = !seen.is_empty() && seen.iter().all(|call| call.contains(".host."));
            match is_routed && !reply.failed() {
                true => Ok(()),
                false => Err((reply, seen)),
            }
        })
        .await;
        self.until_load("callee", 0, 0).await;
        self.until_load("caller", 0, 0).await;
        self.wire.calls();
    }

    /// The host of the callee.
    pub(super) fn callee_host(&self) -> &'static str {
        match self.way {
            Way::Here => "a",
            Way::Away => "b",
        }
    }

    /// Calls the caller with JSON.
    pub(super) async fn call(&self, function: &str, arguments: Value) -> Reply {
        self.lattice
            .call(&format!("caller.{function}"), arguments)
            .await
    }

    /// Asserts that since the last time so many calls were made to the callee, each the way that the
    /// pair was made for: one message for each that left the host, none for each that did not.
    pub(super) fn assert_went(&mut self, calls: usize) {
        let seen = self.wire.calls_to("callee");
        match self.way {
            Way::Here => assert_eq!(seen, Vec::<String>::new()),
            Way::Away => assert_eq!(seen.len(), calls, "{seen:?}"),
        }
    }

    /// Listens no more: where nobody serves a subject, whoever listens counts as somebody.
    pub(super) async fn stop_listening(&mut self) {
        self.wire.any.unsubscribe().await.unwrap();
        self.wire.routed.unsubscribe().await.unwrap();
    }

    /// How many calls to the callee left the host since the last time.
    pub(super) fn went_away(&mut self) -> usize {
        self.wire.calls_to("callee").len()
    }

    /// Waits until a host says that so many calls of an actor run and wait.
    pub(super) async fn until_load(&self, actor: &str, busy: u64, waiting: u64) {
        let host = match actor {
            "callee" => self.callee_host(),
            _ => "a",
        };
        let subject = format!("lattice.default.host.{host}.ctl.inventory");
        eventually(&format!("{actor} has {busy} and {waiting}"), async || {
            let report = self.lattice.request(&subject, "{}").await.json();
            let actor = &report["value"]["actors"][actor];
            let fits = actor["busy"] == busy && actor["waiting"] == waiting;
            if fits { Ok(()) } else { Err(report) }
        })
        .await;
    }

    /// Has the plain client send a call that nobody waits for.
    pub(super) async fn send(&self, function: &str, arguments: Value, id: &str) {
        self.send_to("caller", function, arguments, id).await;
    }

    /// The same to either of the two.
    pub(super) async fn send_to(&self, actor: &str, function: &str, arguments: Value, id: &str) {
        let mut headers = HeaderMap::new();
        headers.insert("Lattice-Id", id);
        headers.insert("Lattice-Deadline-Ms", "3600000");
        let plain = self.lattice.plain();
        let (subject, inbox) = (
            format!("lattice.default.call.{actor}.{function}"),
            plain.new_inbox(),
        );
        let payload = arguments.to_string().into();
        plain
            .publish_with_reply_and_headers(subject, inbox, headers, payload)
            .await
            .unwrap();
    }

    /// Has the plain client say that the caller of this call went away.
    pub(super) async fn cancel(&self, id: &str) {
        self.lattice.cancel("caller", id).await;
    }
}

/// Calls as the server sees them.
pub(crate) struct Wire {
    any: Subscriber,
    routed: Subscriber,
}

impl Wire {
    /// Listens from here on. What the server sees before it sends a reply to the same client, the
    /// client has when it has the reply.
    pub(crate) async fn listen(client: &async_nats::Client) -> Self {
        let subscribe = async |subject: &str| client.subscribe(subject.to_owned()).await.unwrap();
        let wire = Self {
            any: subscribe("lattice.default.call.>").await,
            routed: subscribe("lattice.default.host.*.call.>").await,
        };
        // An answer from the server means that it has the subscriptions.
        let inbox = client.new_inbox();
        let mut answer = subscribe(&inbox).await;
        client.publish(inbox, "".into()).await.unwrap();
        answer.next().await.unwrap();
        wire
    }

    /// The subjects of the calls to one target since the last time.
    pub(crate) fn calls_to(&mut self, target: &str) -> Vec<String> {
        let target = format!(".call.{target}.");
        let mut subjects = self.calls();
        subjects.retain(|subject| subject.contains(&target));
        subjects
    }

    /// The subjects of all calls since the last time. A question for somebody's health is none: hosts
    /// ask it by themselves, where something takes long.
    pub(crate) fn calls(&mut self) -> Vec<String> {
        let mut subjects = Vec::new();
        for messages in [&mut self.any, &mut self.routed] {
            while let Some(Some(message)) = messages.next().now_or_never() {
                subjects.push(message.subject.to_string());
            }
        }
        subjects.retain(|subject| !subject.ends_with(HEALTH_CHECK));
        subjects
    }
}

/// An order to the guest that has its work done by another, with more time than a test may last.
pub(super) fn order(function: &str, arguments: Value) -> Call {
    call(&format!("lattice:errand/orders.{function}"), arguments)
}

/// A call of the caller, with more time than a test may last.
pub(super) fn call(endpoint: &str, arguments: Value) -> Call {
    Call {
        target: "caller".parse().unwrap(),
        endpoint: endpoint.parse().unwrap(),
        context: Context {
            remaining: HOUR,
            ..Context::default()
        },
        payload: arguments.to_string().into(),
        streams: Streams::default(),
    }
}
