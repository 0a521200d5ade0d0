//! Asks providers whether they are there, by the call that each of them answers.

use std::time::Duration;

use bytes::Bytes;
use lattice_client::stream::Streams;
use lattice_client::{Call, Client, Reply};
use lattice_config::Revision;
use lattice_protocol::call::Context;
use lattice_protocol::error::{CallError, ErrorCode, Executed};
use lattice_protocol::id::{ProcessId, ProviderName, TargetName};
use lattice_protocol::interface::Endpoint;
use lattice_protocol::report::Refused;
use lattice_protocol::standard::HEALTH_CHECK;
use lattice_protocol::standard::health::Health;
use tokio::sync::mpsc;

use super::machine::Answer;
use super::wait::{Wait, waited};

/// How long it has: it is answered before any other work, so a second is an age.
pub(crate) const CHECK_DEADLINE: Duration = Duration::from_secs(1);

/// The longest complaint of a provider that is passed on: as long as an error's message.
const COMPLAINT_BYTES_MAX: usize = 1024;

/// A check that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// Which run of the provider.
    pub(super) run: u64,
    /// Its process; none for one that others start.
    pub(super) process: Option<ProcessId>,
    /// Whether it certainly answers on its process's subject.
    pub(super) knows_itself: bool,
}

/// What came of the check of one run of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) run: u64,
    pub(super) answer: Answer,
    /// What it says of its settings.
    pub(super) health: Health,
}

/// Checks as it is asked to, one at a time, until nobody asks or listens.
pub(super) async fn check(
    client: Client,
    name: ProviderName,
    mut asks: mpsc::Receiver<Ask>,
    answers: mpsc::Sender<Checked>,
) {
    let Ok(endpoint) = HEALTH_CHECK.parse::<Endpoint>() else {
        return;
    };
    // The process that was heard on its own subject.
    let mut heard = None;
    while let Some(mut wanted) = asks.recv().await {
        let run = wanted.run;
        wanted.knows_itself |= wanted.process.is_some() && wanted.process == heard;
        let answered = tokio::select! {
            answered = ask(&client, &name, endpoint.clone(), &wanted) => answered,
            () = answers.closed() => return,
        };
        if let Answered {
            answer: Answer::Answers | Answer::Complains(_),
            by_itself: true,
            ..
        } = &answered
        {
            heard = wanted.process;
        }
        let checked = Checked {
            run,
            answer: answered.answer,
            health: answered.health,
        };
        if answers.send(checked).await.is_err() {
            return;
        }
    }
}

struct Answered {
    answer: Answer,
    health: Health,
    /// Whether it was asked on the subject of its process, where nobody else can answer for it.
    by_itself: bool,
}

/// Asks the process itself. One that does not listen there may be written without the kit: it is
/// asked by its provider's name, together with its copies.
async fn ask(client: &Client, name: &ProviderName, endpoint: Endpoint, wanted: &Ask) -> Answered {
    let connected = client.is_connected();
    let call = question(name.into(), endpoint);
    let heard = |(reply, wait): (Result<Reply, CallError>, Wait), by_itself| {
        let reply = reply.map(|reply| reply.payload);
        let health = reply.as_ref().map(|said| health(said));
        let connected = connected && client.is_connected();
        Answered {
            health: health.unwrap_or_default(),
            answer: match is_nobody(&reply) && connected {
                true => Answer::Absent,
                false => wait.believes(read(reply, connected)),
            },
            by_itself,
        }
    };
    if let Some(process) = &wanted.process {
        let (reply, wait) = waited(client.call_process(process, call.clone())).await;
        if wanted.knows_itself || !is_nobody(&reply) {
            return heard((reply, wait), true);
        }
    }
    heard(waited(client.call(call)).await, false)
}

/// What those who serve a target say to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// Nothing, though this host reaches NATS and NATS reaches them.
    Silence,
    /// This host stood still while it waited for it.
    Unheard,
    /// Something; or there is nobody who could, or no way to ask.
    Other,
}

/// Asks whoever serves `target`.
pub(crate) async fn word_of(client: &Client, target: TargetName) -> Word {
    let Ok(endpoint) = HEALTH_CHECK.parse::<Endpoint>() else {
        return Word::Other;
    };
    let connected = client.is_connected();
    let (reply, wait) = waited(client.call(question(target, endpoint))).await;
    if is_nobody(&reply) || is_refused_in_time(&reply) {
        return Word::Other;
    }
    let connected = connected && client.is_connected();
    match wait.believes(read(reply.map(|reply| reply.payload), connected)) {
        Answer::Silent => Word::Silence,
        Answer::Unheard => Word::Unheard,
        _ => Word::Other,
    }
}

