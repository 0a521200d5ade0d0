//! What helps whoever made a call that doesn't fit: the signature, or the name that was meant.

use std::collections::BTreeMap;

use lattice_client::Client;
use lattice_protocol::control::{ActorDetail, ByActor, Verb};
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::id::TargetName;
use lattice_protocol::interface::Endpoint;

use crate::command::names::targets;
use crate::near;

/// The most functions that are listed: a screen.
const FUNCTIONS_SHOWN: usize = 20;

/// A failed call, with what helps. Where there is none, the error stands as it is.
pub(super) async fn explain(
    client: &Client,
    target: &TargetName,
    endpoint: &Endpoint,
    mut error: CallError,
) -> anyhow::Error {
    let help = match error.code {
        ErrorCode::BadRequest | ErrorCode::NotFound => match functions(client, target).await {
            Some(functions) if error.code == ErrorCode::BadRequest => {
                signature(&functions, endpoint)
            }
            Some(functions) => other_functions(&functions, endpoint),
            None => None,
        },
        ErrorCode::Unavailable => targets(client)
            .await
            .ok()
            .map(|names| near::suggestion(target.as_str(), names.iter().map(String::as_str))),
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

fn other_functions(functions: &BTreeMap<String, String>, endpoint: &Endpoint) -> Option<String> {
    let wanted = endpoint.to_string();
    if functions.contains_key(&wanted) {
        return None;
    }
    let names = functions.keys().map(String::as_str);
    let hint = near::suggestion(&wanted, names.clone().chain(names.clone().map(short)));
    if !hint.is_empty() {
        return Some(hint);
    }
    let shown: Vec<_> = names.take(FUNCTIONS_SHOWN).collect();
    Some(format!(
        "; it has {}",
        if shown.is_empty() {
            "none".into()
        } else {
            shown.join(", ")
        }
    ))
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
    fn an_unknown_function_is_answered_with_what_was_meant_or_what_there_is() {
        let help = |text: &str| other_functions(&functions(), &text.parse().unwrap());
        assert_eq!(help("gret").unwrap(), "; did you mean greet?");
        assert_eq!(
            help("delete-all").unwrap(),
            "; it has a:b/c.bucket.get, greet"
        );
        assert_eq!(help("greet"), None);
    }
}
