use super::*;
use crate::app::{Actor, ComponentRef, InstanceMode, Provider, Runs};

fn actor() -> Actor {
    let mut actor = Actor::new(ComponentRef::Digest(Digest::of(b"code")));
    actor.links.push(Link::new(
        "wasi:keyvalue".parse().unwrap(),
        "kv".parse().unwrap(),
    ));
    actor
        .links
        .push(Link::new("a:b/c".parse().unwrap(), "kv".parse().unwrap()));
    actor.config.insert("k".into(), "v".into());
    actor
}

fn revision(actor: &Actor) -> Revision {
    Revision::of_actor(actor.component.digest().unwrap(), &actor.spec())
}

#[test]
fn a_revision_never_changes_between_versions() {
    assert_eq!(revision(&actor()).as_str(), "22468ec17c73");
    let provider = Provider::new(Runs::Kind("http".into()));
    assert_eq!(
        Revision::of_provider(&provider.spec()).as_str(),
        "fc86c3c30b65"
    );
}

#[test]
fn number_and_place_are_no_part_of_a_revision() {
    let mut moved = actor();
    moved.instances = 99;
    moved.daemon = true;
    moved.spread = Some("zone".into());
    moved.require.insert("zone".into(), "eu".into());
    moved.links.reverse();
    assert_eq!(revision(&moved), revision(&actor()));
}

#[test]
fn code_config_links_limits_and_mode_are_part_of_a_revision() {
    let changes: [fn(&mut Actor); 9] = [
        |actor| actor.component = ComponentRef::Digest(Digest::of(b"other")),
        |actor| drop(actor.config.insert("k".into(), "w".into())),
        |actor| actor.links[0].idempotent = true,
        |actor| actor.limits.time_ms = 1,
        |actor| actor.instance = InstanceMode::Reuse(2),
        |actor| actor.args.push("x".into()),
        |actor| drop(actor.env.insert("K".into(), "v".into())),
        |actor| actor.config_from.push("colours".parse().unwrap()),
        |actor| actor.grants.names.push("*".parse().unwrap()),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut changed = actor();
        change(&mut changed);
        assert_ne!(revision(&changed), revision(&actor()), "change {at}");
    }
}

#[test]
fn keys_are_sorted_at_every_depth() {
    let mut text = String::new();
    write_canonical(
        &json!({ "b": [{ "d": 1, "c": null }], "a": "\"" }),
        &mut text,
    );
    assert_eq!(text, r#"{"a":"\"","b":[{"c":null,"d":1}]}"#);
}

#[test]
fn what_is_no_revision_is_refused() {
    for text in ["", "abc", "ABCDEFABCDEF", "0123456789abc"] {
        assert!(text.parse::<Revision>().is_err(), "{text:?}");
    }
    assert!("0123456789ab".parse::<Revision>().is_ok());
}
