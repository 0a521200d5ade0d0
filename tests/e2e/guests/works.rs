//! What shows that each guest runs.

use futures_util::StreamExt as _;
use lattice_tests::{Lattice, eventually};
use serde_json::{Value, json};

/// Calls until there is an answer that is no error: the guest and what it links to come up.
async fn answer(lattice: &Lattice, function: &str, arguments: Value) -> Value {
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

/// Calls until there is the answer that `is_it`: what the guest links to may come up after it.
async fn settles(
    lattice: &Lattice,
    function: &str,
    arguments: Value,
    is_it: impl Fn(&Value) -> bool,
) -> Value {
    eventually(&format!("{function} settles"), async || {
        match answer(lattice, function, arguments.clone()).await {
            answer if is_it(&answer) => Ok(answer),
            other => Err(other),
        }
    })
    .await
}

pub(super) async fn counts(lattice: Lattice) {
    let request = json!({"method": "HEAD", "path": "/"});
    let zero = json!(["x-count", "0"]);
    settles(&lattice, "handle", request, |response| {
        let headers = response["headers"].as_array();
        response["status"] == 200 && headers.is_some_and(|headers| headers.contains(&zero))
    })
    .await;
}

pub(super) async fn validates(lattice: Lattice) {
    let user = json!(["alice", 60]);
    let issued = settles(&lattice, "issue", user, |issued| {
        issued["ok"]["key"].is_string()
    })
    .await;
    let grant = answer(&lattice, "validate", json!([issued["ok"]["key"]])).await;
    assert_eq!(grant["ok"]["user-id"], "alice", "{grant}");
}

pub(super) async fn greets(lattice: Lattice) {
    assert_eq!(
        answer(&lattice, "greet", json!(["World"])).await,
        "Hello, World!"
    );
}

pub(super) async fn hashes(lattice: Lattice) {
    // The bytes of "abc" as JSON writes them, and the most famous of all hashes.
    let hash = answer(&lattice, "hash-payload", json!(["YWJj"])).await;
    let wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hash, wanted);
}

pub(super) async fn logs(lattice: Lattice) {
    let logs = lattice.logs().await;
    let answered = answer(&lattice, "log", json!(["mind the gap", "warn"])).await;
    assert_eq!(answered, json!(null));
    logs.with("guest", "[warn] mind the gap").await;
}

pub(super) async fn processes(lattice: Lattice) {
    let logs = lattice.logs().await;
    // What it logs leaves through its link, and arrives under the name of who answers.
    let done = answer(&lattice, "process", json!(["YWJj"])).await;
    assert_eq!(done, json!({"ok": "ABC"}));
    logs.with("logger", "[info] processing 3 bytes").await;
    let refused = answer(&lattice, "process", json!([""])).await;
    assert_eq!(refused, json!({"err": "the data is empty"}));
}

