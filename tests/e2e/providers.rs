//! Providers: how they are watched, told their settings, and run inside a host.

mod asked;
mod copies;
mod creds;
mod hung;
mod killed;
mod tutorial;

use std::net::TcpListener;

use futures_util::{FutureExt as _, StreamExt as _};
use lattice_tests::{Lattice, eventually, free_port, web};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::links::Wire;
use crate::{one_host, program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_hangs_is_found_out_while_another_answers_and_is_replaced() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host("a").await;
    lattice.host("b").await;
    lattice
        .apply("name = \"store\"\n[provider.kv]\nkind = \"keyvalue\"\ncopies = 2\n")
        .await;
    let events = lattice.events().await;
    let hung = pid_on(&lattice, "a").await;
    kill_process(hung, Signal::STOP).unwrap();
    let failed = events.of("provider.failed", "provider/kv").await;
    assert!(
        failed["source"].as_str().unwrap().ends_with("/host/a"),
        "{failed}"
    );
    assert!(
        failed["data"]["reason"]
            .as_str()
            .unwrap()
            .contains("does not answer"),
        "{failed}"
    );
    assert_eq!(phase(&lattice, "kv", "b").await, "running");
    let crashed = events.of("provider.crashed", "provider/kv").await;
    assert!(
        crashed["data"]["exit"]
            .as_str()
            .unwrap()
            .contains("did not answer"),
        "{crashed}"
    );
    eventually("both copies run", async || {
        let phases = [
            phase(&lattice, "kv", "a").await,
            phase(&lattice, "kv", "b").await,
        ];
        match phases == ["running", "running"] {
            true => Ok(()),
            false => Err(phases),
        }
    })
    .await;
    assert_ne!(pid_on(&lattice, "a").await, hung);
    for _ in 0..50 {
        let reply = lattice.call("kv.increment", json!(["b", "k", 1])).await;
        assert!(!reply.failed(), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_a_provider_refuses_are_told_and_tried_again_until_it_takes_them() {
    let lattice = one_host().await;
    let web = |listen: &str| {
        format!(
            "name = \"web\"\n[provider.web]\nkind = \"http\"\nconfig = {{ listen = \"{listen}\" }}\n"
        )
    };
    lattice.apply(&web("127.0.0.1:0")).await;
    let before = lattice.address("web").await;
    let taken = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let wanted = taken.local_addr().unwrap();
    lattice.try_apply(&web(&wanted.to_string())).await.unwrap();
    let reason = eventually("the refusal is told", async || {
        let listed = lattice.control("provider.list", json!({})).await;
        match listed["value"][0]["hosts"]["a"]["reason"].as_str() {
            Some(reason) => Ok(reason.to_owned()),
            None => Err(listed),
        }
    })
    .await;
    for words in ["refuses its settings", &wanted.to_string()] {
        assert!(reason.contains(words), "{words}: {reason}");
    }
    assert_eq!(lattice.address("web").await, before, "those before stay");
    drop(taken);
    eventually("it takes them by itself", async || {
        let (address, phase) = (
            lattice.address("web").await,
            phase(&lattice, "web", "a").await,
        );
        match address == wanted && phase == "running" {
            true => Ok(()),
            false => Err((address, phase)),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_runs_inline_answers_actors_without_nats_and_others_over_it() {
    let lattice = one_host().await;
    lattice
        .apply(
            "name = \"app\"\n[actor.counter]\ncomponent = \"counter\"\n\
             [actor.counter.link.\"wasi:keyvalue\"]\nto = \"kv\"\nbucket = \"counts\"\n\
             [provider.kv]\nkind = \"keyvalue\"\ninline = true\nconfig = { backend = \"memory\" }\n",
        )
        .await;
    let report = inventory(&lattice, "a").await;
    assert!(report["providers"]["kv"]["pid"].is_null(), "{report}");
    let subject = "lattice.default.call.kv.>";
    let mut over_nats = lattice.plain().subscribe(subject).await.unwrap();
    lattice.plain().flush().await.unwrap();
    for method in [["GET"; 20].as_slice(), &["HEAD"]].concat() {
        let request = json!({"method": method, "path": "/"});
        let page = lattice.call("counter.handle", request).await.json();
        assert_eq!(page["status"], 200, "{page}");
        let counted = json!(["x-count", "20"]);
        let headers = page["headers"].as_array().unwrap();
        assert_eq!(headers.contains(&counted), method == "HEAD", "{page}");
    }
    // Before this one nothing came: the server hands out in order.
    let counted = lattice
        .call("kv.bucket.exists", json!(["counts", "x"]))
        .await;
    assert_eq!(counted.json(), json!({"ok": false}));
    let first = over_nats.next().await.unwrap();
    assert!(first.subject.ends_with("bucket.exists"), "{first:?}");
    assert!(over_nats.next().now_or_never().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inline_store_tells_the_actors_of_its_host_what_changes_without_nats() {
    let lattice = one_host().await;
    lattice
        .apply(
            "name = \"app\"\n[actor.ear]\ncomponent = \"watcher\"\n\
             link.\"wasi:keyvalue\" = { to = \"kv\", bucket = \"b\", watch = \"in/\" }\n\
             [provider.kv]\nkind = \"keyvalue\"\ninline = true\nconfig = { backend = \"memory\" }\n",
        )
        .await;
    let mut wire = Wire::listen(lattice.plain()).await;
    eventually("the actor has heard", async || {
        let set = lattice.call("kv.bucket.set", json!(["b", "in/k", [49]]));
        assert_eq!(set.await.json(), json!({"ok": null}));
        let heard = lattice.call("kv.bucket.get", json!(["b", "heard"]));
        match heard.await.json() {
            nothing if nothing["ok"].is_null() => Err(nothing),
            _ => Ok(()),
        }
    })
    .await;
    assert!(!wire.calls_to("kv").is_empty());
    assert_eq!(wire.calls_to("ear"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inline_http_provider_reaches_actors_of_its_host_without_nats_bodies_included() {
    let lattice = one_host().await;
    lattice
        .apply(
            "name = \"edge\"\n[actor.bad-http]\ncomponent = \"bad-http\"\n\
             [provider.web]\nkind = \"http\"\ninline = true\nconfig = { listen = \"127.0.0.1:0\" }\n\
             [[provider.web.route]]\npath = \"/\"\nactor = \"bad-http\"\n",
        )
        .await;
    let address = lattice.address("web").await;
    let mut wire = Wire::listen(lattice.plain()).await;
    for size in [2, 8 << 20] {
        let body: Vec<u8> = (0_u8..251).cycle().take(size).collect();
        let page = web::send(address, "POST", "/echo", body.clone()).await;
        let page = page.unwrap();
        assert_eq!(page.status, 200, "{size}");
        assert!(page.body == body, "{size}: other bytes came back");
    }
    // The server hands out in order: before this one nothing came.
    let direct = lattice.call("bad-http.handle", json!({"method": "GET", "path": "/echo"}));
    assert_eq!(direct.await.json()["status"], 200);
    assert_eq!(wire.calls_to("bad-http").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_word_moves_a_provider_into_the_host_and_out_again() {
    let lattice = one_host().await;
    for (inline, has_process) in [("", true), ("inline = true", false), ("", true)] {
        let manifest = format!("name = \"store\"\n[provider.kv]\nkind = \"keyvalue\"\n{inline}\n");
        lattice.apply(&manifest).await;
        let report = inventory(&lattice, "a").await;
        let pid = &report["providers"]["kv"]["pid"];
        assert_eq!(pid.is_number(), has_process, "{inline:?}: {report}");
        let reply = lattice.call("kv.increment", json!(["b", "k", 1])).await;
        assert!(!reply.failed(), "{inline:?}: {reply:?}");
    }
    let refused = "name = \"x\"\n[provider.x]\nexec = [\"x\"]\ninline = true\n";
    let problem = lattice.try_apply(refused).await.unwrap_err();
    assert!(problem.message.contains("use kind"), "{problem}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_client_may_ask_what_is_declared_for_a_provider_and_sees_when_it_changes() {
    let lattice = one_host().await;
    let manifest = |bucket: &str| {
        format!(
            "name = \"app\"\n[actor.counter]\ncomponent = \"counter\"\n\
             [actor.counter.link.\"wasi:keyvalue\"]\nto = \"kv\"\nbucket = \"{bucket}\"\n\
             [provider.kv]\nexternal = true\nconfig = {{ backend = \"mine\" }}\n"
        )
    };
    lattice.try_apply(&manifest("one")).await.unwrap();
    let settings = async || {
        let asked = json!({"name": "kv"});
        lattice.control("provider.settings", asked).await["value"].clone()
    };
    let first = settings().await;
    assert_eq!(
        (&first["name"], &first["app"]),
        (&json!("kv"), &json!("app"))
    );
    assert_eq!(first["config"], json!({"backend": "mine"}));
    let link = json!([{"source": "counter", "interface": "wasi:keyvalue", "name": "default",
        "config": {"bucket": "one"}}]);
    assert_eq!(first["links"], link);
    assert_eq!(settings().await, first, "nothing has changed");
    lattice.try_apply(&manifest("two")).await.unwrap();
    let second = settings().await;
    assert_ne!(second["revision"], first["revision"]);
    assert_eq!(second["links"][0]["config"]["bucket"], "two");
    let unknown = lattice
        .control("provider.settings", json!({"name": "kw"}))
        .await;
    assert_eq!(unknown["error"]["code"], "not-found");
    let message = unknown["error"]["message"].as_str().unwrap();
    assert!(message.contains("did you mean kv"), "{message}");
}

async fn inventory(lattice: &Lattice, host: &str) -> Value {
    let subject = format!("lattice.default.host.{host}.ctl.inventory");
    lattice.request(&subject, "{}").await.json()["value"].clone()
}

async fn phase(lattice: &Lattice, provider: &str, host: &str) -> String {
    let report = inventory(lattice, host).await;
    let phase = report["providers"][provider]["phase"].as_str();
    phase.unwrap_or_default().to_owned()
}

async fn pid_on(lattice: &Lattice, host: &str) -> Pid {
    eventually("it has a process", async || {
        let report = inventory(lattice, host).await;
        let pid = report["providers"]["kv"]["pid"].as_i64();
        pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
            .ok_or(report)
    })
    .await
}
