//! What is kept for a time.

use lattice_tests::eventually;
use serde_json::json;

use super::bucket::Stores;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_has_its_time_where_the_store_keeps_time_and_elsewhere_that_is_denied() {
    let stores = Stores::none().await;
    let lattice = &stores.lattice;
    let timed = ["nats", "redis", "memory"];
    let actors = ["nats", "redis", "memory", "file"].map(|backend| {
        format!(
            "[actor.at-{backend}]\ncomponent = \"buckets\"\n\
             link.\"wasi:keyvalue\" = {{ to = \"{backend}\", bucket = \"b\", ttl_s = 1 }}\n"
        )
    });
    let manifest = format!("{}{}", stores.manifest(), actors.concat());
    lattice.apply(&manifest).await;
    for backend in timed {
        let call = async |function: &str, arguments| {
            let endpoint = format!("at-{backend}.{function}");
            lattice.call(&endpoint, arguments).await.json()
        };
        // Through no link, so for good.
        let kept = json!(["b", "kept", [118]]);
        let set = format!("{backend}.wasi:keyvalue/store.bucket.set");
        assert_eq!(lattice.call(&set, kept).await.json(), json!({"ok": null}));
        eventually("a value is written", async || {
            match call("put", json!(["b", "k", "v"])).await {
                done if done == json!({"ok": null}) => Ok(()),
                other => Err(other),
            }
        })
        .await;
        eventually("its time is over", async || {
            match call("get", json!(["b", "k"])).await {
                none if none == json!({"ok": null}) => Ok(()),
                other => Err(other),
            }
        })
        .await;
        let kept = call("get", json!(["b", "kept"])).await;
        assert_eq!(kept, json!({"ok": "v"}), "{backend}");
    }
    eventually("a time is refused", async || {
        let put = json!(["b", "k", "v"]);
        match lattice.call("at-file.put", put).await.json() {
            denied if denied == json!({"err": "access denied"}) => Ok(()),
            other => Err(other),
        }
    })
    .await;
}
