use lattice_config::Actor;

use super::*;

fn app(name: &str, actor: &str, component: &str) -> App {
    let mut app = App::new(name.parse().unwrap(), "1");
    app.actors.insert(
        actor.parse().unwrap(),
        Actor::new(component.parse().unwrap()),
    );
    app
}

fn declared(app: App) -> Declared {
    let revised = Revised {
        revision: 7,
        value: app.clone(),
    };
    Declared {
        apps: [(app.name, revised)].into(),
        ..Declared::default()
    }
}

fn digest(of: &str) -> String {
    Digest::of(of.as_bytes()).to_string()
}

#[test]
fn everything_that_is_wrong_comes_in_one_message() {
    let declared = declared(app("other", "counter", &digest("a")));
    let mut mine = app("mine", "counter", "counter.wasm");
    let oci = Actor::new("oci://ghcr.io/x/y:1".parse().unwrap());
    mine.actors.insert("greeter".parse().unwrap(), oci);
    let problems = static_problems(&declared, &mine);
    let message = unless_refused(&mine, &problems).unwrap_err().message;
    for part in [
        "counter belongs to app other",
        "counter.wasm is on your machine",
        "oci://ghcr.io/x/y:1",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn an_app_may_be_declared_again_with_its_own_names() {
    let app = app("mine", "counter", &digest("a"));
    assert_eq!(
        static_problems(&declared(app.clone()), &app),
        Vec::<String>::new()
    );
}

#[test]
fn only_components_that_are_new_are_looked_for() {
    let before = app("mine", "counter", &digest("a"));
    let mut after = before.clone();
    assert!(new_digests(Some(&before), &after).is_empty());
    after.actors.insert(
        "b".parse().unwrap(),
        Actor::new(digest("b").parse().unwrap()),
    );
    let new: Vec<_> = new_digests(Some(&before), &after)
        .into_iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(new, [digest("b")]);
    assert_eq!(new_digests(None, &after).len(), 2);
}

#[test]
fn a_revision_that_is_named_must_be_the_present_one() {
    let declared = declared(app("mine", "counter", &digest("a")));
    let mine = "mine".parse().unwrap();
    let check = |before, wanted| check_revision(&mine, before, wanted).is_ok();
    let before = declared.apps.get("mine");
    assert!(check(before, None) && check(before, Some(7)));
    assert!(!check(before, Some(6)) && !check(before, Some(0)));
    assert!(check(None, Some(0)) && !check(None, Some(7)));
}
