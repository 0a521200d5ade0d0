use super::*;
use crate::Manifest;

fn app(text: &str) -> App {
    Manifest::parse(&format!("name = \"demo\"\n{text}"))
        .unwrap()
        .app()
        .clone()
}

fn lines(before: Option<&App>, after: Option<&App>) -> Vec<String> {
    diff(before, after)
        .iter()
        .map(|c| format!("{} {}", c.what, c.thing))
        .collect()
}

const BEFORE: &str = r#"
    version = "1"
    actor.counter = { component = "a.wasm", link."wasi:keyvalue" = { to = "kv" } }
    provider.kv = { kind = "keyvalue" }
    provider.web = { kind = "http", route = [{ path = "/", actor = "counter" }] }
"#;

#[test]
fn a_new_app_adds_all_that_it_declares_and_a_deleted_one_removes_it() {
    let app = app(BEFORE);
    let things = [
        "actor counter",
        "link counter → wasi:keyvalue",
        "provider kv",
        "provider web",
        "route web /",
    ];
    assert_eq!(
        lines(None, Some(&app)),
        things.map(|thing| format!("added {thing}"))
    );
    assert_eq!(
        lines(Some(&app), None),
        things.map(|thing| format!("removed {thing}"))
    );
}

#[test]
fn the_same_app_has_no_changes() {
    assert_eq!(lines(Some(&app(BEFORE)), Some(&app(BEFORE))), [""; 0]);
}

#[test]
fn each_difference_names_the_smallest_thing_that_differs() {
    let after = app(r#"
        version = "2"
        [actor.counter]
        component = "a.wasm"
        link."wasi:keyvalue" = { to = "kv", bucket = "b", cache = { to = "kv" } }
        [provider.kv]
        kind = "keyvalue"
        copies = 2
        [provider.web]
        kind = "http"
        route = [{ path = "/", host = "example.com", actor = "counter" }]
    "#);
    assert_eq!(
        lines(Some(&app(BEFORE)), Some(&after)),
        [
            "changed version of app demo",
            "changed link counter → wasi:keyvalue",
            "added link counter → wasi:keyvalue (cache)",
            "changed provider kv",
            "removed route web /",
            "added route web example.com/",
        ]
    );
}
