//! Names that nobody has: the error names the one that was meant.

use anyhow::anyhow;
use lattice_client::{Client, ControlError};
use lattice_protocol::control::{
    ActorSummary, AppSummary, Nothing, ProblemCode, ProviderSummary, Verb,
};

use crate::near;

/// What kind of name is asked for.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Actor,
    App,
}

/// The error of a request about `name`, with a near name if there is no such thing.
pub(super) async fn explain(
    client: &Client,
    of: Of,
    name: &str,
    error: ControlError,
) -> anyhow::Error {
    let ControlError::Refused(problem) = &error else {
        return error.into();
    };
    if problem.code != ProblemCode::NotFound {
        return error.into();
    }
    let names = match of {
        Of::Actor => actors(client).await,
        Of::App => apps(client).await,
    };
    // Without the names there is no suggestion, and the error stands as it is.
    let hint = near::suggestion(name, names.unwrap_or_default().iter().map(String::as_str));
    if hint.is_empty() {
        error.into()
    } else {
        anyhow!(error).context(Hint(hint))
    }
}

/// Every actor and provider: what can be called.
pub(super) async fn targets(client: &Client) -> Result<Vec<String>, ControlError> {
    let mut names = actors(client).await?;
    let providers: Vec<ProviderSummary> = client.control(Verb::ProviderList, &Nothing {}).await?;
    names.extend(
        providers
            .into_iter()
            .map(|provider| provider.name.to_string()),
    );
    Ok(names)
}

async fn actors(client: &Client) -> Result<Vec<String>, ControlError> {
    let actors: Vec<ActorSummary> = client.control(Verb::ActorList, &Nothing {}).await?;
    Ok(actors
        .into_iter()
        .map(|actor| actor.name.to_string())
        .collect())
}

async fn apps(client: &Client) -> Result<Vec<String>, ControlError> {
    let apps: Vec<AppSummary> = client.control(Verb::AppList, &Nothing {}).await?;
    Ok(apps.into_iter().map(|app| app.name.to_string()).collect())
}

/// Stands before the error that it explains.
#[derive(Debug)]
struct Hint(String);

impl std::fmt::Display for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.trim_start_matches("; "))
    }
}
