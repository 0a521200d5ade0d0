use std::collections::BTreeMap;

use lattice_config::{
    ActorSpec, AssignedActor, AssignedProvider, InstanceMode, Limits, ProviderSpec, Revision, Runs,
};
use lattice_protocol::digest::Digest;

use super::*;

fn actor(name: &str, app: &str) -> AssignedActor {
    let spec = ActorSpec {
        instance: InstanceMode::Fresh,
        config: BTreeMap::new(),
        limits: Limits::default(),
        links: Vec::new(),
    };
    let component = Digest::of(name.as_bytes());
    AssignedActor {
        name: name.parse().unwrap(),
        app: app.parse().unwrap(),
        revision: Revision::of_actor(&component, &spec),
        slots: 1,
        component,
        spec,
    }
}

fn provider(app: &str) -> AssignedProvider {
    let spec = ProviderSpec {
        runs: Runs::Kind("http".into()),
        config: serde_json::Map::new(),
        routes: Vec::new(),
        env: BTreeMap::new(),
    };
    AssignedProvider {
        app: app.parse().unwrap(),
        revision: Revision::of_provider(&spec),
        spec,
    }
}

/// Actor `a` and provider `p` of app `one`, actor `b` of app `two`.
fn running() -> Assignment {
    Assignment {
        epoch: 3,
        actors: vec![actor("a", "one"), actor("b", "two")],
        providers: BTreeMap::from([("p".parse().unwrap(), provider("one"))]),
    }
}

fn apps(names: &[&str]) -> BTreeSet<AppName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn empty(epoch: u64) -> Assignment {
    Assignment {
        epoch,
        ..Assignment::default()
    }
}

#[test]
fn only_what_is_left_out_is_asked_about() {
    assert_eq!(apps_left_out(&running(), &running()), apps(&[]));
    assert_eq!(apps_left_out(&running(), &empty(4)), apps(&["one", "two"]));
    let without_b = Assignment {
        actors: vec![actor("a", "one")],
        ..running()
    };
    assert_eq!(apps_left_out(&running(), &without_b), apps(&["two"]));
}

#[test]
fn what_the_state_knows_is_stopped_as_it_says() {
    assert_eq!(merged(&running(), &empty(4), &apps(&[])), empty(4));
}

#[test]
fn an_empty_state_stops_nothing() {
    let merged = merged(&running(), &empty(4), &apps(&["one", "two"]));
    assert!(merged.same_work(&running()));
    assert_eq!(merged.epoch, 4, "the new leader is followed all the same");
}

#[test]
fn what_is_wanted_wins_over_what_is_kept() {
    let mut newer = actor("a", "one");
    newer.slots = 9;
    let wanted = Assignment {
        actors: vec![newer.clone()],
        ..empty(4)
    };
    let merged = merged(&running(), &wanted, &apps(&["one", "two"]));
    assert_eq!(merged.actors, [newer, actor("b", "two")]);
    assert_eq!(merged.providers.len(), 1);
}
