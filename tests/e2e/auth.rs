//! The token service of `actors/auth`, as those have it who come from a container: deployed by a
//! plain NATS client over two hosts, asked over HTTP and over NATS. In the folder: [`records`], what is
//! stored and what it is worth; [`killed`], a host that dies under load.

mod killed;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::{one_host, program};

/// The app as its own manifest has it, on a port that is free, and with one more line for each of
/// its providers.
fn manifest(line: &str) -> String {
    let mut text = include_str!("../../actors/auth/lattice.toml").to_owned();
    for (old, new) in [
        ("\"../target/wasm32-wasip2/release/auth.wasm\"", "\"auth\""),
        ("127.0.0.1:8080", "127.0.0.1:0"),
        ("instances = 8", "instances = 4"),
        (
            "kind = \"keyvalue\"",
            &format!("kind = \"keyvalue\"\n{line}"),
        ),
        ("kind = \"http\"", &format!("kind = \"http\"\n{line}")),
    ] {
        assert_eq!(text.matches(old).count(), 1, "{old}");
        text = text.replace(old, new);
    }
    text
}

/// Declares the app as any NATS client can: a manifest with a digest, in one request.
async fn deploy(lattice: &Lattice, line: &str) -> SocketAddr {
    let app = lattice.resolve(&manifest(line)).await;
    let request = json!({ "manifest": app.to_toml() });
    let reply = lattice.control("app.apply", request).await;
    assert_eq!(reply["ok"], true, "{reply}");
    lattice.until_running(&app).await;
    lattice.address("web").await
}

async fn two_hosts() -> (Lattice, SocketAddr) {
    let mut lattice = Lattice::start(program()).await;
    lattice.host("a").await;
    lattice.host("b").await;
    let address = deploy(&lattice, "").await;
    lattice.until_placed("auth", &[("a", 2), ("b", 2)]).await;
    (lattice, address)
}

/// What is asked of the service over NATS; it must be `ok`.
async fn ok(lattice: &Lattice, function: &str, arguments: Value) -> Value {
    let reply = lattice.call(&format!("auth.{function}"), arguments).await;
    let reply = reply.json();
    assert!(reply.get("ok").is_some(), "{function}: {reply}");
    reply["ok"].clone()
}

async fn issue(lattice: &Lattice, user: &str, ttl_s: u64) -> String {
    let issued = ok(lattice, "issue", json!([user, ttl_s])).await;
    issued["key"].as_str().unwrap().to_owned()
}

/// An answer over HTTP.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
}

/// One request, with more lines for its head.
async fn ask(address: SocketAddr, line: &str, head: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("{line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{head}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| {
        std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "no head in the answer")
    })?;
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    Ok(Answer {
        status: status.parse().unwrap(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: serde_json::from_str(body).unwrap_or_default(),
    })
}

