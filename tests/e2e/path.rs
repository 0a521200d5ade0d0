//! The way of a request: HTTP, `provider-http`, an actor, `provider-keyvalue`, JetStream, and back.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use futures_util::future::join_all;
use lattice_tests::{Lattice, eventually, web};
use serde_json::json;

use crate::one_host;

/// A counter behind HTTP, kept in a store.
pub(crate) const COUNTER: &str = r#"
name = "demo"

[actor.counter]
component = "counter"
instances = 8

[actor.counter.link."wasi:keyvalue"]
to = "kv"
bucket = "counts"

[provider.kv]
kind = "keyvalue"
config = { backend = "nats" }

[provider.web]
kind = "http"
config = { listen = "127.0.0.1:0" }

[[provider.web.route]]
path = "/"
actor = "counter"
"#;

async fn count(address: SocketAddr) -> u64 {
    let page = web::get(address, "/").await.unwrap();
    assert_eq!(page.status, 200, "{}", page.text());
    page.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_counts_up_over_two_providers_each_path_by_itself() {
    let lattice = one_host().await;
    lattice.apply(COUNTER).await;
    let address = lattice.address("web").await;
    for wanted in 1..=3 {
        assert_eq!(count(address).await, wanted);
    }
    let other = web::get(address, "/other?query").await.unwrap();
    assert_eq!(other.count(), 1);
    let head = web::send(address, "HEAD", "/", "").await.unwrap();
    assert_eq!(
        (head.status, head.headers["x-count"].to_str().unwrap()),
        (200, "3")
    );
    let put = web::send(address, "PUT", "/", "").await.unwrap();
    assert_eq!(
        (put.status, put.headers["allow"].to_str().unwrap()),
        (405, "GET, HEAD, POST")
    );
    assert_eq!(count(address).await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_concurrent_increments_give_exactly_a_hundred_more() {
    let lattice = one_host().await;
    lattice.apply(COUNTER).await;
    let address = lattice.address("web").await;
    let before = count(address).await;
    let counts = join_all((0..100).map(|_| count(address))).await;
    let distinct: BTreeSet<_> = counts.into_iter().collect();
    let wanted: BTreeSet<_> = (before + 1..=before + 100).collect();
    assert_eq!(distinct, wanted);
    assert_eq!(count(address).await, before + 101);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_count_survives_a_restart_of_everything() {
    let mut lattice = one_host().await;
    lattice.apply(COUNTER).await;
    let before = count(lattice.address("web").await).await;
    lattice.stop_hosts().await;
    lattice.nats().restart().await;
    lattice.host("a").await;
    // Nobody declares the app again: the lattice remembers it.
    let app = lattice.resolve(COUNTER).await;
    lattice.until_running(&app).await;
    assert_eq!(count(lattice.address("web").await).await, before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_actor_stores_is_plain_text_in_a_bucket_that_anybody_can_read() {
    let lattice = one_host().await;
    lattice.apply(COUNTER).await;
    count(lattice.address("web").await).await;
    let jetstream = async_nats::jetstream::new(lattice.plain().clone());
    let stored = eventually("a bucket holds the count", async || {
        use futures_util::TryStreamExt as _;
        let names: Vec<String> = jetstream.stream_names().try_collect().await.unwrap();
        let buckets = names.iter().filter_map(|name| name.strip_prefix("KV_"));
        for bucket in buckets.filter(|bucket| bucket.contains("counts")) {
            let store = jetstream.get_key_value(bucket).await.unwrap();
            let keys: Vec<String> = store.keys().await.unwrap().try_collect().await.unwrap();
            if let Some(key) = keys.first() {
                return Ok(store.get(key).await.unwrap().unwrap());
            }
        }
        Err(names)
    })
    .await;
    assert_eq!(stored, "1");
}

async fn bad_http(config: &str) -> (Lattice, SocketAddr) {
    let lattice = one_host().await;
    let manifest = format!(
        r#"
        name = "bad"
        [actor.bad-http]
        component = "bad-http"
        [actor.slow]
        component = "bad-http"
        limits = {{ time_ms = 2_000 }}
        [provider.web]
        kind = "http"
        config = {{ listen = "127.0.0.1:0"{config} }}
        [[provider.web.route]]
        path = "/bad"
        actor = "bad-http"
        [[provider.web.route]]
        host = "localhost"
        path = "/"
        actor = "bad-http"
        [[provider.web.route]]
        host = "localhost"
        path = "/slow"
        actor = "slow"
        "#
    );
    lattice.apply(&manifest).await;
    let address = lattice.address("web").await;
    (lattice, address)
}

/// A request to the route that takes every path.
async fn to_localhost(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &'static [u8],
) -> web::Page {
    web::send_to(address, "localhost", method, path, body)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_reaches_the_actor_whole_and_its_response_comes_back_whole() {
    let (_lattice, address) = bad_http("").await;
    let echo = to_localhost(address, "POST", "/echo", b"\x00\xffbody").await;
    assert_eq!((echo.status, &echo.body[..]), (200, &b"\x00\xffbody"[..]));
    let status = to_localhost(address, "GET", "/status?code=418", b"").await;
    assert_eq!(status.status, 418);
    let big = to_localhost(address, "GET", "/big?n=500000", b"").await;
    assert_eq!((big.status, big.body.len()), (200, 500_000));
    assert!(big.body.iter().all(|byte| *byte == b'x'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_actor_answers_has_a_status_and_a_code_that_say_why() {
    let (lattice, address) = bad_http(", body_bytes_max = 1000").await;
    let get = async |path| to_localhost(address, "GET", path, b"").await;
    let no_route = web::get(address, "/nowhere").await.unwrap();
    assert_eq!((no_route.status, &*no_route.code()), (404, "no-route"));
    for path in ["/trap", "/never-set", "/error"] {
        assert_trapped(&get(path).await);
    }
    // Where half the body has left before the trap, it breaks off instead.
    let late = web::send_to(address, "localhost", "GET", "/trap-late", "").await;
    if let Ok(page) = late {
        assert_trapped(&page);
    }
    let slow = get("/slow").await;
    assert_eq!((slow.status, &*slow.code()), (504, "deadline"));
    let large = to_localhost(address, "POST", "/echo", &[b'x'; 1001]).await;
    assert_eq!((large.status, &*large.code()), (413, "too-large"));
    let just = to_localhost(address, "POST", "/echo", &[b'x'; 1000]).await;
    assert_eq!((just.status, just.body.len()), (200, 1000));
    let health = web::get(address, "/healthz").await.unwrap();
    assert_eq!(health.status, 200);

    let scaled = lattice
        .control("actor.scale", json!({"name": "bad-http", "instances": 0}))
        .await;
    assert_eq!(scaled["ok"], true, "{scaled}");
    let gone = eventually("the actor is gone", async || {
        let page = get("/status?code=204").await;
        if page.status == 503 {
            Ok(page)
        } else {
            Err(page.status)
        }
    })
    .await;
    assert_eq!(gone.code(), "unavailable");
    assert_eq!(gone.headers["retry-after"], "1");
}

fn assert_trapped(page: &web::Page) {
    let text = page.text();
    assert_eq!((page.status, &*page.code()), (502, "trapped"), "{text}");
    assert!(
        !text.contains("asked to"),
        "a guest's words stay in the log: {text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_that_fits_no_message_comes_whole_and_the_connection_stays() {
    let (_lattice, address) = bad_http("").await;
    let large = to_localhost(address, "GET", "/big?n=3000000", b"").await;
    assert_eq!((large.status, large.body.len()), (200, 3_000_000));
    let next = to_localhost(address, "GET", "/status?code=204", b"").await;
    assert_eq!(next.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_and_limits_change_while_the_server_runs() {
    let lattice = one_host().await;
    lattice.apply(COUNTER).await;
    let address = lattice.address("web").await;
    assert_eq!(count(address).await, 1);
    let moved = COUNTER.replace("path = \"/\"", "path = \"/moved\"");
    lattice.try_apply(&moved).await.unwrap();
    eventually("the old route is gone", async || {
        let page = web::get(lattice.address("web").await, "/")
            .await
            .map_err(|e| e.to_string())?;
        if page.status == 404 {
            Ok(())
        } else {
            Err(page.status.to_string())
        }
    })
    .await;
    let page = web::get(lattice.address("web").await, "/moved")
        .await
        .unwrap();
    assert_eq!(page.status, 200);
    assert_eq!(
        lattice.address("web").await,
        address,
        "the port stays over a change of routes"
    );
}
