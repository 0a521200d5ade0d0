//! Local calls go on without NATS: from a real client through the provider, an actor and a store of one
//! host, while there is no server.

use lattice_tests::{Lattice, eventually, web};
use serde_json::json;

use crate::one_host;

/// All in one process: who listens, who answers, who keeps.
const INLINE: &str = r#"
    name = "inline"
    [actor.counter]
    component = "counter"
    [actor.counter.link."wasi:keyvalue"]
    to = "kv"
    [provider.kv]
    kind = "keyvalue"
    inline = true
    config = { backend = "memory" }
    [provider.web]
    kind = "http"
    inline = true
    config = { listen = "127.0.0.1:0" }
    [[provider.web.route]]
    path = "/"
    actor = "counter"
"#;
/// How many requests are made without NATS.
const REQUESTS: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_nats_a_host_serves_what_it_has_and_with_it_again_all_is_as_before() {
    let mut lattice = one_host().await;
    lattice.apply(INLINE).await;
    let address = lattice.address("web").await;
    let count = async || {
        let page = web::get(address, "/").await.unwrap();
        assert_eq!(page.status, 200, "{}", page.text());
        page.count()
    };
    assert_eq!(count().await, 1);
    lattice.nats().kill(0).await;
    for number in 2..=REQUESTS {
        assert_eq!(count().await, number);
    }
    lattice.nats().start_again(0).await;
    // The same process with the same values, by its own way and by that of others.
    assert_eq!(count().await, REQUESTS + 1);
    let request = json!({"method": "GET", "path": "/"});
    eventually("a call over NATS is answered", async || {
        let subject = "lattice.default.call.counter.handle";
        match lattice.try_request(subject, &[], request.to_string()).await {
            Ok(reply) if !reply.failed() && reply.json()["status"] == 200 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    assert!(count().await > REQUESTS + 2);
    lattice_takes_orders(&lattice).await;
}

async fn lattice_takes_orders(lattice: &Lattice) {
    eventually("the lattice takes orders", async || {
        let scale = json!({"name": "counter", "instances": 2});
        match lattice.try_control("actor.scale", scale).await {
            done if done["ok"] == true => Ok(()),
            other => Err(other),
        }
    })
    .await;
    eventually("they are carried out", async || {
        match lattice.placement("counter").await {
            placed if placed.get("a") == Some(&2) => Ok(()),
            other => Err(other),
        }
    })
    .await;
}