async fn validate(address: SocketAddr, key: &str) -> Answer {
    let head = format!("authorization: Bearer {key}\r\n");
    let answer = ask(address, "POST /auth/validate", &head).await.unwrap();
    assert_eq!(answer.headers["content-type"], "application/json");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_issued_by_one_host_good_on_both_and_unknown_everywhere_once_revoked() {
    let (lattice, address) = two_hosts().await;
    let logs = lattice.logs().await;
    let key = issue(&lattice, "alice", 3600).await;
    let answer = validate(address, &key).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["valid"], true);
    assert_eq!(answer.body["user_id"], "alice");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let grant = ok(&lattice, "validate", json!([key])).await;
    assert_eq!(grant["user-id"], "alice");
    assert_eq!(grant["expires-at"], answer.body["expires_at"]);

    eventually("both hosts have issued a key", async || {
        issue(&lattice, "bob", 60).await;
        let all = logs.so_far();
        let hosts: BTreeSet<_> = all
            .iter()
            .map(|record| record["host"].to_string())
            .collect();
        if hosts.len() == 2 { Ok(()) } else { Err(hosts) }
    })
    .await;
    let told = logs
        .so_far()
        .iter()
        .any(|record| record.to_string().contains(&key));
    assert!(!told, "the log has the key itself");

    ok(&lattice, "revoke", json!([key])).await;
    for _ in 0..8 {
        let answer = validate(address, &key).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(
            answer.body,
            json!({"valid": false, "reason": "unknown key"})
        );
        let direct = lattice.call("auth.validate", json!([key])).await;
        assert_eq!(direct.json(), json!({"err": "unknown"}));
    }
    ok(&lattice, "revoke", json!([key])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_brings_no_good_key_is_told_why_and_how_to_ask() {
    let (lattice, address) = two_hosts().await;
    let key = issue(&lattice, "alice", 3600).await;
    let twice = format!("authorization: Bearer {key}\r\nauthorization: Bearer {key}\r\n");
    for (head, reason, challenge) in [
        ("", "missing header", "Bearer realm=\"auth\""),
        (
            "authorization: Basic YTpi\r\n",
            "Bearer KEY",
            "Bearer realm=\"auth\"",
        ),
        (&twice, "more than one", "Bearer realm=\"auth\""),
        (
            "authorization: Bearer nobody\r\n",
            "unknown key",
            "error=\"invalid_token\"",
        ),
    ] {
        let answer = ask(address, "POST /auth/validate", head).await.unwrap();
        assert_eq!(answer.status, 401, "{head}: {answer:?}");
        assert_eq!(answer.body["valid"], false);
        let said = answer.body["reason"].as_str().unwrap();
        assert!(said.contains(reason), "{head}: {said}");
        let header = &answer.headers["www-authenticate"];
        assert!(header.contains(challenge), "{head}: {header}");
    }
    let head = format!("authorization: bearer {key}\r\n");
    for (line, status) in [
        ("POST /auth/validate", 200),
        ("POST /auth/validate?x=1", 200),
        ("GET /auth/validate", 405),
        ("POST /auth/validate/more", 404),
        ("POST /auth", 404),
    ] {
        let answer = ask(address, line, &head).await.unwrap();
        assert_eq!(answer.status, status, "{line}: {answer:?}");
        assert_eq!(answer.headers["content-type"], "application/json", "{line}");
        let allow = answer.headers.get("allow").map(String::as_str);
        assert_eq!(allow, (status == 405).then_some("POST"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_clients_at_once_each_learns_about_its_own_key() {
    const CLIENTS: usize = 32;
    const TIMES: usize = 8;
    let (lattice, address) = two_hosts().await;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let user = format!("user-{number}");
        let key = issue(&lattice, &user, 3600).await;
        let plain = lattice.plain().clone();
        clients.spawn(async move {
            for _ in 0..TIMES {
                let answer = validate(address, &key).await;
                assert_eq!(answer.body["user_id"], user.as_str(), "{answer:?}");
                let subject = "lattice.default.call.auth.auth:token/check.validate";
                let arguments = json!([key]).to_string();
                let reply = plain.request(subject, arguments.into()).await.unwrap();
                let grant: Value = serde_json::from_slice(&reply.payload).unwrap();
                assert_eq!(grant["ok"]["user-id"], user.as_str(), "{grant}");
            }
        });
    }
    assert_eq!(clients.join_all().await.len(), CLIENTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_without_a_manifest_it_serves_any_nats_client() {
    let lattice = one_host().await;
    let kv = json!({"name": "kv", "kind": "keyvalue"});
    assert_eq!(lattice.control("provider.start", kv).await["ok"], true);
    let start = json!({
        "name": "auth", "component": lattice.push("auth").await, "instances": 2,
        "links": {"wasi:keyvalue": {"to": "kv", "bucket": "keys"}},
    });
    let started = lattice.control("actor.start", start).await;
    assert_eq!(started["ok"], true, "{started}");
    let subject = "lattice.default.call.auth.issue";
    let key = eventually("a key is issued", async || {
        let reply = lattice.try_request(subject, &[], r#"["alice",60]"#).await;
        match reply {
            Ok(reply) if !reply.failed() => {
                let issued = reply.json();
                let key = issued["ok"]["key"].as_str().map(ToOwned::to_owned);
                key.ok_or_else(|| issued.to_string())
            }
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let request = json!({
        "method": "POST", "path": "/auth/validate",
        "headers": [["authorization", format!("Bearer {key}")]],
    });
    let response = lattice.call("auth.handle", request).await.json();
    assert_eq!(response["status"], 200, "{response}");
}
