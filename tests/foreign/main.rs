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

use lattice_tests::{END, Exchange, Lattice, chunk, eventually, web};
use serde_json::json;

/// A language, as the names of its components begin.
#[derive(Debug, Clone, Copy)]
struct Language {
    name: &'static str,
    /// What it calls itself in a header of its own.
    says: &'static str,
    /// Further lines of its HTTP handler's manifest.
    link: &'static str,
    /// What it answers by itself when its code throws.
    thrown: (u16, &'static str),
}

const JAVASCRIPT: Language = Language {
    name: "js",
    says: "javascript",
    // Its engine imports what `fetch` needs, whether or not the code ever fetches.
    link: "[actor.web.link.\"wasi:http\"]\nto = \"http\"",
    // Its engine makes a response of it.
    thrown: (500, ""),
};

const PYTHON: Language = Language {
    name: "python",
    says: "python",
    link: "",
    thrown: (502, "trapped"),
};

/// One test for each language.
macro_rules! every_language {
    ($($promise:ident,)*) => {
        mod javascript {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(super::JAVASCRIPT).await;
                }
            )*
        }

        mod python {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(super::PYTHON).await;
                }
            )*
        }
    };
}

every_language! {
    plain_functions_take_and_answer_values,
    a_request_comes_back_while_it_is_still_sent,
    large_bodies_stream_both_ways,
    an_error_before_the_response_is_told,
    an_error_in_the_middle_of_the_body_never_looks_whole,
    a_kept_instance_serves_one_request_after_the_other,
}

async fn one_host() -> Lattice {
    let mut lattice = Lattice::start(Path::new(env!("CARGO_BIN_EXE_lattice"))).await;
    lattice.host("a").await;
    lattice
}

/// The handler of this language behind real HTTP; `more` are further lines of its table.
async fn web(language: Language, more: &str) -> (Lattice, SocketAddr) {
    let lattice = one_host().await;
    let Language { name, link, .. } = language;
    let manifest = format!(
        r#"
        name = "foreign"
        [actor.web]
        component = "foreign/{name}-web"
        {more}
        {link}
        [provider.http]
        kind = "http"
        config = {{ listen = "127.0.0.1:0", timeout_ms = 30_000 }}
        [[provider.http.route]]
        path = "/"
        actor = "web"
        "#
    );
    lattice.apply(&manifest).await;
    let address = lattice.address("http").await;
    (lattice, address)
}

async fn plain_functions_take_and_answer_values(language: Language) {
    let lattice = one_host().await;
    let component = format!("foreign/{}-plain", language.name);
    let manifest = format!("name = \"foreign\"\n[actor.plain]\ncomponent = \"{component}\"");
    lattice.apply(&manifest).await;
    let ask = async |function: &str, argument: &str| {
        let endpoint = format!("plain.example:foreign/words.{function}");
        lattice.call(&endpoint, json!([argument])).await.json()
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

async fn a_request_comes_back_while_it_is_still_sent(language: Language) {
    let (_lattice, address) = web(language, "").await;
    let mut exchange = Exchange::post(address, "/echo").await;
    exchange.send(&chunk("one")).await;
    let head = exchange.accepted().await;
    let says = format!("x-language: {}\r\n", language.says);
    assert!(head.contains(&says), "{head}");
    exchange.until(&chunk("one")).await;
    for text in ["two", "three"] {
        exchange.send(&chunk(text)).await;
        exchange.until(&chunk(text)).await;
    }
    exchange.send(END).await;
    assert_eq!(exchange.rest().await, END);
    let missing = web::get(address, "/missing").await.unwrap();
    assert_eq!(
        (missing.status, &*missing.text()),
        (404, "there is no such page\n")
    );
}

async fn large_bodies_stream_both_ways(language: Language) {
    const BYTES: usize = 5 << 20;
    let (_lattice, address) = web(language, "").await;
    let body: Vec<u8> = (0..BYTES).map(|i| (i / 7) as u8).collect();
    let echo = web::send(address, "POST", "/echo", body.clone())
        .await
        .unwrap();
    assert_eq!(echo.status, 200, "{}", echo.text());
    assert!(echo.body == body, "the bytes are others");
}

async fn an_error_before_the_response_is_told(language: Language) {
    let (_lattice, address) = web(language, "").await;
    let page = web::get(address, "/throw").await.unwrap();
    assert_eq!((page.status, &*page.code()), language.thrown);
}

async fn an_error_in_the_middle_of_the_body_never_looks_whole(language: Language) {
    let (_lattice, address) = web(language, "").await;
    let mut exchange = Exchange::post(address, "/half").await;
    exchange.send(&chunk("half")).await;
    exchange.accepted().await;
    exchange.until(&chunk("half")).await;
    exchange.send(&chunk("x")).await;
    assert_eq!(exchange.rest().await, "");
}

async fn a_kept_instance_serves_one_request_after_the_other(language: Language) {
    let (_lattice, address) = web(language, "instance = \"reuse\"\ninstances = 1").await;
    for n in 0..20 {
        let text = format!("request {n}");
        let echo = web::send(address, "POST", "/echo", text.clone()).await;
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