pub(super) async fn shouts(lattice: Lattice) {
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

pub(super) async fn hops(lattice: Lattice) {
    assert_eq!(answer(&lattice, "hop", json!([3])).await, 3);
    // A cycle ends at a bound, and the caller is told what it is.
    let failure = lattice.call("guest.hop", json!([1000])).await.failure();
    assert!(failure.message.contains("cycle"), "{failure:?}");
}

pub(super) async fn echoes(lattice: Lattice) {
    assert_eq!(answer(&lattice, "echo", json!(["a"])).await, "a");
    let wide = json!({ "a": "x", "b": "AAE=", "c": 7, "d": null });
    assert_eq!(answer(&lattice, "swap", json!([wide])).await, wide);
}

pub(super) async fn says(lattice: Lattice) {
    let text = answer(&lattice, "lattice:errand/orders.say", json!(["a"])).await;
    assert_eq!(text, "a");
}

pub(super) async fn is_refused_by_its_link(lattice: Lattice) {
    let order = json!({"method": "GET", "scheme": "https", "authority": "example.com",
        "path": "/", "headers": [], "body": ""});
    settles(&lattice, "fetch", json!([order]), |page| {
        let code = page["err"].as_str();
        code.is_some_and(|code| code.contains("HttpRequestDenied"))
    })
    .await;
}

pub(super) async fn keeps(lattice: Lattice) {
    settles(&lattice, "put", json!(["numbers", "k", "v"]), |put| {
        *put == json!({"ok": null})
    })
    .await;
    let got = answer(&lattice, "get", json!(["numbers", "k"])).await;
    assert_eq!(got, json!({"ok": "v"}));
}

pub(super) async fn hears(lattice: Lattice) {
    let told = answer(&lattice, "on-delete", json!(["default", "k"])).await;
    assert_eq!(told, json!(null));
}

pub(super) async fn swaps(lattice: Lattice) {
    let pair = json!(["numbers", "k", "v"]);
    settles(&lattice, "append", pair, |tries| tries["ok"].is_u64()).await;
    let keys = answer(&lattice, "keys", json!(["numbers"])).await;
    assert_eq!(keys, json!({"ok": ["k"]}));
}

pub(super) async fn reads_many(lattice: Lattice) {
    let keys = json!(["numbers", ["a", "b"]]);
    settles(&lattice, "many", keys, |found| {
        *found == json!({"ok": ["a", null]})
    })
    .await;
}

pub(super) async fn cries(lattice: Lattice) {
    let subject = "lattice.default.call.shouter.example:text/shout.up";
    let (client, mut calls) = (
        lattice.plain().clone(),
        lattice.plain().subscribe(subject).await.unwrap(),
    );
    tokio::spawn(async move {
        while let Some(call) = calls.next().await {
            let shouted = rmp_serde::to_vec("HO!").unwrap();
            let reply = call.reply.expect("a call wants an answer");
            client.publish(reply, shouted.into()).await.unwrap();
        }
    });
    assert_eq!(answer(&lattice, "cry", json!(["ho"])).await, "HO!");
}

pub(super) async fn is_fresh(lattice: Lattice) {
    assert_eq!(answer(&lattice, "count", json!([])).await, 1);
}

pub(super) async fn sees_nothing(lattice: Lattice) {
    assert_eq!(answer(&lattice, "env", json!([])).await, json!([]));
    assert_eq!(answer(&lattice, "args", json!([])).await, json!([]));
}

pub(super) async fn ends_well(lattice: Lattice) {
    let ended = answer(&lattice, "wasi:cli/run.run", json!([])).await;
    assert_eq!(ended, json!({"ok": null}));
}

pub(super) async fn answers_a_status(lattice: Lattice) {
    let request = json!({"method": "GET", "path": "/status?code=418"});
    assert_eq!(answer(&lattice, "handle", request).await["status"], 418);
}

pub(super) async fn greets_by_http(lattice: Lattice) {
    let request = json!({"method": "GET", "path": "/"});
    let response = answer(&lattice, "handle", request).await;
    // The bytes of its greeting, as JSON writes them.
    assert_eq!(response["body"], "SGVsbG8gZnJvbSB3c3RkIQo=");
}

pub(super) async fn sells_by_http(lattice: Lattice) {
    // A look, which counts nothing: the store comes up after the guest.
    let look = json!({"method": "GET", "path": "/stock/tea"});
    settles(&lattice, "handle", look, |page| page["status"] == 404).await;
    let sale = json!({"method": "POST", "path": "/sold/tea"});
    let page = answer(&lattice, "handle", sale).await;
    // "1", as JSON writes bytes.
    assert_eq!(page["body"], "MQ==", "{page}");
}

pub(super) async fn finishes(lattice: Lattice) {
    let request = json!({"method": "GET", "path": "/unset/finish"});
    let response = answer(&lattice, "handle", request).await;
    assert_eq!(response["body"], "aGFsZg==");
}

pub(super) async fn adds_a_stream(lattice: Lattice) {
    let sum = answer(&lattice, "lattice:flows/work.sum", json!([[1, 2, 3]])).await;
    assert_eq!(sum, 6);
}

pub(super) async fn echoes_a_request(lattice: Lattice) {
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

pub(super) async fn does_not_start(lattice: Lattice) {
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

pub(super) async fn lends_nothing(lattice: Lattice) {
    assert_eq!(answer(&lattice, "count", json!([])).await, 3);
    let lend = lattice.call("guest.lend", json!(["Emma"])).await;
    assert!(lend.failure().is("not-found", 404), "{lend:?}");
}
