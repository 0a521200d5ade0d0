//! Providers with credentials of their own, on a server that knows who may do what.

use std::fs;
use std::path::Path;
use std::time::Duration;

use async_nats::Request;
use lattice_protocol::id::LatticeId;
use lattice_protocol::permission::Role;
use lattice_protocol::subject;
use lattice_tests::process::{Running, command, run};
use lattice_tests::{Nats, Operator, eventually};
use serde_json::{Value, json};

use crate::program;

const MANIFEST: &str = r#"
name = "app"
[provider.kv]
kind = "keyvalue"
[provider.probe]
exec = ["sh", "-c", "env; read line"]
env = { SHOWN = "yes" }
[provider.bare]
kind = "keyvalue"
"#;

async fn connect(url: &str, creds: &str) -> async_nats::Client {
    let options = async_nats::ConnectOptions::with_credentials(creds).unwrap();
    options.connect(url).await.unwrap()
}

async fn host(url: &str, folder: &Path) -> Running {
    let words = ["host", "--id", "a", "--nats", url, "--creds", "host.creds"];
    let mut command = command(program(), folder, &words);
    command
        .args(["--data", "data", "--provider-creds"])
        .arg(folder.join("own"))
        .env("SECRET_OF_THE_HOST", "s3cret");
    let mut host = Running::start(command);
    host.prints("joined").await;
    host
}

/// The names of the connections that a user has, as the server lists them.
async fn connections(system: &async_nats::Client) -> impl Fn(&str) -> Vec<String> {
    let asked = json!({"auth": true}).to_string();
    let subject = "$SYS.REQ.SERVER.PING.CONNZ";
    let listed = system.request(subject, asked.into()).await.unwrap();
    let listed: Value = serde_json::from_slice(&listed.payload).unwrap();
    move |user| {
        let all = listed["data"]["connections"].as_array().unwrap().iter();
        let of_user = all.filter(|connection| connection["authorized_user"] == user);
        of_user
            .map(|connection| connection["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Declares the providers, as an operator does.
async fn apply(url: &str, folder: &Path) {
    fs::write(folder.join("lattice.toml"), MANIFEST).unwrap();
    let words = [
        "apply",
        "--no-wait",
        "--nats",
        url,
        "--creds",
        "operator.creds",
    ];
    let applied = run(command(program(), folder, &words)).await;
    assert!(applied.status.success(), "{}", applied.text());
}

/// Waits until the provider answers an operator's call.
async fn answers(url: &str, of_operator: &str) {
    let options = async_nats::ConnectOptions::with_credentials(of_operator).unwrap();
    let inbox = subject::inbox_prefix(&LatticeId::default(), "test");
    let client = options.custom_inbox_prefix(inbox).connect(url);
    let client = client.await.unwrap();
    eventually("the provider answers", async || {
        let subject = "lattice.default.call.kv.bucket.exists";
        let reply = client.request(subject, r#"["b","k"]"#.into()).await;
        match reply.map(|reply| reply.payload) {
            Ok(said) if said == r#"{"ok":false}"# => Ok(()),
            other => Err(other.map_err(|error| error.to_string())),
        }
    })
    .await;
    let once = Request::new().payload(r#"["b","k",1]"#.into());
    let once = once.timeout(Some(Duration::from_secs(60)));
    let sum = client.send_request("lattice.default.call.kv.increment", once);
    let sum = sum.await.unwrap();
    assert_eq!(sum.payload, r#"{"ok":1}"#, "{:?}", sum.headers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_provider_has_its_own_credentials_and_sees_its_own_environment_only() {
    let operator = Operator::default();
    let nats = Nats::with(|options| options.extra = operator.config()).await;
    let (url, folder) = (nats.url(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let (of_host, of_operator) = (operator.user(&Role::Host), operator.user(&Role::Operator));
    // What it needs, and nothing of what other providers, hosts and operators are told.
    let kv = operator.user(&Role::Provider {
        name: "kv".parse().unwrap(),
        keeps: true,
        calls: Vec::new(),
    });
    fs::create_dir(folder.join("own")).unwrap();
    for (file, user) in [
        ("host.creds", &of_host),
        ("operator.creds", &of_operator),
        ("own/kv.creds", &kv),
        ("own/probe.creds", &kv),
    ] {
        fs::write(folder.join(file), &user.creds).unwrap();
    }
    let mut host = host(&url, folder).await;
    apply(&url, folder).await;
    answers(&url, &of_operator.creds).await;

    let system = connect(&url, &operator.system_user().creds).await;
    let of = connections(&system).await;
    assert_eq!(of(&kv.key), ["lattice-provider-kv"]);
    let of_host = of(&of_host.key);
    assert!(
        !of_host.iter().any(|name| name.contains("provider")),
        "{of_host:?}"
    );
    sees_its_own(&mut host).await;
    let refused = host.prints("it has no credentials").await;
    assert!(refused.contains("bare"), "{refused}");
}

/// What the probe prints of its environment is its own, and nothing of the host's.
async fn sees_its_own(host: &mut Running) {
    let line = host.prints("LATTICE_CREDS=").await;
    assert!(line.contains("own/probe.creds"), "{line}");
    host.prints("SHOWN=yes").await;
    host.prints("LATTICE_SUPERVISED=1").await;
    let lines = host.lines();
    for hidden in ["SECRET_OF_THE_HOST", "HOME="] {
        assert!(
            !lines.iter().any(|line| line.contains(hidden)),
            "{hidden}: {lines:#?}"
        );
    }
}
