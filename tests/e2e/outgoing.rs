//! Requests that actors send: guest, host, `provider-http`, a server that is not ours, and back.

mod endings;

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::links::Wire;
use crate::one_host;

type Answered = http::Response<BoxBody<Bytes, hyper::Error>>;

/// A server that tells what it sees in headers, and sends back what it gets.
pub(crate) async fn site() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request)) });
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(served);
        }
    });
    address
}

fn answer(request: http::Request<Incoming>) -> Answered {
    let header = |name| {
        let value = request.headers().get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let (host, trace) = (header("host"), header("traceparent"));
    let response = http::Response::builder()
        .header("x-method", request.method().as_str())
        .header("x-host", host)
        .header("x-trace", trace);
    response.body(request.into_body().boxed()).unwrap()
}

/// The actor `fetch`, whose link leads to a provider that only sends.
async fn fetch(link: &str) -> Lattice {
    fetch_by("", link).await
}

/// The same with further lines of the provider.
async fn fetch_by(provider: &str, link: &str) -> Lattice {
    let lattice = one_host().await;
    let manifest = format!(
        r#"
        name = "outward"
        [actor.fetch]
        component = "fetch"
        limits = {{ time_ms = 60_000 }}
        [actor.fetch.link."wasi:http/outgoing-handler"]
        to = "out"
        {link}
        [provider.out]
        kind = "http"
        {provider}
        "#
    );
    lattice.apply(&manifest).await;
    lattice
}

fn order(method: &str, authority: &str, path: &str, body: &str) -> Value {
    json!({"method": method, "scheme": "http", "authority": authority, "path": path,
        "headers": [["x-mine", "1"]], "body": body})
}

fn page(reply: &Value) -> Value {
    let body = reply["ok"]["body"]
        .as_str()
        .unwrap_or_else(|| panic!("no page: {reply}"));
    json!({"status": reply["ok"]["status"], "body": body})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_leaves_through_its_link_and_its_response_comes_back() {
    let address = site().await;
    let authority = format!("localhost:{}", address.port());
    let lattice = fetch(&format!("allow = [\"http://{authority}\"]\nprivate = true")).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let saw = lattice
        .request_with(
            "lattice.default.call.fetch.fetch",
            &[("traceparent", trace)],
            json!([order("GET", &authority, "/saw", "")]).to_string(),
        )
        .await
        .json();
    assert_eq!(saw["ok"]["status"], 200, "{saw}");
    let header = |name: &str| {
        let mut headers = saw["ok"]["headers"].as_array().unwrap().iter();
        let header = headers.find(|header| header[0] == name);
        header
            .and_then(|header| header[1].as_str())
            .unwrap_or_default()
    };
    assert_eq!(
        (header("x-method"), header("x-host")),
        ("GET", authority.as_str())
    );
    assert!(
        header("x-trace").starts_with("00-0af7651916cd43dd8448eb211c80319c-"),
        "{saw}"
    );
    bodies_come_back(&lattice, &authority).await;
}

/// Bodies of a few bytes and of many more than fit a message, taken whole and left half-read.
async fn bodies_come_back(lattice: &Lattice, authority: &str) {
    let echo = lattice.call(
        "fetch.fetch",
        json!([order("PUT", authority, "/echo", "aGVsbG8=")]),
    );
    assert_eq!(
        page(&echo.await.json()),
        json!({"status": 200, "body": "aGVsbG8="})
    );
    let swung = lattice.call(
        "fetch.swing",
        json!([order("PUT", authority, "/echo", ""), 8 << 20]),
    );
    assert_eq!(swung.await.json(), json!({"ok": 8 << 20}));
    let glance = lattice.call(
        "fetch.glance",
        json!([order("PUT", authority, "/echo", "aGVsbG8=")]),
    );
    assert_eq!(glance.await.json(), json!({"ok": 200}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_an_inline_provider_bodies_of_any_size_pass_without_nats() {
    let address = site().await;
    let authority = format!("localhost:{}", address.port());
    let link = format!("allow = [\"http://{authority}\"]\nprivate = true");
    let lattice = fetch_by("inline = true", &link).await;
    let mut wire = Wire::listen(lattice.plain()).await;
    bodies_come_back(&lattice, &authority).await;
    assert_eq!(
        wire.calls_to("fetch").len(),
        3,
        "what goes over NATS is seen"
    );
    assert_eq!(wire.calls_to("out"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_link_does_not_grant_is_refused_and_the_actors_log_says_what_to_write() {
    let address = site().await;
    let authority = format!("localhost:{}", address.port());
    let lattice = fetch(&format!("allow = [\"http://{authority}\"]")).await;
    let logs = lattice.logs().await;
    let inside = lattice
        .call("fetch.fetch", json!([order("GET", &authority, "/saw", "")]))
        .await;
    let code = inside.json()["err"].as_str().unwrap().to_owned();
    assert!(code.contains("DestinationIpProhibited"), "{code}");
    logs.with("fetch", "private = true for all of them").await;

    let other = lattice
        .call("fetch.fetch", json!([order("GET", "example.com", "/", "")]))
        .await;
    let code = other.json()["err"].as_str().unwrap().to_owned();
    assert!(code.contains("HttpRequestDenied"), "{code}");
    logs.with("fetch", "write allow = [\"http://example.com\"]")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_link_the_actor_does_not_start_and_is_told_what_to_write() {
    let lattice = one_host().await;
    let manifest = "name = \"app\"\n[actor.fetch]\ncomponent = \"fetch\"\n";
    lattice.try_apply(manifest).await.unwrap();
    let reason = eventually("the actor failed", async || {
        let list = lattice.control("actor.list", json!({})).await;
        match list["value"][0]["hosts"]["a"]["reason"].as_str() {
            Some(reason) => Ok(reason.to_owned()),
            None => Err(list),
        }
    })
    .await;
    assert!(reason.contains("wasi:http/outgoing-handler"), "{reason}");
    assert!(
        reason.contains(r#"[actor.fetch.link."wasi:http"]"#),
        "{reason}"
    );
}
