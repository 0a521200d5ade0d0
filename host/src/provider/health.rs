//! Asks providers whether they are there, by the call that each of them answers.

use std::time::Duration;

use bytes::Bytes;
use lattice_client::stream::Streams;
use lattice_client::{Call, Client, Reply};
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::ProviderName;
use lattice_protocol::interface::Endpoint;
use lattice_protocol::standard::HEALTH_CHECK;
use tokio::sync::mpsc;

use super::machine::Answer;

/// How long it has: it is answered before any other work, so a second is an age.
const CHECK_DEADLINE: Duration = Duration::from_secs(1);

/// What came of the check of one run of a provider.
pub(super) type Checked = (u64, Answer);

/// Checks as it is asked to, one at a time, until nobody asks or listens.
pub(super) async fn check(
    client: Client,
    name: ProviderName,
    mut asks: mpsc::Receiver<u64>,
    answers: mpsc::Sender<Checked>,
) {
    let Ok(endpoint) = HEALTH_CHECK.parse::<Endpoint>() else {
        return;
    };
    while let Some(run) = asks.recv().await {
        let answer = tokio::select! {
            answer = ask(&client, &name, endpoint.clone()) => answer,
            () = answers.closed() => return,
        };
        if answers.send((run, answer)).await.is_err() {
            return;
        }
    }
}

async fn ask(client: &Client, name: &ProviderName, endpoint: Endpoint) -> Answer {
    let connected = client.is_connected();
    let context = Context {
        remaining: CHECK_DEADLINE,
        ..Context::default()
    };
    let call = Call {
        target: name.into(),
        endpoint,
        context,
        payload: Bytes::new(),
        streams: Streams::default(),
    };
    let reply = client.call(call).await;
    read(reply, connected && client.is_connected())
}

/// Silence counts only while this host itself reaches NATS. An error that the provider sent is a
/// sign of life: it may be written without the kit and not know the question.
fn read(reply: Result<Reply, CallError>, connected: bool) -> Answer {
    match reply.map_err(|error| error.code) {
        Ok(_) => Answer::Answers,
        Err(ErrorCode::Unavailable | ErrorCode::Deadline) if connected => Answer::Silent,
        // `Overloaded` may be this process's own word.
        Err(ErrorCode::Unavailable | ErrorCode::Deadline | ErrorCode::Overloaded) => {
            Answer::Unknown
        }
        Err(_) => Answer::Answers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_can_be_spelled() {
        assert!(HEALTH_CHECK.parse::<Endpoint>().is_ok());
    }

    #[test]
    fn silence_counts_only_while_the_host_is_connected() {
        for code in [ErrorCode::Unavailable, ErrorCode::Deadline] {
            let silent = || Err(CallError::refused(code, ""));
            assert_eq!(read(silent(), true), Answer::Silent);
            assert_eq!(read(silent(), false), Answer::Unknown);
        }
    }

    #[test]
    fn an_error_of_the_provider_is_a_sign_of_life() {
        let error = CallError::refused(ErrorCode::NotFound, "no such function");
        assert_eq!(read(Err(error), true), Answer::Answers);
    }
}
