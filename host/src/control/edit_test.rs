use lattice_config::{Route, Runs};
use lattice_protocol::control::ProblemCode;
use lattice_protocol::digest::Digest;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::super::{actor, link, provider};
use super::*;

/// App `demo` with actor `counter`, linked to provider `kv`; app `solo` with actor `solo`.
fn declared() -> Declared {
    let component = || lattice_config::ComponentRef::Digest(Digest::of(b"x"));
    let mut demo = App::new("demo".parse().unwrap(), "1");
    let mut counter = Actor::new(component());
    let to = "kv".parse().unwrap();
    counter.links.push(lattice_config::Link::new(
        "wasi:keyvalue".parse().unwrap(),
        to,
    ));
    counter.links[0].idempotent = true;
    demo.actors.insert("counter".parse().unwrap(), counter);
    let mut kv = Provider::new(Runs::Kind("keyvalue".into()));
    kv.routes.push(Route {
        host: None,
        path: "/".into(),
        actor: "counter".parse().unwrap(),
    });
    demo.providers.insert("kv".parse().unwrap(), kv);
    let mut solo = App::new("solo".parse().unwrap(), "1");
    solo.actors
        .insert("solo".parse().unwrap(), Actor::new(component()));
    let revised = |value: App| (value.name.clone(), Revised { revision: 1, value });
    Declared {
        apps: [revised(demo), revised(solo)].into(),
        ..Declared::default()
    }
}

fn request<T: DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn counter(draft: Answer<Draft>) -> Actor {
    draft
        .unwrap()
        .after
        .unwrap()
        .actors
        .remove("counter")
        .unwrap()
}

fn before() -> Actor {
    declared().apps["demo"].value.actors["counter"].clone()
}

#[test]
fn scaling_changes_the_number_and_nothing_else() {
    for instances in [0, 1, 500] {
        let request = request(json!({"name": "counter", "instances": instances}));
        let after = counter(actor::scale::edit(&declared(), &request));
        assert_eq!(
            after,
            Actor {
                instances,
                ..before()
            }
        );
    }
}

#[test]
fn an_update_changes_what_it_names() {
    let config = request(json!({"name": "counter", "config": {"a": "b"}}));
    let after = counter(actor::update::edit(&declared(), &config));
    assert_eq!(after.config["a"], "b");
    assert_eq!(after.component, before().component);
    let digest = Digest::of(b"y").to_string();
    let component = request(json!({"name": "counter", "component": digest}));
    let after = counter(actor::update::edit(&declared(), &component));
    assert_eq!(after.component.to_string(), digest);
    assert_eq!(after.config, before().config);
    let wrong = request(json!({"name": "counter", "component": "http://x"}));
    assert_eq!(
        actor::update::edit(&declared(), &wrong).unwrap_err().code,
        ProblemCode::BadRequest
    );
}

#[test]
fn an_app_that_is_left_with_nothing_goes_with_its_last_thing() {
    let solo = request(json!({"name": "solo"}));
    assert_eq!(actor::stop::edit(&declared(), &solo).unwrap().after, None);
    let counter = request(json!({"name": "counter"}));
    let left = actor::stop::edit(&declared(), &counter)
        .unwrap()
        .after
        .unwrap();
    assert!(left.actors.is_empty() && left.providers.len() == 1);
    let kv = request(json!({"name": "kv"}));
    let left = provider::stop::edit(&declared(), &kv)
        .unwrap()
        .after
        .unwrap();
    assert!(left.actors.len() == 1 && left.providers.is_empty());
}

#[test]
fn a_misspelt_name_is_answered_with_a_near_one() {
    let problem = actor::stop::edit(&declared(), &request(json!({"name": "conter"}))).unwrap_err();
    assert_eq!(problem.code, ProblemCode::NotFound);
    assert_eq!(
        problem.message,
        "no actor conter is declared: did you mean counter?"
    );
    let problem = provider::stop::edit(&declared(), &request(json!({"name": "zzz"}))).unwrap_err();
    assert_eq!(problem.message, "no provider zzz is declared");
}

#[test]
fn a_link_is_added_changed_and_removed() {
    let put = |value| counter(link::put::edit(&declared(), &request(value)));
    let added = put(json!({"source": "counter", "interface": "a:b/c", "target": "solo"}));
    assert_eq!(added.links.len(), 2);
    let named = put(
        json!({"source": "counter", "interface": "wasi:keyvalue", "name": "x", "target": "kv"}),
    );
    assert_eq!(named.links.len(), 2, "another name is another link");
    let changed = put(json!({
        "source": "counter", "interface": "wasi:keyvalue", "target": "kv", "config": {"bucket": "b"},
    }));
    assert_eq!(changed.links.len(), 1);
    assert_eq!(changed.links[0].config["bucket"], "b");
    assert!(
        changed.links[0].idempotent,
        "what the request can't say stays"
    );

    let delete = |value| counter(link::delete::edit(&declared(), &request(value)));
    assert!(
        delete(json!({"source": "counter", "interface": "wasi:keyvalue"}))
            .links
            .is_empty()
    );
    let absent = delete(json!({"source": "counter", "interface": "a:b/c"}));
    assert_eq!(
        absent,
        before(),
        "removing what is not there changes nothing"
    );
}

#[test]
fn what_is_started_alone_replaces_itself_and_nothing_else() {
    let alone = |name: &str, actor: &str| {
        let mut app = App::new(name.parse().unwrap(), "");
        let component = lattice_config::ComponentRef::Digest(Digest::of(b"y"));
        app.actors
            .insert(actor.parse().unwrap(), Actor::new(component));
        app
    };
    for app in [alone("solo", "solo"), alone("new", "new")] {
        let draft = Draft::alone(&declared(), app.clone()).unwrap();
        assert_eq!(draft.after, Some(app));
    }
    // An app `demo` has an actor and a provider of other names.
    let refused = Draft::alone(&declared(), alone("demo", "demo")).unwrap_err();
    assert_eq!(refused.code, ProblemCode::Conflict);
    for words in ["actor counter", "provider kv", "app.apply", "another name"] {
        assert!(refused.message.contains(words), "{}", refused.message);
    }
    let refused = Draft::alone(&declared(), alone("demo", "counter")).unwrap_err();
    assert!(
        !refused.message.contains("actor counter"),
        "{}",
        refused.message
    );
}
