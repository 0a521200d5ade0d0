//! A lattice on a NATS server that knows who may do what, by what `lattice auth` prints and nothing else.

use std::path::Path;
use std::time::Duration;

use async_nats::{ConnectOptions, Event};
use futures_util::StreamExt as _;
use lattice_protocol::id::{LatticeId, TargetName};
use lattice_protocol::permission::{Permissions, Role};
use lattice_tests::process::{Ended, Running, command, run};
use lattice_tests::{Nats, eventually, guest};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::program;

/// More than a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(60);
const MANIFEST: &str = r#"
name = "app"
[actor.greeter]
component = "greeter.wasm"
[actor.counter]
component = "counter.wasm"
[actor.counter.link."wasi:keyvalue"]
to = "kv"
bucket = "counts"
[provider.kv]
kind = "keyvalue"
"#;

/// What `lattice auth` prints.
async fn auth(folder: &Path, words: &[&str]) -> String {
    let words: Vec<_> = ["auth"].iter().chain(words).copied().collect();
    let printed = run(command(program(), folder, &words)).await;
    assert!(printed.status.success(), "{}", printed.text());
    printed.text()
}

/// A server with that in its config, where each password is the user's name.
async fn server(folder: &Path) -> Nats {
    let words = ["--provider", "web=greeter", "--caller", "app=greeter"];
    let printed = auth(folder, &words).await;
    let users = ["HOST", "OPERATOR", "WEB", "APP"];
    let passwords = users.map(|user| {
        let password = user.to_lowercase();
        format!("LATTICE_PASSWORD_{user}: \"{password}\"\n")
    });
    Nats::with(|options| options.extra = format!("{}{printed}\n", passwords.concat())).await
}

fn url_of(nats: &Nats, user: &str) -> String {
    nats.url()
        .replace("nats://", &format!("nats://{user}:{user}@"))
}

/// A client of a role, and what its server refuses it.
async fn client(nats: &Nats, user: &str) -> (async_nats::Client, mpsc::UnboundedReceiver<String>) {
    let (told, refused) = mpsc::unbounded_channel();
    let inbox = match user {
        "app" => "_INBOX.app".to_owned(),
        user => format!("_INBOX.lattice.default.{user}"),
    };
    let options = ConnectOptions::with_user_and_password(user.into(), user.into())
        .custom_inbox_prefix(inbox)
        .event_callback(move |event| {
            let told = told.clone();
            async move {
                if let Event::ServerError(error) = event {
                    let _ = told.send(error.to_string());
                }
            }
        });
    (options.connect(nats.url()).await.unwrap(), refused)
}

async fn operator(nats: &Nats, folder: &Path, words: &[&str]) -> Ended {
    let mut command = command(program(), folder, words);
    command.env("LATTICE_NATS", url_of(nats, "operator"));
    run(command).await
}

