use super::*;
use crate::app::{InstanceMode, Runs};
use serde_json::json;

const FULL: &str = r#"
name = "counter"
version = "1.0.0"

[actor.counter]
component = "counter.wasm"
build = "cargo build --release --target wasm32-wasip2"
instances = 8
instance = { reuse = 50 }
config = { greeting = "hello", size = 3, debug = true }
limits = { time_ms = 5_000, memory_mib = 256 }
require = { zone = "eu" }
spread = "rack"
[actor.counter.link."wasi:keyvalue"]
to = "kv"
bucket = "counts"
options = { ttl = 5, since = 2026-01-02 }
[actor.counter.link."wasi:keyvalue".cache]
to = "redis"
deadline_ms = 250
idempotent = true
bucket = "cached"
[actor.counter.link."wasi:http/outgoing-handler".web]
to = "out"

[actor.agent]
component = "oci://ghcr.io/acme/agent:1"
instance = "reuse"
daemon = true

[provider.kv]
kind = "keyvalue"
config = { backend = "nats", size = 1.5 }

[provider.redis]
exec = ["./redis", "--fast"]
copies = 2
env = { PORT = 6379 }

[provider.out]
external = true

[provider.web]
kind = "http"
require = { edge = true }
config = { listen = "127.0.0.1:8080" }
[[provider.web.route]]
path = "/"
actor = "counter"
[[provider.web.route]]
host = "example.com"
path = "/agent"
actor = "agent"
"#;

fn error_of(text: &str) -> (String, Option<usize>, Option<usize>) {
    match Manifest::parse(text) {
        Err(Error::Malformed {
            message,
            line,
            column,
        }) => (message, line, column),
        other => panic!("{text}\nis {other:?}"),
    }
}

fn digests(manifest: &Manifest) -> BTreeMap<ComponentRef, Digest> {
    let digest = |c: &ComponentRef| (c.clone(), Digest::of(c.to_string().as_bytes()));
    manifest.components().into_iter().map(digest).collect()
}

#[test]
fn every_key_is_read() {
    let manifest = Manifest::parse(FULL).unwrap();
    let app = manifest.app();
    let counter = &app.actors["counter"];
    assert_eq!(
        (counter.instances, counter.instance),
        (8, InstanceMode::Reuse(50))
    );
    assert_eq!(
        (
            counter.config["size"].as_str(),
            counter.config["debug"].as_str()
        ),
        ("3", "true")
    );
    assert_eq!(
        (counter.limits.time_ms, counter.limits.memory_mib),
        (5_000, 256)
    );
    assert_eq!(counter.limits.handles, Limits::default().handles);
    assert_eq!(
        (counter.require["zone"].as_str(), counter.spread.as_deref()),
        ("eu", Some("rack"))
    );
    assert_eq!(app.actors["agent"].instance, InstanceMode::Reuse(1_000));
    assert!(app.actors["agent"].daemon);
    assert_eq!(app.providers["kv"].config["size"], json!(1.5));
    assert_eq!(
        app.providers["redis"].runs,
        Runs::Exec(vec!["./redis".into(), "--fast".into()])
    );
    assert_eq!(
        (
            app.providers["redis"].copies,
            app.providers["redis"].env["PORT"].as_str()
        ),
        (2, "6379")
    );
    assert_eq!(app.providers["out"].runs, Runs::External);
    let routes = &app.providers["web"].routes;
    assert_eq!(
        (routes[0].host.as_deref(), routes[0].path.as_str()),
        (None, "/")
    );
    assert_eq!(
        (routes[1].host.as_deref(), routes[1].actor.as_str()),
        (Some("example.com"), "agent")
    );
    assert_eq!(manifest.builds().len(), 1);
    assert_eq!(crate::validate(app, &Default::default()), Ok(()));
}

#[test]
fn links_are_read_by_interface_and_name() {
    let manifest = Manifest::parse(FULL).unwrap();
    let links = &manifest.app().actors["counter"].links;
    let names: Vec<_> = links
        .iter()
        .map(|l| format!("{} {} {}", l.interface, l.name, l.to))
        .collect();
    assert_eq!(
        names,
        [
            "wasi:http/outgoing-handler web out",
            "wasi:keyvalue cache redis",
            "wasi:keyvalue default kv"
        ]
    );
    assert_eq!(
        (links[1].deadline_ms, links[1].idempotent),
        (Some(250), true)
    );
    assert_eq!(
        links[1].config,
        BTreeMap::from([("bucket".into(), json!("cached"))])
    );
    assert_eq!(
        links[2].config["options"],
        json!({ "ttl": 5, "since": "2026-01-02" })
    );
}

