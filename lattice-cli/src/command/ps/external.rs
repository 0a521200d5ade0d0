//! Providers that no host runs: whether somebody answers for them is known to nobody, so they are asked.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use lattice_client::{Call, Client};
use lattice_protocol::call::Context;
use lattice_protocol::control::ProviderSummary;
use lattice_protocol::error::{CallError, ErrorCode, Executed};
use lattice_protocol::id::ProviderName;
use lattice_protocol::standard::HEALTH_CHECK;

/// How long one may take to answer: a person waits for the list.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// What the list calls them.
const EXTERNAL: &str = "external";

/// The state of each of them, by name.
pub(super) async fn states(
    client: &Client,
    providers: &[ProviderSummary],
) -> BTreeMap<ProviderName, &'static str> {
    let external = providers
        .iter()
        .filter(|provider| provider.kind == EXTERNAL && provider.hosts.is_empty());
    let asked = external.map(|provider| async {
        let state = ask(client, &provider.name).await;
        (provider.name.clone(), state)
    });
    join_all(asked).await.into_iter().collect()
}

async fn ask(client: &Client, name: &ProviderName) -> &'static str {
    let Ok(endpoint) = HEALTH_CHECK.parse() else {
        return word(Ok(()));
    };
    let call = Call {
        target: name.into(),
        endpoint,
        context: Context {
            remaining: ANSWER_TIME,
            ..Context::default()
        },
        payload: Vec::new().into(),
        streams: Vec::new().into(),
    };
    word(client.call(call).await.map(drop))
}

/// An error is an answer, too: it may be written without the kit and not know the question.
fn word(answer: Result<(), CallError>) -> &'static str {
    match answer {
        Err(error) if error.code == ErrorCode::Unavailable && error.executed == Executed::No => {
            "not running"
        }
        Err(error) if error.code == ErrorCode::Deadline => "silent",
        _ => "running",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_answers_runs_whatever_it_says() {
        let unknown = CallError::refused(ErrorCode::NotFound, "no such function");
        for answer in [Ok(()), Err(unknown)] {
            assert_eq!(word(answer), "running");
        }
        let nobody = CallError::refused(ErrorCode::Unavailable, "nobody answers");
        assert_eq!(word(Err(nobody)), "not running");
        let late = CallError::begun(ErrorCode::Deadline, "no answer");
        assert_eq!(word(Err(late)), "silent");
    }
}
