use super::*;
use crate::Manifest;

fn problems(text: &str, external: &[&str]) -> Vec<String> {
    let manifest = Manifest::parse(text).unwrap();
    let external = external.iter().map(|name| name.parse().unwrap()).collect();
    let problems = validate(manifest.app(), &external)
        .err()
        .unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

fn one(text: &str) -> String {
    let all = problems(&format!("name = \"a\"\n{text}"), &[]);
    assert_eq!(all.len(), 1, "{text}\n{all:#?}");
    all.into_iter().next().unwrap()
}

#[test]
fn all_problems_are_told_at_once() {
    let text = r#"
        name = "a"
        [actor.x]
        component = "x.wasm"
        instances = 1_000_000
        limits = { time_ms = 0, memory_mib = 5_000 }
        link."wasi:keyvalue".to = "kv"
        [provider.x]
        kind = "http"
        [[provider.x.route]]
        path = "api"
        actor = "y"
    "#;
    let all = problems(text, &[]);
    let has = |part: &str| assert!(all.iter().any(|p| p.contains(part)), "{part}: {all:#?}");
    assert_eq!(all.len(), 7, "{all:#?}");
    has("x is both an actor and a provider");
    has("actor x: instances = 1000000 is too many: use 0 to 100000");
    has("actor x: limits.time_ms = 0 is out of range: use 1 to 3600000");
    has("actor x: limits.memory_mib = 5000 is out of range: use 1 to 4096");
    has("actor x: link wasi:keyvalue: there is no actor or provider kv: declare [provider.kv]");
    has("provider x: route \"api\" is no path: write path = \"/…\"");
    has("provider x: route api: there is no actor y (did you mean x?): declare [actor.y]");
    assert!(all.iter().all(|problem| !problem.contains('\n')));
}

#[test]
fn a_link_or_a_route_may_lead_to_another_app() {
    let text = r#"
        name = "a"
        [actor.x]
        component = "x.wasm"
        link."wasi:keyvalue".to = "kv"
        [provider.web]
        kind = "http"
        route = [{ path = "/", actor = "y" }]
    "#;
    assert_eq!(problems(text, &["kv", "y"]), [""; 0]);
    assert_eq!(problems(text, &[]).len(), 2);
}

#[test]
fn what_is_there_twice_is_refused() {
    let routes = r#"
        actor.x.component = "x.wasm"
        [provider.web]
        kind = "http"
        route = [{ path = "/a", actor = "x" }, { path = "/a", actor = "x" }]
    "#;
    assert!(one(routes).contains("two routes for /a"));
    let links = r#"
        provider.kv.kind = "keyvalue"
        [actor.x]
        component = "x.wasm"
        [actor.x.link."a:b"]
        to = "kv"
        [actor.x.link."a:b".default]
        to = "kv"
    "#;
    assert!(one(links).contains("two links for a:b are named default"));
}

#[test]
fn an_actor_out_of_its_bounds_is_refused() {
    let actor =
        |rest: &str| format!("provider.kv.external = true\n[actor.x]\ncomponent = \"x\"\n{rest}");
    for (rest, part) in [
        ("instance = { reuse = 0 }", "use 1 to 1000000"),
        ("config.\"a b\" = 1", "config has the key \"a b\""),
        ("spread = \"\"", "spread has the key \"\""),
        ("daemon = true\nspread = \"zone\"", "remove `spread`"),
        (
            "link.\"a:b\" = { to = \"kv\", deadline_ms = 0 }",
            "deadline_ms = 0 is out of range",
        ),
    ] {
        assert!(one(&actor(rest)).contains(part), "{}", one(&actor(rest)));
    }
}

#[test]
fn a_provider_out_of_its_bounds_is_refused() {
    let provider = |rest: &str| format!("actor.x.component = \"x\"\n[provider.p]\n{rest}");
    for (rest, part) in [
        (
            "kind = \"\"",
            "kind \"\" is unknown: there are http, keyvalue;",
        ),
        ("exec = []", "exec names no program"),
        ("exec = [\"a\", \"\\u0000\"]", "contains a NUL"),
        ("kind = \"http\"\ncopies = 0", "use 1 to 1000"),
        ("external = true\nenv.A = 1", "remove env"),
        (
            "kind = \"http\"\nenv.\"A=B\" = 1",
            "env has the key \"A=B\"",
        ),
        (
            "kind = \"http\"\nroute = [{ path = \"/?\", actor = \"x\" }]",
            "is no path",
        ),
        (
            "kind = \"http\"\nroute = [{ path = \"/\", actor = \"p\" }]",
            "which is a provider",
        ),
        (
            "kind = \"http\"\nroute = [{ path = \"/\", actor = \"x\", host = \"A:1\" }]",
            "no host name",
        ),
    ] {
        assert!(
            one(&provider(rest)).contains(part),
            "{}",
            one(&provider(rest))
        );
    }
}

#[test]
fn a_misspelt_kind_of_provider_is_refused_with_the_one_that_was_meant() {
    assert_eq!(
        one("provider.web.kind = \"htpp\""),
        "provider web: kind \"htpp\" is unknown: did you mean http? (there are http, keyvalue; for \
         another program use exec)"
    );
    for kind in PROVIDER_KINDS {
        let text = format!("name = \"a\"\nprovider.p.kind = \"{kind}\"");
        assert_eq!(problems(&text, &[]), [""; 0]);
    }
}

#[test]
fn the_number_of_reported_problems_is_bounded() {
    let actors =
        (0..300).map(|at| format!("actor.a{at} = {{ component = \"x\", instances = 200_000 }}"));
    let text = format!("name = \"a\"\n{}", actors.collect::<Vec<_>>().join("\n"));
    assert_eq!(problems(&text, &[]).len(), PROBLEMS_MAX);
}

#[test]
fn copies_that_would_share_no_values_are_refused_with_what_to_use() {
    let kv = |more: &str| format!("[provider.kv]\nkind = \"keyvalue\"\n{more}");
    for backend in ["file", "memory"] {
        let config = format!("config = {{ backend = \"{backend}\", path = \"x\" }}");
        let told = one(&kv(&format!("copies = 2\n{config}")));
        assert!(
            told.contains(&format!("copies = 2 of backend {backend}")),
            "{told}"
        );
        assert!(told.contains("backend nats or redis"), "{told}");
        let single = format!("name = \"a\"\n{}", kv(&config));
        assert_eq!(problems(&single, &[]), Vec::<String>::new());
    }
    for shared in ["", "config = { backend = \"redis\" }"] {
        let text = format!("name = \"a\"\n{}", kv(&format!("copies = 2\n{shared}")));
        assert_eq!(problems(&text, &[]), Vec::<String>::new());
    }
}
