use lattice_protocol::digest::Digest;

use super::*;
use crate::app::{ComponentRef, Provider, Runs};

/// An app with an actor of each name, whose code is this text.
fn app(version: &str, actors: &[(&str, &str)]) -> App {
    let mut app = App::new("demo".parse().unwrap(), version);
    for (name, code) in actors {
        let actor = Actor::new(ComponentRef::Digest(Digest::of(code.as_bytes())));
        app.actors.insert(name.parse().unwrap(), actor);
    }
    app
}

fn kept(apps: &[App]) -> Vec<Revised<App>> {
    let numbered = apps.iter().zip(1..);
    let revised = numbered.map(|(app, revision)| Revised {
        revision,
        value: app.clone(),
    });
    revised.collect()
}

/// Goes back from the last one: `a` is refused, and runs with the code `good`.
fn back(apps: &[App]) -> Option<App> {
    let reason = Refused {
        revision: "0123456789ab".into(),
        reason: "it can't start".into(),
        may_pass: false,
    };
    let refused = BTreeMap::from([("a".parse().unwrap(), reason)]);
    let good = revision(&app("1", &[("a", "good")]), &"a".parse().unwrap()).unwrap();
    roll_back(&kept(apps), &refused, |_, revision| *revision == good)
}

fn unmarked(app: Option<App>) -> Option<App> {
    app.map(|app| App {
        rolled_back: None,
        ..app
    })
}

#[test]
fn an_apply_is_undone_whole() {
    let before = app("1", &[("a", "good"), ("b", "one"), ("c", "one")]);
    let mut after = app("2", &[("a", "bad"), ("b", "two"), ("d", "one")]);
    let provider = Provider::new(Runs::External);
    after.providers.insert("kv".parse().unwrap(), provider);
    let undone = back(&[before.clone(), after]);
    let mark = undone.clone().unwrap().rolled_back.unwrap();
    assert_eq!((mark.from, mark.to, mark.refused.len()), (2, 1, 1));
    assert_eq!(unmarked(undone), Some(before));
}

#[test]
fn what_was_changed_after_it_stays() {
    let before = app("1", &[("a", "good"), ("b", "one")]);
    let bad = app("2", &[("a", "bad"), ("b", "one")]);
    let mut scaled = bad.clone();
    for actor in scaled.actors.values_mut() {
        actor.instances = 3;
    }
    let more = app("2", &[("a", "bad"), ("b", "two")]);
    let mut wanted = before.clone();
    for actor in wanted.actors.values_mut() {
        actor.instances = 3;
    }
    let undone = back(&[before.clone(), bad.clone(), scaled]);
    assert_eq!(unmarked(undone), Some(wanted));
    let undone = unmarked(back(&[before, bad, more])).unwrap();
    assert_eq!(undone, app("1", &[("a", "good"), ("b", "two")]));
}

#[test]
fn several_that_cannot_start_are_all_undone() {
    let before = app("1", &[("a", "good"), ("b", "one")]);
    let bad = app("2", &[("a", "bad"), ("b", "two")]);
    let worse = app("3", &[("a", "worse"), ("b", "three")]);
    assert_eq!(unmarked(back(&[before.clone(), bad, worse])), Some(before));
}

#[test]
fn without_a_revision_that_runs_nothing_is_undone() {
    let bad = app("2", &[("a", "bad")]);
    assert_eq!(back(&[]), None);
    assert_eq!(back(std::slice::from_ref(&bad)), None);
    assert_eq!(back(&[app("1", &[("a", "other")]), bad.clone()]), None);
    assert_eq!(back(&[app("1", &[("b", "good")]), bad]), None);
}

#[test]
fn a_roll_back_is_never_rolled_back() {
    let good = app("1", &[("a", "good")]);
    let undone = back(&[good.clone(), app("2", &[("a", "bad")])]).unwrap();
    let marked = App {
        rolled_back: undone.rolled_back,
        ..app("3", &[("a", "worse")])
    };
    assert_eq!(back(&[good, marked]), None);
}

#[test]
fn the_reason_survives_the_store_and_is_no_part_of_a_manifest() {
    let undone = back(&[app("1", &[("a", "good")]), app("2", &[("a", "bad")])]).unwrap();
    let bytes = crate::state::encode(&undone).unwrap();
    assert_eq!(crate::state::decode::<App>(&bytes).unwrap(), undone);
    let manifest = crate::Manifest::parse(&undone.to_toml()).unwrap();
    assert_eq!(Some(manifest.app()), unmarked(Some(undone)).as_ref());
}