#[test]
fn a_misspelt_key_is_refused_with_its_line_and_column() {
    let actor = "name = \"a\"\n[actor.a]\ncomponent = \"a.wasm\"\n";
    for (text, key, line, column) in [
        ("name = \"a\"\nverson = \"1\"".to_owned(), "verson", 2, 1),
        (format!("{actor}instnces = 3"), "instnces", 4, 1),
        (format!("{actor}limits = {{ time = 3 }}"), "time", 4, 12),
        (format!("{actor}[actor.a.limits]\nfuel = 1"), "fuel", 5, 1),
        (
            "name = \"a\"\n[provider.b]\nkind = \"http\"\nrout = []".to_owned(),
            "rout",
            4,
            1,
        ),
        (
            "name = \"a\"\n[[provider.b.route]]\npth = \"/\"".to_owned(),
            "pth",
            3,
            1,
        ),
        (
            "name = \"a\"\n[provider.b]\nkind = \"http\"\ninlne = true".to_owned(),
            "inlne",
            4,
            1,
        ),
    ] {
        let (message, at_line, at_column) = error_of(&text);
        assert!(
            message.contains(&format!("unknown field `{key}`")),
            "{message}"
        );
        assert!(message.contains(&format!("line {line}")), "{message}");
        assert_eq!(
            (at_line, at_column),
            (Some(line), Some(column)),
            "{message}"
        );
    }
}

#[test]
fn a_malformed_value_is_refused_with_its_line() {
    let actor = "name = \"a\"\n[actor.a]\ncomponent = \"a.wasm\"\n";
    for (text, part, line) in [
        ("name = \"A b\"".to_owned(), "use 1 to 63", 1),
        ("version = \"1\"".to_owned(), "missing field `name`", 1),
        (
            "name = \"a\"\n[actor.a]\ninstances = 1".to_owned(),
            "missing field `component`",
            2,
        ),
        (
            "name = \"a\"\n[actor.a]\ncomponent = \"ftp://x\"".to_owned(),
            "unknown scheme",
            3,
        ),
        (format!("{actor}instances = -1"), "-1", 4),
        (
            format!("{actor}instance = \"kept\""),
            "expected `fresh` or `reuse`",
            4,
        ),
        (
            format!("{actor}instance = {{ reused = 1 }}"),
            "unknown field `reused`",
            4,
        ),
        (
            format!("{actor}config = {{ a = [1] }}"),
            "a string, a number or a boolean",
            4,
        ),
        (
            format!("{actor}link.\"wasi\".to = \"kv\""),
            "namespace:package",
            4,
        ),
        (
            format!("{actor}link.\"a:b\".bucket = \"x\""),
            "a link needs `to`",
            4,
        ),
        (
            format!("{actor}link.\"a:b\".to = \"K V\""),
            "target name",
            4,
        ),
        (
            format!("{actor}link.\"a:b\".\"X\".to = \"kv\""),
            "link name",
            4,
        ),
        (
            format!("{actor}link.\"a:b\".c = {{ to = \"kv\", idempotent = 1 }}"),
            "`idempotent`",
            4,
        ),
        (
            "name = \"a\"\n[provider.b]\nkind = \"x\"\nexec = [\"y\"]".to_owned(),
            "needs one of",
            2,
        ),
        ("name = \"a\"\n[provider.b]".to_owned(), "needs one of", 2),
        (
            "name = \"a\"\n[provider.b]\nkind = \"x\"\nconfig.a = inf".to_owned(),
            "can't be sent",
            4,
        ),
        ("name = ".to_owned(), "string", 1),
    ] {
        let (message, at, _) = error_of(&text);
        assert!(message.contains(part), "{text}\n{message}");
        assert_eq!(at, Some(line), "{text}\n{message}");
    }
}

#[test]
fn a_manifest_that_no_message_can_carry_is_refused() {
    let text = format!("# {}", "a".repeat(MANIFEST_LEN_MAX));
    assert!(matches!(Manifest::parse(&text), Err(Error::TooLarge(_))));
}

#[test]
fn resolving_puts_digests_in_and_names_what_is_missing() {
    let manifest = Manifest::parse(FULL).unwrap();
    let all = digests(&manifest);
    let app = manifest.clone().resolve(&all).unwrap();
    assert!(
        app.actors
            .values()
            .all(|actor| actor.component.digest().is_some())
    );
    let missing = manifest.resolve(&BTreeMap::new()).unwrap_err();
    let lines: Vec<_> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].starts_with("actor counter: component counter.wasm is not in the lattice"));
    assert!(lines[1].contains("push it first"));
}

#[test]
fn an_app_survives_toml() {
    let manifest = Manifest::parse(FULL).unwrap();
    let all = digests(&manifest);
    let app = manifest.resolve(&all).unwrap();
    let again = Manifest::parse(&app.to_toml()).unwrap();
    assert!(again.components().is_empty());
    assert_eq!(again.resolve(&BTreeMap::new()).unwrap(), app);
}

#[test]
fn links_and_limits_are_read_from_json_as_from_a_manifest() {
    let read = links(json!({ "wasi:keyvalue": { "to": "kv", "bucket": "b" } })).unwrap();
    assert_eq!(
        (read[0].to.as_str(), &read[0].config["bucket"]),
        ("kv", &json!("b"))
    );
    assert!(links(json!({ "wasi:keyvalue": "kv" })).is_err());
    assert_eq!(limits(json!({ "time_ms": 7 })).unwrap().time_ms, 7);
    let error = limits(json!({ "time": 7 })).unwrap_err().to_string();
    assert!(error.starts_with("limits: unknown field `time`"), "{error}");
}

#[test]
fn the_demo_manifest_is_valid() {
    let manifest = Manifest::parse(include_str!("../../../lattice.toml")).unwrap();
    assert_eq!(crate::validate(manifest.app(), &Default::default()), Ok(()));
}
