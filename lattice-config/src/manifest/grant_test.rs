use crate::Manifest;
use crate::app::{Actor, Mode};

const ACTOR: &str = "name = \"a\"\n[actor.a]\ncomponent = \"a.wasm\"\n";

const FULL: &str = r#"
args = ["--fast", "two words"]
env = { COLOUR = "blue", SIZE = 3 }
config_from = ["colours", "night"]
[actor.a.grant]
sockets = ["tcp:10.0.0.0/8:5432", "udp:[fd00::1]:53"]
names = ["*.internal"]
[actor.a.grant.files."/data/"]
from = "/srv/data"
mode = "read-write"
[actor.a.grant.files."/"]
from = "/srv/www"
"#;

fn read(text: &str) -> Manifest {
    Manifest::parse(&format!("{ACTOR}{text}")).unwrap_or_else(|error| panic!("{error}"))
}

fn actor(manifest: &Manifest) -> &Actor {
    &manifest.app().actors[&"a".parse::<lattice_protocol::id::ActorName>().unwrap()]
}

fn error_of(text: &str) -> String {
    Manifest::parse(&format!("{ACTOR}{text}"))
        .unwrap_err()
        .to_string()
}

#[test]
fn grants_arguments_and_configs_are_read() {
    let manifest = read(FULL);
    let actor = actor(&manifest);
    assert_eq!(actor.args, ["--fast", "two words"]);
    assert_eq!(actor.env["SIZE"], "3");
    let configs: Vec<_> = actor.config_from.iter().map(|name| name.as_str()).collect();
    assert_eq!(configs, ["colours", "night"]);
    let grants = &actor.grants;
    let folder = |path: &str| {
        let folder = &grants.files[&path.parse().unwrap()];
        (folder.from.as_str(), folder.mode)
    };
    assert_eq!(folder("/data"), ("/srv/data", Mode::ReadWrite));
    assert_eq!(folder("/"), ("/srv/www", Mode::Read));
    assert_eq!((grants.sockets.len(), grants.names.len()), (2, 1));
}

#[test]
fn grants_arguments_and_configs_survive_toml() {
    let app = read(FULL).app().clone();
    assert_eq!(Manifest::parse(&app.to_toml()).unwrap().app(), &app);
}

#[test]
fn an_actor_without_them_is_written_as_before() {
    let text = read("").app().to_toml();
    for key in ["grant", "args", "env", "config_from"] {
        assert!(!text.contains(key), "{text}");
    }
}

#[test]
fn a_malformed_grant_is_refused_with_what_to_write() {
    for (text, part) in [
        ("grant = { file = {} }", "unknown field `file`"),
        ("grant.files.\"data\" = { from = \"/x\" }", "absolute path"),
        (
            "grant.files.\"/data\" = { from = \"../x\" }",
            "absolute path",
        ),
        (
            "grant.files.\"/data\" = { from = \"/x\", mode = \"rw\" }",
            "`read-write`",
        ),
        (
            "grant.files.\"/data\" = { mode = \"read\" }",
            "missing field `from`",
        ),
        ("grant.sockets = [\"10.0.0.1\"]", "tcp:10.0.0.0/8:5432"),
        ("grant.names = [\"a b\"]", "db.internal"),
        ("args = \"x\"", "sequence"),
    ] {
        let message = error_of(text);
        assert!(message.contains(part), "{text}\n{message}");
        assert!(message.contains("line 4"), "{message}");
    }
}

#[test]
fn what_is_too_much_is_told() {
    let many = |what: &str, item: &str, count: usize| {
        format!(
            "{what} = [{}]",
            vec![format!("\"{item}\""); count].join(",")
        )
    };
    for (text, part) in [
        (many("args", "x", 257), "args has 257 entries, at most 256"),
        (
            many("args", &"x".repeat(1000), 70),
            "have 70000 bytes, at most 65536",
        ),
        (many("grant.names", "x", 257), "grant.names has 257 entries"),
        (
            many("grant.sockets", "*:1", 257),
            "grant.sockets has 257 entries",
        ),
        (many("config_from", "x", 2), "config_from names x twice"),
        (
            "env = { \"A B\" = \"x\" }".to_owned(),
            "env has the key \"A B\"",
        ),
    ] {
        let manifest = read(&text);
        let problems = crate::validate(manifest.app(), &Default::default()).unwrap_err();
        let told = problems
            .iter()
            .any(|problem| problem.to_string().contains(part));
        assert!(told, "{problems:?}");
    }
}
