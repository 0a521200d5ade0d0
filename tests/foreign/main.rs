//! Components in other languages, which nobody here wrote more of than their few lines: JavaScript
//! and Python in `actors/foreign`.
//!
//! A bare machine has neither toolchain, so that `cargo test --workspace` leaves this out:
//!
//! ```sh
//! actors/foreign/build
//! cargo test -p lattice-cli --test foreign
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests say what must hold by these"
)]

use std::net::SocketAddr;
use std::path::Path;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lattice_tests::{END, Exchange, Lattice, chunk, eventually, web};
use serde_json::json;
use tokio::net::TcpListener;

/// A language, as the names of its components begin.
#[derive(Debug, Clone, Copy)]
struct Language {
    name: &'static str,
    /// What it calls itself in a header of its own.
    says: &'static str,
    /// Whether its HTTP handler imports what needs a link.
    links: bool,
    /// What it answers by itself when its code throws.
    thrown: (u16, &'static str),
    /// What its client gets when its code breaks the body off in the middle.
    broken: &'static str,
}

const JAVASCRIPT: Language = Language {
    name: "js",
    says: "javascript",
    // Its engine imports what `fetch` needs, whether or not the code ever fetches.
    links: true,
    // Its engine makes a response of it.
    thrown: (500, ""),
    // Its engine ends such a body in good order, so that nobody can tell.
    broken: END,
};

const PYTHON: Language = Language {
    name: "python",
    says: "python",
    links: false,
    thrown: (502, "trapped"),
    broken: "",
};

/// One test for each language: its components are compiled once for all promises, as that takes longer
/// than everything else.
macro_rules! every_language {
    ($($promise:ident,)*) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn javascript_keeps_every_promise() {
            let running = Running::start(JAVASCRIPT).await;
            $($promise(&running).await;)*
            a_request_of_its_own_leaves_through_its_link_alone(&running).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn python_keeps_every_promise() {
            let running = Running::start(PYTHON).await;
            $($promise(&running).await;)*
            // StarlingMonkey handles one event in an instance, and traps at the second.
            a_kept_instance_serves_one_request_after_the_other(&running).await;
        }
    };
}

every_language! {
    plain_functions_take_and_answer_values,
    a_request_comes_back_while_it_is_still_sent,
    large_bodies_stream_both_ways,
    an_error_before_the_response_is_told,
    an_error_in_the_middle_of_the_body_ends_as_the_component_ends_it,
}

async fn one_host() -> Lattice {
    let mut lattice = Lattice::start(Path::new(env!("CARGO_BIN_EXE_lattice"))).await;
    lattice.host("a").await;
    lattice
}

/// The host in requests for the actor whose instances are kept.
const KEPT: &str = "kept.test";

/// The components of a language.
struct Running {
    language: Language,
    lattice: Lattice,
    /// Where its HTTP handler answers.
    address: SocketAddr,
    /// Where its own requests may go.
    upstream: SocketAddr,
}

/// A server that sends back what it gets, with what it saw in front.
async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|request: http::Request<Incoming>| async move {
                let mine = request.headers().contains_key("x-mine");
                let saw = format!("{} {mine} ", request.method());
                let body = request.into_body().collect().await?.to_bytes();
                let said = [saw.as_bytes(), &body].concat();
                Ok::<_, hyper::Error>(http::Response::new(Full::<bytes::Bytes>::from(said)))
            });
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(served);
        }
    });
    address
}

impl Running {
    async fn start(language: Language) -> Self {
        let lattice = one_host().await;
        let upstream = upstream().await;
        let name = language.name;
        let plain = format!("foreign/{name}-plain");
        let manifest = format!("name = \"plain\"\n[actor.plain]\ncomponent = \"{plain}\"");
        lattice.apply(&manifest).await;
        let actor = |actor: &str, more: &str| {
            let link = match language.links {
                true => format!(
                    "[actor.{actor}.link.\"wasi:http\"]\nto = \"http\"\n\
                     allow = [\"http://{upstream}\"]\nprivate = true\n"
                ),
                false => String::new(),
            };
            format!("[actor.{actor}]\ncomponent = \"foreign/{name}-web\"\n{more}\n{link}")
        };
        let manifest = format!(
            r#"
            name = "web"
            {}
            {}
            [provider.http]
            kind = "http"
            config = {{ listen = "127.0.0.1:0", timeout_ms = 30_000 }}
            [[provider.http.route]]
            path = "/"
            actor = "web"
            [[provider.http.route]]
            host = "{KEPT}"
            path = "/"
            actor = "kept"
            "#,
            actor("web", ""),
            actor("kept", "instance = \"reuse\"\ninstances = 1"),
        );
        lattice.apply(&manifest).await;
        let address = lattice.address("http").await;
        Self {
            language,
            lattice,
            address,
            upstream,
        }
    }
}

