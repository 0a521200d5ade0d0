//! Every guest in `actors/` has a test that runs it: the table below, which a test compares with
//! the folders.

use lattice_tests::{Lattice, eventually, guest};
use serde_json::json;

use crate::one_host;

/// One test for each guest: what it needs beside its component, and what shows that it runs.
macro_rules! guests {
    ($($test:ident: $guest:literal $more:tt => $works:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let lattice = one_host().await;
                let manifest = format!(
                    "name = \"app\"\n[actor.guest]\ncomponent = \"{}\"\n{}", $guest, $more
                );
                lattice.try_apply(&manifest).await.unwrap();
                $works(lattice).await;
            }
        )*

        const TABLE: &[&str] = &[$($guest),*];
    };
}

guests! {
    auth_runs: "auth" KEY_VALUE => validates,
    counter_runs: "counter" KEY_VALUE => counts,
    greeter_runs: "greeter" "" => greets,
    hasher_runs: "hasher" "" => hashes,
    logger_runs: "logger" "" => logs,
    processor_runs: "processor" LOGGER => processes,
    types_runs: "types" "" => shouts,
    relay_runs: "relay" TYPES => shouts,
    loop_back_runs: "loop-back" ITSELF => hops,
    async_echo_runs: "async-echo" ASYNC => echoes,
    errand_runs: "errand" ERRAND => says,
    fetch_runs: "fetch" OUTWARD => is_refused_by_its_link,
    buckets_runs: "buckets" KEY_VALUE => keeps,
    watcher_runs: "watcher" KEY_VALUE => hears,
    swaps_runs: "swaps" KEY_VALUE => swaps,
    early_batch_runs: "early-batch" KEY_VALUE => reads_many,
    misbehave_runs: "misbehave" "" => is_fresh,
    worlds_runs: "worlds" "" => sees_nothing,
    program_runs: "program" "" => ends_well,
    program_async_runs: "program-async" "" => ends_well,
    service_runs: "service" WEB => echoes_a_request,
    flows_runs: "flows" FLOWS => adds_a_stream,
    crossed_is_refused: "crossed" "" => does_not_start,
    wide_table_is_refused: "wide-table" "" => does_not_start,
    needy_is_refused: "needy" "" => does_not_start,
    bad_http_runs: "bad-http" "" => answers_a_status,
    wstd_server_runs: "wstd-server" "" => greets_by_http,
    wasi_proxy_runs: "wasi-proxy" "" => finishes,
    keeper_is_refused: "keeper" "" => does_not_start,
    borrower_is_refused: "borrower" KEEPER => does_not_start,
}

const KEY_VALUE: &str = r#"
    [actor.guest.link."wasi:keyvalue"]
    to = "kv"
    [provider.kv]
    kind = "keyvalue"
"#;

const LOGGER: &str = r#"
    [actor.guest.link."cyber:system/logging"]
    to = "logger"
    [actor.logger]
    component = "logger"
"#;

const TYPES: &str = r#"
    [actor.guest.link."lattice:test"]
    to = "types"
    [actor.types]
    component = "types"
"#;

const ITSELF: &str = r#"
    [actor.guest.link."lattice:test"]
    to = "guest"
"#;

const ASYNC: &str = r#"
    [actor.guest.link."lattice:async-echo"]
    to = "guest"
"#;

const FLOWS: &str = r#"
    [actor.guest.link."lattice:flows"]
    to = "guest"
"#;

const WEB: &str = r#"
    [actor.guest.link."wasi:http"]
    to = "web"
    [provider.web]
    kind = "http"
    config = { listen = "127.0.0.1:0" }
"#;

const ERRAND: &str = r#"
    [actor.guest.link."lattice:errand"]
    to = "guest"
"#;

const OUTWARD: &str = r#"
    [actor.guest.link."wasi:http/outgoing-handler"]
    to = "out"
    [provider.out]
    kind = "http"
"#;

const KEEPER: &str = r#"
    [actor.guest.link."lattice:handles"]
    to = "keeper"
    [provider.keeper]
    external = true
"#;

