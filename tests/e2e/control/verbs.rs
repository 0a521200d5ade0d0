//! Every verb is answered as `docs/protocol.md` says, also when what it is asked makes no sense.

use lattice_protocol::control::{HostVerb, Verb};
use serde_json::{Value, json};

use super::value;
use crate::one_host;

/// What each verb is asked that nothing fits, and the code of the answer.
fn refusals(verb: Verb) -> Vec<(Value, &'static str)> {
    let absent = json!({ "name": "absent" });
    let not_found = |request: Value| vec![(request, "not-found")];
    let digest = format!("sha256:{}", "0".repeat(64));
    match verb {
        Verb::AppApply | Verb::AppDiff => vec![
            (
                json!({ "manifest": "name = \"x\"\nactor = 3" }),
                "bad-request",
            ),
            (json!({}), "bad-request"),
        ],
        Verb::AppDelete | Verb::AppHistory | Verb::AppExport | Verb::AppRollback => {
            not_found(absent)
        }
        Verb::ActorStart => vec![(
            json!({ "name": "x", "component": digest, "instances": 1 }),
            "bad-request",
        )],
        Verb::ActorScale => not_found(json!({ "name": "absent", "instances": 1 })),
        Verb::ActorUpdate => not_found(json!({ "name": "absent", "config": {} })),
        Verb::ActorStop | Verb::ActorInspect => not_found(absent),
        Verb::LinkPut => not_found(json!({
            "source": "absent", "interface": "wasi:keyvalue", "target": "kv",
        })),
        Verb::LinkDelete => not_found(json!({ "source": "absent", "interface": "wasi:keyvalue" })),
        Verb::ConfigGet => not_found(absent),
        Verb::ConfigPut => vec![(json!({ "name": "x", "values": { "k": 3 } }), "bad-request")],
        Verb::ConfigDelete => vec![(json!({ "name": "absent", "if_revision": 7 }), "conflict")],
        Verb::ProviderStart => vec![(json!({ "name": "kv" }), "bad-request")],
        Verb::ProviderStop | Verb::ProviderSettings => not_found(absent),
        Verb::ArtifactDelete => vec![(json!({ "digest": "sha256:1" }), "bad-request")],
        Verb::ArtifactCollect => vec![(json!({ "grace_s": -1 }), "bad-request")],
        Verb::AuditList => vec![(json!({ "limit": "all" }), "bad-request")],
        // These take nothing, so there is only what is wrong for all.
        Verb::AppList
        | Verb::ActorList
        | Verb::LinkList
        | Verb::ConfigList
        | Verb::ProviderList
        | Verb::ArtifactList
        | Verb::HostList => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verb_answers_bad_requests_with_the_code_that_is_documented() {
    let lattice = one_host().await;
    let everybodys = [
        (json!({ "no-such-field": 1 }), "bad-request"),
        (json!(3), "bad-request"),
    ];
    let mut asked = 0;
    for verb in Verb::ALL {
        for (request, code) in everybodys.iter().cloned().chain(refusals(*verb)) {
            let reply = lattice.control(verb.as_str(), request.clone()).await;
            assert_eq!(reply["ok"], false, "{verb} {request}: {reply}");
            assert_eq!(reply["error"]["code"], code, "{verb} {request}: {reply}");
            let message = reply["error"]["message"].as_str().unwrap();
            assert!(!message.is_empty(), "{verb} {request}");
            asked += 1;
        }
        let subject = format!("lattice.default.ctl.{verb}");
        let torn = lattice.request(&subject, "{\"name\":").await.json();
        assert_eq!(torn["error"]["code"], "bad-request", "{verb}: {torn}");
    }
    for verb in HostVerb::ALL {
        let subject = format!("lattice.default.host.a.ctl.{verb}");
        let reply = lattice
            .request(&subject, "{\"no-such-field\":1}")
            .await
            .json();
        assert_eq!(reply["error"]["code"], "bad-request", "{verb}: {reply}");
        asked += 1;
    }
    for subject in ["ctl.app.aply", "ctl.nothing.list", "host.a.ctl.reboot"] {
        let reply = lattice
            .request(&format!("lattice.default.{subject}"), "")
            .await
            .json();
        assert_eq!(reply["error"]["code"], "bad-request", "{subject}: {reply}");
    }
    eprintln!("{asked} bad requests, each answered");
    assert_eq!(
        value(&lattice, "app.list", json!({})).await,
        json!([]),
        "nothing came of them"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verb_is_in_the_protocols_document() {
    let document = lattice_tests::guest::root().join("docs/protocol.md");
    let document = std::fs::read_to_string(document).unwrap();
    let host = HostVerb::ALL.iter().map(|verb| verb.as_str());
    for verb in Verb::ALL.iter().map(|verb| verb.as_str()).chain(host) {
        assert!(
            document.contains(&format!("`{verb}`")),
            "{verb} is not documented"
        );
    }
}