/// A host of that lattice, and the app, which runs.
async fn running(nats: &Nats, folder: &Path) -> Running {
    for name in ["greeter", "counter"] {
        std::fs::write(folder.join(format!("{name}.wasm")), guest::bytes(name)).unwrap();
    }
    std::fs::write(folder.join("lattice.toml"), MANIFEST).unwrap();
    let mut command = command(program(), folder, &["host", "--id", "a", "--data", "data"]);
    command.env("LATTICE_NATS", url_of(nats, "host"));
    let mut host = Running::start(command);
    host.prints("joined").await;
    let applied = operator(nats, folder, &["apply"]).await;
    assert!(applied.status.success(), "{}", applied.text());
    host
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lattice_runs_with_exactly_what_auth_prints_and_no_role_gets_further() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let nats = server(folder).await;
    let host = running(&nats, folder).await;

    for (words, says) in [
        (&["ps"][..], "greeter"),
        (&["call", "greeter", "greet", "Ada"], "Hello, Ada!"),
        (&["scale", "greeter", "3"], "actor greeter"),
        (&["export", "--components", "kept"], "counter"),
        (&["audit"], "app.apply"),
        (&["drain", "nobody"], "nobody"),
    ] {
        let ended = operator(&nats, folder, words).await;
        assert!(ended.text().contains(says), "{words:?}: {}", ended.text());
    }

    let (app, refused_app) = client(&nats, "app").await;
    let reply = app.request("lattice.default.call.greeter.greet", r#"["Bo"]"#.into());
    assert_eq!(reply.await.unwrap().payload, r#""Hello, Bo!""#);
    let (web, refused_web) = client(&nats, "web").await;
    let jetstream = async_nats::jetstream::new(web.clone());
    let state = jetstream.get_key_value("lattice_default").await.unwrap();
    assert!(state.entry("app.app").await.unwrap().is_some(), "its links");
    let mut changes = state.watch_with_history("app.>").await.unwrap();
    let change = tokio::time::timeout(PATIENCE, changes.next()).await;
    assert_eq!(
        change.expect("it follows them").unwrap().unwrap().key,
        "app.app"
    );

    let (of_operator, refused_operator) = client(&nats, "operator").await;
    let request = json!({ "method": "GET", "path": "/", "headers": [] }).to_string();
    let counted = eventually("the counter reaches its store", async || {
        let subject = "lattice.default.call.counter.handle";
        let reply = of_operator.request(subject, request.clone().into()).await;
        let reply = reply.map_err(|error| error.to_string())?;
        let response: Value = serde_json::from_slice(&reply.payload).unwrap_or_default();
        match response["status"] == 200 {
            true => Ok(response),
            false => Err(format!("{reply:?}")),
        }
    })
    .await;
    assert!(counted["body"].is_string(), "{counted}");
    for (client, mut refused, subject) in [
        (&app, refused_app, "lattice.default.ctl.app.list"),
        (&web, refused_web, "$KV.lattice_default.app.app"),
        (&of_operator, refused_operator, "$KV.lattice_default.lease"),
    ] {
        client.publish(subject, "x".into()).await.unwrap();
        client.flush().await.unwrap();
        let said = tokio::time::timeout(PATIENCE, refused.recv()).await;
        let said = said.expect("the server refuses it").unwrap().to_lowercase();
        assert!(said.contains("permissions violation"), "{said}");
        assert!(said.contains(&subject.to_lowercase()), "{said}");
    }
    assert!(
        host.lines().iter().all(|line| !line.contains("refused")),
        "{:#?}",
        host.lines()
    );
}

#[tokio::test]
async fn nsc_and_programs_are_told_the_same_as_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["--keyvalue", "kv=greeter", "--lattice", "shop"];
    let printed = |format| {
        let words = words
            .iter()
            .chain(&["--format", format])
            .copied()
            .collect::<Vec<_>>();
        let folder = folder.path();
        async move { auth(folder, &words).await }
    };
    let (config, nsc, json) = (
        printed("config").await,
        printed("nsc").await,
        printed("json").await,
    );
    let kv = Role::Provider {
        name: "kv".parse().unwrap(),
        keeps: true,
        calls: vec!["greeter".parse().unwrap()],
    };
    for role in [Role::Host, Role::Operator, kv] {
        let Permissions {
            publish,
            never_publish,
            subscribe,
        } = role.permissions(&"shop".parse().unwrap());
        for subjects in [publish, never_publish, subscribe] {
            assert!(nsc.contains(&subjects.join(",")), "{nsc}");
            assert!(config.contains(&subjects.join("\", \"")), "{config}");
            for subject in subjects {
                assert!(
                    json.contains(&format!("\"{subject}\"")),
                    "{subject}: {json}"
                );
            }
        }
    }
}

/// The rows of the table in `docs/operating.md`, for a lattice `<L>`.
fn rows() -> Vec<String> {
    let lattice: LatticeId = "in-place-of-it".parse().unwrap();
    let actor = "actor-x";
    let calls = vec![actor.parse().unwrap()];
    let caller: TargetName = "app".parse().unwrap();
    let provider = |name: &str, keeps| Role::Provider {
        name: name.parse().unwrap(),
        keeps,
        calls: vec![actor.parse().unwrap()],
    };
    let roles = [
        (
            "host, with the providers that have no credentials of their own",
            Role::Host,
        ),
        ("operator: the command line", Role::Operator),
        (
            "provider `web` that keeps nothing in JetStream and calls `<actor>`",
            provider("web", false),
        ),
        (
            "key-value provider `kv`, backend `nats`, whose keys `<actor>` watches",
            provider("kv", true),
        ),
        (
            "caller `app` of `<actor>`",
            Role::Caller {
                name: caller,
                calls,
            },
        ),
    ];
    let list = |subjects: &[String]| {
        let subjects = subjects.iter().map(|subject| format!("`{subject}`"));
        let text = subjects.collect::<Vec<_>>().join(" ");
        text.replace(lattice.as_str(), "<L>")
            .replace(actor, "<actor>")
    };
    let row = |(name, role): (&str, Role)| {
        let may = role.permissions(&lattice);
        let never = match may.never_publish.is_empty() {
            true => String::new(),
            false => format!("; never {}", list(&may.never_publish)),
        };
        format!(
            "| {name} | {}{never} | {} |",
            list(&may.publish),
            list(&may.subscribe)
        )
    };
    roles.into_iter().map(row).collect()
}

#[test]
fn the_guide_shows_what_the_command_prints() {
    let guide = std::fs::read_to_string(guest::root().join("docs/operating.md")).unwrap();
    for row in rows() {
        assert!(guide.contains(&row), "docs/operating.md lacks:\n{row}");
    }
}
