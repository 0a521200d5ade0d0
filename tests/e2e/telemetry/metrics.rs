//! Counts that match what was done.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lattice_tests::{eventually, web};
use serde_json::json;

use super::{ORDER, Scrape, Watched, pair};

const MISBEHAVE: &str = "name = \"m\"\n[actor.m]\ncomponent = \"misbehave\"\ninstances = 1\n\
                         limits = { time_ms = 3_600_000, waiting = 0 }\n";
/// The call that runs while another one is refused.
const LONG: &str = "01890a5dac96774bbcceb302099a8057";

fn series(name: &str, function: &str, more: &str) -> String {
    format!("{name}{{actor=\"m\",function=\"{function}\"{more}}}")
}

/// Waits until so many calls run. One that was answered still holds its place for a moment.
async fn until_busy(watched: &Watched, calls: f64) {
    eventually(&format!("{calls} calls run"), async || {
        let busy = watched.scrape(0).await.value("lattice_busy{actor=\"m\"}");
        if busy == calls { Ok(()) } else { Err(busy) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_shows_the_calls_that_were_made_and_how_they_failed() {
    let mut watched = Watched::start().await;
    watched.host("a").await;
    watched.lattice.apply(MISBEHAVE).await;
    one_after_another(&watched).await;
    let ran = one_beside_another(&watched).await;
    let scrape = watched.scrape(0).await;
    assert_counted(&scrape);
    assert_took(&scrape, ran);
    assert_of_the_host(&scrape);
    let sent = [
        ("service.instance.id", "a"),
        ("actor", "m"),
        ("function", "count"),
    ];
    eventually("the collector has the same", async || {
        let calls = watched.collector.point("lattice.calls", &sent);
        let took = watched.collector.point("lattice.call_duration", &sent);
        match (calls, took) {
            (Some(4.0), Some(4.0)) => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

/// Three calls that succeed, and one for each way to fail.
async fn one_after_another(watched: &Watched) {
    let lattice = &watched.lattice;
    for _ in 0..3 {
        lattice.call("m.count", json!([])).await.text();
        until_busy(watched, 0.0).await;
    }
    let trapped = lattice.call("m.panic", json!(["it broke"])).await.failure();
    assert!(trapped.is("trapped", 502), "{trapped:?}");
    until_busy(watched, 0.0).await;
    let subject = "lattice.default.call.m.spin";
    let soon = [("Lattice-Deadline-Ms", "2000")];
    let late = lattice.request_with(subject, &soon, "[]").await.failure();
    assert!(late.is("deadline", 504), "{late:?}");
    until_busy(watched, 0.0).await;
    let unknown = lattice.call("m.no-such-thing", json!([])).await.failure();
    assert!(unknown.is("not-found", 404), "{unknown:?}");
    until_busy(watched, 0.0).await;
}

/// One that is refused because another runs, which is then cancelled; answers for how long that ran at
/// least.
async fn one_beside_another(watched: &Watched) -> Duration {
    let lattice = &watched.lattice;
    let long = async {
        let headers = [("Lattice-Id", LONG), ("Lattice-Deadline-Ms", "3600000")];
        let subject = "lattice.default.call.m.sleep-ms";
        let ended = lattice.request_with(subject, &headers, "[3600000]").await;
        ended.failure()
    };
    let refused = async {
        until_busy(watched, 1.0).await;
        let began = Instant::now();
        let refused = lattice.call("m.count", json!([])).await.failure();
        let ran = began.elapsed();
        lattice.cancel("m", LONG).await;
        (refused, ran)
    };
    let (slept, (refused, ran)) = tokio::join!(long, refused);
    assert!(refused.is("overloaded", 503), "{refused:?}");
    assert_eq!(slept.code, "cancelled", "{slept:?}");
    ran
}

fn assert_counted(scrape: &Scrape) {
    let calls = |function| scrape.value(&series("lattice_calls_total", function, ",way=\"queue\""));
    assert_eq!(calls("count"), 4.0, "{}", scrape.0);
    assert_eq!(calls("panic"), 1.0);
    assert_eq!(calls("spin"), 1.0);
    assert_eq!(calls("sleep-ms"), 1.0);
    assert_eq!(calls("(unknown)"), 1.0);
    let errors = |function, code| {
        let code = format!(",code=\"{code}\"");
        scrape.value(&series("lattice_call_errors_total", function, &code))
    };
    assert_eq!(errors("count", "overloaded"), 1.0);
    assert_eq!(errors("panic", "trapped"), 1.0);
    assert_eq!(errors("spin", "deadline"), 1.0);
    assert_eq!(errors("sleep-ms", "cancelled"), 1.0);
    assert_eq!(errors("(unknown)", "not-found"), 1.0);
    assert_eq!(scrape.sum("lattice_call_errors_total", "actor=\"m\""), 5.0);
}

fn assert_took(scrape: &Scrape, ran: Duration) {
    let took = |what| {
        scrape.value(&series(
            &format!("lattice_call_duration_seconds{what}"),
            "sleep-ms",
            "",
        ))
    };
    assert_eq!(took("_count"), 1.0);
    // It ran at least for as long as was seen from outside.
    assert!(took("_sum") >= ran.as_secs_f64(), "{}", took("_sum"));
    let bucket = |bound: &str| {
        let bound = format!(",le=\"{bound}\"");
        scrape.value(&series(
            "lattice_call_duration_seconds_bucket",
            "sleep-ms",
            &bound,
        ))
    };
    assert_eq!(bucket("+Inf"), 1.0);
}

fn assert_of_the_host(scrape: &Scrape) {
    assert_eq!(scrape.value("lattice_nats_connected"), 1.0);
    assert_eq!(scrape.value("lattice_compile_duration_seconds_count"), 1.0);
    // The trial at its start, and one for each call that ran.
    assert_eq!(
        scrape.value("lattice_instances_made_total{actor=\"m\"}"),
        7.0
    );
    assert!(scrape.value("process_resident_memory_bytes") > 1e6);
    let info = "lattice_build_info{service=\"lattice-host\",instance=\"a\",lattice=\"default\"";
    assert_eq!(scrape.sum(info, "version"), 1.0, "{}", scrape.0);
    assert!(!scrape.0.contains("no-such-thing"), "{}", scrape.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_tells_calls_within_a_host_from_those_to_another() {
    for (side, index, local) in [("a", 0, true), ("b", 1, false)] {
        let mut watched = Watched::start().await;
        watched.host("a").await;
        watched.host("b").await;
        watched.lattice.apply(&pair(side)).await;
        for _ in 0..5 {
            watched.lattice.request(ORDER, r#"["hi"]"#).await.text();
        }
        let panic = ORDER.replace("say", "panic");
        let failed = watched.lattice.request(&panic, r#"["it broke"]"#).await;
        assert!(failed.failed());

        let (caller, callee) = (watched.scrape(0).await, watched.scrape(index).await);
        let served = "lattice_calls_total{actor=\"callee\",function=\"lattice:errand/work.say\"";
        let all = callee.sum(served, "");
        let within = callee.value(&format!("{served},way=\"local\"}}"));
        assert_eq!(
            (all, within),
            (5.0, if local { 5.0 } else { 0.0 }),
            "{}",
            callee.0
        );
        let went = "lattice_link_calls_total{actor=\"caller\"";
        let within = caller.value(&format!("{went},way=\"local\"}}"));
        assert_eq!(
            (caller.sum(went, ""), within),
            (6.0, if local { 6.0 } else { 0.0 }),
            "{}",
            caller.0
        );
        let failed = "lattice_link_errors_total{actor=\"caller\",code=\"trapped\"}";
        assert_eq!(caller.value(failed), 1.0);
        if !local {
            assert_eq!(caller.sum("lattice_calls_total{actor=\"callee\"", ""), 0.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_shows_what_its_inline_providers_serve_beside_its_own() {
    let mut watched = Watched::start().await;
    watched.host("a").await;
    let lattice = &watched.lattice;
    lattice
        .apply(
            "name = \"demo\"\n[actor.counter]\ncomponent = \"counter\"\n\
             [actor.counter.link.\"wasi:keyvalue\"]\nto = \"kv\"\nbucket = \"counts\"\n\
             [provider.kv]\nkind = \"keyvalue\"\ninline = true\n\
             [provider.web]\nkind = \"http\"\ninline = true\nconfig = { listen = \"127.0.0.1:0\" }\n\
             [[provider.web.route]]\npath = \"/\"\nactor = \"counter\"\n",
        )
        .await;
    let address = lattice.address("web").await;
    for count in 1..=3 {
        assert_eq!(web::get(address, "/").await.unwrap().count(), count);
    }
    let scrape = watched.scrape(0).await;
    let increments = "lattice_provider_calls_total{provider=\"kv\",\
                      function=\"wasi:keyvalue/atomics.increment\",way=\"local\"}";
    assert_eq!(scrape.value(increments), 3.0, "{}", scrape.0);
    let requests = "lattice_http_requests_total{provider=\"web\",status=\"2xx\"}";
    assert_eq!(scrape.value(requests), 3.0, "{}", scrape.0);
    let served = "lattice_calls_total{actor=\"counter\"";
    assert_eq!(scrape.sum(served, "way=\"local\""), 3.0, "{}", scrape.0);
    // One connection of one process, whatever runs in it.
    let connected = scrape
        .0
        .lines()
        .filter(|line| line.starts_with("lattice_nats_connected "));
    assert_eq!(connected.count(), 1, "{}", scrape.0);
    let spans = eventually("the trace is whole", async || {
        let spans = watched.collector.spans();
        let root = spans
            .iter()
            .find(|span| span.attributes.contains_key("http.request.method"));
        let trace = root
            .map(|root| watched.collector.trace(&root.trace))
            .unwrap_or_default();
        // The request, its call, and each of open and increment: both ends of all.
        match trace.len() {
            7 => Ok(trace),
            _ => Err(spans),
        }
    })
    .await;
    let ways: Vec<_> = spans
        .iter()
        .filter_map(|span| span.attributes.get("lattice.way"))
        .collect();
    assert!(ways.iter().all(|way| *way == "local"), "{spans:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_inline_provider_says_of_a_requests_way_is_where_its_call_went() {
    for (side, way) in [("a", "local"), ("b", "peer")] {
        let mut watched = Watched::start().await;
        watched.host("a").await;
        watched.host("b").await;
        let lattice = &watched.lattice;
        lattice
            .apply(&format!(
                "name = \"edge\"\n\
                 [actor.page]\ncomponent = \"bad-http\"\nrequire = {{ side = \"{side}\" }}\n\
                 [provider.web]\nkind = \"http\"\ninline = true\nrequire = {{ side = \"a\" }}\n\
                 config = {{ listen = \"127.0.0.1:0\", access_log = true }}\n\
                 [[provider.web.route]]\npath = \"/\"\nactor = \"page\"\n"
            ))
            .await;
        let address = lattice.address("web").await;
        let ways = until_one_goes(&watched, address, way).await;
        if side == "a" {
            assert_eq!(ways, [way]);
        }
        let mut told = eventually("both ends of each call are told", async || {
            let spans = watched.collector.spans();
            let mut calls = BTreeMap::<_, Vec<_>>::new();
            for span in &spans {
                if span.name == "wasi:http/incoming-handler/handle" {
                    let way = span.attributes["lattice.way"].clone();
                    calls.entry(span.trace.clone()).or_default().push(way);
                }
            }
            let is_whole = calls.values().all(|ends| ends.len() == 2);
            if calls.len() == ways.len() && is_whole {
                Ok(calls.into_values().collect::<Vec<_>>())
            } else {
                Err(spans)
            }
        })
        .await;
        told.sort();
        let mut both_ends: Vec<_> = ways.iter().map(|way| vec![way.clone(); 2]).collect();
        both_ends.sort();
        assert_eq!(told, both_ends);
        let served = watched.scrape(usize::from(side == "b")).await;
        let label = format!("way=\"{way}\"");
        let calls = served.sum("lattice_calls_total{actor=\"page\"", &label);
        let went = ways.iter().filter(|each| *each == way).count();
        assert_eq!(calls, went as f64, "{}", served.0);
    }
}

/// Sends requests until one goes this way; answers which way the access log says of each. A host that
/// has not yet heard of another sends its calls through the queue.
async fn until_one_goes(watched: &Watched, address: SocketAddr, way: &str) -> Vec<String> {
    let mut sent = 0;
    eventually(&format!("a call goes by {way}"), async || {
        let page = web::get(address, "/status?code=204").await.unwrap();
        assert_eq!(page.status, 204, "{}", page.text());
        sent += 1;
        let ways = eventually("each request has its line", async || {
            let lines = watched.hosts[0].0.lines();
            let lines = lines.iter().filter(|line| line.contains("access: "));
            let way = |line: &String| {
                line.split('"')
                    .skip_while(|part| !part.ends_with(" way="))
                    .nth(1)
                    .unwrap()
                    .to_owned()
            };
            let ways: Vec<_> = lines.map(way).collect();
            if ways.len() == sent {
                Ok(ways)
            } else {
                Err(ways)
            }
        })
        .await;
        if ways.iter().any(|each| each == way) {
            Ok(ways)
        } else {
            Err(ways)
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_told_and_nothing_else_is_answered() {
    let mut watched = Watched::start().await;
    watched.host("a").await;
    let address = watched.hosts[0].1;
    let health = web::get(address, "/healthz").await.unwrap();
    assert_eq!((health.status, health.text().as_str()), (200, "ok\n"));
    assert_eq!(web::get(address, "/").await.unwrap().status, 404);
    let posted = web::send(address, "POST", "/metrics", "").await.unwrap();
    assert_eq!(posted.status, 405);
}
