//! The provider of `docs/tutorial.md`: its code as it stands there, as a process beside a host.

use std::fs;

use lattice_tests::process::{Running, command, run};
use lattice_tests::{Lattice, eventually, example, guest};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

use crate::{cli, one_host, program};

/// Where the code stands that is built.
const CODE: &str = "provider-sdk/examples/shouter.rs";

/// An actor that calls the provider through a link; `mark` as TOML has it.
fn manifest(shouter: &str, mark: &str) -> String {
    format!(
        "name = \"shouting\"\n\
         [actor.crier]\ncomponent = \"crier\"\n\
         [actor.crier.link.\"example:text\"]\nto = \"shouter\"\n\
         [provider.shouter]\nexec = [\"{shouter}\"]\nconfig = {{ mark = {mark} }}\n"
    )
}

/// The lattice in which it runs with `mark = "!"`, and its program.
async fn shouting() -> (Lattice, String) {
    let lattice = one_host().await;
    let shouter = example::path("shouter", program()).await;
    let shouter = shouter.display().to_string();
    lattice.apply(&manifest(&shouter, "\"!\"")).await;
    (lattice, shouter)
}

async fn cry(lattice: &Lattice, text: &str) -> Value {
    lattice.call("crier.cry", json!([text])).await.json()
}

/// Waits until the provider answers whoever calls it.
async fn answers(lattice: &Lattice) {
    eventually("it answers", async || {
        let subject = "lattice.default.call.shouter.up";
        match lattice.try_request(subject, &[], "[\"hello\"]").await {
            Ok(reply) if reply.payload == "\"HELLO!\"" => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

#[test]
fn the_code_in_the_tutorial_is_the_code_that_is_built() {
    let read = |path| fs::read_to_string(guest::root().join(path)).unwrap();
    let tutorial = read("docs/tutorial.md");
    let (_, after) = tutorial.split_once("```rust\n").expect("it has code");
    let (code, _) = after.split_once("```\n").expect("the code ends");
    assert!(
        code == read(CODE),
        "docs/tutorial.md and {CODE} differ: copy the one into the other"
    );
    assert!(!tutorial.contains("```rust,"), "code that nobody builds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_of_the_tutorial_answers_an_actor_and_takes_new_settings_while_it_runs() {
    let (lattice, shouter) = shouting().await;
    let pid = lattice.provider_pid("shouter").await;
    assert_eq!(cry(&lattice, "hello").await, "HELLO!");
    lattice.apply(&manifest(&shouter, "\"?\"")).await;
    assert_eq!(cry(&lattice, "hello").await, "HELLO?");
    let directly = lattice.call("shouter.up", json!(["hello"])).await;
    assert_eq!(directly.json(), "HELLO?");
    let nothing = lattice.call("shouter.up", json!([""])).await.failure();
    assert!(nothing.is("bad-request", 400), "{nothing:?}");
    assert_eq!(nothing.message, "there is nothing to shout: pass a text");

    let refused = manifest(&shouter, "3");
    lattice.try_apply(&refused).await.unwrap();
    eventually("the refusal is told", async || {
        let listed = lattice.control("provider.list", json!({})).await;
        let reason = listed["value"][0]["hosts"]["a"]["reason"].as_str();
        match reason.is_some_and(|reason| reason.contains("config mark is no text")) {
            true => Ok(()),
            false => Err(listed),
        }
    })
    .await;
    assert_eq!(cry(&lattice, "hello").await, "HELLO?", "those before stay");
    assert_eq!(lattice.provider_pid("shouter").await, pid, "not restarted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_of_the_tutorial_comes_back_when_it_is_killed_and_goes_with_its_app() {
    let (lattice, _) = shouting().await;
    let events = lattice.events().await;
    let pid = lattice.provider_pid("shouter").await;
    kill_process(of(pid), Signal::KILL).unwrap();
    let crashed = events.of("provider.crashed", "provider/shouter").await;
    assert_eq!(crashed["data"]["exit"], "signal: 9 (SIGKILL)", "{crashed}");
    answers(&lattice).await;
    let again = eventually("its new process is told", async || {
        match lattice.provider_pid("shouter").await {
            same if same == pid => Err(same),
            again => Ok(again),
        }
    })
    .await;
    let deleted = lattice.control("app.delete", json!({"name": "shouting"}));
    assert_eq!(deleted.await["ok"], true);
    events.of("provider.stopped", "provider/shouter").await;
    let gone = test_kill_process(of(again));
    assert_eq!(gone, Err(Errno::SRCH), "who is said to be stopped is gone");
}

/// Whether `lattice ps` says that the provider runs.
async fn is_listed_as_running(lattice: &mut Lattice) -> bool {
    let text = cli::run(lattice, &["ps"]).await.text();
    let line = text.lines().find(|line| line.starts_with("shouter "));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        [.., "0", "running"] => true,
        [.., "not", "running"] => false,
        _ => panic!("{text}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_of_the_tutorial_started_by_hand_stops_in_order_when_it_is_told_to() {
    let mut lattice = one_host().await;
    let external = "name = \"shouting\"\n[provider.shouter]\nexternal = true\n";
    lattice.try_apply(external).await.unwrap();
    let shouter = example::path("shouter", program()).await;
    let url = lattice.nats().url();
    let words = ["--name", "shouter", "--nats", &url];
    let by_hand = command(&shouter, lattice.folder(), &words);
    let running = Running::start(by_hand);
    answers(&lattice).await;
    assert!(is_listed_as_running(&mut lattice).await);
    running.signal(Signal::TERM);
    let ended = running.ended().await;
    assert!(ended.status.success(), "{}: {}", ended.status, ended.text());
    assert!(!is_listed_as_running(&mut lattice).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_of_a_provider_says_why_it_does_not_run_and_ends_as_the_lattice_program_does() {
    let shouter = example::path("shouter", program()).await;
    let folder = tempfile::tempdir().unwrap();
    let told = async |words: &[&str]| {
        let mut shouter = command(&shouter, folder.path(), words);
        shouter.env_remove("LATTICE_PROVIDER");
        run(shouter).await
    };
    let nowhere = ["--name", "shouter", "--nats", "nats://127.0.0.1:1"];
    for (words, status, said) in [
        (["--version"].as_slice(), 0, "shouter 0.1.0"),
        (&["--help"], 0, "LATTICE_PROVIDER"),
        (&[], 2, "--name"),
        (&nowhere, 4, "failed to connect to NATS"),
    ] {
        let ended = told(words).await;
        assert_eq!(ended.status.code(), Some(status), "{}", ended.text());
        assert!(ended.text().contains(said), "{words:?}: {}", ended.text());
    }
}

fn of(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}
