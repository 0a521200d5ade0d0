//! A provider that takes a call and does not answer: it is asked for its health while the caller waits.
//!
//! The provider is the test itself, over plain NATS: it sees what it is sent, and answers what it likes.

use async_nats::{HeaderMap, Message, Subscriber};
use futures_util::StreamExt as _;
use lattice_tests::{Lattice, eventually};
use tokio::select;

use crate::one_host;

/// What an actor asks of the provider, which has a minute for it.
const APP: &str = r#"
    name = "shouting"
    [actor.crier]
    component = "crier"
    limits = { time_ms = 60_000 }
    [actor.crier.link."example:text"]
    to = "shouter"
    [provider.shouter]
    external = true
"#;
const CRY: &str = "lattice.default.call.crier.cry";
const MINUTE: &str = "60000";
/// Every call that the provider may be sent.
const TO_PROVIDER: &str = "lattice.default.call.shouter.>";

/// Makes the call; its answer will come on what is returned.
async fn cry(lattice: &Lattice) -> Subscriber {
    let client = lattice.plain();
    let inbox = client.new_inbox();
    let answer = client.subscribe(inbox.clone()).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Lattice-Deadline-Ms", MINUTE);
    let sent = client.publish_with_reply_and_headers(CRY, inbox, headers, "[\"ho\"]".into());
    sent.await.unwrap();
    answer
}

/// Whether it is the question for the provider's health.
fn is_question(message: &Message) -> bool {
    message.subject.contains("health")
}

/// Answers all that it is sent.
async fn serve(lattice: &Lattice, mut taken: Subscriber) {
    while let Some(message) = taken.next().await {
        let payload = match is_question(&message) {
            true => "{}".into(),
            false => rmp_serde::to_vec("HO!").unwrap().into(),
        };
        let reply = message.reply.expect("a call wants an answer");
        lattice.plain().publish(reply, payload).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_without_an_answer_has_its_provider_asked_and_silence_refuses_calls_until_it_answers()
 {
    let lattice = one_host().await;
    lattice.apply(APP).await;
    let mut taken = lattice.plain().subscribe(TO_PROVIDER).await.unwrap();
    let mut answer = cry(&lattice).await;
    let call = taken.next().await.unwrap();
    assert!(call.subject.ends_with("shout.up"), "{call:?}");
    // No other call is made: this one alone raises the question, while its caller still waits.
    select! {
        question = taken.next() => {
            let question = question.unwrap();
            assert!(is_question(&question), "{question:?}");
        }
        ended = answer.next() => panic!("nobody asked after the provider before {ended:?}"),
    }
    eventually("calls are refused", async || {
        let soon = [("Lattice-Deadline-Ms", "1000")];
        let refused = lattice.try_request(CRY, &soon, "[\"ho\"]").await;
        let said = refused.map(|reply| format!("{reply:?}"));
        match &said {
            Ok(said) if said.contains("shouter hangs: it has not answered since") => Ok(()),
            _ => Err(said),
        }
    })
    .await;
    let answered = eventually("it is found again", async || {
        match lattice.try_request(CRY, &[], "[\"ho\"]").await {
            Ok(reply) if !reply.failed() => Ok(reply),
            other => Err(other),
        }
    });
    select! {
        reply = answered => assert_eq!(reply.json(), "HO!"),
        () = serve(&lattice, taken) => panic!("the subscription ended"),
    }
}
