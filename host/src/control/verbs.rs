//! Which handler answers which verb.

use lattice_protocol::control::{HostVerb, Problem, Verb};
use serde_json::Value;

use super::desk::Desk;
use super::request::{Answer, bad, decode, encode};
use super::{actor, app, artifact, audit, config, host, link, provider};

/// Answers a request to the lattice.
pub(super) async fn answer(desk: &Desk, verb: &str, payload: &[u8]) -> Answer<Value> {
    let Ok(verb) = verb.parse() else {
        return Err(unknown(verb));
    };
    match verb {
        Verb::AppApply => encode(app::apply::handle(desk, decode(payload)?).await?),
        Verb::AppDiff => encode(app::diff::handle(desk, decode(payload)?).await?),
        Verb::AppDelete => encode(app::delete::handle(desk, decode(payload)?).await?),
        Verb::AppList => encode(app::list::handle(desk, decode(payload)?).await?),
        Verb::AppHistory => encode(app::history::handle(desk, decode(payload)?).await?),
        Verb::AppExport => encode(app::export::handle(desk, decode(payload)?).await?),
        Verb::AppRollback => encode(app::rollback::handle(desk, decode(payload)?).await?),
        Verb::ActorStart => encode(actor::start::handle(desk, decode(payload)?).await?),
        Verb::ActorScale => encode(actor::scale::handle(desk, decode(payload)?).await?),
        Verb::ActorUpdate => encode(actor::update::handle(desk, decode(payload)?).await?),
        Verb::ActorStop => encode(actor::stop::handle(desk, decode(payload)?).await?),
        Verb::ActorList => encode(actor::list::handle(desk, decode(payload)?).await?),
        Verb::ActorInspect => encode(actor::inspect::handle(desk, decode(payload)?).await?),
        Verb::LinkPut => encode(link::put::handle(desk, decode(payload)?).await?),
        Verb::LinkDelete => encode(link::delete::handle(desk, decode(payload)?).await?),
        Verb::LinkList => encode(link::list::handle(desk, decode(payload)?).await?),
        Verb::ConfigPut => encode(config::put::handle(desk, decode(payload)?).await?),
        Verb::ConfigGet => encode(config::get::handle(desk, decode(payload)?).await?),
        Verb::ConfigDelete => encode(config::delete::handle(desk, decode(payload)?).await?),
        Verb::ConfigList => encode(config::list::handle(desk, decode(payload)?).await?),
        Verb::ProviderStart => encode(provider::start::handle(desk, decode(payload)?).await?),
        Verb::ProviderStop => encode(provider::stop::handle(desk, decode(payload)?).await?),
        Verb::ProviderList => encode(provider::list::handle(desk, decode(payload)?).await?),
        Verb::ProviderSettings => encode(provider::settings::handle(desk, decode(payload)?).await?),
        Verb::ArtifactList => encode(artifact::list::handle(desk, decode(payload)?).await?),
        Verb::ArtifactDelete => encode(artifact::delete::handle(desk, decode(payload)?).await?),
        Verb::ArtifactCollect => encode(artifact::collect::handle(desk, decode(payload)?).await?),
        Verb::AuditList => encode(audit::list::handle(desk, decode(payload)?).await?),
        Verb::HostList => encode(host::list::handle(desk, decode(payload)?).await?),
    }
}

/// Answers a request to this host.
pub(super) async fn answer_for_host(desk: &Desk, verb: &str, payload: &[u8]) -> Answer<Value> {
    let Ok(verb) = verb.parse() else {
        let known = HostVerb::ALL.iter().map(|verb| verb.as_str());
        return Err(bad(format!(
            "unknown verb {verb:?} for a host: {}",
            one_of(known)
        )));
    };
    match verb {
        HostVerb::Ping => encode(host::ping::handle(desk, decode(payload)?)?),
        HostVerb::Inventory => encode(host::inventory::handle(desk, decode(payload)?)?),
        HostVerb::Report => encode(host::report::handle(desk, decode(payload)?)?),
        HostVerb::Inspect => encode(host::inspect::handle(desk, &decode(payload)?)?),
        HostVerb::Label => encode(host::label::handle(desk, decode(payload)?).await?),
        HostVerb::Stop => encode(host::leave::stop(desk, decode(payload)?)?),
        HostVerb::Drain => encode(host::leave::drain(desk, decode(payload)?)?),
    }
}

/// Lists the verbs of the noun that was meant, or the nouns.
fn unknown(text: &str) -> Problem {
    let noun = text.split('.').next().unwrap_or_default();
    let verbs = || Verb::ALL.iter().map(|verb| verb.as_str());
    let of_noun = |verb: &&str| verb.split_once('.').is_some_and(|(of, _)| of == noun);
    let text: String = text.chars().take(64).collect();
    if verbs().any(|verb| of_noun(&verb)) {
        return bad(format!(
            "unknown verb {text:?}: {}",
            one_of(verbs().filter(of_noun))
        ));
    }
    let mut nouns: Vec<_> = verbs().filter_map(|verb| verb.split('.').next()).collect();
    nouns.dedup();
    bad(format!(
        "unknown verb {text:?}: there are verbs of {}",
        nouns.join(", ")
    ))
}

fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    format!("use one of {}", words.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_verb_is_answered_with_the_verbs_of_its_noun() {
        let message = unknown("link.remove").message;
        assert_eq!(
            message,
            r#"unknown verb "link.remove": use one of link.put, link.delete, link.list"#
        );
        let message = unknown("linked.put").message;
        assert!(
            message.ends_with(
                "there are verbs of app, actor, link, config, provider, artifact, audit, host"
            ),
            "{message}"
        );
    }
}