#[test]
fn no_guest_is_left_out() {
    let table = TABLE.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        guest::all(),
        table,
        "a guest in actors/ needs a line in the table of this file"
    );
}

/// Calls until there is an answer that is no error: the guest and what it links to come up.
async fn answer(
    lattice: &Lattice,
    function: &str,
    arguments: serde_json::Value,
) -> serde_json::Value {
    eventually(&format!("{function} answers"), async || {
        let subject = format!("lattice.default.call.guest.{function}");
        match lattice
            .try_request(&subject, &[], arguments.to_string())
            .await
        {
            Ok(reply) if !reply.failed() => Ok(reply.json()),
            other => Err(other),
        }
    })
    .await
}

async fn counts(lattice: Lattice) {
    eventually("the counter reads its store", async || {
        let request = json!({"method": "HEAD", "path": "/"});
        let response = answer(&lattice, "handle", request).await;
        let zero = json!(["x-count", "0"]);
        let found = response["headers"]
            .as_array()
            .is_some_and(|headers| headers.contains(&zero));
        if response["status"] == 200 && found {
            Ok(())
        } else {
            Err(response)
        }
    })
    .await;
}

async fn validates(lattice: Lattice) {
    let issued = eventually("the store is there", async || {
        match answer(&lattice, "issue", json!(["alice", 60])).await {
            issued if issued["ok"]["key"].is_string() => Ok(issued["ok"].clone()),
            other => Err(other),
        }
    })
    .await;
    let grant = answer(&lattice, "validate", json!([issued["key"]])).await;
    assert_eq!(grant["ok"]["user-id"], "alice", "{grant}");
}

async fn greets(lattice: Lattice) {
    assert_eq!(
        answer(&lattice, "greet", json!(["World"])).await,
        "Hello, World!"
    );
}

async fn hashes(lattice: Lattice) {
    // The bytes of "abc" as JSON writes them, and the most famous of all hashes.
    let hash = answer(&lattice, "hash-payload", json!(["YWJj"])).await;
    let wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hash, wanted);
}

async fn logs(lattice: Lattice) {
    let logs = lattice.logs().await;
    let answered = answer(&lattice, "log", json!(["mind the gap", "warn"])).await;
    assert_eq!(answered, json!(null));
    logs.with("guest", "[warn] mind the gap").await;
}

async fn processes(lattice: Lattice) {
    let logs = lattice.logs().await;
    // What it logs leaves through its link, and arrives under the name of who answers.
    let done = answer(&lattice, "process", json!(["YWJj"])).await;
    assert_eq!(done, json!({"ok": "ABC"}));
    logs.with("logger", "[info] processing 3 bytes").await;
    let refused = answer(&lattice, "process", json!([""])).await;
    assert_eq!(refused, json!({"err": "the data is empty"}));
}

async fn shouts(lattice: Lattice) {
    // Two guests have it, each in a package of its own.
    let endpoints = eventually("it is inspected", async || {
        let reply = lattice
            .control("actor.inspect", json!({"name": "guest"}))
            .await;
        match reply["value"]["endpoints"].as_object() {
            Some(endpoints) => Ok(endpoints.clone()),
            None => Err(reply),
        }
    })
    .await;
    let shout = endpoints
        .keys()
        .find(|name| name.ends_with("/shout.echo-string"))
        .unwrap();
    assert_eq!(answer(&lattice, shout, json!(["a"])).await, "A");
}

async fn hops(lattice: Lattice) {
    assert_eq!(answer(&lattice, "hop", json!([3])).await, 3);
    // A cycle ends at a bound, and the caller is told what it is.
    let failure = lattice.call("guest.hop", json!([1000])).await.failure();
    assert!(failure.message.contains("cycle"), "{failure:?}");
}

async fn echoes(lattice: Lattice) {
    assert_eq!(answer(&lattice, "echo", json!(["a"])).await, "a");
    let wide = json!({ "a": "x", "b": "AAE=", "c": 7, "d": null });
    assert_eq!(answer(&lattice, "swap", json!([wide])).await, wide);
}

