//! Providers that hang: what becomes of the calls to them, counted.

use futures_util::StreamExt as _;
use lattice_tests::process::{Running, command};
use lattice_tests::{Asked, Endings, Lattice, Load, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::pid_on;
use crate::program;

/// A value that an actor reads through its link.
pub(super) const READ: Asked = Asked {
    subject: "lattice.default.call.buckets.get",
    arguments: r#"["b","k"]"#,
    answer: r#"{"ok":"v"}"#,
};
/// Each has one call at a time: so many are on their way when a provider falls silent.
const CALLERS: usize = 16;

/// The actor `buckets` on host `a`, linked to the provider `kv`.
pub(super) fn manifest(kv: &str) -> String {
    format!(
        "name = \"app\"\n\
         [actor.buckets]\ncomponent = \"buckets\"\ninstances = 64\nrequire = {{ calls = \"yes\" }}\n\
         [actor.buckets.link.\"wasi:keyvalue\"]\nto = \"kv\"\n\
         [provider.kv]\n{kv}\n"
    )
}

/// Waits until the value that is read is there.
pub(super) async fn filled(lattice: &Lattice) {
    eventually("the value is there", async || {
        let put = lattice.try_request("lattice.default.call.buckets.put", &[], r#"["b","k","v"]"#);
        match put.await {
            Ok(put) if put.payload == r#"{"ok":null}"# => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

/// Whether a call was refused because the provider hangs.
fn is_refusal(ending: &str) -> bool {
    ending.contains("unavailable: kv hangs: it has not answered since 2")
}

/// Waits until a call is refused; every one after it is, too.
async fn refused(lattice: &Lattice) {
    eventually("calls are refused", async || {
        let soon = [("Lattice-Deadline-Ms", "2000")];
        let read = lattice.try_request(READ.subject, &soon, READ.arguments);
        let said = read.await.map(|reply| format!("{:?}", reply.payload));
        match &said {
            Ok(said) if is_refusal(said) => Ok(()),
            _ => Err(said),
        }
    })
    .await;
    all_end(lattice, is_refusal).await;
}

/// Makes a thousand calls, none of which is answered; each has the ending.
async fn all_end(lattice: &Lattice, is_it: impl Fn(&str) -> bool) {
    let load = Load::callers_of(lattice, CALLERS, READ);
    eventually("calls are sent", async || match load.sent() {
        1_000.. => Ok(()),
        sent => Err(sent),
    })
    .await;
    let endings = load.end().await;
    assert_eq!(endings.answered, 0, "{endings}");
    assert!(
        endings.by_number.values().all(|ending| is_it(ending)),
        "{endings}"
    );
}

/// Each call has an ending: those that were on their way when the provider fell silent may be lost, one of
/// each caller, or answered once it runs again; all others were answered or refused.
fn assert_lost_or_refused(endings: &Endings) {
    let lost = |ending: &&String| *ending == "deadline" || ending.contains("did not answer");
    let lost = endings.by_number.values().filter(lost).count();
    let refused = endings
        .by_number
        .values()
        .filter(|ending| is_refusal(ending))
        .count();
    eprintln!("{endings}: {lost} lost, {refused} refused");
    assert!(lost <= CALLERS, "{endings}");
    assert_eq!(lost + refused, endings.by_number.len(), "{endings}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_a_frozen_provider_are_refused_at_once_until_it_runs_again() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("calls", "yes")]).await;
    lattice.apply(&manifest("kind = \"keyvalue\"")).await;
    filled(&lattice).await;
    let load = Load::losing_of(&lattice, CALLERS, READ);
    load.answers(200).await;
    let frozen = pid_on(&lattice, "a").await;
    kill_process(frozen, Signal::STOP).unwrap();
    refused(&lattice).await;
    kill_process(frozen, Signal::CONT).unwrap();
    load.answers(200).await;
    assert_lost_or_refused(&load.end().await);
    let load = Load::callers_of(&lattice, CALLERS, READ);
    load.answers(200).await;
    load.end_without_failures().await;
}

/// A lattice that knows of `kv` and starts none.
async fn without_provider() -> Lattice {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("calls", "yes")]).await;
    let declared = lattice.try_apply(&manifest("external = true")).await;
    declared.unwrap();
    lattice
}

/// A provider whose process nobody in the lattice has started.
pub(super) async fn by_hand(lattice: &mut Lattice) -> Running {
    let url = lattice.nats().url();
    let words = ["provider", "keyvalue", "--name", "kv", "--nats", &url];
    let mut running = Running::start(command(program(), lattice.folder(), &words));
    running.prints("taking calls").await;
    running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_nobody_watches_is_found_out_by_its_calls_and_found_again() {
    let mut lattice = without_provider().await;
    let provider = by_hand(&mut lattice).await;
    filled(&lattice).await;
    let load = Load::losing_of(&lattice, CALLERS, READ);
    load.answers(200).await;
    provider.signal(Signal::STOP);
    refused(&lattice).await;
    provider.signal(Signal::CONT);
    load.answers(200).await;
    assert_lost_or_refused(&load.end().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_was_stopped_is_nobody_and_not_one_that_hangs() {
    let mut lattice = without_provider().await;
    for end in [Signal::TERM, Signal::KILL] {
        let provider = by_hand(&mut lattice).await;
        filled(&lattice).await;
        if end == Signal::KILL {
            // What hung before is forgotten, too.
            let load = Load::losing_of(&lattice, CALLERS, READ);
            load.answers(200).await;
            provider.signal(Signal::STOP);
            refused(&lattice).await;
            load.end().await;
        }
        provider.signal(end);
        provider.ended().await;
        eventually("nobody is there", async || {
            let reply = lattice.call("buckets.get", json!(["b", "k"])).await;
            match format!("{:?}", reply.payload) {
                said if is_of_nobody(&said) => Ok(()),
                said => Err(said),
            }
        })
        .await;
        all_end(&lattice, is_of_nobody).await;
    }
}

/// Whether a call was refused because there is no provider.
fn is_of_nobody(ending: &str) -> bool {
    ending.contains("unavailable: nobody answers for kv")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_copies_the_one_that_runs_gets_the_calls_of_the_frozen_one() {
    let mut lattice = Lattice::start(program()).await;
    lattice.host_with("a", &[("calls", "yes")]).await;
    lattice.host("b").await;
    lattice
        .apply(&manifest("kind = \"keyvalue\"\ncopies = 2"))
        .await;
    filled(&lattice).await;
    let subject = "lattice.default.process.*.call.kv.wasi:keyvalue/store.>";
    let mut chosen = lattice.plain().subscribe(subject).await.unwrap();
    lattice.plain().flush().await.unwrap();
    let load = Load::losing_of(&lattice, CALLERS, READ);
    load.answers(200).await;
    let frozen: Pid = pid_on(&lattice, "b").await;
    kill_process(frozen, Signal::STOP).unwrap();
    chosen.next().await.unwrap();
    // What was sent until here may have gone to the frozen one.
    let sent = load.sent();
    load.answers(200).await;
    let endings = load.end().await;
    kill_process(frozen, Signal::CONT).unwrap();
    eprintln!("{endings}; from call {sent} on a process was chosen");
    let last = endings.last_failed.unwrap_or_default();
    assert!(last <= sent + CALLERS as u64, "{last}: {endings}");
    assert!(!endings.by_number.values().any(|ending| is_refusal(ending)));
}
