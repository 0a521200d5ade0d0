//! Where nothing is recorded.

use async_nats::HeaderMap;
use futures_util::StreamExt as _;
use lattice_tests::Lattice;

use super::{ORDER, SAMPLED, pair};
use crate::program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_the_callers_trace_passes_through_untouched() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("side", "a")]).await;
    lattice.host_with("b", &[("side", "b")]).await;
    lattice.apply(&pair("b")).await;
    let mut calls = lattice
        .plain()
        .subscribe("lattice.default.>")
        .await
        .unwrap();
    let headers = [("traceparent", SAMPLED), ("tracestate", "shop=7,other=8")];
    let reply = lattice.request_with(ORDER, &headers, r#"["hi"]"#).await;
    assert_eq!(reply.json(), "hi");
    let onward = loop {
        let message = calls.next().await.unwrap();
        if message.subject.contains(".call.callee.") {
            break message.headers.unwrap_or_else(HeaderMap::new);
        }
    };
    let header = |name| onward.get(name).map(|value| value.as_str());
    assert_eq!(header("traceparent"), Some(SAMPLED));
    assert_eq!(header("tracestate"), Some("shop=7,other=8"));
}