/// Whether somebody says that there was no time for it: our own end of waiting can't tell whether it
/// was begun. An actor that is full is not one that hangs.
fn is_refused_in_time(reply: &Result<Reply, CallError>) -> bool {
    matches!(reply, Err(error) if error.code == ErrorCode::Deadline && error.executed == Executed::No)
}

fn question(target: TargetName, endpoint: Endpoint) -> Call {
    Call {
        target,
        endpoint,
        context: Context {
            remaining: CHECK_DEADLINE,
            ..Context::default()
        },
        payload: Bytes::new(),
        streams: Streams::default(),
    }
}

/// Whether the server says that nobody listens.
fn is_nobody<R>(reply: &Result<R, CallError>) -> bool {
    let Err(error) = reply else { return false };
    error.code == ErrorCode::Unavailable && error.executed == Executed::No
}

/// Silence counts only while this host itself reaches NATS. An error that the provider sent is a
/// sign of life: it may be written without the kit and not know the question.
fn read(reply: Result<Bytes, CallError>, connected: bool) -> Answer {
    match reply.map_err(|error| error.code) {
        Ok(said) => complaint(&said).map_or(Answer::Answers, Answer::Complains),
        Err(ErrorCode::Unavailable | ErrorCode::Deadline) if connected => Answer::Silent,
        // `Overloaded` may be this process's own word.
        Err(ErrorCode::Unavailable | ErrorCode::Deadline | ErrorCode::Overloaded) => {
            Answer::Unknown
        }
        Err(_) => Answer::Answers,
    }
}

/// What a provider that answers says is wrong with it; whatever else it says means that it is well.
fn complaint(said: &[u8]) -> Option<String> {
    let text: Option<String> = serde_json::from_slice(said).ok();
    let refused = || {
        let reason = health(said).refused?.reason;
        let complaint = format!("it refuses its settings, those before stay: {reason}");
        Some(one_line(&complaint)?.to_owned())
    };
    match text {
        Some(text) => Some(one_line(&text)?.to_owned()),
        None => refused(),
    }
}

/// What it says of its settings, cut to what a report may carry.
fn health(said: &[u8]) -> Health {
    let Health { settings, refused } = serde_json::from_slice(said).unwrap_or_default();
    let is_revision = |text: &String| text.parse::<Revision>().is_ok();
    let refused = refused.filter(|refused| is_revision(&refused.revision));
    Health {
        settings: settings.filter(is_revision),
        refused: refused.map(|refused| Refused {
            reason: one_line(&refused.reason)
                .unwrap_or("it says no reason")
                .to_owned(),
            ..refused
        }),
    }
}

fn one_line(text: &str) -> Option<&str> {
    let line = text.lines().next()?;
    let end = line.floor_char_boundary(COMPLAINT_BYTES_MAX);
    (end > 0).then(|| &line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_complaint_and_anything_else_is_health() {
        let said = |text: &'static str| read(Ok(Bytes::from_static(text.as_bytes())), true);
        assert_eq!(
            said(r#""no disk\nand more""#),
            Answer::Complains("no disk".into())
        );
        for text in ["null", "", "{}", "true", r#""""#, "\u{1}"] {
            assert_eq!(said(text), Answer::Answers, "{text:?}");
        }
    }

    #[test]
    fn what_it_says_of_its_settings_is_taken_if_it_can_be_one_and_a_refusal_is_a_complaint() {
        let said = br#"{"settings":"a1b2c3d4e5f6","refused":{"revision":"0b1c2d3e4f50","reason":"no disk\nx"}}"#;
        let refused = Refused {
            revision: "0b1c2d3e4f50".into(),
            reason: "no disk".into(),
            may_pass: false,
        };
        let wanted = Health {
            settings: Some("a1b2c3d4e5f6".into()),
            refused: Some(refused),
        };
        assert_eq!(health(said), wanted);
        let complaint = "it refuses its settings, those before stay: no disk";
        let answer = read(Ok(Bytes::from_static(said)), true);
        assert_eq!(answer, Answer::Complains(complaint.into()));
        let strange = br#"{"settings":"whatever","refused":{"revision":"","reason":""}}"#;
        for said in [
            &b"null"[..],
            b"\"text\"",
            b"\x01",
            b"{\"settings\":7}",
            strange,
        ] {
            assert_eq!(health(said), Health::default());
        }
        assert_eq!(read(Ok(Bytes::from_static(strange)), true), Answer::Answers);
    }

    #[test]
    fn only_the_servers_word_means_that_nobody_listens() {
        let none: Result<(), _> = Err(CallError::refused(ErrorCode::Unavailable, ""));
        let silent: Result<(), _> = Err(CallError::begun(ErrorCode::Deadline, ""));
        assert!(is_nobody(&none) && !is_nobody(&silent) && !is_nobody(&Ok(())));
    }

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
