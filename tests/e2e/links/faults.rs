//! Hosts that are killed with calls on their way, and answers that leave it open whether anything
//! was done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_nats::{HeaderMap, RequestErrorKind};
use futures_util::StreamExt as _;
use lattice_protocol::error::{CallError, ErrorCode, Executed};
use lattice_tests::process::{Running, command};
use lattice_tests::{Lattice, eventually};
use rustix::process::Signal;
use serde_json::json;
use tokio::task::JoinHandle;

use super::pair::{Wire, order};
use crate::program;

const SAY: &str = "caller.lattice:errand/orders.say";

/// An order to sleep, on its way.
type Sleep = JoinHandle<Result<(), CallError>>;

/// The callee runs on hosts of side b only, `callees` of them.
fn manifest(callees: u32, link: &str) -> String {
    manifest_of(callees, link, 3_600_000)
}

/// The same with so much time for a call of the callee.
fn manifest_of(callees: u32, link: &str, time_ms: u32) -> String {
    format!(
        r#"
        name = "pair"
        [actor.caller]
        component = "errand"
        instances = 50
        require = {{ side = "a" }}
        limits = {{ time_ms = 3_600_000 }}
        [actor.caller.link."lattice:errand"]
        to = "callee"
        {link}
        [actor.callee]
        component = "errand"
        instances = {callees}
        require = {{ side = "b" }}
        limits = {{ time_ms = {time_ms} }}
        [actor.callee.link."lattice:errand"]
        to = "callee"
        "#
    )
}

/// A host `b` of side b, in a process of its own.
async fn host_process(lattice: &mut Lattice) -> Running {
    process_of(lattice, "b").await
}

/// A host in a process of its own; its side has its name.
pub(super) async fn process_of(lattice: &mut Lattice, id: &str) -> Running {
    let (nats, side) = (lattice.nats().url(), format!("side={id}"));
    // The capacity of the harness's own hosts: the work is shared by it.
    let words = [
        "host",
        "--capacity",
        "100",
        "--id",
        id,
        "--label",
        &side,
        "--nats",
        &nats,
        "--data",
        id,
    ];
    let mut running = Running::start(command(program(), lattice.folder(), &words));
    running.prints("joined").await;
    running
}