async fn plain_functions_take_and_answer_values(running: &Running) {
    let ask = async |function: &str, argument: &str| {
        let endpoint = format!("plain.example:foreign/words.{function}");
        running
            .lattice
            .call(&endpoint, json!([argument]))
            .await
            .json()
    };
    let counted = json!({"text": "é b é", "words": [["é", 2], ["b", 1]]});
    assert_eq!(ask("count", "é b é").await, json!({ "ok": counted }));
    assert_eq!(ask("count", " ").await, json!({"err": "empty"}));
    let long = "a".repeat(2000);
    assert_eq!(
        ask("count", &long).await,
        json!({"err": {"too-long": 2000}})
    );
    // The bytes of "abc" and "cba", as JSON writes them.
    assert_eq!(ask("reverse", "YWJj").await, "Y2Jh");
}

async fn a_request_comes_back_while_it_is_still_sent(running: &Running) {
    let mut exchange = Exchange::post(running.address, "/echo").await;
    exchange.send(&chunk("one")).await;
    let head = exchange.accepted().await;
    let says = format!("x-language: {}\r\n", running.language.says);
    assert!(head.contains(&says), "{head}");
    exchange.until(&chunk("one")).await;
    for text in ["two", "three"] {
        exchange.send(&chunk(text)).await;
        exchange.until(&chunk(text)).await;
    }
    exchange.send(END).await;
    assert_eq!(exchange.rest().await, END);
    let missing = web::get(running.address, "/missing").await.unwrap();
    assert_eq!(
        (missing.status, &*missing.text()),
        (404, "there is no such page\n")
    );
}

async fn large_bodies_stream_both_ways(running: &Running) {
    const BYTES: usize = 5 << 20;
    let body: Vec<u8> = (0..BYTES).map(|i| (i / 7) as u8).collect();
    let echo = web::send(running.address, "POST", "/echo", body.clone())
        .await
        .unwrap();
    assert_eq!(echo.status, 200, "{}", echo.text());
    assert!(echo.body == body, "the bytes are others");
}

async fn an_error_before_the_response_is_told(running: &Running) {
    let page = web::get(running.address, "/throw").await.unwrap();
    assert_eq!((page.status, &*page.code()), running.language.thrown);
}

async fn an_error_in_the_middle_of_the_body_ends_as_the_component_ends_it(running: &Running) {
    let mut exchange = Exchange::post(running.address, "/half").await;
    exchange.send(&chunk("half")).await;
    exchange.accepted().await;
    exchange.until(&chunk("half")).await;
    exchange.send(&chunk("x")).await;
    assert_eq!(exchange.rest().await, running.language.broken);
}

async fn a_request_of_its_own_leaves_through_its_link_alone(running: &Running) {
    let fetch = async |to: &str, body: String| {
        let path = format!("/fetch?to={to}");
        web::send(running.address, "POST", &path, body)
            .await
            .unwrap()
    };
    let upstream = format!("http://{}/", running.upstream);
    let large = "x".repeat(300_000);
    for body in ["", "hello", &large] {
        let page = fetch(&upstream, body.to_owned()).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(
            page.text() == format!("POST true {body}"),
            "{} bytes",
            body.len()
        );
    }
    let page = fetch("http://example.com/", String::new()).await;
    assert_eq!((page.status, &*page.code()), running.language.thrown);
}

async fn a_kept_instance_serves_one_request_after_the_other(running: &Running) {
    for n in 0..20 {
        let text = format!("request {n}");
        let echo = web::send_to(running.address, KEPT, "POST", "/echo", text.clone()).await;
        assert_eq!(echo.unwrap().text(), text);
    }
}

/// Nothing of a host is open unless somebody wrote it down, also where a language's engine imports
/// more than its code uses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_may_fetch_is_refused_without_a_link_and_the_line_to_write_is_named() {
    let lattice = one_host().await;
    let manifest = "name = \"foreign\"\n[actor.web]\ncomponent = \"foreign/js-web\"";
    lattice.try_apply(manifest).await.unwrap();
    let why = eventually("it is refused", async || {
        let list = lattice.control("actor.list", json!({})).await;
        let placement = list["value"][0]["hosts"]["a"].clone();
        match placement["phase"] == "failed" {
            true => Ok(placement.to_string()),
            false => Err(list),
        }
    })
    .await;
    assert!(why.contains("[actor.web.link."), "{why}");
}