async fn says(lattice: Lattice) {
    let text = answer(&lattice, "lattice:errand/orders.say", json!(["a"])).await;
    assert_eq!(text, "a");
}

async fn is_refused_by_its_link(lattice: Lattice) {
    let order = json!({"method": "GET", "scheme": "https", "authority": "example.com",
        "path": "/", "headers": [], "body": ""});
    eventually("its provider is there", async || {
        let page = answer(&lattice, "fetch", json!([order])).await;
        match page["err"].as_str() {
            Some(code) if code.contains("HttpRequestDenied") => Ok(()),
            _ => Err(page),
        }
    })
    .await;
}

async fn keeps(lattice: Lattice) {
    eventually("the store is there", async || {
        match answer(&lattice, "put", json!(["numbers", "k", "v"])).await {
            put if put["ok"].is_null() && put.get("err").is_none() => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let got = answer(&lattice, "get", json!(["numbers", "k"])).await;
    assert_eq!(got, json!({"ok": "v"}));
}

async fn hears(lattice: Lattice) {
    let told = answer(&lattice, "on-delete", json!(["default", "k"])).await;
    assert_eq!(told, json!(null));
}

async fn swaps(lattice: Lattice) {
    eventually("the store is there", async || {
        match answer(&lattice, "append", json!(["numbers", "k", "v"])).await {
            tries if tries["ok"].is_u64() => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let keys = answer(&lattice, "keys", json!(["numbers"])).await;
    assert_eq!(keys, json!({"ok": ["k"]}));
}

async fn reads_many(lattice: Lattice) {
    eventually("the store is there", async || {
        match answer(&lattice, "many", json!(["numbers", ["a", "b"]])).await {
            found if found == json!({"ok": ["a", null]}) => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

async fn is_fresh(lattice: Lattice) {
    assert_eq!(answer(&lattice, "count", json!([])).await, 1);
}

async fn sees_nothing(lattice: Lattice) {
    assert_eq!(answer(&lattice, "env", json!([])).await, json!([]));
    assert_eq!(answer(&lattice, "args", json!([])).await, json!([]));
}

async fn ends_well(lattice: Lattice) {
    let ended = answer(&lattice, "wasi:cli/run.run", json!([])).await;
    assert_eq!(ended, json!({"ok": null}));
}

async fn answers_a_status(lattice: Lattice) {
    let request = json!({"method": "GET", "path": "/status?code=418"});
    assert_eq!(answer(&lattice, "handle", request).await["status"], 418);
}

async fn greets_by_http(lattice: Lattice) {
    let request = json!({"method": "GET", "path": "/"});
    let response = answer(&lattice, "handle", request).await;
    // The bytes of its greeting, as JSON writes them.
    assert_eq!(response["body"], "SGVsbG8gZnJvbSB3c3RkIQo=");
}

async fn finishes(lattice: Lattice) {
    let request = json!({"method": "GET", "path": "/unset/finish"});
    let response = answer(&lattice, "handle", request).await;
    assert_eq!(response["body"], "aGFsZg==");
}

async fn adds_a_stream(lattice: Lattice) {
    let sum = answer(&lattice, "lattice:flows/work.sum", json!([[1, 2, 3]])).await;
    assert_eq!(sum, 6);
}

async fn echoes_a_request(lattice: Lattice) {
    // By the short name, by that of its version, and by the one that requests are sent by.
    for name in [
        "handle",
        "wasi:http/handler.handle",
        "wasi:http/incoming-handler.handle",
    ] {
        let request = json!({"method": "POST", "path": "/echo", "body": "YWJj"});
        let response = answer(&lattice, name, request).await;
        assert_eq!(
            (&response["status"], &response["body"]),
            (&json!(200), &json!("YWJj"))
        );
    }
}

async fn does_not_start(lattice: Lattice) {
    eventually("it is refused", async || {
        let list = lattice.control("actor.list", json!({})).await;
        if list["value"][0]["hosts"]["a"]["phase"] == "failed" {
            Ok(())
        } else {
            Err(list)
        }
    })
    .await;
}
