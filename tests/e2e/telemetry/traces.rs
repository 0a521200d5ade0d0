//! One request, one trace.

use std::collections::BTreeSet;

use lattice_tests::collector::Span;
use lattice_tests::{eventually, web};
use rustix::process::Signal;

use super::{CALLER, ORDER, SAMPLED, TRACE, Watched, pair};
use crate::path::COUNTER;

/// Those of these spans that fit.
fn of<'a>(spans: &'a [Span], service: &str, kind: &str) -> Vec<&'a Span> {
    let fits = |span: &&Span| span.resource["service.name"] == service && span.kind == kind;
    spans.iter().filter(fits).collect()
}

/// The one span of these that fits.
fn one<'a>(spans: &'a [Span], service: &str, kind: &str) -> &'a Span {
    match of(spans, service, kind).as_slice() {
        [one] => one,
        found => panic!("{} {kind} spans of {service}: {spans:#?}", found.len()),
    }
}

fn way(span: &Span) -> &str {
    &span.attributes["lattice.way"]
}

/// Waits until every span but those of `above` has the span above it, and there are so many.
async fn whole(watched: &Watched, trace: &str, above: &str, count: usize) -> Vec<Span> {
    eventually("the trace is whole", async || {
        let spans = watched.collector.trace(trace);
        let ids: BTreeSet<_> = spans.iter().map(|span| span.id.as_str()).collect();
        let joined = |span: &Span| span.parent == above || ids.contains(span.parent.as_str());
        match spans.len() >= count && spans.iter().all(joined) {
            true => Ok(spans),
            false => Err(spans),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_http_request_is_one_trace_through_http_provider_host_and_store() {
    let mut watched = Watched::start().await;
    watched.host("a").await;
    watched.lattice.apply(COUNTER).await;
    let address = watched.lattice.address("web").await;
    let page = web::get(address, "/").await.unwrap();
    assert_eq!((page.status, page.count()), (200, 1));

    let root = eventually("the request's span is there", async || {
        let spans = watched.collector.spans();
        let is_root = |span: &&Span| span.attributes.contains_key("http.request.method");
        spans.iter().find(is_root).cloned().ok_or(spans.len())
    })
    .await;
    assert_eq!(root.parent, "");
    assert_eq!((root.name.as_str(), root.kind.as_str()), ("GET", "server"));
    assert_eq!(root.attributes["http.response.status_code"], "200");
    assert_eq!(root.resource["service.instance.id"], "web");

    // Open and increment: each is a call of the actor and one that the store serves.
    let spans = whole(&watched, &root.trace, "", 7).await;
    assert_eq!(spans.len(), 7, "{spans:#?}");
    assert_eq!(one(&spans, "provider-http", "server").id, root.id);
    let sent = one(&spans, "provider-http", "client");
    assert_eq!((&sent.parent, way(sent)), (&root.id, "queue"));
    let served = one(&spans, "lattice-host", "server");
    assert_eq!((&served.parent, way(served)), (&sent.id, "queue"));
    assert_eq!(served.name, "wasi:http/incoming-handler/handle");
    assert_eq!(served.attributes["lattice.actor"], "counter");
    assert_eq!(served.attributes["rpc.method"], "handle");
    assert_eq!(served.attributes["messaging.system"], "nats");
    assert_eq!(served.resource["service.instance.id"], "a");
    let names: BTreeSet<_> = of(&spans, "lattice-host", "client")
        .into_iter()
        .map(|asked| {
            assert_eq!((&asked.parent, way(asked)), (&served.id, "queue"));
            let stored = of(&spans, "provider-keyvalue", "server");
            let below = stored.into_iter().filter(|span| span.parent == asked.id);
            let below: Vec<_> = below.collect();
            assert_eq!(below.len(), 1, "{spans:#?}");
            assert_eq!(below[0].name, asked.name);
            assert_eq!(below[0].attributes["lattice.provider"], "kv");
            assert_eq!(below[0].attributes["lattice.source"], "counter");
            assert_eq!(
                below[0].attributes["lattice.call"],
                asked.attributes["lattice.call"]
            );
            asked.name.as_str()
        })
        .collect();
    let wanted = [
        "wasi:keyvalue/atomics/increment",
        "wasi:keyvalue/store/open",
    ];
    assert_eq!(names, wanted.into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_tells_a_call_within_a_host_from_one_to_another() {
    for (side, local) in [("a", true), ("b", false)] {
        let mut watched = Watched::start().await;
        watched.host("a").await;
        watched.host("b").await;
        watched.lattice.apply(&pair(side)).await;
        let headers = [("traceparent", SAMPLED), ("tracestate", "shop=7")];
        let lattice = &watched.lattice;
        let logs = lattice.logs().await;
        let reply = lattice
            .request_with(ORDER, &headers, r#"["hi there"]"#)
            .await;
        assert_eq!(reply.json(), "hi there");

        let spans = whole(&watched, TRACE, CALLER, 3).await;
        assert_eq!(spans.len(), 3, "{spans:#?}");
        let asked = one(&spans, "lattice-host", "client");
        let caller = spans.iter().find(|span| span.id == asked.parent).unwrap();
        let callee = spans.iter().find(|span| span.parent == asked.id).unwrap();
        assert_eq!((caller.parent.as_str(), way(caller)), (CALLER, "queue"));
        assert_eq!(caller.attributes["lattice.actor"], "caller");
        assert_eq!(callee.attributes["lattice.actor"], "callee");
        assert_eq!(callee.attributes["lattice.source"], "caller");
        assert_eq!(callee.name, "lattice:errand/work/say");
        assert_eq!(callee.resource["service.instance.id"], side);
        assert_eq!(way(asked), way(callee));
        assert_eq!(way(callee) == "local", local, "{spans:#?}");
        assert_eq!(callee.attributes.contains_key("messaging.system"), !local);

        let said = logs.with("callee", "hi there").await;
        assert_eq!(said["trace"], TRACE);
        assert_eq!(said["call"], callee.attributes["lattice.call"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_says_how_its_call_failed() {
    let mut watched = Watched::start().await;
    watched.host("a").await;
    watched.lattice.apply(&pair("a")).await;
    let headers = [("traceparent", SAMPLED)];
    let subject = ORDER.replace("say", "panic");
    let reply = watched
        .lattice
        .request_with(&subject, &headers, r#"["it broke"]"#);
    assert!(reply.await.failure().is("trapped", 502));
    let spans = whole(&watched, TRACE, CALLER, 3).await;
    for span in &spans {
        assert!(span.failed, "{span:#?}");
        assert_eq!(span.attributes["error.type"], "trapped");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_leaves_when_the_host_stops() {
    let mut watched = Watched::start().await;
    let hour = [("OTEL_BSP_SCHEDULE_DELAY", "3600000")];
    watched.host_with("a", &hour).await;
    watched.lattice.apply(&pair("a")).await;
    let headers = [("traceparent", SAMPLED)];
    let reply = watched
        .lattice
        .request_with(ORDER, &headers, r#"["bye"]"#)
        .await;
    assert_eq!(reply.json(), "bye");
    let (host, _) = watched.hosts.remove(0);
    host.signal(Signal::TERM);
    let ended = host.ended().await;
    assert!(ended.status.success(), "{}", ended.text());
    assert_eq!(watched.collector.trace(TRACE).len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_record_is_not_recorded() {
    let mut watched = Watched::start().await;
    watched.host("a").await;
    watched.lattice.apply(&pair("a")).await;
    let unsampled = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-00";
    for header in [unsampled, SAMPLED] {
        let headers = [("traceparent", header)];
        let reply = watched
            .lattice
            .request_with(ORDER, &headers, r#"["hi"]"#)
            .await;
        assert_eq!(reply.json(), "hi");
    }
    // Spans leave in the order in which they ended.
    whole(&watched, TRACE, CALLER, 3).await;
    assert_eq!(watched.collector.trace(&"a".repeat(32)).len(), 0);
}
