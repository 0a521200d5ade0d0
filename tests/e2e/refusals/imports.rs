//! What a component imports or exports and can't have: refused before it starts, in words that say what to
//! write.

use lattice_tests::{eventually, guest};
use serde_json::json;

use crate::{cli, one_host};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_component_imports_nothing_but_wasi_and_its_store_is_not_given() {
    let lattice = one_host().await;
    lattice
        .try_apply("name = \"app\"\n[actor.counter]\ncomponent = \"counter\"\n")
        .await
        .unwrap();
    let reason = eventually("the actor failed", async || {
        let list = lattice.control("actor.list", json!({})).await;
        match list["value"][0]["hosts"]["a"]["reason"].as_str() {
            Some(reason) => Ok(reason.to_owned()),
            None => Err(list),
        }
    })
    .await;
    for interface in ["wasi:keyvalue/store", "wasi:keyvalue/atomics"] {
        assert!(reason.contains(interface), "{reason}");
    }
    assert!(
        reason.contains(r#"[actor.counter.link."wasi:keyvalue"]"#),
        "{reason}"
    );

    let linked = "name = \"app\"\n[actor.counter]\ncomponent = \"counter\"\n\
        [actor.counter.link.\"wasi:keyvalue\"]\nto = \"kv\"\n[provider.kv]\nexternal = true\n";
    lattice.try_apply(linked).await.unwrap();
    let imports = eventually("the actor runs", async || {
        let detail = lattice
            .control("actor.inspect", json!({ "name": "counter" }))
            .await;
        match detail["value"]["imports"].as_object() {
            Some(imports) => Ok(imports.clone()),
            None => Err(detail),
        }
    })
    .await;
    assert!(imports.contains_key("wasi:keyvalue/store@0.2.0-draft"));
    for import in imports.keys() {
        assert!(import.starts_with("wasi:"), "the demo imports {import}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_nobody_answers_is_refused_before_the_start_with_the_line_to_write() {
    let lattice = one_host().await;
    let events = lattice.events().await;
    lattice
        .try_apply("name = \"needy\"\n[actor.needy]\ncomponent = \"needy\"\n")
        .await
        .unwrap();
    let words = [
        "example:absent/oracle",
        r#"[actor.needy.link."example:absent"]"#,
    ];
    let reason = eventually("the actor failed", async || {
        let list = lattice.control("actor.list", json!({})).await;
        let host = list["value"][0]["hosts"]["a"].clone();
        if host["phase"] == "failed" {
            Ok(host["reason"].as_str().unwrap().to_owned())
        } else {
            Err(list)
        }
    })
    .await;
    let event = events.of("actor.failed", "actor/needy").await;
    for word in words {
        assert!(reason.contains(word), "{word:?} is not in {reason}");
        assert!(
            event["data"]["reason"].as_str().unwrap().contains(word),
            "{event}"
        );
    }
    let call = lattice
        .try_request("lattice.default.call.needy.ask", &[], r#"["?"]"#)
        .await;
    assert_eq!(
        call.map(|_| ()),
        Err(async_nats::RequestErrorKind::NoResponders)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interface_with_handles_is_refused_on_either_end_of_a_link_as_apply_says() {
    let mut lattice = one_host().await;
    for (guest, link, words) in [
        (
            "borrower",
            "[actor.borrower.link.\"lattice:handles\"]\nto = \"kept\"\n\
             [provider.kept]\nexternal = true\n",
            [
                "actor borrower",
                "import lattice:handles/pool can't be linked",
                "entry is a resource, and a handle means something only where it was made",
            ],
        ),
        (
            "keeper",
            "",
            [
                "actor keeper",
                "nothing that the component exports can be called",
                "and a resource can't cross a link: pass plain values instead",
            ],
        ),
    ] {
        let manifest = format!(
            "name = \"{guest}\"\n[actor.{guest}]\ncomponent = \"{}\"\n{link}",
            guest::path(guest).display()
        );
        std::fs::write(lattice.folder().join("lattice.toml"), manifest).unwrap();
        let applied = cli::run(&mut lattice, &["apply"]).await;
        assert!(!applied.status.success(), "{}", applied.text());
        for word in words {
            assert!(applied.text().contains(word), "{word}: {}", applied.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_where_none_can_cross_are_refused_by_name_with_what_is_possible() {
    let mut lattice = one_host().await;
    let manifest = format!(
        "name = \"crossed\"\n[actor.crossed]\ncomponent = \"{}\"\n",
        guest::path("crossed").display()
    );
    std::fs::write(lattice.folder().join("lattice.toml"), manifest).unwrap();
    let applied = cli::run(&mut lattice, &["apply"]).await;
    assert!(!applied.status.success(), "{}", applied.text());
    for words in [
        "function send: parameter \"parcel\" is record",
        "a stream inside another type can't cross a link: a stream or future is a parameter, or",
        "function plain: parameter \"bytes\" is stream<u8>, and a stream or future of a plain func \
         can't cross a link: make it an async func",
        "function all: the result is stream<stream<u8>>",
        "a stream or future of nothing can't cross a link: give it a type, such as stream<u8>",
    ] {
        assert!(
            applied.text().contains(words),
            "{words}: {}",
            applied.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_component_may_use_handles_between_its_own_parts() {
    let lattice = one_host().await;
    let artifacts = lattice.client().artifacts().await.unwrap();
    let component = guest::composed("borrower", "keeper");
    let digest = artifacts.push(&component).await.unwrap();
    let start = json!({"name": "both", "component": digest, "instances": 1});
    let started = lattice.control("actor.start", start).await;
    assert_eq!(started["ok"], true, "{started}");
    let name = eventually("it answers", async || {
        let subject = "lattice.default.call.both.known-as";
        match lattice.try_request(subject, &[], r#"["Ada"]"#).await {
            Ok(reply) if !reply.failed() => Ok(reply.json()),
            other => Err(other),
        }
    })
    .await;
    assert_eq!(name, "Ada");
}
