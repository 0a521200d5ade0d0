//! What helps whoever made a call that doesn't fit: the signature, or the name that was meant.

use std::collections::BTreeMap;

use lattice_client::Client;
use lattice_protocol::control::{
    ActorDetail, ActorSummary, ByActor, Nothing, ProviderSummary, Verb,
};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::TargetName;
use lattice_protocol::interface::Endpoint;
use lattice_protocol::near::nearest;

/// A failed call, with what helps. Where there is none, the error stands as it is: whoever was
/// called says by itself which functions it has.
pub(super) async fn explain(
    client: &Client,
    target: &TargetName,
    endpoint: &Endpoint,
    mut error: CallError,
) -> anyhow::Error {
    let help = match error.code {
        ErrorCode::BadRequest => match functions(client, target).await {
            Some(functions) => signature(&functions, endpoint),
            None => None,
        },
        ErrorCode::NotFound => match functions(client, target).await {
            Some(functions) => other_function(&functions, endpoint),
            None => None,
        },
        ErrorCode::Unavailable => other_target(client, target).await,
        _ => None,
    };
    error.message.push_str(&help.unwrap_or_default());
    error.into()
}

async fn functions(client: &Client, target: &TargetName) -> Option<BTreeMap<String, String>> {
    let name = target.as_str().parse().ok()?;
    let request = ByActor {
        name,
        if_revision: None,
    };
    let detail: ActorDetail = client.control(Verb::ActorInspect, &request).await.ok()?;
    Some(detail.endpoints)
}

/// The function's own signature, by its full or its short name.
fn signature(functions: &BTreeMap<String, String>, endpoint: &Endpoint) -> Option<String> {
    let wanted = endpoint.to_string();
    let (_, signature) = functions
        .iter()
        .find(|(name, _)| **name == wanted || short(name) == wanted)?;
    Some(format!("\n  {signature}"))
}

fn other_function(functions: &BTreeMap<String, String>, endpoint: &Endpoint) -> Option<String> {
    let names = functions.keys().map(String::as_str);
    meant(&endpoint.to_string(), names.clone().chain(names.map(short)))
}

/// The actor or provider that was meant.
async fn other_target(client: &Client, target: &TargetName) -> Option<String> {
    let actors: Vec<ActorSummary> = client.control(Verb::ActorList, &Nothing {}).await.ok()?;
    let providers: Vec<ProviderSummary> =
        client.control(Verb::ProviderList, &Nothing {}).await.ok()?;
    let actors = actors.iter().map(|actor| actor.name.as_str());
    let providers = providers.iter().map(|provider| provider.name.as_str());
    meant(target.as_str(), actors.chain(providers))
}

/// Nothing for a word that is right: then something else is wrong.
fn meant<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let name = nearest(word, names).filter(|name| *name != word)?;
    Some(format!("; did you mean {name}?"))
}

/// A function's name without its interface.
fn short(name: &str) -> &str {
    match name.split_once('/') {
        Some((_, tail)) => tail.split_once('.').map_or(tail, |(_, function)| function),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn functions() -> BTreeMap<String, String> {
        [
            ("greet", "greet: func(name: string) -> string"),
            ("a:b/c.bucket.get", "get: func(key: string) -> string"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into()
    }

    #[test]
    fn the_signature_is_found_by_full_and_by_short_name() {
        let find = |text: &str| signature(&functions(), &text.parse().unwrap());
        assert_eq!(
            find("greet").unwrap(),
            "\n  greet: func(name: string) -> string"
        );
        assert_eq!(find("bucket.get"), find("a:b/c.bucket.get"));
        assert_eq!(find("other"), None);
    }

    #[test]
    fn an_unknown_function_is_answered_with_the_one_that_was_meant() {
        let help = |text: &str| other_function(&functions(), &text.parse().unwrap());
        assert_eq!(help("gret").unwrap(), "; did you mean greet?");
        assert_eq!(help("bucket.gte").unwrap(), "; did you mean bucket.get?");
        assert_eq!(help("delete-all"), None);
        assert_eq!(help("greet"), None);
    }
}