/// Kills the process of host `b`; when this returns the server knows.
async fn kill(lattice: &Lattice, host: &Running) {
    host.signal(Signal::KILL);
    eventually("nobody answers for host b", async || {
        let subject = "lattice.default.host.b.ctl.ping";
        match lattice.try_request(subject, &[], "{}").await {
            Err(RequestErrorKind::NoResponders) => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_a_host_that_was_killed_are_made_on_another_and_none_fails() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("side", "a")]).await;
    lattice.host_with("c", &[("side", "b")]).await;
    let process = host_process(&mut lattice).await;
    lattice.apply(&manifest(2, "")).await;
    lattice.until_placed("callee", &[("b", 1), ("c", 1)]).await;
    kill(&lattice, &process).await;
    // The caller's host holds b for alive: it was heard a moment ago.
    for _ in 0..40 {
        assert_eq!(lattice.call(SAY, json!(["a"])).await.json(), "a");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_on_its_way_on_a_host_that_is_killed_ends_long_before_its_deadline() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("side", "a")]).await;
    let process = host_process(&mut lattice).await;
    lattice.apply(&manifest(1, "")).await;
    until_routed(&lattice).await;
    let call = sleep_on_b(&lattice, &["b"]).await.remove(0);
    kill(&lattice, &process).await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
    assert_eq!(error.executed, Executed::Maybe, "{error}");
    assert!(error.message.ends_with("callee is gone"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_on_its_way_on_a_host_that_is_killed_while_it_leaves_ends_long_before_its_deadline()
{
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("side", "a")]).await;
    let process = host_process(&mut lattice).await;
    lattice.apply(&manifest(1, "")).await;
    until_routed(&lattice).await;
    let call = sleep_on_b(&lattice, &["b"]).await.remove(0);
    process.signal(Signal::TERM);
    eventually("host b is not listed any more", async || {
        let hosts = lattice.control("host.list", json!({})).await["value"].clone();
        match hosts.as_array().map(Vec::len) {
            Some(1) => Ok(()),
            _ => Err(hosts),
        }
    })
    .await;
    // It ends what it has, and does not come to that.
    assert!(!call.is_finished());
    kill(&lattice, &process).await;
    eventually("the call has ended", async || {
        if call.is_finished() { Ok(()) } else { Err(()) }
    })
    .await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
    assert_eq!(error.executed, Executed::Maybe, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_whose_actor_answers_that_it_had_no_time_goes_on_to_be_called() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("side", "a")]).await;
    lattice.host_with("b", &[("side", "b")]).await;
    lattice.apply(&manifest_of(1, "", 1_000)).await;
    until_routed(&lattice).await;
    let mut wire = Wire::listen(lattice.plain()).await;
    // Once more where b was not heard for a moment, or had no time. If it was left out for what its actor
    // answers, no seven of these and the call after them would all be sent to it.
    eventually("eight calls in a row are sent to host b", async || {
        // As many as would leave a silent host out.
        for _ in 0..7 {
            let error = sleep(&lattice).await.unwrap().unwrap_err();
            assert_eq!(error.code, ErrorCode::Deadline, "{error}");
            assert_eq!(error.executed, Executed::Maybe, "{error}");
        }
        let said = says(&lattice).await;
        let seen = wire.calls_to("callee");
        match said && are_to_hosts(&seen) {
            true => Ok(()),
            false => Err(seen),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_on_their_way_on_a_host_that_is_killed_are_made_again_if_the_link_is_idempotent() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("side", "a")]).await;
    lattice.host_with("c", &[("side", "b")]).await;
    let process = host_process(&mut lattice).await;
    lattice.apply(&manifest(100, "idempotent = true")).await;
    let halves = [("b", 50), ("c", 50)];
    lattice.until_placed("callee", &halves).await;
    until_routed(&lattice).await;
    let calls = sleep_on_b(&lattice, &["b", "c"]).await;
    kill(&lattice, &process).await;
    until_busy(&lattice, &["c"], calls.len()).await;
    assert!(calls.iter().all(|call| !call.is_finished()));
    calls.iter().for_each(JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_may_have_been_executed_is_made_again_only_if_the_link_is_idempotent() {
    for (link, calls) in [("", 1), ("idempotent = true", 2)] {
        let mut lattice = Lattice::start(program()).await;
        lattice.host_with("a", &[]).await;
        let manifest = format!(
            "name = \"pair\"\n[actor.caller]\ncomponent = \"errand\"\n\
             [actor.caller.link.\"lattice:errand\"]\nto = \"flaky\"\n{link}\n\
             [provider.flaky]\nexternal = true\n"
        );
        lattice.apply(&manifest).await;
        let heard = flaky(&lattice).await;
        let reply = lattice.call(SAY, json!(["a"])).await;
        assert_eq!(heard.load(Ordering::Relaxed), calls, "{link:?}");
        match calls {
            1 => assert!(reply.failure().is("unavailable", 503), "{reply:?}"),
            _ => assert_eq!(reply.json(), "a"),
        }
    }
}

/// Serves as the provider `flaky`: does not know what became of the first call, answers the others.
async fn flaky(lattice: &Lattice) -> Arc<AtomicUsize> {
    let client = lattice.plain().clone();
    let subject = "lattice.default.call.flaky.>";
    let mut calls = client.subscribe(subject).await.unwrap();
    let heard = Arc::new(AtomicUsize::new(0));
    let count = heard.clone();
    tokio::spawn(async move {
        while let Some(call) = calls.next().await {
            let (reply, mut headers) = (call.reply.unwrap(), HeaderMap::new());
            let payload = match count.fetch_add(1, Ordering::Relaxed) {
                0 => {
                    headers.insert("Lattice-Error", "unavailable");
                    headers.insert("Lattice-Executed", "maybe");
                    "".into()
                }
                // "a", in MessagePack.
                _ => (&b"\xa1a"[..]).into(),
            };
            let sent = client.publish_with_headers(reply, headers, payload);
            sent.await.unwrap();
        }
    });
    heard
}

/// Waits until the caller's host knows where the callee runs.
async fn until_routed(lattice: &Lattice) {
    let mut wire = Wire::listen(lattice.plain()).await;
    eventually("a call is routed", async || {
        let said = says(lattice).await;
        let seen = wire.calls_to("callee");
        match said && are_to_hosts(&seen) {
            true => Ok(()),
            false => Err(seen),
        }
    })
    .await;
}

/// Whether there were calls, each sent to one host by its name and not to whoever serves the callee.
fn are_to_hosts(seen: &[String]) -> bool {
    !seen.is_empty() && seen.iter().all(|subject| subject.contains(".host."))
}

/// Whether the callee says what it is told to: if not, there was no time for it.
async fn says(lattice: &Lattice) -> bool {
    let said = lattice.call(SAY, json!(["a"])).await;
    if said.failed() {
        assert!(said.failure().is("deadline", 504), "{said:?}");
        return false;
    }
    assert_eq!(said.json(), "a");
    true
}

/// Orders to sleep, until host `b` has one of them and these hosts have all. Each is sent to a host by its
/// name: of one that was sent to whoever serves the callee, nobody learns that its host is gone.
async fn sleep_on_b(lattice: &Lattice, hosts: &[&str]) -> Vec<Sleep> {
    // Listens no longer than this: a host that is gone would have somebody who listens for it.
    let mut wire = Wire::listen(lattice.plain()).await;
    eventually("all calls are sent to hosts by their names", async || {
        let mut calls = Vec::new();
        while busy(lattice, "b").await == 0 {
            calls.push(sleep(lattice));
            until_busy(lattice, hosts, calls.len()).await;
        }
        let seen = wire.calls_to("callee");
        if are_to_hosts(&seen) {
            return Ok(calls);
        }
        calls.iter().for_each(JoinHandle::abort);
        until_busy(lattice, hosts, 0).await;
        Err(seen)
    })
    .await
}

/// An order to sleep, with more time than a test may last.
fn sleep(lattice: &Lattice) -> Sleep {
    let client = lattice.client().clone();
    tokio::spawn(async move {
        client
            .call(order("sleep-ms", json!([3_600_000])))
            .await
            .map(drop)
    })
}

/// Waits until so many calls of the callee run on these hosts together.
async fn until_busy(lattice: &Lattice, hosts: &[&str], wanted: usize) {
    eventually(&format!("{hosts:?} have {wanted} calls"), async || {
        let mut sum = 0;
        for host in hosts {
            sum += busy(lattice, host).await;
        }
        if sum == wanted { Ok(()) } else { Err(sum) }
    })
    .await;
}

/// How many calls of the callee run on a host.
async fn busy(lattice: &Lattice, host: &str) -> usize {
    let subject = format!("lattice.default.host.{host}.ctl.inventory");
    let report = lattice.request(&subject, "{}").await.json();
    let busy = report["value"]["actors"]["callee"]["busy"].as_u64();
    usize::try_from(busy.unwrap()).unwrap()
}
